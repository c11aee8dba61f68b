//! Random operations of every method that changes a container, with user code that panics, lies and comes back to the heap; then
//! collections, and whatever the containers still lend must be there.
//!
//! The claim: in every state in which safe code can leave a container, what the collector enumerates is memory-safe, does not panic, and
//! is whole: it lists each element that a later call can hand out. What was leaked may be missing.
//!
//! ```console
//! GC_FUZZ_OPERATIONS=10000000 cargo test --release -p gc-tests --test containers fuzz -- --nocapture
//! ```
//!
//! does so many operations, and `GC_SOAK_SECONDS=600` goes on for so long; without either, there are four rounds. The seed of each
//! round is told on the standard error stream past the test's capture, so that a crash is told too, and `GC_SOAK_SEED=…` begins with that
//! one. With `GC_FUZZ_TRACE` set each operation is told, before it is done.
//!
//! - `table`: what an operation is, and iterators that are run in part, or forgotten
//! - `slices`, `sequences`, `maps`: the tables, a line for each method
//! - `elements`, `keys`: what is in the containers
//! - `user`: what user code does
//! - `places`: where the containers are

#![allow(
    clippy::drop_non_drop,
    clippy::swap_with_temporary,
    clippy::iter_kv_map,
    clippy::needless_borrow,
    clippy::explicit_auto_deref,
    clippy::len_zero,
    clippy::map_clone,
    clippy::redundant_clone,
    clippy::type_complexity,
    clippy::redundant_iter_cloned,
    reason = "the rows do what a program may do, in each way"
)]

mod elements;
mod keys;
mod maps;
mod places;
mod sequences;
mod slices;
mod table;
mod user;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    io::Write,
    rc::Rc,
    time::{Duration, Instant, SystemTime},
};

use gc_core::Collect;
use gc_tests::{Tested, heaps::under, random::mix};

use elements::{Plain, fill};
use places::{Place, places};
use user::{Happened, World, below, chance, draw, happened};

/// Operations of a round, which has a heap of its own.
const ROUND: u64 = 1000;

/// How often each operation ran, by container; and what else happened.
#[derive(Default)]
struct Counts {
    operations: BTreeMap<&'static str, Vec<u64>>,
    /// The next one of each container in turn: chance alone would leave some out for long.
    turns: BTreeMap<&'static str, usize>,
    total: u64,
    collections: u64,
}

/// Verifies in each; with concurrent marking that takes long in some.
fn profile(seed: u64) -> String {
    let stress = std::env::var("GC_CORE_STRESS").unwrap_or_default();
    match seed % 6 {
        0 => format!("{stress},verify"),
        1 => format!("random={seed},verify"),
        2 => format!("tiny-nursery,promote-random,seed={seed},every-safepoint=3,verify"),
        3 => format!("every-safepoint=2,promote-never,to-space-full={},seed={seed},verify", seed % 9 + 1),
        4 => format!("slow-marker=64,full-every=2,every-safepoint=2,promote-random,seed={seed},verify"),
        _ => format!("slow-marker=128,workers=3,full-every=3,every-safepoint=5,seed={seed},verify"),
    }
}

/// Tells where a crash will not be told of.
fn tell(line: impl fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn round(seed: u64, counts: &mut Counts) -> Tested {
    user::silence();
    user::seed(mix(seed));
    keys::hash_bits([0, 3, !0, !0][(seed / 6 % 4) as usize]);
    let heap = under(&profile(seed)).build()?;
    let mutator = heap.attach()?;
    let mut places = places(&mutator);
    let spare = RefCell::new(mutator.root(Vec::<Plain>::new()));
    let world = Rc::new(World { heap, spare, again: RefCell::default(), mutator: RefCell::new(mutator) });
    user::enter(Some(world.clone()));
    let trace = std::env::var_os("GC_FUZZ_TRACE").is_some();
    // What a round does depends on its seed alone.
    counts.turns.clear();
    let end = counts.total + ROUND;
    while counts.total < end {
        for _ in 0..1 + draw(10) {
            let place = below(places.len());
            operate(&mut *places[place], &world, counts, seed, trace);
            if chance(6) {
                world.mutator.borrow_mut().safepoint();
            }
        }
        let generation = [Collect::Young, Collect::Promote, Collect::Full][below(3)];
        {
            let mut m = world.mutator.borrow_mut();
            if chance(2) {
                m.collect(generation);
                counts.collections += 1;
            }
            fill(&m);
        }
        let m = world.mutator.borrow();
        for place in &mut places {
            if !place.read(&m) || chance(500) {
                place.renew(&m);
            }
        }
    }
    user::enter(None);
    drop(places);
    Ok(())
}

fn operate(place: &mut dyn Place, world: &World, counts: &mut Counts, seed: u64, trace: bool) {
    let [own, more] = place.operations();
    let number = own.len() + more.len();
    let n = if chance(2) {
        // A seed begins at a quarter of its own.
        let turn = counts.turns.entry(place.name()).or_insert(number * (seed % 4) as usize / 4);
        *turn += 1;
        *turn % number
    } else if chance(2) {
        below(own.len())
    } else {
        below(number)
    };
    if trace {
        tell(format_args!("{}: {}", place.name(), own.iter().chain(more).nth(n).unwrap_or(&"")));
    }
    let ran = counts.operations.entry(place.name()).or_insert_with(|| vec![0; number]);
    ran[n] += 1;
    counts.total += 1;
    place.operate(world, n);
}

/// Rounds from a seed on, until `done` of the operations so far.
fn rounds(first: u64, counts: &mut Counts, mut done: impl FnMut(u64) -> bool) -> Tested {
    let mut told = None::<Instant>;
    let mut seed = first;
    while !done(counts.total) {
        if told.is_none_or(|told| told.elapsed() > Duration::from_secs(1)) {
            tell(format_args!("fuzz: from GC_SOAK_SEED={seed} on"));
            told = Some(Instant::now());
        }
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| round(seed, counts)));
        match result {
            Ok(result) => result?,
            Err(payload) => {
                tell(format_args!(
                    "fuzz: failed with GC_SOAK_SEED={seed} (profile {}); again, with each operation told: GC_FUZZ_TRACE=1 \
                     GC_SOAK_SEED={seed} GC_FUZZ_OPERATIONS={ROUND} cargo test -p gc-tests --test containers fuzz",
                    profile(seed)
                ));
                std::panic::resume_unwind(payload);
            }
        }
        seed += 1;
    }
    Ok(())
}

#[test]
fn what_is_left_of_containers_is_enumerated() -> Tested {
    let number = |name| std::env::var(name).ok().and_then(|text: String| text.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_micros() as u64);
    let first = number("GC_SOAK_SEED").unwrap_or(now);
    let (operations, seconds) = (number("GC_FUZZ_OPERATIONS"), number("GC_SOAK_SECONDS"));
    let mut counts = Counts::default();
    let start = Instant::now();
    if operations.is_some() || seconds.is_some() {
        rounds(first, &mut counts, |total| {
            operations.is_none_or(|most| total >= most)
                && seconds.is_none_or(|most| start.elapsed() >= Duration::from_secs(most))
        })?;
    } else {
        // One of each of the profiles that mark for long, one calm, and one that was never tried.
        for seed in [0, 9, 22, first] {
            let end = counts.total + ROUND;
            rounds(seed, &mut counts, |total| total >= end)?;
        }
    }
    let Happened { panics, other_panics, forgotten, reentered, broken_maps } = happened();
    println!(
        "{} operations and {} collections asked for, {:.0} operations a second; {panics} panics on purpose and {other_panics} for \
         wrong use, {forgotten} values forgotten, {broken_maps} maps not whole, {reentered} times back in the heap",
        counts.total,
        counts.collections,
        counts.total as f64 / start.elapsed().as_secs_f64(),
    );
    if operations.is_none() {
        every_operation_ran(&counts)?;
        assert!([panics, other_panics, forgotten, reentered, broken_maps].iter().all(|&times| times > 20));
    }
    Ok(())
}

/// The short form has run every line of every table.
fn every_operation_ran(counts: &Counts) -> Tested {
    let heap = under("").build()?;
    let m = heap.attach()?;
    for place in places(&m) {
        let ran = counts.operations.get(place.name()).ok_or(place.name())?;
        let [own, more] = place.operations();
        for (n, name) in own.iter().chain(more).enumerate() {
            assert!(ran[n] > 0, "{}: {name} never ran", place.name());
        }
    }
    Ok(())
}
