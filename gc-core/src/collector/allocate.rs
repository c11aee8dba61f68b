//! The slow path of allocation: another chunk, or a run of pages. Never collects; asks for a collection.
//!
//! - **N1** Before nursery memory is handed out, the old part has empty, committed blocks to promote all of the young
//!   generation into, so that a young collection cannot fail half-way.

use core::ptr::NonNull;

use crate::{
    memory::{
        HEADER, Header, TypeInfo, TypeShape,
        blocks::OldSpace,
        chunks::Age,
        large::RunState,
        size_class::{CLASSES, SizeClass},
    },
    safepoint::Reason,
    sync::atomic::Ordering,
};

use super::{background::Job, config::promotion_reserve, event::Event, local::Local, shared::Pages};

/// The hard limit, or the system, does not allow it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub(crate) limit: usize,
    pub(crate) used: usize,
    /// `usize::MAX` for more than there are addresses.
    pub(crate) wanted: usize,
}

/// Memory for an object that is being made: its header says filler until [`publish`](Reserved::publish).
#[derive(Clone, Copy)]
pub(crate) struct Reserved {
    address: NonNull<u8>,
    /// The run's first page, for a large object.
    run: Option<u32>,
}

impl Reserved {
    /// The address that the object will have.
    pub(crate) fn address(self) -> NonNull<u8> {
        self.address
    }

    /// The object is whole.
    ///
    /// # Safety
    ///
    /// Every value of it is written, by the running owner of `local`, as `info` says.
    pub(crate) unsafe fn publish(self, local: &Local, info: &'static TypeInfo) {
        // SAFETY: the header of memory that was reserved for this object.
        unsafe { Header::of(self.address.as_ptr()).write_info(info) };
        match self.run {
            Some(page) => {
                local.shared.runs.run(page as usize).set_state(RunState::Live);
                local.fresh_large.borrow_mut().push(page);
            }
            None if info.drop.is_some() => local.drops.push(self.address),
            None => {}
        }
    }

    /// The object will not be made. Small ones stay fillers.
    pub(crate) fn abandon(self, local: &Local) {
        if let Some(page) = self.run {
            local.shared.large.lock().give_back(&local.shared.runs, page);
        }
    }
}

/// Whether an object is large: in a run of pages of its own.
#[inline(always)]
pub(crate) const fn is_large(shape: &TypeShape, extent: usize) -> bool {
    SizeClass::of(shape.cell_bytes(extent)).is_none()
}

impl Local {
    /// Reserves memory for an object of `extent` bytes from its header.
    pub(crate) fn reserve(&self, shape: &TypeShape, extent: usize) -> Result<Reserved, Refused> {
        self.count_for_stress();
        if is_large(shape, extent) {
            return self.reserve_large(shape, extent);
        }
        let bytes = shape.young_bytes(extent);
        loop {
            if let Some(place) = self.buffer.bump_aligned(bytes, shape.align as usize, shape.slice) {
                let header = Header::at(place);
                // SAFETY: `bytes` of the buffer are ours.
                unsafe { header.write_filler(bytes) };
                let address = NonNull::new(header.address()).expect("no buffer is at the end of memory");
                return Ok(Reserved { address, run: None });
            }
            self.next_chunk(bytes)?;
        }
    }

    /// Exchanges the buffer's chunk for an empty one.
    #[cold]
    #[inline(never)]
    fn next_chunk(&self, wanted: usize) -> Result<(), Refused> {
        let shared = &*self.shared;
        let mut young = shared.young.lock();
        let chunk_bytes = young.space.chunk_bytes();
        if shared.memory.budget.is_far_over() || !self.make_promotable(&mut young, chunk_bytes) {
            drop(young);
            return Err(self.refused(wanted));
        }
        let Some(chunk) = young.space.take(Age::Fresh, |offset, bytes| shared.memory.grow(offset, bytes)) else {
            drop(young);
            return Err(self.refused(wanted));
        };
        // What was allocated counts, not what is in hand: many mutators that allocate little ask for no collection.
        if let Some((before, top)) = self.buffer.retire() {
            young.space.set_top(before, top);
            self.charge_fresh(young.space.used(before));
        }
        self.buffer.refill(chunk, young.space.start(chunk), chunk_bytes);
        Ok(())
    }

    /// N1, for what is young and another chunk.
    fn make_promotable(&self, young: &mut super::shared::Young, chunk_bytes: usize) -> bool {
        let memory = &self.shared.memory;
        let wanted = promotion_reserve((young.space.in_use() + 1) * chunk_bytes);
        let mut old = self.shared.old.lock();
        let ready = |old: &mut OldSpace, wanted| {
            let charge = |bytes| memory.budget.charge(bytes);
            old.ensure_empty(wanted, charge, |offset, bytes| {
                let grown = memory.grow(offset, bytes);
                // Only where much becomes old: the reserve of a program that promotes little is never touched.
                if grown && self.shared.pace.promotes_much() {
                    self.shared.full.ask_to_populate(offset, bytes);
                }
                grown
            })
        };
        // A block per class for each helper is worth having, but not where memory is short.
        let helpers = self.shared.helpers.count() * CLASSES;
        let roomy = memory.budget.used() < memory.budget.limit() / 2;
        if (roomy && ready(&mut old.space, wanted + helpers)) || ready(&mut old.space, wanted) {
            return true;
        }
        drop(old);
        // Free large runs may hold what is missing; so may blocks that wait to be swept.
        self.shared.release_runs(0);
        let mut found = ready(&mut self.shared.old.lock().space, wanted);
        while !found && self.shared.sweep_to_allocate() {
            found = ready(&mut self.shared.old.lock().space, wanted);
        }
        found
    }

    #[cold]
    #[inline(never)]
    fn reserve_large(&self, shape: &TypeShape, extent: usize) -> Result<Reserved, Refused> {
        let shared = &*self.shared;
        let offset = shape.cell_offset();
        let bytes = extent + offset - HEADER;
        if shared.memory.budget.is_far_over() {
            return Err(self.refused(bytes));
        }
        let take = || shared.large.lock().take(&shared.runs, bytes, offset, &mut Pages(&shared.memory));
        let take_what_is_empty = || {
            shared.release_blocks(shared.young.lock(), 0);
            shared.release_runs(0);
            take()
        };
        // Empty blocks and free runs may hold what is missing; so may what waits to be swept.
        let page = take().or_else(take_what_is_empty).or_else(|| {
            while shared.sweep_to_allocate() {}
            take_what_is_empty()
        });
        let Some(page) = page else { return Err(self.refused(bytes)) };
        self.charge_fresh(bytes);
        let address = NonNull::new(shared.runs.address(page as usize)).expect("no run is at address 0");
        Ok(Reserved { address, run: Some(page) })
    }

    /// Counts memory that is handed out to young objects, and asks for a collection when the budget is used up.
    fn charge_fresh(&self, bytes: usize) {
        let pace = &self.shared.pace;
        // Relaxed: a figure.
        pace.fresh_bytes.fetch_add(bytes, Ordering::Relaxed);
        if pace.wants_young() {
            self.poll.raise(Reason::YOUNG);
        }
    }

    #[cold]
    fn refused(&self, wanted: usize) -> Refused {
        let shared = &*self.shared;
        let refused = Refused { limit: shared.memory.budget.limit(), used: shared.memory.budget.used(), wanted };
        self.refused_at.set(shared.full.begun());
        self.poll.raise(Reason::FULL);
        // Once between two collections: a program that can go on will try again and again.
        // Relaxed: told twice at worst.
        if !shared.pace.limit_told.swap(true, Ordering::Relaxed) {
            let event = Event::LimitReached { limit: refused.limit, used: refused.used };
            shared.background.post(Job::Tell(event));
        }
        refused
    }

    #[inline]
    fn count_for_stress(&self) {
        let every = self.shared.config.stress.every_allocation;
        if every != 0 {
            let count = self.stress_count.get().wrapping_add(1);
            self.stress_count.set(count);
            if count.is_multiple_of(every) {
                self.poll.raise(Reason::YOUNG);
            }
        }
    }
}
