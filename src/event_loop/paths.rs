//! The tree of task paths: who is whose child. A node lives as long as its task or any of its
//! descendants, so that a path can be spelled out whenever someone asks.

use slab::Slab;

use crate::chance::{ROOT_HASH, TaskPath, child_hash};

/// One task's place in the tree.
struct Node {
    parent: u32,
    birth: u32,
    /// How many children it has had.
    births: u32,
    /// How many resources it has made.
    resources: u32,
    /// Living tasks, callbacks and child nodes that need this node.
    holds: u32,
}

pub(crate) struct Paths {
    nodes: Slab<Node>,
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
            resources: 0,
            holds: 1,
        });
        Self { nodes }
    }

    /// Adds a child to `parent`; `parent_hash` is the hash of its path. Returns the child's node
    /// and hash.
    pub(crate) fn add(&mut self, parent: u32, parent_hash: u64) -> (u32, u64) {
        let node = &mut self.nodes[parent as usize];
        node.births += 1;
        node.holds += 1;
        let birth = node.births;
        if self.nodes.len() == self.nodes.capacity() {
            self.nodes.reserve_exact((self.nodes.len() / 8).max(4));
        }
        let child = self.nodes.insert(Node {
            parent,
            birth,
            births: 0,
            resources: 0,
            holds: 1,
        });
        (child as u32, child_hash(parent_hash, birth))
    }

    /// Counts a resource that the task makes; returns how many came before.
    pub(crate) fn count_resource(&mut self, node: u32) -> u32 {
        let resources = &mut self.nodes[node as usize].resources;
        *resources += 1;
        *resources - 1
    }

    pub(crate) fn hold(&mut self, node: u32) {
        self.nodes[node as usize].holds += 1;
    }

    /// Lets go of a node, and of those that were kept for its sake.
    pub(crate) fn release(&mut self, mut node: u32) {
        while node != ROOT {
            let entry = &mut self.nodes[node as usize];
            entry.holds -= 1;
            if entry.holds > 0 {
                return;
            }
            let parent = entry.parent;
            self.nodes.remove(node as usize);
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
