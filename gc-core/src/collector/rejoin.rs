//! How a mutator leaves BLOCKED. A dormant one rejoins the members first ([safepoint.dormant]), and
//! catches up with what stops have changed in those:
//!
//! - the number of the last stop, by which cells recognise old locks, and whether it is alone with
//!   the cells. A mutator that attached since then has stopped the world, if there was no more than
//!   one.
//! - whether the heap is marking.
//! - how large a region it takes: pauses in which it has allocated nothing make that small
//!   ([`Buffer::rest`](crate::young::Buffer::rest)).
//! - what is due: it takes over requests as a mutator that attaches does ([request.of-heap]).

use crate::safepoint::Reason;

use super::{attachment::Attachment, collector::Collector, major_cycle::Phase, mutator_state::MutatorState};

/// Makes a mutator RUNNING, which its owner has made BLOCKED. Waits while the world is stopped.
#[inline]
pub(crate) fn leave_blocked(local: &Attachment) {
    if !local.collector.rendezvous.leave_blocked(&local.word) {
        rejoin(local);
    }
}

#[cold]
#[inline(never)]
fn rejoin(local: &Attachment) {
    let collector = &*local.collector;
    loop {
        let mut registry = collector.registry.lock();
        registry.mutators.rejoin(local.place.get(), || catch_up(collector, local));
        collector.share_nursery(&registry);
        drop(registry);
        // A leader that comes at once finds it BLOCKED, and lets it fall dormant again only after another stop.
        if collector.rendezvous.leave_blocked(&local.word) {
            return;
        }
    }
}

/// The caller has the registry lock, and is the owner.
fn catch_up(collector: &Collector, state: &MutatorState) {
    let epochs = &collector.epochs;
    state.cell_user.set(state.cell_user.get().after(epochs.stop_number(), epochs.is_exclusive()));
    state.barrier.set_marking(collector.major.phase() == Phase::Marking);
    state.buffer.rest_for_long();
    take_over_requests(collector, state);
}

/// Raises the poll of a mutator for what is due, for it was not asked. The caller has the registry
/// lock.
pub(crate) fn take_over_requests(collector: &Collector, state: &MutatorState) {
    if collector.pacing.wants_minor() || collector.major.handed_over().is_some() {
        state.poll.raise(Reason::MINOR);
    }
    if collector.pacing.remembers_much() {
        state.poll.raise(Reason::REMEMBERED);
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use crate::{Collect, Heap, Mutator, Stress};

    /// How many mutators a pause acts on, and how many are dormant.
    fn members(heap: &Heap) -> (usize, usize) {
        let registry = heap.collector().registry.lock();
        (registry.mutators.awake().len(), registry.mutators.dormant().len())
    }

    /// A pause looked at each of 10 000 threads that wait, and took 2 ms.
    #[test]
    fn a_pause_leaves_alone_who_has_been_blocked_for_long() {
        const WAITING: usize = 100;
        let heap = Heap::builder().stress(Stress::default()).build().unwrap();
        let mut m = heap.attach().unwrap();
        thread::scope(|scope| {
            let (ready, wait) = mpsc::channel();
            let mut gates = Vec::new();
            for index in 0..WAITING {
                let (heap, ready) = (&heap, ready.clone());
                let (open, gate) = mpsc::channel::<()>();
                gates.push(open);
                scope.spawn(move || {
                    let mut m = heap.attach().unwrap();
                    let root = m.root(m.alloc(index));
                    // Twice: they come back, and are as the others again.
                    for _ in 0..2 {
                        m.blocked(|| {
                            ready.send(()).unwrap();
                            gate.recv().unwrap();
                        });
                        assert_eq!(*root.get(&m), index);
                    }
                });
            }
            for _ in 0..2 {
                m.blocked(|| (0..WAITING).for_each(|_| wait.recv().unwrap()));
                for _ in 0..3 {
                    m.collect(Collect::Young);
                    assert_eq!(members(&heap), (WAITING + 1, 0), "it may come back soon");
                }
                let pacing = &heap.collector().pacing;
                let nurseries = || pacing.usual_budget() / heap.thresholds().nursery_bytes;
                assert!(nurseries() > 1);
                m.collect(Collect::Young);
                assert_eq!((members(&heap), nurseries()), ((1, WAITING), 1), "only who is awake allocates");
                assert_eq!(
                    [0, 1].map(|waiting| pacing.at_work(waiting)),
                    [1, 1],
                    "those that mark have the other cores"
                );
                m.collect(Collect::Full);
                assert_eq!(members(&heap), (1, WAITING));
                gates.iter().for_each(|gate| gate.send(()).unwrap());
            }
        });
        assert_eq!(members(&heap), (1, 0));
        assert_eq!([0, 1].map(|waiting| heap.collector().pacing.at_work(waiting)), [1, 0], "who waits for a cycle");
        for _ in 0..6 {
            m.collect(Collect::Young);
        }
        assert_eq!(members(&heap), (1, 0), "who collects is at work");
    }

    /// It waits, blocked, for the end of each cycle. Cells would take atomic operations until the
    /// next pause.
    #[test]
    fn the_only_one_stays_alone_with_its_cells() {
        let heap = Heap::builder().stress(Stress::default()).build().unwrap();
        let mut m = heap.attach().unwrap();
        for round in 0..8 {
            m.collect(Collect::Full);
            assert!(m.cell_user().exclusive(), "after {round} full collections");
        }
        // Beside the pauses of another thread it falls dormant.
        m.blocked(|| {
            for _ in 0..5 {
                heap.spawn(|m| m.collect(Collect::Young)).unwrap().join().unwrap();
            }
            assert_eq!(members(&heap), (0, 1));
        });
        assert!(!m.cell_user().exclusive(), "another mutator was attached at the last stop");
        m.collect(Collect::Young);
        assert!(m.cell_user().exclusive());
    }

    /// Each took half a chunk for one object, after any number of pauses in which it had allocated
    /// nothing.
    #[test]
    fn who_comes_back_takes_a_small_region_at_first() {
        const MUTATORS: usize = 32;
        let heap = Heap::builder().stress(Stress::default()).nursery_bytes(64 << 20).build().unwrap();
        let mut m = heap.attach().unwrap();
        thread::scope(|scope| {
            let (ready, wait) = mpsc::channel();
            let mut gates = Vec::new();
            for _ in 0..MUTATORS {
                let (heap, ready) = (&heap, ready.clone());
                let (open, gate) = mpsc::channel::<()>();
                gates.push(open);
                scope.spawn(move || {
                    let mut m = heap.attach().unwrap();
                    // Its regions grow to whole chunks.
                    for _ in 0..1000 {
                        m.alloc([0_u64; 64]);
                    }
                    for _ in 0..2 {
                        m.blocked(|| {
                            ready.send(()).unwrap();
                            gate.recv().unwrap();
                        });
                        m.alloc(1);
                    }
                });
            }
            let all_are_blocked = |m: &mut Mutator| m.blocked(|| (0..MUTATORS).for_each(|_| wait.recv().unwrap()));
            all_are_blocked(&mut m);
            for _ in 0..8 {
                m.collect(Collect::Young);
            }
            gates.iter().for_each(|gate| gate.send(()).unwrap());
            all_are_blocked(&mut m);
            let chunks = heap.collector().young.lock().space.in_use();
            assert!(chunks <= MUTATORS / 8, "{chunks} chunks for {MUTATORS} objects");
            gates.iter().for_each(|gate| gate.send(()).unwrap());
        });
    }
}
