//! The map as a whole, with the production files of all that it does: what threads see of it is linearizable, and none of them waits for another one.

#[path = "../../../tests/src/hashers.rs"]
#[allow(dead_code, reason = "one hasher is enough")]
mod hashers;
mod histories;
#[path = "../../../tests/src/linearizable.rs"]
mod linearizable;
mod progress;
#[path = "../../../tests/src/random.rs"]
#[allow(dead_code, reason = "one constructor and one method are enough")]
mod random;

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use crate::{Mutator, production::map::GcMap};

use self::{hashers::Few, linearizable::Call, random::Random};

static MUTATOR: Mutator = Mutator;

type Map = GcMap<'static, u64, u64, Few>;

/// The calls of an execution. What it is built on is no part of the model: recording a call is no step of a thread.
#[derive(Default)]
struct History {
    clock: AtomicU64,
    calls: Mutex<Vec<Call>>,
}

/// What is done to a key.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Get,
    Insert,
    Remove,
    GetOrInsert,
    Update,
    Exchange,
    CompareRemove,
}

const OPERATIONS: [Operation; 7] = [
    Operation::Get,
    Operation::Insert,
    Operation::Remove,
    Operation::GetOrInsert,
    Operation::Update,
    Operation::Exchange,
    Operation::CompareRemove,
];

impl History {
    fn now(&self) -> u64 {
        // Relaxed: threads of a model run one at a time.
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// Does something to a key, and records it. No other call puts the value `new` in.
    fn call(&self, map: &Map, operation: Operation, key: u64, new: u64) {
        let m = &MUTATOR;
        let current = map.get(&key);
        let from = self.now();
        let (what, seen, stored) = match operation {
            Operation::Get => ("get", map.get(&key).copied(), None),
            Operation::Insert => ("insert", map.insert(m, key, new).copied(), Some(Some(new))),
            Operation::Remove => ("remove", map.remove(m, &key).copied(), Some(None)),
            Operation::GetOrInsert => {
                let found = *map.get_or_insert_with(m, key, || new);
                let (seen, stored) = if found == new { (None, Some(Some(new))) } else { (Some(found), None) };
                ("get_or_insert_with", seen, stored)
            }
            Operation::Update => {
                let mut before = None;
                let after = map.update(m, &key, |old| {
                    before = Some(*old);
                    new
                });
                let (seen, stored) = if after.is_some() { (before, Some(Some(new))) } else { (None, None) };
                ("update", seen, stored)
            }
            Operation::Exchange => match map.compare_exchange(m, key, current, new) {
                Ok(_) => ("compare_exchange", current.copied(), Some(Some(new))),
                Err(found) => {
                    assert_ne!(found, current, "what was expected was found, and refused");
                    ("compare_exchange", found.copied(), None)
                }
            },
            Operation::CompareRemove => match current.map(|current| (current, map.compare_remove(m, &key, current))) {
                Some((current, Ok(()))) => ("compare_remove", Some(*current), Some(None)),
                Some((current, Err(found))) => {
                    assert_ne!(found, Some(current), "what was expected was found, and refused");
                    ("compare_remove", found.copied(), None)
                }
                None => ("get", map.get(&key).copied(), None),
            },
        };
        self.calls.lock().unwrap().push(Call { key, what, from, to: self.now(), seen, stored });
    }

    /// Looks at keys when all threads have ended, and fails unless all calls on each had one order, from these values on.
    fn check(&self, map: &Map, initial: &[Option<u64>]) {
        (0..initial.len() as u64).for_each(|key| self.call(map, Operation::Get, key, 0));
        let calls = self.calls.lock().unwrap();
        if let Some(calls) = linearizable::unexplained(&calls, |key| initial[key as usize]) {
            panic!("no order explains these calls, from {initial:?} on: {calls:#?}");
        }
        assert_eq!(
            map.len(),
            map.iter().count(),
            "the length is not how many entries there are after these calls: {calls:#?}"
        );
    }
}

/// How many other keys are put in first, and how many of those are removed then, besides maps to which few were added: some of them move at the next
/// insertion or removal.
const BEGINS: [(u64, u64); 4] = [(6, 3), (20, 18), (20, 19), (21, 10)];

/// Fills a map, and puts some keys in, of which some are removed. Returns their values.
fn begin<const KEYS: usize>(map: &Map, random: &mut Random) -> [Option<u64>; KEYS] {
    let (put, removed) = match random.below(3) {
        0 => BEGINS[random.below(BEGINS.len() as u64) as usize],
        // Tables of one group and of two are full with 6 and 11 keys.
        1 => (3 + random.below(4), 0),
        _ => (8 + random.below(4), 0),
    };
    (0..put).for_each(|key| _ = map.insert(&MUTATOR, 100 + key, 0));
    (0..removed).for_each(|key| _ = map.remove(&MUTATOR, &(100 + key)));
    std::array::from_fn(|key| {
        let (key, what) = (key as u64, random.below(4));
        if what > 1 {
            map.insert(&MUTATOR, key, 1 + key);
        }
        if what > 2 {
            map.remove(&MUTATOR, &key);
        }
        (what == 2).then_some(1 + key)
    })
}
