//! Threads enter two heaps in every way, one inside the other, and stay away over some pauses each time: their mutators are awake, fall
//! dormant, rejoin the others, and end, beside pauses of every kind. What they share stays whole.

use std::{sync::Arc, thread};

use gc_core::{Collect, Gc, GcCell, Heap, Mutator, Parked, Root};
use gc_tests::{
    collectors::Collectors,
    heaps::{under, wait_until},
    random::Random,
    sizes::scaled,
};
use parking_lot::Mutex;

/// Its number, and a pointer to the same number.
type Cell = GcCell<(u64, Option<Gc<'static, u64>>)>;

/// A heap, and roots that any thread makes, reads, writes and drops.
struct Place {
    heap: Heap,
    roots: Mutex<Vec<(u64, Root<Gc<'static, Cell>>)>>,
}

impl Place {
    /// Makes a root, or writes to what one of them holds, or allocates.
    fn work(&self, m: &mut Mutator, random: &mut Random) {
        let number = random.draw();
        match number % 3 {
            0 => {
                let root = m.root(m.alloc(GcCell::new((number, None::<Gc<u64>>))));
                let mut roots = self.roots.lock();
                roots.push((number, root));
                if roots.len() > 200 {
                    let dropped = roots.swap_remove(random.below(200) as usize);
                    drop(roots);
                    drop(dropped);
                }
            }
            1 => {
                let roots = self.roots.lock();
                if roots.is_empty() {
                    return;
                }
                let (number, root) = &roots[random.below(roots.len() as u64) as usize];
                let (number, root) = (*number, root.clone_in(m));
                drop(roots);
                let cell = root.get(m);
                let pointer = m.alloc(number);
                let mut guard = cell.borrow_mut(m);
                assert!(guard.0 == number && guard.1.is_none_or(|before| *before == number));
                guard.1 = Some(pointer);
            }
            _ => {
                for _ in 0..50 {
                    m.alloc([number; 20]);
                }
                m.safepoint();
            }
        }
    }

    /// Waits for none or some pauses. The thread runs no mutator.
    fn stay_away(&self, random: &mut Random) {
        let pauses = || self.heap.stats().collections.total();
        let until = pauses() + [0, 1, 3, 5, 8][random.below(5) as usize];
        wait_until("others collect", || pauses() >= until);
    }
}

fn turns(places: &[Place; 2], random: &mut Random) {
    let mut parked: Vec<(usize, Parked)> = Vec::new();
    for _ in 0..8 {
        let at = random.below(2) as usize;
        let (place, other) = (&places[at], &places[1 - at]);
        match random.below(6) {
            0 => {
                place.heap.with(|m| place.work(m, random)).unwrap();
                place.stay_away(random);
            }
            1 => parked.push((at, place.heap.attach().unwrap().park())),
            2 => {
                if let Some((at, mutator)) = parked.pop() {
                    let place = &places[at];
                    place.stay_away(random);
                    let mut m = mutator.enter().unwrap();
                    place.work(&mut m, random);
                    m.blocked(|| place.stay_away(random));
                    parked.push((at, m.park()));
                }
            }
            3 => {
                let generation = [Collect::Young, Collect::Promote, Collect::Full][random.below(3) as usize];
                place.heap.with(|m| m.collect(generation)).unwrap();
            }
            _ => {
                let mut m = place.heap.attach().unwrap();
                place.work(&mut m, random);
                m.blocked(|| {
                    place.stay_away(random);
                    other.heap.with(|m| other.work(m, random)).unwrap();
                    place.heap.with(|m| place.work(m, random)).unwrap();
                    for (at, mutator) in &mut parked {
                        mutator.with(|m| places[*at].work(m, random)).unwrap();
                    }
                    place.stay_away(random);
                });
                place.work(&mut m, random);
                // Dropped while another one runs.
                parked.truncate(2);
            }
        }
    }
}

#[test]
fn threads_stay_away_and_come_back_in_every_way() {
    for profile in ["", "verify,slow-marker=1", "tiny-nursery,every-safepoint=7,promote-random,verify"] {
        let place = || {
            let heap = under(profile).nursery_bytes(256 << 10).build().unwrap();
            Place { heap, roots: Mutex::default() }
        };
        let places = Arc::new([place(), place()]);
        let collectors = [0, 1].map(|at| Collectors::start(&places[at].heap, 1));
        let threads: Vec<_> = (0..scaled(12).max(6))
            .map(|seed| {
                let places = places.clone();
                // Each ends with what it keeps, which may be dormant.
                thread::spawn(move || turns(&places, &mut Random::new(seed)))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        collectors.into_iter().for_each(Collectors::end);
    }
}
