//! Several threads build, share and cut up one object graph: a first multi-threaded program on `gc-core`.
//!
//! A ring of towns is shared by every thread. Each thread founds villages and ties them to towns that other threads made, moves
//! from town to town along roads, cuts roads, and lets go of villages that nobody reaches any more: cyclic garbage, made by one thread
//! and dropped by another. Gold is only ever handed on, so at the end all of it must be there.
//!
//! ```text
//! cargo run --release -p shared_graph -- [threads] [steps]
//! ```

#![forbid(unsafe_code)]

use std::process::ExitCode;

use gc_core::{Gc, GcCell, Generation, Heap, Mutator, Root, Slot, Trace, blocking};

/// A place of the graph.
#[derive(Trace)]
struct Town<'gc> {
    /// Handed on whole, under the cell's lock.
    gold: GcCell<u64>,
    /// One road can be changed by any thread at any time, without a lock.
    road: Slot<'gc, Town<'gc>>,
    /// Villages know their town and their town knows them: a cycle.
    villages: GcCell<Vec<Gc<'gc, Village<'gc>>>>,
}

/// Something that comes and goes.
#[derive(Trace)]
struct Village<'gc> {
    town: Gc<'gc, Town<'gc>>,
    gold: GcCell<u64>,
    twin: Slot<'gc, Village<'gc>>,
}

/// What all threads share: it keeps the graph alive, and goes to any thread.
type Ring = Root<Gc<'static, [Slot<'static, Town<'static>>]>>;

const TOWNS: usize = 1_000;
const GOLD: u64 = 100;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let (Ok(threads), Ok(steps)) = (arguments.next().unwrap_or(Ok(4)), arguments.next().unwrap_or(Ok(200_000))) else {
        eprintln!("usage: shared_graph [threads] [steps]");
        return ExitCode::from(64);
    };
    match run(threads, steps) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shared_graph: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(threads: u64, steps: u64) -> Result<(), Box<dyn std::error::Error>> {
    let heap = Heap::builder().build()?;
    let mut m = heap.attach()?;
    let ring = build(&m);

    // This thread waits, and says so: the others can collect without it.
    let walked = blocking::scope(&mut m, |scope| {
        let start = |id| {
            scope.spawn({
                let (heap, ring) = (&heap, &ring);
                move || wander(heap, ring, id, steps)
            })
        };
        let handles: Vec<_> = (0..threads).map(start).collect();
        handles.into_iter().map(|handle| handle.join().expect("no thread panics")).sum::<u64>()
    });

    let gold = count(&m, &ring);
    m.collect(Generation::Old);
    println!("{threads} threads took {walked} roads; gold: {gold} of {}", TOWNS as u64 * GOLD);
    let stats = heap.stats();
    println!(
        "collections: {:?}, longest pause {:?}, slowest to a safepoint {:?}",
        stats.collections,
        stats.pause_max,
        heap.times_to_safepoint().max()
    );
    if gold == TOWNS as u64 * GOLD { Ok(()) } else { Err("gold was lost".into()) }
}

/// Towns in a ring, each with a road to the next.
fn build(m: &Mutator) -> Ring {
    let towns = m.alloc_slice_with::<Slot<Town>>(TOWNS, |_| {
        Slot::new(Some(m.alloc(Town { gold: GcCell::new(GOLD), road: Slot::null(), villages: GcCell::default() })))
    });
    for (here, next) in towns.iter().zip(towns.iter().cycle().skip(1)) {
        if let Some(here) = here.get() {
            here.road.set(m, next.get());
        }
    }
    m.root(towns)
}

/// One thread's life. Returns how many roads it took.
fn wander(heap: &Heap, ring: &Ring, id: u64, steps: u64) -> u64 {
    let mut m = heap.attach().expect("this thread is attached to no heap");
    let mut random = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut walked = 0;
    for _ in 0..steps {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let towns = ring.get(&m);
        let there = &towns[(random >> 32) as usize % TOWNS];
        let Some(town) = towns[random as usize % TOWNS].get() else { continue };
        match random >> 60 {
            0..=3 => found_village(&m, town, there.get()),
            4..=5 => abandon_villages(&m, town),
            6..=7 => town.road.set(&m, there.get()),
            8 => drop(town.road.take(&m)),
            _ => {
                walked += u64::from(town.road.get().is_some());
                if let Some(next) = town.road.get() {
                    hand_on(&m, &town.gold, &next.gold);
                }
            }
        }
        // No `Gc` lives across this line: the borrow checker sees to it.
        m.safepoint();
    }
    walked
}

/// A village that knows its town, with a twin in another one.
fn found_village<'gc>(m: &'gc Mutator, town: Gc<'gc, Town<'gc>>, other: Option<Gc<'gc, Town<'gc>>>) {
    let village = m.alloc(Village { town, gold: GcCell::new(0), twin: Slot::null() });
    if let Some(other) = other
        && let Some(twin) = other.villages.borrow(m).last().copied()
    {
        village.twin.set(m, Some(twin));
        twin.twin.set(m, Some(village));
    }
    hand_on(m, &town.gold, &village.gold);
    town.villages.borrow_mut(m).push(village);
}

/// The villages of a town are given up, and their gold goes back to it.
fn abandon_villages<'gc>(m: &'gc Mutator, town: Gc<'gc, Town<'gc>>) {
    for village in town.villages.take(m) {
        let gold = village.gold.replace(m, 0);
        *village.town.gold.borrow_mut(m) += gold;
    }
}

/// Takes one piece of gold from one place to another. The locks are taken one after the other, never both.
fn hand_on(m: &Mutator, from: &GcCell<u64>, to: &GcCell<u64>) {
    let taken = {
        let mut from = from.borrow_mut(m);
        let taken = u64::from(*from > 0);
        *from -= taken;
        taken
    };
    *to.borrow_mut(m) += taken;
}

/// All the gold there is.
fn count(m: &Mutator, ring: &Ring) -> u64 {
    ring.get(m).iter().filter_map(Slot::get).map(|town| gold_of(m, town)).sum()
}

fn gold_of<'gc>(m: &'gc Mutator, town: Gc<'gc, Town<'gc>>) -> u64 {
    let villages = town.villages.borrow(m);
    town.gold.get(m) + villages.iter().map(|village| village.gold.get(m)).sum::<u64>()
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_gold_is_lost() {
        super::run(4, 5_000).unwrap();
    }
}
