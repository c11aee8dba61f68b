//! Evacuating blocks of the old part: the live objects of a block are moved into free cells of
//! other blocks of its class.
//!
//! - **[vacate.stopped]** The world is stopped and nothing is young. No thread has a guard, a copy
//!   of an address, or a list with old addresses except those that are updated: roots, objects,
//!   recorded places, and tables that follow ([`FollowMoves`]).
//! - **[vacate.order]** First the objects of all blocks are moved, which leaves forwarding
//!   addresses in the headers. Then all pointers are updated (`update`). Then the blocks become
//!   empty. Until then the blocks keep their bits.
//! - **[vacate.whole]** An object moves as bytes, with the lock words and the logged bits of its
//!   cells: no guard survives a stop ([cell.stop]), and no cell is remembered, so none is logged.
//!   It takes its allocation bit, its mark and its drop bit along.
//! - **[vacate.dead]** A dead object with a destructor is moved to the drop queue before its block
//!   becomes empty, as by a sweep.

use crate::{
    memory::{
        bitmap::{self, BLOCK_WORDS, ones, prefetch},
        poison,
    },
    object::{HEADER, Header, copy_object},
    space::old::{OldSpace, address_in},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        mutant,
    },
};

use super::{
    promote::Cursors,
    sweep::{self, Dead, Swept},
};

/// A table that is keyed by the addresses of objects. It follows each object that moves in the old
/// part.
pub(crate) trait FollowMoves {
    /// The object at `from` was moved to `to`. Called once for each object that moves, before any
    /// pointer is updated.
    fn moved(&mut self, from: *mut u8, to: *mut u8);
}

/// Which objects of a block are alive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Alive {
    /// The marked ones: marking is complete.
    Marked,
    /// All of them: every block is swept.
    Allocated,
}

/// What was moved.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) objects: usize,
    /// Bytes of cells.
    pub(crate) bytes: usize,
}

impl core::ops::AddAssign for Moved {
    fn add_assign(&mut self, other: Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
    }
}

/// Objects ahead of the one that is moved, whose headers are prefetched.
const AHEAD: usize = 8;

fn load(words: &[AtomicU64; BLOCK_WORDS]) -> [u64; BLOCK_WORDS] {
    // Relaxed: the world is stopped.
    words.each_ref().map(|word| word.load(Ordering::Relaxed))
}

/// Returns the bits of the live objects of a block.
fn words(old: &OldSpace, block: u32, alive: Alive) -> &[AtomicU64; BLOCK_WORDS] {
    match alive {
        Alive::Marked => old.bits.marks.block(block as usize),
        Alive::Allocated => old.bits.allocated.block(block as usize),
    }
}

/// Returns how many objects of a block are alive.
pub(crate) fn count(old: &OldSpace, block: u32, which: Alive) -> usize {
    bitmap::count(words(old, block, which))
}

/// Calls `visit` with the address of every object in a block.
pub(crate) fn for_each(old: &OldSpace, block: u32, visit: impl FnMut(*mut u8)) {
    let Some(class) = old.blocks[block as usize].class else { return };
    ones(load(words(old, block, Alive::Allocated)))
        .map(|granule| old.address(block as usize, class, granule))
        .for_each(visit);
}

/// Moves the live objects of a block elsewhere. Moves dead ones that need dropping to the drop
/// queue.
///
/// [vacate.stopped] holds, the block is a candidate, and there is room for its objects
/// ([`OldSpace::room`]).
pub(crate) fn move_out(
    old: &mut OldSpace,
    cursors: &mut Cursors,
    block: u32,
    which: Alive,
    dead: &mut impl Dead,
    tables: &mut impl FollowMoves,
) -> Moved {
    let Some(class) = old.blocks[block as usize].class else { unreachable!("gc-core: an empty block is evacuated") };
    if which == Alive::Marked && old.blocks[block as usize].drops && !mutant::EVACUATED_DEAD_ARE_LOST.is_planted() {
        sweep::move_out_dead(old, block as usize, dead);
    }
    let live = load(words(old, block, which));
    let (map, bits) = (old.map, old.bits.clone());
    let address = |granule| address_in(&map, block as usize, class, granule);
    let old = Mutex::new(old);
    let mut ahead = ones(live).map(address).skip(AHEAD);
    let mut moved = Moved::default();
    for from in ones(live).map(address) {
        if let Some(later) = ahead.next() {
            prefetch(later.wrapping_sub(HEADER));
        }
        // SAFETY: an allocation bit is that of an object, which was not moved before.
        let header = unsafe { Header::of(from) };
        // SAFETY: as above.
        let info = unsafe { header.info() };
        // SAFETY: an object of this type.
        let size_with_header = unsafe { info.size_with_header(from) };
        let (to, of) = cursors.place(&old, &bits, info, size_with_header);
        debug_assert_eq!(of, class);
        cursors.take(&bits, to, of, info);
        // SAFETY: both ranges run from the header over `size_with_header` bytes, and no other code uses the new one.
        unsafe { copy_object(from.sub(HEADER), to.sub(HEADER), size_with_header) };
        // SAFETY: the world is stopped and the object was copied ([header.forwards-stopped]).
        unsafe { header.forward(to) };
        tables.moved(from, to);
        moved += Moved { objects: 1, bytes: class.bytes() };
    }
    moved
}

/// Makes a block empty whose objects were moved out ([vacate.order]). Returns what was dead in it.
pub(crate) fn empty(old: &mut OldSpace, block: u32, moved: usize) -> Swept {
    let index = block as usize;
    let Some(class) = old.blocks[index].class else { unreachable!("gc-core: an empty block is emptied") };
    let objects = count(old, block, Alive::Allocated);
    for bits in [&old.bits.allocated, &old.bits.marks, &old.bits.drops] {
        for word in bits.block(index) {
            // Relaxed: the world is stopped.
            word.store(0, Ordering::Relaxed);
        }
    }
    // The copies were counted when they took their cells.
    old.live_bytes -= objects * class.bytes();
    old.live_objects -= objects;
    // SAFETY: no pointer leads here any more ([vacate.order]).
    unsafe { poison::fill(old.map.pointer(old.map.block_start(index)), crate::memory::BLOCK, poison::EVACUATED) };
    old.emptied(block);
    Swept { bytes: (objects - moved) * class.bytes(), objects: objects - moved }
}
