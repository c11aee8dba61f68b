//! Several threads build, share and cut up one object graph: a first multi-threaded program on `gc-core`.
//!
//! A ring of towns is shared by every thread, and a map of the villages on its land. Each thread founds villages, ties them to those that other
//! threads founded, moves from town to town along roads, cuts roads, and takes villages off the map, to which others may still lead: cyclic
//! garbage, made by one thread and dropped by another. Gold is only ever handed on, so at the end all of it must be there.
//!
//! ```text
//! cargo run --release -p shared_graph -- [threads] [steps]
//! ```

#![forbid(unsafe_code)]

use std::process::ExitCode;

use gc_core::{Collect, Gc, GcCell, GcMap, Heap, Mutator, Root, Slot, Trace, blocking};

/// What all threads share.
#[derive(Trace)]
struct World<'gc> {
    /// Towns stay where they are: a place for each, by number.
    towns: Gc<'gc, [Slot<'gc, Town<'gc>>]>,
    /// Villages come and go, at most one on each piece of land. Threads look one up, found one and abandon one, each in one step, without a lock.
    villages: GcMap<'gc, u64, Gc<'gc, Village<'gc>>>,
}

/// A place of the graph.
#[derive(Trace)]
struct Town<'gc> {
    /// Handed on whole, under the cell's lock.
    gold: GcCell<u64>,
    /// One road can be changed by any thread at any time, without a lock.
    road: Slot<'gc, Town<'gc>>,
}

/// Something that comes and goes.
#[derive(Trace)]
struct Village<'gc> {
    town: Gc<'gc, Town<'gc>>,
    gold: GcCell<u64>,
    /// Twins know each other: a cycle.
    twin: Slot<'gc, Village<'gc>>,
}

/// It keeps the graph alive, and goes to any thread.
type Shared = Root<Gc<'static, World<'static>>>;

const TOWNS: usize = 1_000;
const LAND: u64 = 4_000;
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
    let world = build(&m);

    // This thread waits, and says so: the others can collect without it.
    let walked = blocking::scope(&mut m, |scope| {
        let start = |id| {
            scope.spawn({
                let (heap, world) = (&heap, &world);
                move || wander(heap, world, id, steps)
            })
        };
        let handles: Vec<_> = (0..threads).map(start).collect();
        handles.into_iter().map(|handle| handle.join().expect("no thread panics")).sum::<u64>()
    });

    let gold = count(&m, &world);
    m.collect(Collect::Full);
    println!("{threads} threads took {walked} roads; gold: {gold} of {}", TOWNS as u64 * GOLD);
    println!("{} villages", world.get(&m).villages.len());
    let stats = heap.stats();
    println!(
        "collections: {}; longest pause {:?}, slowest to a safepoint {:?}",
        stats.collections,
        stats.pause_max,
        heap.times_to_safepoint().max()
    );
    if gold == TOWNS as u64 * GOLD { Ok(()) } else { Err("gold was lost".into()) }
}

/// Towns in a ring, each with a road to the next, and no villages.
fn build(m: &Mutator) -> Shared {
    let towns = m.alloc_slice_with::<Slot<Town>>(TOWNS, |_| {
        Slot::new(Some(m.alloc(Town { gold: GcCell::new(GOLD), road: Slot::null() })))
    });
    for (here, next) in towns.iter().zip(towns.iter().cycle().skip(1)) {
        if let Some(here) = here.get() {
            here.road.set(m, next.get());
        }
    }
    m.root(m.alloc(World { towns, villages: GcMap::new() }))
}

/// One thread's life. Returns how many roads it took.
fn wander(heap: &Heap, world: &Shared, id: u64, steps: u64) -> u64 {
    let mut m = heap.attach().expect("this thread is attached to no heap");
    let mut random = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut walked = 0;
    for _ in 0..steps {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let world = world.get(&m);
        let there = &world.towns[(random >> 32) as usize % TOWNS];
        let Some(town) = world.towns[random as usize % TOWNS].get() else { continue };
        match random >> 60 {
            0..=3 => found_village(&m, &world, town, (random >> 20) % LAND, (random >> 40) % LAND),
            4..=5 => abandon_village(&m, &world, (random >> 20) % LAND),
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

/// A village that knows its town, with a twin if there is a village on `other` land. It has a piece of gold from the town.
fn found_village<'gc>(m: &'gc Mutator, world: &World<'gc>, town: Gc<'gc, Town<'gc>>, land: u64, other: u64) {
    if world.villages.contains_key(&land) {
        return;
    }
    let village = m.alloc(Village { town, gold: GcCell::new(0), twin: Slot::null() });
    if let Some(&twin) = world.villages.get(&other) {
        village.twin.set(m, Some(twin));
        twin.twin.set(m, Some(village));
    }
    // While nobody else knows the village: once it is on the map, another thread may abandon it.
    hand_on(m, &town.gold, &village.gold);
    if world.villages.compare_exchange(m, land, None, village).is_err() {
        // Another thread was faster.
        give_back(m, village);
    }
}

/// A village is given up. Of all threads that remove it, one does.
fn abandon_village<'gc>(m: &'gc Mutator, world: &World<'gc>, land: u64) {
    if let Some(&village) = world.villages.remove(m, &land) {
        give_back(m, village);
    }
}

/// The gold of a village goes back to its town.
fn give_back<'gc>(m: &'gc Mutator, village: Gc<'gc, Village<'gc>>) {
    let gold = village.gold.replace(m, 0);
    *village.town.gold.borrow_mut(m) += gold;
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
fn count(m: &Mutator, world: &Shared) -> u64 {
    let world = world.get(m);
    let towns = world.towns.iter().filter_map(Slot::get).map(|town| town.gold.get(m)).sum::<u64>();
    towns + world.villages.iter().map(|(_, village)| village.gold.get(m)).sum::<u64>()
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_gold_is_lost() {
        super::run(4, 5_000).unwrap();
    }
}
