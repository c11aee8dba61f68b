//! Sweeping: a block's marks become its allocation bits, and every cell without one is free.
//!
//! Only dead objects that need dropping are read: their values are moved to the drop queue (`dead`)
//! first. No free list is threaded through memory: a sweep of 256 MiB of heap takes 2 ms instead of
//! 15 to 27.
//!
//! - **[sweep.one-hold]** A block is looked up and swept in one hold of the old generation's lock,
//!   under which it either waits or is swept. So the concurrent thread and pauses sweep in any
//!   order, and nothing is swept twice. A thread that has seen every block swept may end the
//!   collection ([major.ends-once]).
//! - **[sweep.no-promotion]** No thread promotes into a block that waits to be swept: when marking
//!   ends, cursors are retired and no block stays listed.
//!
//! The model is `models/protocols/sweep.rs`.

use crate::{
    memory::{bitmap::ones, poison},
    object::{Header, TypeInfo},
    space::{
        large::{LargeSpace, RunState, RunTable},
        old::OldSpace,
    },
    sync::{atomic::Ordering, mutant},
};

use super::tally::Tally;

/// What a sweep freed.
#[derive(Default, Clone, Copy, Debug)]
pub(crate) struct Swept {
    pub(crate) bytes: usize,
    pub(crate) objects: usize,
}

/// Takes dead objects that need dropping.
pub(crate) trait Dead {
    /// Moves the value of a dead object to the drop queue.
    ///
    /// # Safety
    ///
    /// The object at `address` is of type `info`, and no thread uses it; its memory is reused after
    /// the call.
    unsafe fn enqueue(&mut self, address: *mut u8, info: &'static TypeInfo);

    /// Takes the object of a dead large run, which is of type `info`. It is dropped where it is;
    /// the thread that drops it frees the run.
    fn large(&mut self, page: u32, info: &'static TypeInfo);
}

impl core::ops::AddAssign for Swept {
    fn add_assign(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.objects += other.objects;
    }
}

/// The position of a sweep of the blocks.
#[derive(Default)]
pub(crate) struct Progress {
    next: usize,
}

/// Sweeps up to `count` blocks from where the last call ended, and counts what is alive in them, if
/// there is a tally. Returns `None` when no block is left.
pub(crate) fn blocks(
    old: &mut OldSpace,
    progress: &mut Progress,
    count: usize,
    mut tally: Option<&mut Tally>,
    dead: &mut impl Dead,
) -> Option<Swept> {
    let mut swept = Swept::default();
    let mut done = 0;
    while done < count {
        let next = progress.next;
        if next == old.blocks.len() {
            return (done > 0).then_some(swept);
        }
        progress.next += 1;
        if old.blocks[next].unswept {
            if let Some(tally) = &mut tally {
                count_block(old, next, tally);
            }
            swept += block(old, next, dead);
            done += 1;
        }
    }
    Some(swept)
}

/// Sweeps one block. Marking is complete, and no thread promotes into the block.
fn block(old: &mut OldSpace, block: usize, dead: &mut impl Dead) -> Swept {
    let Some(class) = old.blocks[block].class else { unreachable!("gc-core: an empty block waits to be swept") };
    if old.blocks[block].drops {
        move_out_dead(old, block, dead);
    }
    poison_dead(old, block);
    let (mut before, mut live) = (0, 0);
    for (allocated, mark) in old.bits.allocated.block(block).iter().zip(old.bits.marks.block(block)) {
        // Relaxed, all of them: a thread that uses the bits holds the lock of the old generation, or leads a pause, in which the
        // leader holds it.
        let word = mark.load(Ordering::Relaxed);
        before += allocated.load(Ordering::Relaxed).count_ones() as usize;
        allocated.store(word, Ordering::Relaxed);
        if !mutant::MARKS_STAY.is_planted() {
            mark.store(0, Ordering::Relaxed);
        }
        live += word.count_ones() as usize;
    }
    let swept = Swept { bytes: (before - live) * class.bytes(), objects: before - live };
    old.live_bytes -= swept.bytes;
    old.live_objects -= swept.objects;
    old.swept(block);
    old.close(block as u32, live);
    swept
}

/// Counts the live objects of a block that waits to be swept. Marking is complete.
#[cold]
#[inline(never)]
fn count_block(old: &OldSpace, block: usize, tally: &mut Tally) {
    let Some(class) = old.blocks[block].class else { return };
    // Relaxed: as in `block`.
    for granule in ones(old.bits.marks.block(block).iter().map(|word| word.load(Ordering::Relaxed))) {
        // SAFETY: a mark is that of an old object.
        unsafe { tally.count_live(old.address(block, class, granule), class.bytes()) };
    }
}

/// Moves the values of a block's dead objects that need dropping to the drop queue. Marking is
/// complete.
pub(super) fn move_out_dead(old: &mut OldSpace, block: usize, dead: &mut impl Dead) {
    let Some(class) = old.blocks[block].class else { return };
    let (marks, drops) = (old.bits.marks.block(block), old.bits.drops.block(block));
    // Relaxed: as in `block`.
    let words = marks.iter().zip(drops).map(|(m, d)| d.load(Ordering::Relaxed) & !m.load(Ordering::Relaxed));
    for granule in ones(words) {
        let address = old.address(block, class, granule);
        // SAFETY: a drop bit is set for an object only, and stays set for a dead one until it is swept.
        let info = unsafe { Header::of(address).info() };
        // SAFETY: it was not reached, so no thread uses it.
        unsafe { dead.enqueue(address, info) };
    }
    let mut any = 0;
    for (mark, drop) in marks.iter().zip(drops) {
        // Relaxed, all of them: as in `block`.
        let word = drop.load(Ordering::Relaxed) & mark.load(Ordering::Relaxed);
        drop.store(word, Ordering::Relaxed);
        any |= word;
    }
    old.blocks[block].drops = any != 0;
}

/// Fills dead cells with a pattern, in builds with debug assertions.
fn poison_dead(old: &OldSpace, block: usize) {
    if !cfg!(debug_assertions) {
        return;
    }
    let Some(class) = old.blocks[block].class else { return };
    let (marks, bits) = (old.bits.marks.block(block), old.bits.allocated.block(block));
    // Relaxed: as in `block`.
    let words = marks.iter().zip(bits).map(|(m, a)| a.load(Ordering::Relaxed) & !m.load(Ordering::Relaxed));
    for granule in ones(words) {
        let cell = class.cell_of(granule * crate::memory::GRANULE) * class.bytes();
        let start = old.map.pointer(old.map.block_start(block) + cell);
        // SAFETY: a cell whose object is dead, and whose value was moved out if it needs dropping.
        unsafe { poison::fill(start, class.bytes(), poison::SWEPT) };
    }
}

/// Sweeps up to `count` large objects: frees those that were not marked, and clears the marks of
/// the others, which are counted if there is a tally. Returns `None` when none is left.
pub(crate) fn large(
    space: &mut LargeSpace,
    table: &RunTable,
    count: usize,
    mut tally: Option<&mut Tally>,
    dead: &mut impl Dead,
) -> Option<Swept> {
    let mut swept = Swept::default();
    let from = space.unswept.len().saturating_sub(count);
    if space.unswept.is_empty() {
        return None;
    }
    for page in space.unswept.split_off(from) {
        let run = table.run(page as usize);
        if run.is_marked() {
            run.unmark();
            if let Some(tally) = &mut tally {
                // SAFETY: a marked run holds an old object.
                unsafe { tally.count_live(table.address(page as usize), run.bytes()) };
            }
            space.old.push(page);
        } else {
            swept.bytes += run.bytes();
            swept.objects += 1;
            free_large(space, table, page, dead);
        }
    }
    Some(swept)
}

/// Frees the run of a dead large object, or passes the object on to be dropped first.
pub(crate) fn free_large(space: &mut LargeSpace, table: &RunTable, page: u32, dead: &mut impl Dead) {
    let run = table.run(page as usize);
    if run.drops() {
        run.set_state(RunState::Dead);
        dead.large(page, table.object(page as usize).1);
    } else {
        space.give_back(table, page);
    }
}
