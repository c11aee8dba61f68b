//! Roots follow, whatever they hold and wherever they are kept: they are never recorded, and looked at in the pause in which objects move.

use std::{
    collections::VecDeque,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use gc_core::{Collect, Gc, GcCell, Mutator, Root, Slot, Trace};
use gc_tests::{heaps::under, ledger::Ledger, random::Random, sizes::scaled};

use crate::support::{Thing, check_all, collect_all, thing, threads, under_each};

/// The state of a machine: one big value, with places of every kind.
#[derive(Trace)]
struct State<'gc> {
    registers: [Option<Gc<'gc, Thing>>; 16],
    stack: Vec<Gc<'gc, Thing>>,
    slot: Slot<'gc, Thing>,
    cell: GcCell<Vec<Gc<'gc, Thing>>>,
    frames: VecDeque<(u8, Gc<'gc, Thing>)>,
    either: Result<Gc<'gc, [Gc<'gc, Thing>]>, u64>,
}

impl<'gc> State<'gc> {
    fn new(m: &'gc Mutator) -> Self {
        Self {
            registers: [Some(thing(m, 1)); 16],
            stack: vec![thing(m, 2); 10],
            slot: Slot::new(Some(thing(m, 3))),
            cell: GcCell::new(vec![thing(m, 4)]),
            frames: VecDeque::from([(1, thing(m, 5))]),
            either: Err(6),
        }
    }

    fn check(&self, m: &'gc Mutator) {
        check_all(self.registers.iter().flatten().chain(&self.stack).copied());
        check_all(self.slot.get().into_iter().chain(self.cell.borrow(m).iter().copied()));
        check_all(self.frames.iter().map(|frame| frame.1));
        check_all(self.either.iter().flat_map(|slice| slice.iter().copied()));
    }

    fn change(&mut self, m: &'gc Mutator, random: &mut Random) {
        let which = random.below(16) as usize;
        match random.below(9) {
            0 => self.registers[which] = self.stack.pop(),
            1 => self.stack.extend(self.registers[which]),
            2 => self.registers[which] = Some(thing(m, random.draw())),
            3 => self.slot.set(m, self.registers[which]),
            4 => self.cell.borrow_mut(m).extend(self.slot.get()),
            5 => core::mem::swap(&mut *self.cell.borrow_mut(m), &mut self.stack),
            6 => self.frames.extend(self.registers[which].map(|thing| (1, thing))),
            7 => self.either = Ok(m.alloc_slice_copy(&self.stack)),
            _ => {
                self.frames.truncate(3);
                self.stack.truncate(20);
                self.cell.borrow_mut(m).truncate(20);
                self.either = Err(random.draw());
            }
        }
    }
}

#[test]
fn a_big_value_that_changes_during_marking_follows() {
    under_each(|heap, random| {
        let mut m = heap.attach().unwrap();
        let mut state = m.root(State::new(&m));
        for _ in 0..scaled(400) {
            state.get_mut(&m).change(&m, random);
            state.borrow(&m).check(&m);
            m.safepoint();
        }
    });
}

/// The cell of a root that threads share lies outside the heap: no barrier looks at it.
#[test]
fn what_threads_put_into_the_cell_of_a_shared_root_follows() {
    under_each(|heap, _| {
        let shared = heap
            .with(|m| m.root((GcCell::new(vec![thing(m, 1); 8]), Slot::new(Some(thing(m, 2))), [0_u64; 4])))
            .unwrap();
        threads(heap, 3, |m, _, random| {
            let own = m.root(m.alloc(Slot::<Thing>::null()));
            for _ in 0..scaled(100) {
                {
                    let (cell, slot, _) = shared.borrow(m);
                    let mut things = cell.borrow_mut(m);
                    let which = random.below(8) as usize;
                    match random.below(4) {
                        0 => things[which] = thing(m, random.draw()),
                        1 => own.get(m).set(m, Some(things[which])),
                        2 => things[which] = slot.swap(m, own.get(m).get()).unwrap_or_else(|| thing(m, 3)),
                        _ => slot.set(m, Some(things[which])),
                    }
                    check_all(things.iter().copied().chain(slot.get()).chain(own.get(m).get()));
                }
                m.safepoint();
            }
        });
        heap.with(|m| check_all(shared.borrow(m).0.borrow(m).iter().copied())).unwrap();
    });
}

/// Threads that run no mutator drop roots at any moment, also in the middle of a pause. Others take theirs.
#[test]
fn roots_that_are_dropped_and_made_elsewhere_during_moves_do_no_harm() {
    let heap = under("compact-always,full-every=2,slow-marker=32,every-safepoint=4,verify").build().unwrap();
    let (ledger, done) = (Ledger::default(), AtomicBool::new(false));
    let (send, receive) = mpsc::sync_channel::<(Root<Gc<'static, Thing>>, Root<Vec<Gc<'static, Thing>>>)>(64);
    std::thread::scope(|scope| {
        let drops = scope.spawn(move || receive.into_iter().for_each(drop));
        let collects = scope.spawn(|| {
            let mut m = heap.attach().unwrap();
            while !done.load(Ordering::SeqCst) {
                m.collect(Collect::Full);
            }
        });
        let mut m = heap.attach().unwrap();
        let kept = m.root((0..30).map(|_| m.alloc(Thing::counted(&ledger))).collect::<Vec<_>>());
        for n in 0..scaled(600) {
            let one = kept.borrow(&m)[n as usize % 30];
            let sent = (m.root(one), m.root(vec![one, m.alloc(Thing::counted(&ledger))]));
            m.blocked(|| send.send(sent)).unwrap();
            m.safepoint();
            assert_eq!(check_all(kept.borrow(&m).iter().copied()), 30);
        }
        done.store(true, Ordering::SeqCst);
        drop((send, kept));
        drop(m);
        // A sanitizer does not see the end of a scope.
        drops.join().unwrap();
        collects.join().unwrap();
    });
    let mut m = heap.attach().unwrap();
    for _ in 0..2 {
        collect_all(&heap, &mut m);
    }
    ledger.assert_all_once();
    assert!(heap.stats().objects_moved > 0);
}

/// Roots in objects that move, of objects that move, several deep.
#[test]
fn roots_in_objects_that_move_follow() {
    #[derive(Trace)]
    struct Link {
        thing: Thing,
        next: Option<Root<Gc<'static, Link>>>,
    }
    under_each(|heap, random| {
        let ledger = Ledger::default();
        let mut m = heap.attach().unwrap();
        let mut first = m.root(m.alloc(Link { thing: Thing::counted(&ledger), next: None }));
        let mut length = 1;
        for _ in 0..scaled(150) {
            first = m.root(m.alloc(Link { thing: Thing::counted(&ledger), next: Some(first) }));
            length += 1;
            if random.below(30) == 0 {
                first = m.root(m.alloc(Link { thing: Thing::counted(&ledger), next: None }));
                length = 1;
            }
            m.safepoint();
            let (mut link, mut found) = (first.get(&m), 1);
            link.thing.check();
            while let Some(next) = &Gc::as_ref(link).next {
                link = next.get(&m);
                link.thing.check();
                found += 1;
            }
            assert_eq!(found, length);
        }
        m.collect(Collect::Full);
        ledger.assert_none_twice();
    });
}
