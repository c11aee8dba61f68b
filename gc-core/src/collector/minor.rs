//! A minor collection, in a pause: evacuates the reachable young objects, and passes dead ones on
//! to be dropped or frees them.

use core::ptr::NonNull;

use crate::{
    memory::poison,
    object::{
        Header, HeaderWord, TypeInfo,
        size_class::{CLASSES, promotion_reserve},
    },
    old::sweep::{self, Dead},
    roots::Survival,
    settings::stress::PromoteBy,
    space::young::Age,
    stats::Collect,
    sync::{Mutex, held, mutant},
    young::{self, Evacuated, Evacuation, Evacuator, Policy, Survivors, ToSpace},
};

use super::{
    collector::Collector, generations::Old, major_cycle::Phase, nursery::Found, promotion::Promotion, registered_young,
    stopped_heap::StoppedHeap,
};

impl StoppedHeap<'_> {
    /// Collects the young generation. Also returns what the size of the nursery depends on.
    pub(crate) fn minor(&mut self, collect: Collect) -> (Evacuated, Found) {
        self.minor_then(collect, |_| ())
    }

    /// Collects the young generation, with a step after all that is reachable was evacuated
    /// ([pairs.rounds]).
    fn minor_then(&mut self, collect: Collect, afterwards: impl FnOnce(&mut dyn Survivors)) -> (Evacuated, Found) {
        let policy = policy(self.collector, collect);
        let collector = self.collector;
        let used = |age| self.young.space.of_age(age).map(|chunk| self.young.space.used(chunk)).sum();
        let (fresh, aged, remembered) = (used(Age::Fresh), used(Age::Survivor), self.young.remembered.len());
        let mut registered = collector.registered.take_young();
        let mut evacuated = self.evacuate_young(policy, |survivors| {
            afterwards(survivors);
            registered_young::reclaim(collector, &mut registered, survivors);
        });
        let Old { space: old, cursors, .. } = &mut *self.old;
        for cursors in cursors {
            cursors.flush(old);
        }
        self.count_young(policy.all);
        self.follow_registered(registered);
        self.reclaim_young();
        let Evacuated { copied, promoted, pointers, .. } = evacuated;
        self.look_for_old_types(2 * (copied + promoted) >= fresh);
        self.young.remembered = core::mem::take(&mut evacuated.remembered);
        // SAFETY: from-space is dead: live objects are evacuated, and dead ones that need dropping are in the drop queue.
        self.young.space.flip(|start, used| unsafe { poison::fill(start, used, poison::FROM_SPACE) });
        (evacuated, Found { fresh, aged, copied, promoted, pointers, remembered, all: policy.all })
    }

    /// Evacuates the young objects that are reachable.
    fn evacuate_young(&mut self, policy: Policy, afterwards: impl FnOnce(&mut dyn Survivors)) -> Evacuated {
        let collector = self.collector;
        let gc_workers = self.gc_workers();
        let threshold = self.parallel_threshold(gc_workers);
        let remembered = core::mem::take(&mut self.young.remembered);
        let Old { space: old, cursors, .. } = &mut *self.old;
        let (ages, bits) = (self.young.space.ages.clone(), old.bits.clone());
        let grow = |offset, bytes| collector.memory.grow_in_a_pause(offset, bytes);
        let populate = |offset, bytes| held::in_a_pause(|| collector.memory.populate(offset, bytes));
        let to_space = ToSpace::new(&mut self.young.space, &grow, &populate);
        let evacuation = Evacuation {
            map: collector.map,
            runs: &collector.runs,
            candidates: &collector.candidates,
            ages: &ages,
            to_space,
            policy,
            pool: &collector.workers.pool,
            parallel_threshold: threshold,
        };
        let old = Mutex::new(old);
        let mut promotions = cursors.iter_mut().map(|cursors| Promotion::new(&old, &bits, cursors));
        let first = promotions.next().expect("cursors for one worker at least");
        let mut leader = Evacuator::new(&evacuation, first);
        if !mutant::SKIP_ROOTS.is_planted() {
            // SAFETY: a root's value, of its type; the world is stopped, so no code borrows it.
            let visit = |info: &'static TypeInfo, value| unsafe { leader.root(info, value, 1) };
            let found = self.roots.look_for_young(survival(policy), visit);
            self.dead.take_over(found);
        }
        collector.registered.queues.visit(true, |word| {
            let word = word.cast::<NonNull<u8>>();
            // At once, as it may be gone when its turn came ([queues.words]).
            // SAFETY: a word that points to an object; the world is stopped, and the queue is locked.
            unsafe { word.write(leader.evacuate(word.read())) };
        });
        // SAFETY: the remembered set of this heap; the world is stopped.
        unsafe { leader.remembered(remembered) };
        let gc_workers = promotions.take(gc_workers).collect();
        let (mut evacuated, promotions) =
            young::evacuate_reachable(leader, &evacuation, &collector.workers.pool, gc_workers, afterwards);
        collector.stats.record_ephemerons(evacuated.ephemeron_looks, evacuated.ephemerons_cleared);
        let entries = core::mem::take(&mut evacuated.cleared_entries);
        collector.registered.queues.hand_over_entries(entries, collector.generations());
        let marking = collector.major.phase() == Phase::Marking;
        for page in promotions.into_iter().flat_map(|promotion| promotion.large) {
            if marking {
                // It is born marked, as every promoted object is while marking.
                collector.runs.run(page as usize).mark();
            }
            self.large.old.push(page);
        }
        evacuated
    }

    /// Returns the parallel threshold of this pause: the bytes that the leader copies before GC
    /// workers join. Wakes the workers if much is expected to survive.
    fn parallel_threshold(&self, gc_workers: usize) -> usize {
        let usual = self.collector.config.parallel_threshold;
        let expected = self.collector.pacing.expected_survivors();
        if gc_workers == 0 {
            usize::MAX
        } else if expected < 2 * usual {
            usual
        } else {
            self.collector.workers.pool.wake();
            usual / 16
        }
    }

    /// Returns how many GC workers may copy: each needs an empty block per class beyond the blocks
    /// that promotion may take ([promote.room], [census.workers]).
    fn gc_workers(&self) -> usize {
        let space = &self.young.space;
        let reserved = if self.young.near {
            self.young.census.blocks(self.old.space.free_cells(), 0)
        } else {
            promotion_reserve(space.in_use() * space.chunk_bytes())
        };
        let spare = self.old.space.ready().saturating_sub(reserved) / CLASSES;
        let workers = &self.collector.workers;
        let stress = self.collector.config.stress.workers != 0;
        if stress { workers.count() } else { workers.reliable() }.min(spare)
    }

    /// Queues the dead young objects that need dropping, and frees large objects that were not
    /// reached.
    fn reclaim_young(&mut self) {
        let (collector, dead) = (self.collector, &mut self.dead);
        let map = collector.map;
        self.young.drops.retain_mut(|address| {
            // SAFETY: an object in from-space, whose memory is not reused yet.
            match unsafe { Header::of(address.as_ptr()).read() } {
                HeaderWord::Forwarded(to) => {
                    *address = NonNull::new(to).expect("no object is at address 0");
                    // A promoted object has a drop bit instead.
                    map.young.contains(to.addr())
                }
                HeaderWord::Info(info) => {
                    // SAFETY: the object was not reached, so no other code uses it, and its memory is reused only after this.
                    unsafe { dead.enqueue(address.as_ptr(), info) };
                    false
                }
                HeaderWord::Filler(_) => unreachable!("gc-core: a filler on a drop list"),
            }
        });
        for page in core::mem::take(&mut self.young.fresh_large) {
            if !collector.runs.run(page as usize).is_old() {
                sweep::free_large(&mut self.large, &collector.runs, page, dead);
            }
        }
    }
}

impl StoppedHeap<'_> {
    /// Fits the nursery to what the minor collection of this pause has found.
    pub(crate) fn fit_nursery(&mut self, found: Found) {
        let collector = self.collector;
        let nursery = &mut self.young.nursery;
        nursery.learn(
            found,
            collector.pacing.nursery_bounds(collector.memory.budget.limit(), collector.headroom.available()),
        );
        collector.pacing.fit_nursery(nursery.part(), nursery.promotes_at_once());
        self.young.expect_survivors();
    }
}

/// Returns what becomes of the young objects that roots hold.
fn survival(policy: Policy) -> Survival {
    if policy.all {
        Survival::AllOld
    } else if policy.never || policy.random.is_some() {
        Survival::AnyAge
    } else {
        Survival::ByAge
    }
}

fn policy(collector: &Collector, collect: Collect) -> Policy {
    let stress = &collector.config.stress;
    let all = collect == Collect::Promote || stress.promote == Some(PromoteBy::Always);
    // The chance differs in every collection, and is the same for the same seed.
    let chance = stress.seed ^ (collector.epochs.stop_count() << 32);
    Policy {
        all,
        to_space_full_every: stress.to_space_full,
        random: (stress.promote == Some(PromoteBy::Chance)).then_some(chance),
        never: stress.promote == Some(PromoteBy::Never),
    }
}

#[cfg(test)]
mod tests {
    use core::{cell::Cell, time::Duration};

    use super::{super::verify::Checkpoint, *};
    use crate::{Ephemeron, Gc, Heap, collector::drops::DropQueue};

    type Number<'gc> = Gc<'gc, u64>;
    type Pair<'gc> = Ephemeron<'gc, u64, u64>;
    type Dead<'gc> = Gc<'gc, (Number<'gc>, Vec<Pair<'gc>>)>;

    /// Collects as a pause does, in a heap of one mutator.
    fn collect(heap: &Heap, afterwards: impl FnOnce(&mut dyn Survivors)) {
        let registry = heap.collector().registry.lock();
        let (awake, dormant) = (registry.mutators.awake(), registry.mutators.dormant());
        let mut stopped = StoppedHeap::lock(heap.collector(), awake, dormant, DropQueue::default());
        stopped.minor_then(Collect::Young, afterwards);
        stopped.verify(Checkpoint::After);
        // Vectors of dead objects.
        let _ = stopped.finish(0);
    }

    fn heap(profile: &str) -> Heap {
        let stress = profile.parse().unwrap();
        Heap::builder().auto(false).idle_after(Duration::MAX).stress(stress).build().unwrap()
    }

    /// As what is finalized: an object that died is evacuated with all that it reaches. Ephemerons
    /// that were reachable on their own were cleared before, those that it holds are decided by
    /// what lives then.
    #[test]
    fn what_is_evacuated_afterwards_is_whole() {
        for profile in ["verify", "verify,workers=2", "verify,promote-always", "verify,promote-random,to-space-full=2"]
        {
            let heap = heap(profile);
            let m = heap.attach().unwrap();
            let inner = m.alloc(10);
            let held = vec![Ephemeron::new(&m, m.alloc(20), m.alloc(21)), Ephemeron::new(&m, inner, m.alloc(11))];
            let dead: Dead<'_> = m.alloc((inner, held));
            let outside = m.root((Ephemeron::new(&m, dead, inner), Ephemeron::new(&m, inner, m.alloc(12))));
            let address = dead.address();
            let new = Cell::new(address);
            collect(&heap, |survivors| {
                assert!(survivors.whereabouts(address).is_none(), "it is dead");
                new.set(survivors.evacuate(address));
                assert_eq!(survivors.whereabouts(address), Some(new.get()));
            });
            let (by_dead, by_inner) = outside.borrow(&m);
            assert!(by_dead.is_dead(&m) && by_inner.is_dead(&m), "cleared before anything is evacuated afterwards");
            // SAFETY: the new address of that object, which nothing has moved or freed since.
            let found: Dead<'_> = unsafe { Gc::from_address(new.get()) };
            assert_eq!(*found.0, 10);
            assert!(found.1[0].is_dead(&m), "nothing reaches its key");
            assert_eq!(found.1[1].value(&m).as_deref(), Some(&11));
        }
    }

    #[test]
    fn a_large_object_that_is_evacuated_afterwards_becomes_old_where_it_is() {
        let heap = heap("verify");
        let m = heap.attach().unwrap();
        let address = m.alloc_slice_with(20_000, |n| m.alloc(n as u64)).address();
        collect(&heap, |survivors| {
            assert!(survivors.whereabouts(address).is_none());
            assert_eq!(survivors.evacuate(address), address);
            assert_eq!(survivors.whereabouts(address), Some(address));
        });
        // SAFETY: a large object, which does not move, and was not freed.
        let found: Gc<'_, [Number<'_>]> = unsafe { Gc::from_address(address) };
        assert!(found.iter().enumerate().all(|(n, number)| **number == n as u64));
    }

    /// [chunk.for-survivors]: whichever pause finds the heap near its limit.
    #[test]
    fn near_the_limit_no_chunk_is_kept_for_survivors() {
        let heap = Heap::builder().idle_after(Duration::MAX).nursery_bytes(1 << 20).build().unwrap();
        let mut m = heap.attach().unwrap();
        let kept = || heap.collector().young.lock().space.for_survivors();
        let mut young = m.root(Vec::<Number<'_>>::new());
        while kept() == 0 {
            let number = m.alloc(7);
            let young = young.get_mut(&m);
            young.push(number);
            if young.len() > 20_000 {
                young.clear();
            }
            m.safepoint();
        }
        heap.set_hard_limit(Some(heap.stats().memory_bytes + (1 << 20)));
        m.collect(Collect::Full);
        assert!(heap.collector().young.lock().near);
        assert_eq!(kept(), 0);
    }
}
