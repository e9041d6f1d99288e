//! An order in which values go through a queue, guessed from when they were put and taken.
//!
//! A value goes before another if it was put before, or taken before, with no overlap. If a history
//! is linearizable, and no value is put twice, there is an order of all values that goes with both.

use std::collections::{BTreeMap, VecDeque};

use super::Operation;
use super::models::{QueueOp, QueueRet};

/// A value on its way, by moments. What never happens is at the end of time.
struct Value {
    /// The number of its put.
    put: usize,
    put_called: u64,
    put_returned: u64,
    take_called: u64,
    take_returned: u64,
}

const NEVER: u64 = u64::MAX;

/// Returns the place of each put in the order. Other operations have none.
pub(super) fn of_values<V: Ord>(operations: &[&Operation<QueueOp<V>, QueueRet<V>>]) -> Vec<usize> {
    let mut left = values(operations);
    left.sort_by_key(|value| value.put_called);
    let mut places = vec![0; operations.len()];
    let mut place = 0;
    while !left.is_empty() {
        let next = first(&left);
        places[left.remove(next).put] = place;
        place += 1;
    }
    places
}

/// Finds a value that no other must go before, in a list by calls of puts: if there are several,
/// the one that is taken first.
fn first(left: &[Value]) -> usize {
    // Those that come first in the list return early, so few have to be looked at.
    let mut put_returned = NEVER;
    let mut begun = 0;
    for value in left {
        if value.put_called > put_returned {
            break;
        }
        put_returned = put_returned.min(value.put_returned);
        begun += 1;
    }
    let begun = left[..begun].iter().enumerate();
    let begun = begun.filter(|(_, value)| value.put_called <= put_returned);
    let earliest = begun.min_by_key(|(_, value)| (value.take_called, value.take_returned));
    earliest.map_or(0, |(index, _)| index)
}

/// Collects the values. The nth put of a value goes with its nth take.
fn values<V: Ord>(operations: &[&Operation<QueueOp<V>, QueueRet<V>>]) -> Vec<Value> {
    let mut takes: BTreeMap<&V, VecDeque<(u64, u64)>> = BTreeMap::new();
    for operation in operations {
        if let Some(QueueRet::Took(Some(value))) = operation.ret() {
            let returned = operation.returned().unwrap_or(NEVER);
            let taken = takes.entry(value).or_default();
            taken.push_back((operation.called(), returned));
        }
    }
    let mut value = |(put, operation): (usize, &&Operation<QueueOp<V>, _>)| {
        let QueueOp::Put(value) = operation.op() else {
            return None;
        };
        let take = takes.get_mut(value).and_then(VecDeque::pop_front);
        let (take_called, take_returned) = take.unwrap_or((NEVER, NEVER));
        Some(Value {
            put,
            put_called: operation.called(),
            put_returned: operation.returned().unwrap_or(NEVER),
            take_called,
            take_returned,
        })
    };
    operations
        .iter()
        .enumerate()
        .filter_map(&mut value)
        .collect()
}
