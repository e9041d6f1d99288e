//! Lists without locks, every access of which is a step.

use std::rc::Rc;

use simrun::spawn;
use simrun::sync::Tracked;

use super::instance::{Bug, Instance, all, pad};

pub(crate) fn instances() -> Vec<Instance> {
    vec![free_list(), safe_stack()]
}

/// A cell of which every access is a step.
struct Atomic(Tracked<i32>);

impl Atomic {
    fn new(value: i32) -> Self {
        Self(Tracked::new(value))
    }

    async fn load(&self) -> i32 {
        let value = self.0.read(|value| *value);
        pad(1).await;
        value
    }

    async fn swap(&self, new: i32) -> i32 {
        let old = self.0.write(|value| std::mem::replace(value, new));
        pad(1).await;
        old
    }

    async fn add(&self, more: i32) {
        self.0.write(|value| *value += more);
        pad(1).await;
    }

    async fn exchange(&self, old: i32, new: i32) -> Result<(), i32> {
        let result = self.0.write(|value| {
            if *value != old {
                return Err(*value);
            }
            *value = new;
            Ok(())
        });
        pad(1).await;
        result
    }
}

const END: i32 = -1;

/// A list of free blocks, whose head may come back while someone takes it.
fn free_list() -> Instance {
    struct List {
        head: Atomic,
        next: [Atomic; 3],
    }
    async fn pop(list: &List) -> Option<i32> {
        loop {
            let head = list.head.load().await;
            if head == END {
                return None;
            }
            let next = list.next[head as usize].load().await;
            if list.head.exchange(head, next).await.is_ok() {
                return Some(head);
            }
        }
    }
    async fn push(list: &List, block: i32) {
        loop {
            let head = list.head.load().await;
            list.next[block as usize].swap(head).await;
            if list.head.exchange(head, block).await.is_ok() {
                return;
            }
        }
    }
    Instance::new("B14 free list", || async {
        let list = Rc::new(List {
            head: Atomic::new(0),
            next: [Atomic::new(1), Atomic::new(2), Atomic::new(END)],
        });
        let bug = Bug::default();
        let taken = Rc::new(std::cell::Cell::new(false));
        let slow = {
            let (list, bug, taken) = (list.clone(), bug.clone(), taken.clone());
            spawn(async move {
                pop(&list).await;
                // The second block is in use, and now the head of the list.
                let head = list.head.load().await;
                bug.show_if(taken.get() && head == 1);
            })
        };
        let quick = spawn(async move {
            let first = pop(&list).await;
            let second = pop(&list).await;
            taken.set(second == Some(1));
            if let Some(first) = first {
                push(&list, first).await;
            }
        });
        all([slow, quick]).await;
        bug.is_shown()
    })
}

/// How often a task looks for a free element before it gives up, so that runs end.
const TRIES: u32 = 20;

/// Vyukov's SafeStack, of three tasks that take and put back two elements each.
fn safe_stack() -> Instance {
    struct Stack {
        head: Atomic,
        count: Atomic,
        next: [Atomic; 3],
        value: [Tracked<usize>; 3],
    }
    async fn pop(stack: &Stack) -> Option<i32> {
        for _ in 0..TRIES {
            if stack.count.load().await <= 1 {
                return None;
            }
            let head = stack.head.load().await;
            let next = stack.next[head as usize].swap(END).await;
            if next < 0 {
                continue;
            }
            if stack.head.exchange(head, next).await.is_ok() {
                stack.count.add(-1).await;
                return Some(head);
            }
            stack.next[head as usize].swap(next).await;
        }
        None
    }
    async fn push(stack: &Stack, element: i32) {
        let mut head = stack.head.load().await;
        loop {
            stack.next[element as usize].swap(head).await;
            match stack.head.exchange(head, element).await {
                Ok(()) => break,
                Err(other) => head = other,
            }
        }
        stack.count.add(1).await;
    }
    Instance::new("B17 SafeStack 3x2", || async {
        let stack = Rc::new(Stack {
            head: Atomic::new(0),
            count: Atomic::new(3),
            next: [Atomic::new(1), Atomic::new(2), Atomic::new(END)],
            value: [Tracked::new(0), Tracked::new(0), Tracked::new(0)],
        });
        let bug = Bug::default();
        let work = |number: usize| {
            let (stack, bug) = (stack.clone(), bug.clone());
            spawn(async move {
                for _ in 0..2 {
                    let mut element = None;
                    for _ in 0..TRIES {
                        element = pop(&stack).await;
                        if element.is_some() {
                            break;
                        }
                    }
                    let Some(element) = element else { return };
                    let value = &stack.value[element as usize];
                    value.write(|value| *value = number);
                    pad(1).await;
                    bug.show_if(value.read(|value| *value != number));
                    pad(1).await;
                    push(&stack, element).await;
                }
            })
        };
        all([1, 2, 3].map(work)).await;
        bug.is_shown()
    })
}
