//! Random trees of groups, timeouts, shields and the like, with sleepers and failures as leaves.

use proptest::collection::vec;
use proptest::prelude::*;

/// A piece of a program. Times are in milliseconds, and few, so that many coincide.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Sleep(u64),
    Fail,
    /// Sleeps; when it is cancelled, sleeps once more and then ends as it says.
    Careful(u64, u64, Ending),
    /// Does one thing after the other, until one fails.
    Then(Vec<Node>),
    /// Goes on as if nothing had happened when it fails.
    Try(Box<Node>),
    Within(u64, Box<Node>),
    WaitFor(u64, Box<Node>),
    Shield(Box<Node>),
    Gather(Vec<Node>),
    GatherKeepingErrors(Vec<Node>),
    /// The tasks of the group, and its body.
    Group(Vec<Node>, Box<Node>),
}

/// How a careful sleeper ends that was cancelled.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    Cancelled,
    Failed,
    Swallowed,
}

/// A random program: trees, each the work of one task, and which of them are cancelled when.
#[derive(Clone, Debug)]
pub(super) struct Forest {
    pub(super) trees: Vec<Node>,
    /// Pauses, each with the number of the tree to be cancelled after it.
    pub(super) cancels: Vec<(u64, usize)>,
}

/// Draws programs.
pub(super) fn forests() -> impl Strategy<Value = Forest> {
    let cancels = vec((0_u64..3, 0_usize..3), 0..6);
    (vec(nodes(), 1..4), cancels).prop_map(|(trees, cancels)| Forest { trees, cancels })
}

fn nodes() -> impl Strategy<Value = Node> {
    let ending = prop_oneof![
        Just(Ending::Cancelled),
        Just(Ending::Failed),
        Just(Ending::Swallowed)
    ];
    let careful = (0_u64..4, 0_u64..3, ending);
    let leaf = prop_oneof![
        5 => (0_u64..4).prop_map(Node::Sleep),
        1 => Just(Node::Fail),
        2 => (0_u64..3).prop_map(|pause| Node::Then(vec![Node::Sleep(pause), Node::Fail])),
        2 => careful.prop_map(|(first, second, ending)| Node::Careful(first, second, ending)),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let some = || vec(inner.clone(), 1..4);
        let one = || inner.clone().prop_map(Box::new);
        let group = || (some(), one()).prop_map(|(tasks, body)| Node::Group(tasks, body));
        let handled = (group(), 0_u64..3).prop_map(|(group, pause)| {
            Node::Then(vec![Node::Try(Box::new(group)), Node::Sleep(pause)])
        });
        prop_oneof![
            3 => some().prop_map(Node::Then),
            1 => one().prop_map(Node::Try),
            2 => (1_u64..4, one()).prop_map(|(limit, node)| Node::Within(limit, node)),
            1 => (0_u64..4, one()).prop_map(|(limit, node)| Node::WaitFor(limit, node)),
            1 => one().prop_map(Node::Shield),
            1 => some().prop_map(Node::Gather),
            1 => some().prop_map(Node::GatherKeepingErrors),
            3 => group(),
            3 => handled,
        ]
    })
}
