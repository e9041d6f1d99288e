//! The tree of task paths: who is whose child. A node lives as long as its task or any of its
//! descendants, so that a path can be spelled out whenever someone asks.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use slab::Slab;

use crate::chance::{ROOT_HASH, TaskPath, child_hash};

/// One task's place in the tree.
struct Node {
    parent: u32,
    birth: u32,
    /// How many children it has had.
    births: u32,
    /// Living tasks, callbacks and child nodes that need this node.
    holds: NonZeroU32,
}

pub(crate) struct Paths {
    nodes: Slab<Node>,
    /// The heads of the families of those nodes that belong to one: few do.
    heads: BTreeMap<u32, u32>,
}

/// The node of the loop itself.
pub(crate) const ROOT: u32 = 0;

impl Paths {
    pub(crate) fn new() -> Self {
        let mut nodes = Slab::new();
        nodes.insert(Node {
            parent: ROOT,
            birth: 0,
            births: 0,
            holds: NonZeroU32::MIN,
        });
        let heads = BTreeMap::new();
        Self { nodes, heads }
    }

    /// Adds a child to `parent`; `parent_hash` is the hash of its path. Returns the child's node
    /// and hash.
    pub(crate) fn add(&mut self, parent: u32, parent_hash: u64) -> (u32, u64) {
        let node = &mut self.nodes[parent as usize];
        node.births += 1;
        node.holds = more(node.holds);
        let birth = node.births;
        if self.nodes.len() == self.nodes.capacity() {
            self.nodes.reserve_exact((self.nodes.len() / 8).max(4));
        }
        let child = self.nodes.insert(Node {
            parent,
            birth,
            births: 0,
            holds: NonZeroU32::MIN,
        });
        if let Some(head) = self.heads.get(&parent) {
            self.heads.insert(child as u32, *head);
        }
        (child as u32, child_hash(parent_hash, birth))
    }

    /// Makes a new node the head of a family of its own.
    pub(crate) fn make_head(&mut self, node: u32) {
        self.heads.insert(node, node);
    }

    /// Returns the node that heads the family of a node, or [`ROOT`].
    pub(crate) fn head(&self, node: u32) -> u32 {
        self.heads.get(&node).copied().unwrap_or(ROOT)
    }

    /// Goes through the nodes that head a family.
    pub(crate) fn all_heads(&self) -> impl Iterator<Item = u32> {
        let heads = self.heads.iter().filter(|(node, head)| node == head);
        heads.map(|(node, _)| *node)
    }

    pub(crate) fn parent(&self, node: u32) -> u32 {
        self.nodes[node as usize].parent
    }

    /// Spells out the way down from one node to another: `/1/2`.
    pub(crate) fn below(&self, above: u32, mut node: u32) -> String {
        let mut births = Vec::new();
        while node != above && node != ROOT {
            let entry = &self.nodes[node as usize];
            births.push(entry.birth);
            node = entry.parent;
        }
        let births = births.iter().rev();
        births.map(|birth| format!("/{birth}")).collect()
    }

    pub(crate) fn hold(&mut self, node: u32) {
        let node = &mut self.nodes[node as usize];
        node.holds = more(node.holds);
    }

    /// Lets go of a node, and of those that were kept for its sake.
    pub(crate) fn release(&mut self, mut node: u32) {
        while node != ROOT {
            let entry = &mut self.nodes[node as usize];
            if let Some(holds) = NonZeroU32::new(entry.holds.get() - 1) {
                entry.holds = holds;
                return;
            }
            let parent = entry.parent;
            self.nodes.remove(node as usize);
            self.heads.remove(&node);
            node = parent;
        }
    }

    pub(crate) fn path(&self, mut node: u32) -> TaskPath {
        let mut births = Vec::new();
        while node != ROOT {
            let entry = &self.nodes[node as usize];
            births.push(entry.birth);
            node = entry.parent;
        }
        births.reverse();
        TaskPath::from_births(births)
    }

    pub(crate) fn hash(&self, node: u32) -> u64 {
        if node == ROOT {
            ROOT_HASH
        } else {
            self.path(node).hash()
        }
    }
}

fn more(holds: NonZeroU32) -> NonZeroU32 {
    holds
        .checked_add(1)
        .expect("fewer than four billion tasks and callbacks hold a path")
}
