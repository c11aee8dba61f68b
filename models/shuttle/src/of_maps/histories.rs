//! Histories of threads in a map that moves to a bigger or smaller table: all are linearizable, and with a bug planted some are not.

use shuttle::rand::{RngCore, thread_rng};

use crate::{Arc, must_fail_in, sync::mutant, thread};

use super::{History, MUTATOR, Map, OPERATIONS, Operation, begin, random::Random};

/// Runs some threads, which do what the seed says to two keys, and to others so that the table moves.
fn execution() {
    let seed = thread_rng().next_u64();
    let mut random = Random::new(seed);
    let (map, history) = (Arc::new(Map::default()), Arc::new(History::default()));
    let initial: [Option<u64>; 2] = begin(&map, &mut random);
    let threads = 2 + random.below(2);
    // In some executions all threads do few things, to one key, and no other one is moved.
    let keys = 1 + random.below(2);
    let operations: &[Operation] = match random.below(3) {
        0 => &[Operation::Insert, Operation::GetOrInsert],
        1 => &[Operation::Insert, Operation::Remove, Operation::Exchange],
        _ => &OPERATIONS,
    };
    let moves = random.below(3);
    let calls = 2 + random.below(4);
    let work = |thread: u64| {
        let (map, history) = (map.clone(), history.clone());
        move || {
            let mut random = Random::new(seed ^ (thread + 1));
            for number in 0..calls {
                let new = 10 + thread * 16 + number;
                match random.below(6) + (2 - moves) * 2 {
                    0 => (0..2).for_each(|other| _ = map.insert(&MUTATOR, 1000 + new * 2 + other, 0)),
                    1 => (100..103).for_each(|other| _ = map.remove(&MUTATOR, &other)),
                    _ => {}
                }
                let operation = operations[random.below(operations.len() as u64) as usize];
                history.call(&map, operation, random.below(keys), new);
            }
        }
    };
    let threads: Vec<_> = (1..threads).map(|number| thread::spawn(work(number))).collect();
    work(0)();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    history.check(&map, &initial);
}

/// Two threads bring a key back that was removed, in a table that has room for one more: one of them finds it full, and goes to the next one.
fn comes_back() {
    let (map, history) = (Arc::new(Map::default()), Arc::new(History::default()));
    (100..104).for_each(|other| _ = map.insert(&MUTATOR, other, 0));
    map.insert(&MUTATOR, 0, 1);
    map.remove(&MUTATOR, &0);
    let other = {
        let (map, history) = (map.clone(), history.clone());
        thread::spawn(move || history.call(&map, Operation::Insert, 0, 11))
    };
    history.call(&map, Operation::Insert, 0, 10);
    other.join().unwrap();
    history.check(&map, &[None]);
}

fn check(execution: fn(), executions: usize) {
    shuttle::check_pct(execution, executions, 3);
    shuttle::check_random(execution, executions);
}

/// What a history says that is not linearizable.
const SAID: &str = "these calls";

#[test]
fn are_linearizable() {
    check(execution, 5_000);
    check(comes_back, 5_000);
}

#[test]
fn mutant_a_key_that_is_added_by_a_store_is_found() {
    const TEST: &str = "of_maps::histories::mutant_a_key_that_is_added_by_a_store_is_found";
    must_fail_in(TEST, mutant::KEY_IS_ADDED_BY_A_STORE, SAID, || check(execution, 50_000));
}

#[test]
fn mutant_a_key_that_comes_back_late_is_found() {
    const TEST: &str = "of_maps::histories::mutant_a_key_that_comes_back_late_is_found";
    must_fail_in(TEST, mutant::KEY_COMES_BACK_LATE, SAID, || check(comes_back, 50_000));
}

#[test]
fn mutant_a_run_that_stays_open_is_found() {
    const TEST: &str = "of_maps::histories::mutant_a_run_that_stays_open_is_found";
    must_fail_in(TEST, mutant::RUN_STAYS_OPEN, SAID, || check(execution, 50_000));
}
