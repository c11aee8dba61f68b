//! Whether a recorded history of a map is linearizable.
//!
//! It is if its calls can be put in one order that each thread could have seen: a call lies between its begin and its end, and answers what a map of one
//! thread would (Herlihy, Wing: *Linearizability*, 1990). As that holds for a history if it holds for the calls on each key, each key is looked at by
//! itself. The search is that of Wing and Gong (*Testing and verifying concurrent objects*, 1993): of the calls that none ended before, one is
//! taken to be the first. What is left to do and the value by then decide whether the rest has an order. So those that have none are remembered, as a set of
//! bits (Lowe: *Testing for linearizability*, 2017), and looked at once.

use std::collections::HashSet;

/// A call on a key: when it began and ended, what the key had, and what it has since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The key.
    pub key: u64,
    /// What was called.
    pub what: &'static str,
    /// A time before the call. No two times are the same.
    pub from: u64,
    /// A time after the call.
    pub to: u64,
    /// The value that the key had, as the call says.
    pub seen: Option<u64>,
    /// What the call stored; `None` if it stored nothing.
    pub stored: Option<Option<u64>>,
}

/// Returns the calls on a key that no order explains, if there are such. Keys have the values that `initial` says at first.
///
/// # Panics
///
/// If there are more than 128 calls on a key.
pub fn unexplained(history: &[Call], initial: impl Fn(u64) -> Option<u64>) -> Option<Vec<Call>> {
    let mut keys: Vec<u64> = history.iter().map(|call| call.key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter().find_map(|key| {
        let mut calls: Vec<Call> = history.iter().filter(|call| call.key == key).copied().collect();
        calls.sort_unstable_by_key(|call| call.from);
        assert!(calls.len() <= 128, "expected at most 128 calls on a key, found {}", calls.len());
        let explained = Search { calls: &calls, dead_ends: HashSet::new() }.explains_the_rest(0, initial(key));
        (!explained).then_some(calls)
    })
}

struct Search<'a> {
    /// In the order in which they began.
    calls: &'a [Call],
    /// The calls that were taken, a bit each, and the value of the key after them, from which no order of the rest is possible.
    dead_ends: HashSet<(u128, Option<u64>)>,
}

impl Search<'_> {
    /// Returns whether some order of the calls that were not `taken` explains what they saw, from this value on.
    fn explains_the_rest(&mut self, taken: u128, value: Option<u64>) -> bool {
        let calls = self.calls;
        let left = || calls.iter().enumerate().filter(|(at, _)| taken & (1 << at) == 0);
        // All that begin before this one of them ends may be the first.
        let Some(end) = left().map(|(_, call)| call.to).min() else { return true };
        if self.dead_ends.contains(&(taken, value)) {
            return false;
        }
        for (at, call) in left().take_while(|(_, call)| call.from <= end) {
            if call.seen == value && self.explains_the_rest(taken | 1 << at, call.stored.unwrap_or(value)) {
                return true;
            }
        }
        self.dead_ends.insert((taken, value));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, unexplained};

    const STORE_1: Option<Option<u64>> = Some(Some(1));
    const REMOVE: Option<Option<u64>> = Some(None);

    /// A call on one key: from, to, seen, stored.
    type OnOneKey = (u64, u64, Option<u64>, Option<Option<u64>>);

    fn is_explained(calls: &[OnOneKey]) -> bool {
        let call = |&(from, to, seen, stored)| Call { key: 7, what: "", from, to, seen, stored };
        unexplained(&calls.iter().map(call).collect::<Vec<_>>(), |_| None).is_none()
    }

    #[test]
    fn calls_one_after_the_other_answer_as_a_map_of_one_thread() {
        assert!(is_explained(&[
            (0, 1, None, STORE_1),
            (2, 3, Some(1), None),
            (4, 5, Some(1), REMOVE),
            (6, 7, None, None)
        ]));
        // Lost, stale, and never stored.
        assert!(!is_explained(&[(0, 1, None, STORE_1), (2, 3, None, None)]));
        assert!(!is_explained(&[(0, 1, None, STORE_1), (2, 3, Some(1), REMOVE), (4, 5, Some(1), None)]));
        assert!(!is_explained(&[(0, 1, None, STORE_1), (2, 3, Some(2), None)]));
    }

    #[test]
    fn calls_that_overlap_may_be_in_either_order() {
        assert!(is_explained(&[(0, 3, None, STORE_1), (1, 2, None, None)]));
        assert!(is_explained(&[(0, 3, None, STORE_1), (1, 2, Some(1), None)]));
        // Both were first, or none was.
        assert!(!is_explained(&[(0, 3, None, STORE_1), (1, 2, None, Some(Some(2)))]));
        assert!(!is_explained(&[(0, 3, Some(2), STORE_1), (1, 2, Some(1), Some(Some(2)))]));
        // A value is removed twice.
        assert!(!is_explained(&[(0, 1, None, STORE_1), (2, 5, Some(1), REMOVE), (3, 4, Some(1), REMOVE)]));
    }

    /// Two that read while one writes: the second one begins after the first one has ended, and sees the older value.
    #[test]
    fn a_reader_does_not_go_back_behind_another_one() {
        assert!(!is_explained(&[(0, 7, None, STORE_1), (1, 2, Some(1), None), (3, 4, None, None)]));
        assert!(is_explained(&[(0, 7, None, STORE_1), (1, 4, Some(1), None), (3, 5, None, None)]));
    }

    /// An order that begins with the wrong one of two calls has a dead end.
    #[test]
    fn all_orders_are_tried() {
        let begin = [(0, 10, None, STORE_1), (1, 11, Some(1), Some(Some(2))), (2, 12, Some(2), REMOVE)];
        assert!(is_explained(&[&begin[..], &[(3, 13, None, Some(Some(3))), (14, 15, Some(3), None)]].concat()));
        assert!(!is_explained(&[&begin[..], &[(3, 13, None, Some(Some(3))), (14, 15, Some(2), None)]].concat()));
        let (insert, remove) = (|at| (at, 100, None, STORE_1), |at| (at, 100, Some(1), REMOVE));
        let many: Vec<_> = (0..16).map(|at| if at < 8 { insert(at) } else { remove(at) }).collect();
        assert!(is_explained(&many));
        // Without a memory this would take longer than anybody waits: 8! · 8! orders.
        assert!(!is_explained(&[&many[..], &[(200, 201, Some(1), None)]].concat()));
    }

    #[test]
    fn keys_are_looked_at_each_by_itself() {
        let call = |key, from, seen, stored| Call { key, what: "", from, to: from + 1, seen, stored };
        let history = [call(7, 0, None, STORE_1), call(8, 2, None, STORE_1), call(7, 4, Some(1), None)];
        assert_eq!(unexplained(&history, |_| None), None);
        let broken = [&history[..], &[call(8, 6, None, None)]].concat();
        let found = unexplained(&broken, |_| None).map(|calls| calls.iter().map(|call| call.from).collect::<Vec<_>>());
        assert_eq!(found, Some(vec![2, 6]));
        assert_eq!(unexplained(&[call(9, 0, Some(5), None)], |key| (key == 9).then_some(5)), None);
    }
}
