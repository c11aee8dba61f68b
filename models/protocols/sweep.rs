//! The sweep against promotion: `old::sweep`, `old::promote`, `space::old`, `collector::major_cycle`. The concurrent thread
//! sweeps concurrently with the mutators. Pauses promote, sweep some blocks or all that are left, end the collection, and begin
//! and mark the next one.
//!
//! - A thread that sweeps, promotes, or begins or ends a marking has the lock of the old generation. The concurrent thread
//!   releases it after each block.
//! - Promoted objects go to blocks that were swept or are new, and are marked if the old generation is being marked. So no sweep
//!   loses them.
//! - An object that is dead when marking ends is moved out once and leaves no bit, whichever thread sweeps its block. So nothing
//!   is swept twice.
//! - When marking begins every block is swept and no mark is set ([block.marks]). A mark that is set from then on, without the
//!   lock, stays.
//!
//! A block has two cells. A, B and C exist when the first marking ends, which has not reached B. The second marking does not
//! reach C. P, Q and R are promoted: while the first collection sweeps, while the second one marks, and while the second one
//! sweeps.

use std::time::Instant;

use crate::{
    Arc, check,
    collector::major_cycle::{ConcurrentTask, CycleFigures, MajorCycle, Phase},
    memory::{AddressMap, BLOCK},
    must_fail,
    object::{OBJECT, TypeInfo},
    old::{
        promote::Cursors,
        sweep::{self, Dead, Progress, Swept},
    },
    space::{
        AnyMemory,
        old::{Bits, OldSpace},
    },
    stats::report::{Cause, CollectReport},
    sync::{
        Mutex,
        mutant::{self, Mutant},
    },
    thread,
};

/// Blocks stay open to promotion when marking ends.
const CURSORS_STAY_OPEN: Mutant = Mutant::of_model("cursors_stay_open");
/// The position of the sweep is read in another hold of the lock than the one that sweeps.
const PROGRESS_OUTSIDE: Mutant = Mutant::of_model("progress_outside");

struct World {
    major: MajorCycle,
    bits: Arc<Bits>,
    old: Mutex<Old>,
    /// Held while the old generation is being marked.
    marking: Mutex<()>,
}

/// The old generation, as the collector has it.
struct Old {
    space: OldSpace,
    cursors: Cursors,
    progress: Progress,
    freed: Freed,
}

/// What sweeps have found.
#[derive(Default)]
struct Freed {
    dead: Vec<usize>,
    swept: Swept,
}

const SIZE: usize = BLOCK / 2;

impl Dead for Freed {
    unsafe fn enqueue(&mut self, address: *mut u8, _: &'static TypeInfo) {
        self.dead.push(address.addr());
    }

    fn large(&mut self, _: u32, _: &'static TypeInfo) {
        unreachable!("there are no large objects")
    }
}

impl Old {
    fn promote(&mut self) -> usize {
        let Self { space, cursors, .. } = self;
        // [promote.room].
        assert!(space.ensure_empty(1, &AnyMemory));
        let bits = space.bits.clone();
        let old = Mutex::new(space);
        let (address, class) = cursors.place(&old, &bits, &OBJECT, SIZE);
        cursors.take(&bits, address, class, &OBJECT);
        cursors.flush(&mut old.lock());
        address.addr()
    }

    /// Sweeps up to `count` blocks. Returns whether there was one.
    fn sweep(&mut self, count: usize) -> bool {
        let Self { space, progress, freed, .. } = self;
        let swept = sweep::blocks(space, progress, count, None, freed);
        freed.swept += swept.unwrap_or_default();
        swept.is_some()
    }

    fn begin_marking(&mut self, major: &MajorCycle, start: Instant) {
        assert!(self.space.is_swept(), "a collection begins before the last one is swept");
        for block in 0..self.space.blocks.len() {
            assert_eq!(marks(&self.space.bits, block), 0, "marks are left when marking begins");
        }
        self.cursors.marking = true;
        major.begin(CycleFigures::new(Cause::Explicit, start));
    }

    /// Ends marking, as `finish_marking` of the collector does.
    fn finish_marking(&mut self, major: &MajorCycle) {
        self.cursors.marking = false;
        if !CURSORS_STAY_OPEN.is_planted() {
            self.cursors.retire();
        }
        self.space.begin_sweep();
        self.progress = Progress::default();
        major.marked(0);
    }
}

impl World {
    fn mark(&self, object: usize) {
        assert!(self.bits.marks.set_shared(self.bits.granule(object)), "marked twice");
    }

    fn is_allocated(&self, object: usize) -> bool {
        self.bits.allocated.is_set(self.bits.granule(object))
    }

    fn end(&self, number: u64) {
        let old = self.old.lock();
        self.major.end(number, |_| {
            assert!(old.space.is_swept(), "a collection ends unswept");
            CollectReport(number)
        });
    }

    /// Does what the concurrent thread does with a collection whose marking has ended.
    fn sweep_concurrently(&self, number: u64) {
        // The position of the sweep has to be read in the hold of the lock that sweeps.
        let mut kept = PROGRESS_OUTSIDE.is_planted().then(|| core::mem::take(&mut self.old.lock().progress));
        let mut more = true;
        while more {
            let mut old = self.old.lock();
            if let Some(kept) = &mut kept {
                core::mem::swap(kept, &mut old.progress);
            }
            more = old.sweep(1);
            if let Some(kept) = &mut kept {
                core::mem::swap(kept, &mut old.progress);
            }
        }
        if let Some(kept) = kept {
            self.old.lock().progress = kept;
        }
        self.end(number);
    }

    /// Runs the concurrent thread.
    fn work(&self) {
        loop {
            match self.major.next(|| false) {
                ConcurrentTask::Sweep(number) => self.sweep_concurrently(number),
                // The pauses mark.
                ConcurrentTask::Mark => drop(self.marking.lock()),
                ConcurrentTask::Populate(..) | ConcurrentTask::Collect | ConcurrentTask::Leave => {
                    unreachable!("nobody asks for that")
                }
                ConcurrentTask::End => return,
            }
        }
    }

    /// Runs a pause of a minor collection, while collection `number` sweeps.
    fn pause(&self, pace: Pacing, number: u64) -> usize {
        let mut old = self.old.lock();
        let promoted = old.promote();
        match pace {
            Pacing::Ahead => {
                while old.sweep(usize::MAX) {}
                drop(old);
                self.end(number);
            }
            Pacing::Behind => drop(old.sweep(1)),
        }
        promoted
    }

    /// Runs pauses until the second collection is over; `a` stays alive. Returns the promoted objects.
    fn pauses(&self, pace: Pacing, start: Instant, a: usize) -> [usize; 3] {
        let p = self.pause(pace, 1);
        self.major.wait_for_one_after(0, || unreachable!("the first one is under way"));
        assert_eq!(self.major.phase(), Phase::Idle);
        let marking = self.marking.lock();
        self.old.lock().begin_marking(&self.major, start);
        // A barrier's mark, between the pauses.
        self.mark(p);
        let mut old = self.old.lock();
        let q = old.promote();
        self.mark(a);
        old.finish_marking(&self.major);
        drop((old, marking));
        let r = self.pause(pace, 2);
        self.major.wait_for_one_after(1, || unreachable!("the second one is under way"));
        self.major.end_thread();
        [p, q, r]
    }
}

fn marks(bits: &Bits, block: usize) -> u64 {
    use crate::sync::atomic::Ordering::Relaxed;
    bits.marks.block(block).iter().fold(0, |all, word| all | word.load(Relaxed))
}

/// Whether the mutators outrun the concurrent thread, so that a pause sweeps all that is left.
#[derive(Clone, Copy)]
enum Pacing {
    Ahead,
    Behind,
}

/// The concurrent thread is the first one to run: preemptions are left for what follows.
fn two_collections(pace: Pacing) {
    let start = Instant::now();
    check(move || {
        let mut space = OldSpace::new(AddressMap::new()).unwrap();
        assert!(space.ensure_empty(2, &AnyMemory));
        let (cursors, progress, freed) = (Cursors::new(), Progress::default(), Freed::default());
        let mut old = Old { space, cursors, progress, freed };
        let major = MajorCycle::new(Box::new(|| true), Box::new(|| ()));
        let [a, b, c] = [(); 3].map(|()| old.promote());
        old.begin_marking(&major, start);
        let bits = old.space.bits.clone();
        let here = Arc::new(World { major, bits, old: Mutex::new(old), marking: Mutex::new(()) });
        here.mark(a);
        here.mark(c);
        here.old.lock().finish_marking(&here.major);
        let there = here.clone();
        let pauses = thread::spawn(move || there.pauses(pace, start, a));
        here.work();
        let [p, q, r] = pauses.join().unwrap();

        let mut old = here.old.lock();
        old.freed.dead.sort_unstable();
        let mut dead = [b, c];
        dead.sort_unstable();
        assert_eq!(old.freed.dead, dead, "the dead are moved out once, and nobody else is");
        assert_eq!((old.freed.swept.objects, old.freed.swept.bytes), (2, 2 * SIZE));
        assert!([a, p, q, r].iter().all(|&live| here.is_allocated(live)), "a live object is lost");
        let allocated: usize = (0..old.space.blocks.len()).map(|block| allocated(&here.bits, block)).sum();
        assert_eq!((allocated, old.space.live_objects), (4, 4), "a dead object survives, or two have one place");
        assert!((0..old.space.blocks.len()).all(|block| marks(&here.bits, block) == 0), "marks are left");
    });
}

/// Returns the number of objects in a block.
fn allocated(bits: &Bits, block: usize) -> usize {
    use crate::sync::atomic::Ordering::Relaxed;
    bits.allocated.block(block).iter().map(|word| word.load(Relaxed).count_ones() as usize).sum()
}

fn ahead() {
    two_collections(Pacing::Ahead);
}

fn behind() {
    two_collections(Pacing::Behind);
}

#[test]
fn promotion_and_the_sweep_never_meet_though_pauses_sweep_all() {
    ahead();
}

#[test]
fn promotion_and_the_sweep_never_meet_though_pauses_sweep_some() {
    behind();
}

#[test]
fn mutant_promoting_into_listed_unswept_blocks_is_found() {
    must_fail(
        "sweep::mutant_promoting_into_listed_unswept_blocks_is_found",
        mutant::PARTIAL_BLOCKS_STAY_LISTED,
        behind,
    );
}

#[test]
fn mutant_promoting_into_open_unswept_blocks_is_found() {
    must_fail("sweep::mutant_promoting_into_open_unswept_blocks_is_found", CURSORS_STAY_OPEN, behind);
}

#[test]
fn mutant_promoting_unmarked_while_marking_is_found() {
    must_fail("sweep::mutant_promoting_unmarked_while_marking_is_found", mutant::BORN_UNMARKED, behind);
}

#[test]
fn mutant_marks_that_stay_are_found() {
    must_fail("sweep::mutant_marks_that_stay_are_found", mutant::MARKS_STAY, behind);
}

#[test]
fn mutant_progress_kept_outside_of_the_lock_is_found() {
    must_fail("sweep::mutant_progress_kept_outside_of_the_lock_is_found", PROGRESS_OUTSIDE, ahead);
}
