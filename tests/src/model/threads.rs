//! The model with several mutators: a program for each, all of one heap.
//!
//! ```text
//!   seed ──▶ threads 2 to 4, a program each ──▶ step ┬─ private: a machine, its estate compared as if it were alone
//!                                                    ├─ shared:  the board, letters
//!                                                    └─ perhaps a safepoint; after a collection, the estate is compared
//!   the end: no thread left; everything is compared and counted exactly, then dropped, then counted again
//! ```
//!
//! By seed, a thread keeps its mutator, has another one for each step, or parks it between steps and enters the heap meanwhile.
//!
//! The same seed makes the same programs; how they interleave, nobody decides. So what is checked holds under any interleaving:
//!
//! - **[model.graph]** What a machine's roots reach is its graph, whatever the others do (`compare`); after a full collection of its own, exactly
//!   what its graph does not reach is dropped.
//! - **[model.board]** An object of the board is whole for whoever reads it, through a slot, a cell, or a root that came by letter.
//! - **[model.marks]** What a weak reference or an ephemeron of the board gives is whole; and in the end, it is something that something
//!   else leads to.
//! - **[model.coins]** Each coin is in one place. Coins are swapped, exchanged, pushed, popped, sent and recast, never copied.
//! - **[model.counters]** Counters are as high as they were raised, by all together.
//! - **[model.census]** After the last full collection, what the heap counts is what the graphs and the board hold, and when nothing is held,
//!   nothing. Whoever drops the last handle ends the heap.
//!
//! Once they have begun, no thread waits for another one but at safepoints, so that one that fails does not leave the others waiting;
//! and the whole has a deadline. A failure names seed and profile.

mod board;
mod census;
mod failure;
mod letters;
mod objects;
mod program;
mod worker;

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Barrier, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use gc_core::{Collect, Heap, Mutator, Root};

use super::{
    machine::{Estate, Stay, small_heap},
    shrink::message,
};
use crate::{heaps::settle, ledger::Ledger};
use board::Board;
use census::Census;
use failure::Running;
use letters::{Letter, Mail};
use objects::{Maker, Purse};
use program::program;
use worker::{Done, SharedBoard, Worker};

/// Coins that each thread begins with.
const COINS: u64 = 6;

/// How long the programs of a seed may take on a machine under any load.
const DEADLINE: Duration = Duration::from_secs(120);

/// Runs the programs of a seed, `steps` steps on each thread, under a stress profile. Panics with seed and profile.
pub fn run_threads(profile: &str, seed: u64, steps: usize) {
    let name = format!("seed {seed}, {steps} steps, under `{profile}`");
    let running = Running::new(&name);
    let outcome = catch_unwind(AssertUnwindSafe(|| run(profile, seed, steps, &name)));
    if let Err(payload) = outcome {
        panic!("{name}: {}", message(&*payload));
    }
    drop(running);
}

fn run(profile: &str, seed: u64, steps: usize, name: &str) {
    let life = Arc::new(());
    let heap = small_heap(profile, life.clone());
    let ledger = Ledger::default();
    let count = 2 + (seed % 3) as usize;
    let stay = Stay::of(seed);
    let (shared, purses) = open(&heap, &ledger, count as u64);
    let (posts, boxes): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel()).unzip();
    let (done, all_done) = mpsc::channel();
    let all = Arc::new(Barrier::new(count));
    let mut handles: Vec<JoinHandle<()>> = Vec::new();
    for (number, (inbox, purse)) in boxes.into_iter().zip(purses).enumerate() {
        let program = program(seed, number, count, steps);
        let (heap, shared, ledger, done) = (heap.clone(), shared.clone(), ledger.clone(), done.clone());
        let all = all.clone();
        let mail = Mail { number, inbox, outboxes: posts.clone() };
        let body = move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                let mut worker = Worker::new(heap, shared, purse, mail, ledger);
                // Now and then, one is at work before the others attach.
                if !seed.is_multiple_of(4) {
                    worker.wait(&all);
                }
                for (index, &step) in program.iter().enumerate() {
                    let outcome = catch_unwind(AssertUnwindSafe(|| worker.step(step)));
                    outcome.unwrap_or_else(|payload| panic!("step {index}, {step:?}: {}", message(&*payload)));
                    worker.between_steps(stay);
                }
                worker.end()
            }));
            // The one who waits is gone if another thread has failed before.
            done.send(outcome.map_err(|payload| format!("thread {number}: {}", message(&*payload)))).ok();
        };
        handles.push(thread::Builder::new().name(format!("{name}, {number}")).spawn(body).expect("a thread"));
    }
    drop((done, posts));
    // Not joined before all are done: if one fails, others may never end.
    let mut ends: Vec<Done> = (0..count)
        .map(|_| match all_done.recv_timeout(DEADLINE) {
            Ok(Ok(end)) => end,
            Ok(Err(failure)) => panic!("{failure}"),
            Err(_) => panic!("after {DEADLINE:?}, not every thread has ended: {:?}", heap.stats()),
        })
        .collect();
    ends.sort_by_key(|end| end.number);
    handles.into_iter().for_each(|handle| handle.join().expect("it has said that it is done"));
    close(heap, &ledger, shared, ends);
    assert_eq!(Arc::strong_count(&life), 1, "nothing is left, but the heap has not ended");
}

/// The board, and a purse for each thread.
fn open(heap: &Heap, ledger: &Ledger, threads: u64) -> (SharedBoard, Vec<Root<Purse<'static>>>) {
    let m = heap.attach().expect("this thread is not attached");
    // The threads' numbers are below.
    let mut maker = Maker::new(threads as usize, ledger.clone());
    let purses = (0..threads)
        .map(|thread| {
            let coins = (0..COINS).map(|coin| maker.coin(&m, thread * COINS + coin).expect("there is no limit yet"));
            m.root(coins.collect::<Purse>())
        })
        .collect();
    (Arc::new(m.root(Board::new(&m))), purses)
}

/// Compares and counts everything; drops everything; counts again.
fn close(heap: Heap, ledger: &Ledger, shared: SharedBoard, ends: Vec<Done>) {
    heap.set_hard_limit(None);
    let mut m = heap.attach().expect("this thread is not attached");
    let raised = ends.iter().map(|end| end.raised).sum::<u64>();
    let coins = COINS * ends.len() as u64;
    let (mut estates, mut purses, mut letters) = (Vec::new(), Vec::new(), Vec::new());
    for Done { estate, purse, kept, inbox, .. } in ends {
        estates.push(estate);
        purses.push(purse);
        letters.extend(kept);
        letters.extend(inbox.try_iter());
    }
    let letters: Vec<Letter> = letters.into_iter().filter_map(|letter| at_home(letter, &mut estates)).collect();
    assert!(estates.iter().all(Estate::is_complete), "a root that was lent is lost");
    let check = |m: &Mutator, estates: &mut Vec<Estate>, exactly| {
        estates.iter_mut().for_each(|estate| estate.compare(m));
        let mut census = Census::default();
        shared.get(m).count(m, &mut census, raised);
        purses.iter().for_each(|purse| purse.borrow(m).iter().for_each(|&coin| census.coin(coin)));
        letters.iter().for_each(|letter| letter.count(m, &mut census));
        census.finish(m, coins, exactly)
    };
    check(&m, &mut estates, false);
    m.collect(Collect::Full);
    let counted = check(&m, &mut estates, true);
    settle(&heap);
    let private: Vec<_> = estates.iter_mut().map(|estate| estate.check_deaths(&m)).collect();
    let least: usize = private.iter().map(|live| live.start()).sum::<usize>() + counted.objects;
    let most: usize = private.iter().map(|live| live.end()).sum::<usize>() + counted.objects;
    ledger.assert_live(|token| counted.tokens.contains(&token));
    let stats = heap.stats();
    let found = stats.old_objects;
    assert!((least..=most).contains(&found), "{found} live objects after a full collection, and not {least} to {most}");
    let ids: Vec<u64> = estates.iter().flat_map(|estate| estate.ids.values().copied()).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "objects of two threads have one identity");
    assert_eq!((stats.survivor_bytes, stats.remembered), (0, 0), "young after a full collection");

    let ledgers: Vec<_> = estates.iter().map(|estate| estate.ledger.clone()).chain([ledger.clone()]).collect();
    drop((estates, shared, purses, letters));
    m.collect(Collect::Full);
    settle(&heap);
    ledgers.iter().for_each(Ledger::assert_all_once);
    // Large objects keep their runs until they are dropped.
    m.collect(Collect::Full);
    settle(&heap);
    let stats = heap.stats();
    assert_eq!((stats.old_objects, stats.old_bytes, stats.survivor_bytes), (0, 0, 0), "after everything died");
    assert_eq!((stats.remembered, stats.drops_pending, stats.drops_panicked), (0, 0, 0), "after everything died");
    drop((m, heap));
    ledgers.iter().for_each(Ledger::assert_all_once);
}

/// Brings home what was lent; other letters stay.
fn at_home(letter: Letter, estates: &mut [Estate]) -> Option<Letter> {
    match letter {
        Letter::Lent { owner, lent } => estates[owner].come_home(lent),
        other => return Some(other),
    }
    None
}
