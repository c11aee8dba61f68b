//! The slow path of allocation: takes another chunk, or a run. It never collects, but it may
//! request a collection.
//!
//! - **[refill.reserve]** Before nursery memory is handed out, the old generation has enough empty,
//!   committed blocks to promote the whole young generation into, so that a minor collection cannot
//!   fail half-way.
//! - **[refill.known-ready]** Blocks that are ready become fewer only in pauses, and, under the
//!   lock of the young generation, where memory is given back and where a mutator takes one to
//!   allocate old ([pretenuring.reserve]). So that lock guards a number below which they do not
//!   fall. Where it is enough, an allocation does without the lock of the old generation while
//!   another thread has that: a thread that sweeps has it most of the time, and the system may run
//!   another process in its place.

use core::{num::NonZero, panic::Location, ptr::NonNull};

use crate::{
    memory::{
        PAGE,
        address_map::{BLOCK, GROUP},
    },
    object::{
        HEADER, Header, TypeInfo, TypeShape,
        size_class::{CLASSES, SizeClass, promotion_reserve},
    },
    safepoint::Reason,
    space::{large::LargeSpace, young::MIN_REGION},
    stats::{MemoryReport, event::Event},
};

use super::{
    attachment::Attachment,
    collector::Collector,
    generations::Young,
    headroom::WINDOW,
    jobs::Job,
    near_limit,
    report::memory_report,
    sampling, sweeping,
    trim::{self, Lack},
};

/// An allocation that the hard limit, the reservation or the system refused.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// The memory of the heap at that moment.
    pub(crate) report: Box<MemoryReport>,
    /// `usize::MAX` for more bytes than there are addresses.
    pub(crate) wanted: usize,
    /// Whether the heap was nearly full, so that there may be memory that only `alloc` gets.
    pub(crate) early: bool,
    /// Whether a major cycle was promised.
    pub(crate) collects: bool,
}

impl Refused {
    /// Refuses an object of more bytes than there are addresses: nothing that the program releases
    /// makes room for it.
    pub(crate) fn absurd(collector: &Collector) -> Self {
        let report = Box::new(memory_report(collector));
        Self { report, wanted: usize::MAX, early: false, collects: false }
    }
}

/// Memory for an object under construction. Its header is that of a filler until
/// [`publish`](Reserved::publish).
#[derive(Clone, Copy)]
pub(crate) struct Reserved {
    address: NonNull<u8>,
    kind: Kind,
}

/// What is to be said of an object when it is complete, beside its type.
#[derive(Clone, Copy)]
enum Kind {
    Plain,
    Other {
        /// The first page of the run, for a large object.
        run: Option<u32>,
        /// For a sample, the number of the session of tracking.
        sampled_in: Option<NonZero<u64>>,
    },
}

impl Reserved {
    /// Returns the address that the object will have.
    pub(crate) fn address(self) -> NonNull<u8> {
        self.address
    }

    /// Makes the memory an object, which is complete now.
    ///
    /// # Safety
    ///
    /// The running owner of `local` has written every value of the object, as `info` describes it.
    #[track_caller]
    pub(crate) unsafe fn publish(self, local: &Attachment, info: &'static TypeInfo) {
        // SAFETY: the header of memory that was reserved for this object, whose values the caller has written.
        unsafe { Header::of(self.address.as_ptr()).write_info(info) };
        match self.kind {
            // SAFETY: an object since just now. The caller runs the mutator.
            Kind::Other { run, sampled_in } => unsafe { self.publish_other(local, info, run, sampled_in) },
            Kind::Plain if info.drop.is_some() => local.drops.push(self.address),
            Kind::Plain => {}
        }
    }

    /// Publishes a large object, or a sample.
    ///
    /// # Safety
    ///
    /// As for [`publish`](Self::publish), with the header written.
    #[cold]
    #[inline(never)]
    #[track_caller]
    unsafe fn publish_other(
        self,
        local: &Attachment,
        info: &'static TypeInfo,
        run: Option<u32>,
        sampled_in: Option<NonZero<u64>>,
    ) {
        match run {
            Some(page) => {
                local.collector.runs.run(page as usize).publish(info.drop.is_some());
                local.fresh_large.borrow_mut().push(page);
            }
            None if info.drop.is_some() => local.drops.push(self.address),
            None => {}
        }
        if let Some(session) = sampled_in {
            // SAFETY: the caller's: an object, which its running mutator has made.
            unsafe { sampling::sample(local, session, self.address, info, Location::caller()) };
        }
    }

    /// Abandons an object that will not be completed. A small one stays a filler.
    pub(crate) fn abandon(self, local: &Attachment) {
        if let Kind::Other { run: Some(page), .. } = self.kind {
            local.collector.large.lock().give_back(&local.collector.runs, page);
        }
    }
}

/// Returns whether an object is large, which means that it has a run of its own.
#[inline(always)]
pub(crate) const fn is_large(shape: &TypeShape, size_with_header: usize) -> bool {
    SizeClass::of(shape.cell_bytes(size_with_header)).is_none()
}

/// The bytes of chunks that are committed ahead: a pause may need some for survivors.
const AHEAD: usize = 1 << 20;

impl Attachment {
    /// Reserves memory for an object of `size_with_header` bytes, its header included. With
    /// `INSIST`, a nearly full heap gives what it has ([headroom.promise]).
    pub(crate) fn reserve<const INSIST: bool>(
        &self,
        shape: &TypeShape,
        size_with_header: usize,
    ) -> Result<Reserved, Refused> {
        self.count_for_stress();
        if is_large(shape, size_with_header) {
            return self.reserve_large::<INSIST>(shape, size_with_header);
        }
        let bytes = shape.young_bytes(size_with_header);
        let (place, kind) = match self.buffer.bump_aligned(bytes, shape.align as usize, shape.slice) {
            Some(place) => (place, Kind::Plain),
            None => self.bump_past_end::<INSIST>(shape, bytes)?,
        };
        let header = Header::at(place);
        // SAFETY: `bytes` of the buffer from `place` on belong to this allocation.
        unsafe { header.write_filler(bytes) };
        let address = NonNull::new(header.address()).expect("no buffer is at the end of memory");
        Ok(Reserved { address, kind })
    }

    /// Reserves memory for an object that reaches beyond the end of the buffer's fast path: it is a
    /// sample, or needs another region.
    #[cold]
    #[inline(never)]
    fn bump_past_end<const INSIST: bool>(
        &self,
        shape: &TypeShape,
        bytes: usize,
    ) -> Result<(NonNull<u8>, Kind), Refused> {
        sampling::follow(self);
        loop {
            match self.buffer.bump_past_end(bytes, shape.align as usize, shape.slice) {
                Some((place, true)) => {
                    let sampled_in = self.sampler.sampled(&self.buffer);
                    return Ok((place, Kind::Other { run: None, sampled_in }));
                }
                Some((place, false)) => return Ok((place, Kind::Plain)),
                None => self.next_region::<INSIST>(bytes, shape.align as usize)?,
            }
        }
    }

    /// Replaces the buffer's region with another one, for an object of `wanted` bytes and the gap
    /// before it.
    #[cold]
    #[inline(never)]
    fn next_region<const INSIST: bool>(&self, wanted: usize, align: usize) -> Result<(), Refused> {
        let collector = &*self.collector;
        collector.idle.note_activity(&collector.major);
        let early = !INSIST && collector.headroom.is_nearly_full();
        let bearable = || (!collector.memory.budget.is_far_over()).then_some(());
        if early || trim::found_or_trimmed(collector, bearable).is_none() {
            return Err(self.refused(wanted, false));
        }
        // What a chunk more may need.
        let chunk_bytes = collector.config.chunk_bytes;
        let blocks = promotion_reserve(chunk_bytes) + collector.workers.count() * CLASSES + GROUP;
        collector.memory.commit_ahead(AHEAD.max(chunk_bytes), blocks * BLOCK);
        let least = wanted + if align > 8 { align } else { 0 };
        let take = |window| {
            trim::found_or_freed(collector, |young, at_ease| {
                if young.near {
                    near_limit::next_region(self, young, least, window)
                } else {
                    self.take_next_region(young, least, at_ease)
                }
            })
        };
        if [WINDOW, MIN_REGION].into_iter().any(take) { Ok(()) } else { Err(self.refused(wanted, false)) }
    }

    /// Replaces the buffer's region with one for an object of at most `least` bytes, if there is
    /// memory.
    fn take_next_region(&self, young: &mut Young, least: usize, at_ease: bool) -> Result<(), Lack> {
        let chunk_bytes = self.collector.config.chunk_bytes;
        if !self.make_promotable(young, chunk_bytes, at_ease) {
            return Err(Lack::Blocks);
        }
        let bytes = self.buffer.wanted(chunk_bytes);
        let region = near_limit::take_region(&self.collector, young, least, bytes)?;
        // The bytes that were allocated count, not the bytes of the region: many mutators that allocate little request no
        // collection.
        if let Some((before, top)) = self.buffer.retire() {
            young.space.retire_region(before, top);
            self.charge_fresh(top - before.start.addr());
        }
        self.buffer.refill(region);
        Ok(())
    }

    /// Establishes [refill.reserve] for the young generation and another chunk. Returns whether
    /// that succeeded.
    fn make_promotable(&self, young: &mut Young, chunk_bytes: usize, at_ease: bool) -> bool {
        let memory = &self.collector.memory;
        let wanted = promotion_reserve((young.space.in_use() + 1) * chunk_bytes);
        let mut old = match self.collector.old.try_lock() {
            Some(old) => old,
            // [refill.known-ready].
            None if young.ready >= wanted => return true,
            None => self.collector.old.lock(),
        };
        let old = &mut old.space;
        // One more block per class for each GC worker is useful, unless memory is short.
        let gc_workers = self.collector.workers.count() * CLASSES;
        let roomy = at_ease && memory.budget.used() < memory.budget.limit() / 2;
        let promotable = (roomy && old.ensure_empty(wanted + gc_workers, memory)) || old.ensure_empty(wanted, memory);
        young.ready = old.ready();
        // The reserve is for the worst case. What is expected is backed ahead of the pause, where that is much.
        while let Some(offset) = self.collector.pacing.expected_blocks().and_then(|blocks| old.take_bare(blocks)) {
            self.collector.major.ask_to_populate(offset, GROUP * BLOCK);
        }
        promotable
    }

    #[cold]
    #[inline(never)]
    fn reserve_large<const INSIST: bool>(
        &self,
        shape: &TypeShape,
        size_with_header: usize,
    ) -> Result<Reserved, Refused> {
        let collector = &*self.collector;
        sampling::follow(self);
        collector.idle.note_activity(&collector.major);
        let offset = shape.cell_offset();
        let bytes = size_with_header + offset - HEADER;
        let early = !INSIST && collector.headroom.is_nearly_full();
        if early || collector.memory.budget.is_far_over() {
            return Err(self.refused(bytes, true));
        }
        let take = || take_run(collector, bytes, offset, shape.align as usize);
        let take_what_is_empty = || {
            while trim::release_some(collector) {
                if let Some(page) = take() {
                    return Some(page);
                }
            }
            take()
        };
        // Empty blocks and free runs may hold the missing memory, and so may blocks and runs that wait to be swept.
        let page = trim::found_or_trimmed(collector, || {
            take().or_else(take_what_is_empty).or_else(|| {
                while sweeping::sweep_to_allocate(collector) {}
                take_what_is_empty()
            })
        });
        let Some(page) = page else { return Err(self.refused(bytes, true)) };
        collector.headroom.note_run(collector.runs.run(page as usize).bytes().next_multiple_of(PAGE));
        self.charge_fresh(bytes);
        let address = NonNull::new(collector.runs.address(page as usize)).expect("no run is at address 0");
        let sampled_in = self.sampler.is_sample(size_with_header);
        Ok(Reserved { address, kind: Kind::Other { run: Some(page), sampled_in } })
    }

    /// Counts memory that is handed out to young objects, and requests a collection when the young
    /// budget is used up.
    pub(crate) fn charge_fresh(&self, bytes: usize) {
        if self.collector.pacing.count_fresh(bytes) {
            self.poll.raise(Reason::MINOR);
        }
    }

    /// Counts what is in the buffer, and in the old cells, of a mutator that is about to detach.
    pub(crate) fn charge_in_hand(&self) {
        self.charge_fresh(self.buffer.used() + self.old_cells.take_uncharged());
    }

    #[cold]
    fn refused(&self, wanted: usize, large: bool) -> Refused {
        let collector = &*self.collector;
        let report = Box::new(memory_report(collector));
        let (limit, used) = (report.limit, report.counted);
        let collects = collector.headroom.refuse(large);
        let refused = Refused { report, wanted, early: collector.headroom.is_nearly_full(), collects };
        if collects {
            self.refused_at.set(collector.major.promise());
            self.poll.raise(Reason::MAJOR);
        }
        if collector.pacing.tell_limit() {
            let event = Event::LimitReached { limit, used };
            collector.background.post(Job::Report(event));
        }
        refused
    }

    #[inline]
    fn count_for_stress(&self) {
        let every = self.collector.config.stress.every_allocation;
        if every != 0 {
            let count = self.stress_count.get().wrapping_add(1);
            self.stress_count.set(count);
            if count.is_multiple_of(every) {
                self.poll.raise(Reason::MINOR);
            }
        }
    }
}

/// Takes a run for an object whose cell has `bytes` and lies on a multiple of `align`, with the
/// object's address `offset` bytes into it. The caller holds no lock.
fn take_run(collector: &Collector, bytes: usize, offset: usize, align: usize) -> Option<u32> {
    let (memory, runs) = (&collector.memory, &collector.runs);
    let taken = collector.large.lock().take(runs, bytes, offset, align, |bytes| memory.budget.charge(bytes))?;
    let Some(bare) = taken.bare else { return Some(taken.page) };
    let committed = memory.commit(LargeSpace::offset(&collector.map, bare), bare.bytes);
    let mut large = collector.large.lock();
    if committed {
        large.committed(runs, taken);
        return Some(taken.page);
    }
    memory.budget.discharge(large.put_bare(runs, taken));
    None
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use crate::{Collect, Heap, Stress};

    /// A thread that sweeps has the lock of the old generation, and the system does not run it.
    #[test]
    fn a_mutator_takes_chunks_while_another_thread_has_the_old_generation() {
        let heap = Heap::builder().stress(Stress::default()).idle_after(Duration::MAX).build().unwrap();
        let mut m = heap.attach().unwrap();
        m.alloc([0_u64; 127]);
        for _ in 0..2 {
            // After the pause, too, it is known how many blocks are ready.
            let (allocated, has) = mpsc::channel();
            thread::scope(|scope| {
                let heap = &heap;
                let (locked, is_locked) = mpsc::channel();
                let sweeper = scope.spawn(move || {
                    let old = heap.collector().old.lock();
                    locked.send(()).unwrap();
                    let got = has.recv_timeout(Duration::from_secs(60));
                    drop(old);
                    assert!(got.is_ok(), "the mutator waits for the lock");
                });
                is_locked.recv().unwrap();
                for _ in 0..1000 {
                    m.alloc([0_u64; 127]);
                }
                allocated.send(()).unwrap();
                sweeper.join().unwrap();
            });
            m.collect(Collect::Young);
        }
    }
}
