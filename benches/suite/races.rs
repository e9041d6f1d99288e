//! Races on shared values: lost updates, double initialisation, stale reads.

use std::rc::Rc;

use simrun::spawn;
use simrun::sync::{Lock, Tracked};

use super::instance::{Bug, Instance, all, pad};

pub(crate) fn instances() -> Vec<Instance> {
    vec![
        lost_update(0)
            .exactly("random", 1.0 / 2.0)
            .exactly("pos", 1.0 / 3.0)
            .exactly("urw", 2.0 / 3.0)
            .exactly("surw", 2.0 / 3.0),
        lost_update(20)
            .exactly("random", 0.122_385)
            .exactly("surw", 2.0 / 3.0),
        init_twice(2).exactly("random", 0.375),
        init_twice(8).exactly("random", 0.447_100),
        stale_length(0)
            .exactly("random", 15.0 / 32.0)
            .exactly("urw", 4.0 / 6.0)
            .exactly("surw", 1.0 / 3.0),
        stale_length(30).exactly("surw", 1.0 / 3.0),
        split_update(2),
        split_update(5),
        stale_lease(3).exactly("random", 0.009_605),
        stale_lease(20).exactly("random", 0.084_8),
        bluetooth(),
    ]
}

/// Two tasks read, await and write what they have read and a little more.
fn lost_update(padding: u32) -> Instance {
    Instance::new(
        format!("B01 lost update, pad {padding}"),
        move || async move {
            let counter = Rc::new(Tracked::new(0));
            let add = |counter: Rc<Tracked<i32>>| async move {
                pad(padding).await;
                let seen = counter.read(|count| *count);
                pad(1).await;
                counter.write(|count| *count = seen + 1);
                pad(padding).await;
            };
            all([(); 2].map(|()| spawn(add(counter.clone())))).await;
            counter.read(|count| *count) != 2
        },
    )
}

/// Tasks, spawned one after the other, initialise something if nobody has.
fn init_twice(tasks: u32) -> Instance {
    Instance::new(
        format!("B02 init twice, {tasks} tasks"),
        move || async move {
            let inits = Rc::new(Tracked::new(0));
            let bug = Bug::default();
            let mut children = Vec::new();
            for _ in 0..tasks {
                let (inits, bug) = (inits.clone(), bug.clone());
                children.push(spawn(async move {
                    if inits.read(|inits| *inits == 0) {
                        pad(1).await;
                        bug.show_if(inits.write(|inits| {
                            *inits += 1;
                            *inits > 1
                        }));
                    }
                }));
                pad(1).await;
            }
            all(children).await;
            bug.is_shown()
        },
    )
}

/// One looks how long something is and uses that later; another one cuts it.
fn stale_length(padding: u32) -> Instance {
    Instance::new(
        format!("B11 stale length, pad {padding}"),
        move || async move {
            let items = Rc::new(Tracked::new(vec![0; 10]));
            let bug = Bug::default();
            let user = {
                let (items, bug) = (items.clone(), bug.clone());
                spawn(async move {
                    pad(padding).await;
                    let length = items.read(Vec::len);
                    pad(4).await;
                    bug.show_if(items.read(|items| items.get(length - 1).is_none()));
                    pad(padding).await;
                })
            };
            let cutter = spawn(async move {
                pad(padding).await;
                items.write(|items| items.truncate(1));
                pad(padding).await;
            });
            all([user, cutter]).await;
            bug.is_shown()
        },
    )
}

/// Tasks read in one critical section and write in another one.
fn split_update(tasks: i32) -> Instance {
    Instance::new(
        format!("B15 split update, {tasks} tasks"),
        move || async move {
            let counter = Rc::new(Lock::new(0));
            let add = |counter: Rc<Lock<i32>>| async move {
                let seen = *counter.acquire().await;
                pad(1).await;
                *counter.acquire().await = seen + 1;
            };
            all((0..tasks).map(|_| spawn(add(counter.clone())))).await;
            *counter.acquire().await != tasks
        },
    )
}

/// A leader checks its lease and writes some awaits later; a follower takes over meanwhile.
fn stale_lease(awaits: u32) -> Instance {
    Instance::new(
        format!("B16 stale lease, {awaits} awaits"),
        move || async move {
            let holder = Rc::new(Tracked::new("leader"));
            let bug = Bug::default();
            let leader = {
                let (holder, bug) = (holder.clone(), bug.clone());
                spawn(async move {
                    if holder.read(|holder| *holder == "leader") {
                        pad(awaits + 1).await;
                        bug.show_if(holder.read(|holder| *holder != "leader"));
                    }
                })
            };
            let follower = spawn(async move {
                pad(11 + awaits).await;
                holder.write(|holder| *holder = "follower");
            });
            all([leader, follower]).await;
            bug.is_shown()
        },
    )
}

/// The driver of KISS and SCTBench: a request begins while the device is being stopped.
fn bluetooth() -> Instance {
    #[derive(Default)]
    struct Device {
        pending: Tracked<i32>,
        stopping: Tracked<bool>,
        idle: Tracked<bool>,
        stopped: Tracked<bool>,
    }
    async fn release(device: &Device) {
        let left = device.pending.write(|pending| {
            *pending -= 1;
            *pending
        });
        pad(1).await;
        if left == 0 {
            device.idle.write(|idle| *idle = true);
        }
    }
    Instance::new("B10 bluetooth driver", || async {
        let device = Rc::new(Device::default());
        device.pending.write(|pending| *pending = 1);
        let bug = Bug::default();
        let stopper = {
            let device = device.clone();
            spawn(async move {
                device.stopping.write(|stopping| *stopping = true);
                pad(1).await;
                release(&device).await;
                pad(1).await;
                if device.idle.read(|idle| *idle) {
                    pad(1).await;
                    device.stopped.write(|stopped| *stopped = true);
                }
            })
        };
        let requester = {
            let bug = bug.clone();
            spawn(async move {
                if device.stopping.read(|stopping| *stopping) {
                    return;
                }
                pad(1).await;
                device.pending.write(|pending| *pending += 1);
                pad(1).await;
                bug.show_if(device.stopped.read(|stopped| *stopped));
                pad(1).await;
                release(&device).await;
            })
        };
        all([requester, stopper]).await;
        bug.is_shown()
    })
}
