//! Allocation in old cells, by a mutator: of types whose objects nearly always live for long
//! (Harris: *Dynamic adaptive pre-tenuring*, 2000; Blackburn and others: *Pretenuring for Java*,
//! 2001).
//!
//! A mutator has a run of free cells for each of a few types, and puts an object of such a type
//! into the next one: with its allocation bit, and while the old generation is marked, with its
//! mark.
//!
//! - **[old-cells.run]** A run consists of free cells of a block that is open: it is on no list,
//!   and no other run and no promotion cursor has it ([promote.cursor]).
//! - **[old-cells.stopped]** A run is taken and filled by the running owner of the mutator. Each
//!   pause ends all runs, and so does the owner when it detaches: then their blocks are closed, and
//!   counted. A stop that is no pause (of an attaching mutator, of a fork) leaves them.
//! - **[old-cells.born-marked]** While marking, the marker sets marks of the same words. So both
//!   use [`Bitmap::set_shared`]. The mark is set before the object is published, so who finds the
//!   object finds it marked. The model is `models/protocols/old_cells.rs`.
//! - **[old-cells.plain]** The objects hold no cells, and need no dropping. Their pointers are
//!   those that they were made with.
//!
//! [`Bitmap::set_shared`]: crate::memory::bitmap::Bitmap::set_shared

use core::cell::Cell;

use crate::{
    memory::bitmap,
    object::{TypeInfo, size_class::SizeClass},
    space::old::{Bits, OldSpace},
    sync::mutant,
};

use super::promote;

/// The most types whose objects a heap allocates old.
pub(crate) const MOST: usize = 4;

/// Returns the bit that stands for all types of this size.
pub(crate) const fn bit_of(size_with_header: usize) -> u64 {
    1 << (size_with_header / 8 % 64)
}

/// The old cells that a mutator allocates in.
pub(crate) struct OldCells {
    /// The bits of the types below. Others may have the same.
    sizes: Cell<u64>,
    of: [Run; MOST],
    /// Cells taken since the last pause, their bytes, and how many of these are charged.
    objects: Cell<usize>,
    bytes: Cell<usize>,
    charged: Cell<usize>,
}

/// The cells for one type.
#[derive(Default)]
struct Run {
    info: Cell<Option<&'static TypeInfo>>,
    /// The next free cell, and the end of the run.
    next: Cell<usize>,
    end: Cell<usize>,
    block: Cell<Option<u32>>,
}

impl OldCells {
    pub(crate) fn new() -> Self {
        let [objects, bytes, charged] = [0; 3].map(Cell::new);
        Self { sizes: Cell::new(0), of: Default::default(), objects, bytes, charged }
    }

    /// Returns whether a type of this bit may be allocated old.
    #[inline(always)]
    pub(crate) fn may_have(&self, bit: u64) -> bool {
        self.sizes.get() & bit != 0
    }

    /// Sets the types whose objects are allocated old. The world is stopped, or no other thread
    /// knows the mutator yet.
    pub(crate) fn set_types(&self, types: &[&'static TypeInfo]) {
        debug_assert!(self.of.iter().all(|run| run.block.get().is_none()), "a run outlives a pause");
        for (index, run) in self.of.iter().enumerate() {
            run.info.set(types.get(index).copied());
        }
        self.set_sizes();
    }

    fn set_sizes(&self) {
        let infos = self.of.iter().filter_map(|run| run.info.get());
        self.sizes.set(infos.fold(0, |sizes, info| sizes | bit_of(info.shape.size_with_header as usize)));
    }

    /// Has the type of a run allocated young until the next pause: there is no memory for it, and
    /// each allocation would look for some.
    pub(crate) fn give_up(&self, run: usize) {
        self.of[run].info.set(None);
        self.set_sizes();
    }

    /// Returns the bytes of the cells that were taken since the last call, or since the last pause.
    pub(crate) fn take_uncharged(&self) -> usize {
        self.bytes.get() - self.charged.replace(self.bytes.get())
    }

    /// Returns the number of the run for a type, if its objects are allocated old.
    #[inline]
    pub(crate) fn run_of(&self, info: &'static TypeInfo) -> Option<usize> {
        self.of.iter().position(|run| run.info.get().is_some_and(|other| other.is_like(info)))
    }

    /// Takes the next cell of a run for an object, and returns its address: with its allocation
    /// bit, and with its mark while `marking`. `None` at the end of the run.
    #[inline]
    pub(crate) fn take(&self, run: usize, bits: &Bits, info: &'static TypeInfo, marking: bool) -> Option<*mut u8> {
        let run = &self.of[run];
        let cell = run.next.get();
        if cell == run.end.get() {
            return None;
        }
        let bytes = SizeClass::of(info.shape.cell_bytes(info.shape.size_with_header as usize))?.bytes();
        run.next.set(cell + bytes);
        self.objects.set(self.objects.get() + 1);
        self.bytes.set(self.bytes.get() + bytes);
        let address = bits.pointer(cell + info.shape.cell_offset());
        let granule = bits.granule(address.addr());
        if marking && !mutant::ALLOCATED_UNMARKED.is_planted() {
            bits.marks.set_shared(granule);
        }
        debug_assert!(!bits.allocated.is_set(granule), "allocated over an object");
        bits.allocated.set(granule);
        Some(address)
    }

    /// Finds the next run of free cells, in the block or in another one, which `open` opens. `None`
    /// if there is none.
    pub(crate) fn advance(
        &self,
        run: usize,
        old: &mut OldSpace,
        open: impl FnOnce(&mut OldSpace, SizeClass) -> Option<u32>,
    ) -> Option<()> {
        let run = &self.of[run];
        let shape = run.info.get()?.shape;
        let class = SizeClass::of(shape.cell_bytes(shape.size_with_header as usize))?;
        let next_in = |old: &OldSpace, block: u32, from: usize| {
            let (next, end) = promote::free_run(&old.bits, block, class, from)?;
            run.next.set(next);
            run.end.set(end);
            Some(())
        };
        if let Some(block) = run.block.get() {
            if next_in(old, block, run.end.get()).is_some() {
                return Some(());
            }
            // It is full, so it goes on no list ([block.states]).
            run.block.set(None);
        }
        let block = open(old, class)?;
        run.block.set(Some(block));
        next_in(old, block, old.map.block_start(block as usize))
    }

    /// Returns whether there is something to [retire](Self::retire).
    pub(crate) fn are_in_use(&self) -> bool {
        self.objects.get() > 0 || self.of.iter().any(|run| run.block.get().is_some())
    }

    /// Ends all runs: closes their blocks, and counts what was taken. Returns its bytes. The world
    /// is stopped, or the owner detaches.
    pub(crate) fn retire(&self, old: &mut OldSpace) -> usize {
        for run in &self.of {
            run.next.set(0);
            run.end.set(0);
            if let Some(block) = run.block.take() {
                old.close_open(block, bitmap::count(old.bits.allocated.block(block as usize)));
            }
        }
        old.live_objects += self.objects.take();
        let bytes = self.bytes.take();
        self.charged.set(0);
        old.live_bytes += bytes;
        bytes
    }
}
