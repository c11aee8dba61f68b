//! Pretenuring: objects of types that nearly always live for long are allocated old, and never
//! copied.
//!
//! Where much survives, each minor collection looks into one chunk of what it has evacuated, and
//! counts for each type what was allocated there and what survived. A type nearly all of whose
//! objects survive in three collections is allocated old, once the heap [expects what survives to
//! live for long](super::nursery::Nursery::expects_long_lives), as it nearly always survives twice.
//! That is asked again now and then: then the type is allocated young until the next collection.
//!
//! - **[pretenuring.reserve]** A run of old cells is taken from a block with free cells, or from an
//!   empty one beyond those that promotion of what is young may need ([refill.reserve]). Near the
//!   hard limit there is none. Where there is none, the type is allocated young until the next
//!   pause. While allocation sites are tracked, so is everything.
//! - **[pretenuring.charged]** The bytes of its objects count as allocated in the nursery, when the
//!   run is full. So collections are due as often as without it, and find how the old generation
//!   has grown.
//! - **[pretenuring.in-hand]** A mutator that allocates little has blocks in hand all the same. The
//!   more mutators are awake, the fewer types are allocated old, so that all of these blocks have
//!   [`IN_HAND`] bytes at most.
//! - **[pretenuring.bounded]** A type whose objects die is found by the next question. There is one
//!   after 16 collections at first, then after twice as many each time, up to 128: so long may
//!   garbage become old.

use core::ptr::NonNull;

use crate::{
    memory::BLOCK,
    object::TypeInfo,
    space::{old::OldSpace, young::Age},
};

use super::{attachment::Attachment, stopped_heap::StoppedHeap, trim};

/// The most bytes of blocks that all mutators allocate in.
const IN_HAND: usize = 16 << 20;

/// Returns how many types are allocated old where so many mutators are awake
/// ([pretenuring.in-hand]): each has a block in hand for each.
fn most_types(mutators: usize) -> usize {
    IN_HAND / BLOCK / mutators.max(1)
}

impl StoppedHeap<'_> {
    /// Chooses the types that are allocated old. Everything reachable was evacuated, and from-space
    /// is not reused yet.
    pub(super) fn look_for_old_types(&mut self, much_survived: bool) {
        let young = &mut *self.young;
        let old_types = &young.old_types;
        let stress = self.collector.config.stress.pretenure;
        let for_long = young.nursery.expects_long_lives();
        let looks = stress || for_long || much_survived || old_types.knows_any();
        if looks && !young.near {
            let mut fresh = young.space.of_age(Age::Fresh);
            // Another one each time, as what was allocated last has had the least time to die.
            if let Some(chunk) =
                fresh.find(|&chunk| chunk > old_types.chunk).or_else(|| young.space.of_age(Age::Fresh).next())
            {
                young.old_types.chunk = chunk;
                // SAFETY: the world is stopped, and the caller has evacuated what is reachable.
                unsafe { young.old_types.look(&young.space, chunk) };
            }
            if stress {
                young.old_types.take_all();
            }
            young.old_types.learn(young.space.chunk_bytes(), for_long);
        } else {
            young.old_types.forget();
        }
        let types = young.old_types.types(most_types(self.mutators.len()));
        for attached in self.mutators {
            attached.state().old_cells.set_types(&types);
        }
    }
}

impl Attachment {
    /// Returns memory for an object of `info` in the old part, with its bits
    /// ([old-cells.born-marked]). The caller writes it at once.
    #[inline]
    pub(crate) fn old_cell(&self, info: &'static TypeInfo) -> Option<NonNull<u8>> {
        let run = self.old_cells.run_of(info)?;
        if self.collector.sites.number() != 0 {
            // Samples are taken where objects are allocated young.
            return None;
        }
        let (bits, marking) = (&self.collector.bits, self.barrier.is_marking());
        let address = match self.old_cells.take(run, bits, info, marking) {
            Some(address) => address,
            None => {
                if self.next_old_run(run).is_none() {
                    self.old_cells.give_up(run);
                    return None;
                }
                self.old_cells.take(run, bits, info, marking)?
            }
        };
        NonNull::new(address)
    }

    /// Finds the next run of old cells ([pretenuring.reserve], [pretenuring.charged]).
    #[cold]
    #[inline(never)]
    fn next_old_run(&self, run: usize) -> Option<()> {
        let collector = &*self.collector;
        collector.idle.note_activity(&collector.major);
        if collector.headroom.is_nearly_full() || collector.memory.budget.is_far_over() {
            return None;
        }
        collector.memory.commit_ahead(0, BLOCK);
        collector.memory.committed(|| {
            let mut young = collector.young.lock();
            if young.near {
                return None;
            }
            let old = &mut collector.old.lock().space;
            let wanted = trim::ready(collector, &young, old) + 1;
            let advanced = self.old_cells.advance(run, old, |old: &mut OldSpace, class| {
                let roomy = !old.listed(class).is_empty() || old.ensure_empty(wanted, &collector.memory);
                if roomy { old.open(class) } else { None }
            });
            // [refill.known-ready]
            young.ready = old.ready();
            advanced
        })?;
        self.charge_fresh(self.old_cells.take_uncharged());
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Collect, Gc, Heap};

    /// [pretenuring.in-hand]
    #[test]
    fn blocks_in_hand_are_bounded() {
        assert_eq!(most_types(0), most_types(1));
        for mutators in 1..2000 {
            assert!(mutators * most_types(mutators) * BLOCK <= 16 << 20, "{mutators} mutators");
        }
        assert_eq!(most_types(2000), 0, "nothing is allocated old where there are very many");
    }

    /// [pretenuring.reserve]
    #[test]
    fn a_type_that_no_memory_was_found_for_is_allocated_young_until_the_next_pause() {
        let heap = Heap::builder().stress("pretenure".parse().unwrap()).build().unwrap();
        let mut m = heap.attach().unwrap();
        let collector = heap.collector();
        let is_old = |address: *const u64| collector.map.old.contains(address.addr());
        drop(m.root(m.alloc(0_u64)));
        m.collect(Collect::Promote);
        let near = |near| collector.young.lock().near = near;
        near(true);
        assert!(!is_old(&*m.alloc(1_u64)), "near the limit");
        near(false);
        assert!(!is_old(&*m.alloc(2_u64)), "each allocation would look for memory");
        m.collect(Collect::Promote);
        assert!(is_old(&*m.alloc(3_u64)));
    }

    /// [refill.known-ready]
    #[test]
    fn who_takes_a_block_says_how_many_are_ready() {
        let heap = Heap::builder().stress("pretenure".parse().unwrap()).build().unwrap();
        let mut m = heap.attach().unwrap();
        let mut kept = m.root(Vec::<Gc<'_, [u64; 32]>>::new());
        let (collector, mut fewer) = (heap.collector(), 0);
        for n in 0..4000 {
            let before = collector.old.lock().space.ready();
            let more = m.alloc([n; 32]);
            kept.get_mut(&m).push(more);
            let (young, old) = (collector.young.lock().ready, collector.old.lock().space.ready());
            assert!(young <= old, "{young} blocks are said to be ready, and {old} are");
            fewer += usize::from(old < before);
            if n % 500 == 0 {
                m.collect(Collect::Promote);
            }
        }
        assert!(fewer > 5, "{fewer} blocks were taken");
    }
}
