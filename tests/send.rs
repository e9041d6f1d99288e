//! Everything a program may hold across an await is `Send` and `Sync` when its contents are, so
//! that services written for multi-threaded runtimes can run in a simulation.

use std::cell::Cell;
use std::future::Future;

use simrun::sync::{
    Acquire, AcquirePermit, Barrier, BoundedSemaphore, Condition, ConditionGuard, Event, EventWait,
    Fifo, Get, Join as QueueJoin, LifoQueue, Lock, LockGuard, Permit, PriorityQueue, Put, Queue,
    Semaphore,
};
use simrun::task::{
    AsCompleted, Cancellable, Gather, GatherKeepingErrors, GroupError, Join, Shield, Task,
    TaskGroup, TaskRef, WaitFor, Yield,
};
use simrun::time::{Instant, Interval, Sleep, SystemTime, Timeout, TimeoutScope, WaitForTask};
use simrun::{Cancelled, Promise, Run, Sim, Strategy, TaskError, event_loop, task, time};

fn is_send_and_sync<T: Send + Sync>() {}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn handles_and_futures_are_send_and_sync() {
    is_send_and_sync::<Task<Vec<u8>>>();
    is_send_and_sync::<TaskRef>();
    is_send_and_sync::<Promise<u8>>();
    is_send_and_sync::<event_loop::Handle>();
    is_send_and_sync::<Join<&'static Task<u8>>>();
    is_send_and_sync::<Gather<Vec<Task<u8>>>>();
    is_send_and_sync::<Gather<(Task<u8>, Promise<String>)>>();
    is_send_and_sync::<GatherKeepingErrors<Vec<Task<u8>>>>();
    is_send_and_sync::<WaitFor<Task<u8>>>();
    is_send_and_sync::<AsCompleted<Task<u8>>>();
    is_send_and_sync::<Shield<Task<u8>>>();
    is_send_and_sync::<TaskGroup>();
    is_send_and_sync::<Cancellable<Sleep>>();
    is_send_and_sync::<Yield>();
    is_send_and_sync::<(Cancelled, TaskError, GroupError)>();
    is_send_and_sync::<(Sleep, Interval, Instant, SystemTime)>();
    is_send_and_sync::<(Timeout, TimeoutScope<Sleep>, WaitForTask<Task<u8>>)>();
}

#[test]
fn tools_and_their_guards_are_send_and_sync() {
    is_send_and_sync::<(Lock<u8>, LockGuard<'static, u8>, Acquire<'static, u8>)>();
    is_send_and_sync::<(
        Semaphore,
        BoundedSemaphore,
        Permit<'static>,
        AcquirePermit<'static>,
    )>();
    is_send_and_sync::<(Event, EventWait<'static>, Barrier)>();
    is_send_and_sync::<(Condition<u8>, ConditionGuard<'static, u8>)>();
    is_send_and_sync::<(Queue<u8>, LifoQueue<u8>, PriorityQueue<u8>)>();
    type Bytes = Fifo<u8>;
    is_send_and_sync::<(
        Put<'static, Bytes>,
        Get<'static, Bytes>,
        QueueJoin<'static, Bytes>,
    )>();
}

#[test]
fn a_sim_its_strategy_and_its_run_can_go_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send_and_sync::<(Sim, Strategy)>();
    is_send::<Run<Cell<u8>>>();
}

#[test]
fn a_lock_of_what_is_send_but_not_sync_can_be_shared() {
    is_send_and_sync::<(Lock<Cell<u8>>, Queue<Cell<u8>>, Condition<Cell<u8>>)>();
}

#[test]
fn an_async_block_that_holds_all_of_them_is_send() {
    fn program() -> impl Future<Output = usize> + Send {
        is_send(async {
            let lock = Lock::new(1);
            let guard = lock.acquire().await;
            let queue = Queue::bounded(1);
            queue.put(1).await.unwrap();
            let condition = Condition::new(0);
            let mut held = condition.lock().await;
            held.wait_for(|_| true).await;
            let permits = Semaphore::new(1);
            let permit = permits.acquire().await;
            Barrier::new(1).wait().await.unwrap();
            let child = task::spawn(async { Cell::new(2) });
            let limited = time::timeout(time::secs(1), task::yield_now()).await;
            let grouped = task::group(|group| async move { group.spawn(async { 3 }).await }).await;
            let all = simrun::gather((child, task::spawn(async { 4 }))).await;
            drop((guard, held, permit));
            usize::from(limited.is_ok() && grouped.is_ok() && all.is_ok())
        })
    }
    assert_eq!(Sim::new().run(program).unwrap(), 1);
}

#[test]
fn a_task_need_not_be_send() {
    let value = simrun::run(async {
        let shared = std::rc::Rc::new(Cell::new(1));
        let child = task::spawn({
            let shared = shared.clone();
            async move { shared.set(2) }
        });
        child.await.unwrap();
        shared.get()
    });
    assert_eq!(value, 2);
}
