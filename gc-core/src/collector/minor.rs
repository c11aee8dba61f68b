//! A minor collection, in a pause: evacuates the reachable young objects, and passes dead ones on to be dropped or frees them.

use crate::{
    memory::poison,
    object::{
        Header, HeaderWord, TypeInfo,
        size_class::{CLASSES, promotion_reserve},
    },
    old::sweep::{self, Dead},
    roots::Survival,
    settings::stress::PromoteBy,
    stats::Generation,
    sync::{Mutex, held, mutant},
    young::{self, Evacuated, Evacuation, Evacuator, Policy, ToSpace},
};

use super::{
    collector::Collector, generations::Old, major_cycle::Phase, promotion::Promotion, stopped_heap::StoppedHeap,
};

impl StoppedHeap<'_> {
    /// Collects the young generation.
    pub(crate) fn minor(&mut self, generation: Generation) -> Evacuated {
        let policy = policy(self.collector, generation);
        let mut evacuated = self.evacuate_young(policy);
        let Old { space: old, cursors, .. } = &mut *self.old;
        for cursors in cursors {
            cursors.flush(old);
        }
        self.reclaim_young();
        self.young.remembered = core::mem::take(&mut evacuated.remembered);
        // SAFETY: from-space is dead: live objects are evacuated, and dead ones that need dropping are in the drop queue.
        self.young.space.flip(|start, used| unsafe { poison::fill(start, used, poison::FROM_SPACE) });
        self.collector.pacing.count_minor(policy.all);
        evacuated
    }

    /// Evacuates the young objects that are reachable.
    fn evacuate_young(&mut self, policy: Policy) -> Evacuated {
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
        // SAFETY: the remembered set of this heap; the world is stopped.
        unsafe { leader.remembered(remembered) };
        let gc_workers = promotions.take(gc_workers).collect();
        let (evacuated, promotions) =
            young::evacuate_reachable(leader, &evacuation, &collector.workers.pool, gc_workers);
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

    /// Returns the parallel threshold of this pause: the bytes that the leader copies before GC workers join. Wakes the workers
    /// if much is expected to survive.
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

    /// Returns how many GC workers may copy: each needs an empty block per class beyond the blocks that promotion may take
    /// ([promote.room], [census.workers]).
    fn gc_workers(&self) -> usize {
        let space = &self.young.space;
        let reserved = if self.young.near {
            self.young.census.blocks(self.old.space.free_cells(), 0)
        } else {
            promotion_reserve(space.in_use() * space.chunk_bytes())
        };
        let spare = self.old.space.ready().saturating_sub(reserved) / CLASSES;
        self.collector.workers.count().min(spare)
    }

    /// Queues the dead young objects that need dropping, and frees large objects that were not reached.
    fn reclaim_young(&mut self) {
        let (collector, dead) = (self.collector, &mut self.dead);
        let map = collector.map;
        self.young.drops.retain_mut(|address| {
            // SAFETY: an object in from-space, whose memory is not reused yet.
            match unsafe { Header::of(address.as_ptr()).read() } {
                HeaderWord::Forwarded(to) => {
                    *address = core::ptr::NonNull::new(to).expect("no object is at address 0");
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

fn policy(collector: &Collector, generation: Generation) -> Policy {
    let stress = &collector.config.stress;
    let all = generation == Generation::Young || stress.promote == Some(PromoteBy::Always);
    // The chance differs in every collection, and is the same for the same seed.
    let chance = stress.seed ^ (collector.epochs.stop_count() << 32);
    Policy {
        all,
        to_space_full_every: stress.to_space_full,
        random: (stress.promote == Some(PromoteBy::Chance)).then_some(chance),
        never: stress.promote == Some(PromoteBy::Never),
    }
}
