//! Histories from runs: clients on a thing that does one thing after another, behind a delay on the
//! way to it and on the way back.

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;

use simrun::assure::History;
use simrun::chance::{below, chance, duration_between};
use simrun::time::{micros, sleep};
use simrun::{Sim, Strategy, spawn};

/// What is called, and how often.
pub(crate) struct Workload<Op, Ret, S> {
    pub(crate) clients: u32,
    pub(crate) calls: u32,
    /// How probable it is that an answer does not arrive.
    pub(crate) loss: f64,
    pub(crate) start: S,
    /// Draws the nth operation of all.
    pub(crate) draw: fn(u32) -> Op,
    pub(crate) apply: fn(&mut S, &Op) -> Ret,
}

impl<Op, Ret, S> Workload<Op, Ret, S>
where
    Op: Clone + Debug + 'static,
    Ret: Clone + Debug + 'static,
    S: 'static,
{
    /// Runs it under a seed.
    pub(crate) fn history(self, seed: u64) -> History<Op, Ret> {
        let history = History::new();
        let kept = history.clone();
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        sim.run(|| self.run(history)).unwrap();
        kept
    }

    async fn run(self, history: History<Op, Ret>) {
        let (state, called) = (Rc::new(RefCell::new(self.start)), Rc::new(RefCell::new(0)));
        let clients = (0..self.clients).map(|client| {
            let (history, state, called) = (history.clone(), state.clone(), called.clone());
            spawn(async move {
                loop {
                    let nth = *called.borrow();
                    if nth == self.calls {
                        break;
                    }
                    *called.borrow_mut() += 1;
                    let op = (self.draw)(nth);
                    let call = history.invoke(client, op.clone());
                    sleep(duration_between("there", micros(1), micros(100))).await;
                    let ret = (self.apply)(&mut state.borrow_mut(), &op);
                    sleep(duration_between("back", micros(1), micros(100))).await;
                    if !chance("lost", self.loss) {
                        call.returns(ret);
                    }
                    if below("rests", 2) == 0 {
                        sleep(micros(50)).await;
                    }
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
    }
}
