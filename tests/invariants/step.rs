//! What the tasks of a random program do, one thing after another.

use proptest::collection::vec;
use proptest::prelude::*;

use super::shelf::Kind;

/// How many workers a program has at most. There are too few of anything for all of them.
pub(super) const MAX_WORKERS: usize = 6;

/// One thing that a worker does. Times are in milliseconds, and few, so that many coincide.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Sleeps; for no time, it only lets others go first.
    Pause(u64),
    /// Cancels a worker, perhaps itself.
    Cancel(usize),
    /// Drops the future of a worker without asking it.
    Abort(usize),
    /// Does things under a timeout.
    Within(u64, Vec<Step>),

    /// Puts an item, perhaps only for so long.
    Put(Option<u64>),
    PutNow,
    Get(Option<u64>),
    GetNow,

    /// Does things under the lock.
    Lock(Vec<Step>),
    TryLock,
    /// Does things with a permit of the semaphore.
    Permit(Vec<Step>),
    TryPermit,
    /// Does things with a permit of the bounded semaphore.
    Seat(Vec<Step>),
    /// Releases the bounded semaphore although nobody has acquired it.
    ReleaseTooOften,

    /// Waits under the condition for a job, and takes it.
    Consume,
    /// Adds jobs, and pauses before it leaves the condition's lock.
    Produce(u32, Option<u64>),
    AwaitEvent,
    SetEvent,
    ClearEvent,
    Meet,
}

/// What a worker does when it is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// It ends there.
    Ends,
    /// It ends after it has slept once more.
    Cleans,
    /// It goes on with what it would have done next.
    Persists,
}

/// What a program is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Theme {
    Queue,
    Lock,
    Permits,
    Jobs,
    Events,
    Meetings,
    /// Meetings that nobody is called away from.
    CalmMeetings,
    Everything,
}

/// A random program: workers, and how much there is of what they use.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    pub(super) workers: Vec<(Manner, Vec<Step>)>,
    pub(super) kind: Kind,
    pub(super) capacity: Option<usize>,
    pub(super) permits: usize,
    pub(super) parties: usize,
    /// Whether nobody is ever called away.
    pub(super) calm: bool,
}

/// Draws programs about a theme.
pub(super) fn workloads(theme: Theme) -> impl Strategy<Value = Workload> {
    let manner = prop_oneof![
        Just(Manner::Ends),
        Just(Manner::Cleans),
        Just(Manner::Persists)
    ];
    let script = vec(phrases(theme), 1..4).prop_map(|phrases| phrases.concat());
    let workers = vec((manner, script), 2..=MAX_WORKERS);
    let kind = prop_oneof![Just(Kind::Fifo), Just(Kind::Lifo), Just(Kind::Smallest)];
    let capacity = prop_oneof![3 => (1_usize..3).prop_map(Some), 1 => Just(None)];
    let rest = (kind, capacity, 1_usize..3, 1_usize..4);
    (workers, rest).prop_map(
        move |(workers, (kind, capacity, permits, parties))| Workload {
            workers,
            kind,
            capacity,
            permits,
            parties,
            calm: theme == Theme::CalmMeetings,
        },
    )
}

/// Draws a few steps that belong together: one, or one that may wake someone who has waited for
/// some time, and at the same moment a cancellation of who may be the same.
fn phrases(theme: Theme) -> BoxedStrategy<Vec<Step>> {
    let step = steps(theme).prop_map(|step| vec![step]);
    if theme == Theme::CalmMeetings {
        return step.boxed();
    }
    let cancel = (0..MAX_WORKERS).prop_map(Step::Cancel);
    let trap = (0_u64..3, own_steps(theme), cancel)
        .prop_map(|(pause, step, cancel)| vec![Step::Pause(pause), step, cancel]);
    prop_oneof![3 => step, 2 => trap].boxed()
}

fn steps(theme: Theme) -> BoxedStrategy<Step> {
    let pause = (0_u64..3).prop_map(Step::Pause);
    let own = own_steps(theme);
    if theme == Theme::CalmMeetings {
        return prop_oneof![2 => pause, 3 => own].boxed();
    }
    let cancel = (0..MAX_WORKERS).prop_map(Step::Cancel);
    let abort = (0..MAX_WORKERS).prop_map(Step::Abort);
    let leaf = prop_oneof![6 => pause, 4 => cancel, 1 => abort, 20 => own];
    leaf.prop_recursive(2, 8, 3, move |inner| {
        let inside = || vec(inner.clone(), 0..3);
        let within = (0_u64..3, inside()).prop_map(|(limit, steps)| Step::Within(limit, steps));
        let lock = inside().prop_map(Step::Lock);
        let permit = inside().prop_map(Step::Permit);
        let seat = inside().prop_map(Step::Seat);
        match theme {
            Theme::Lock => prop_oneof![1 => within, 2 => lock].boxed(),
            Theme::Permits => prop_oneof![2 => within, 3 => permit, 2 => seat].boxed(),
            Theme::Everything => prop_oneof![within, lock, permit, seat].boxed(),
            _ => within.boxed(),
        }
    })
    .boxed()
}

/// Draws steps that only a program about this theme makes.
fn own_steps(theme: Theme) -> BoxedStrategy<Step> {
    let limit = || prop_oneof![2 => Just(None), 1 => (0_u64..3).prop_map(Some)];
    let queue = prop_oneof![
        3 => limit().prop_map(Step::Put),
        1 => Just(Step::PutNow),
        3 => limit().prop_map(Step::Get),
        1 => Just(Step::GetNow),
    ];
    let pauses = || {
        prop_oneof![
            Just(vec![]),
            (0_u64..3).prop_map(|ms| vec![Step::Pause(ms)])
        ]
    };
    let lock = prop_oneof![3 => pauses().prop_map(Step::Lock), 1 => Just(Step::TryLock)];
    let permits = prop_oneof![
        4 => pauses().prop_map(Step::Permit),
        1 => Just(Step::TryPermit),
        3 => pauses().prop_map(Step::Seat),
        1 => Just(Step::ReleaseTooOften),
    ];
    let produce = (1_u32..3, prop_oneof![Just(None), (0_u64..2).prop_map(Some)]);
    let jobs = prop_oneof![
        3 => Just(Step::Consume),
        2 => produce.prop_map(|(jobs, pause)| Step::Produce(jobs, pause)),
    ];
    let events = prop_oneof![
        4 => Just(Step::AwaitEvent),
        2 => Just(Step::SetEvent),
        2 => Just(Step::ClearEvent),
    ];
    match theme {
        Theme::Queue => queue.boxed(),
        Theme::Lock => lock.boxed(),
        Theme::Permits => permits.boxed(),
        Theme::Jobs => jobs.boxed(),
        Theme::Events => events.boxed(),
        Theme::Meetings | Theme::CalmMeetings => Just(Step::Meet).boxed(),
        Theme::Everything => {
            prop_oneof![queue, lock, permits, jobs, events, Just(Step::Meet)].boxed()
        }
    }
}
