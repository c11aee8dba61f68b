//! The stopped world: what a pause does with the young generation. Its part of a full collection is in `full_part`.

mod full_part;

use crate::{
    memory::{PAGE, poison},
    object::{
        Header, HeaderWord, TypeInfo,
        size_class::{CLASSES, promotion_reserve},
    },
    old::sweep::{self, Dead},
    roots::RootTable,
    safepoint::Reason,
    settings::stress::PromoteBy,
    space::{large::LargeSpace, young::Age},
    stats::report::Generation,
    sync::{Arc, Mutex, MutexGuard, atomic::Ordering},
    young::{self, Evacuated, Evacuator, Pause, Policy, ToSpace},
};

use super::{
    describe::Promotion,
    full::Phase,
    pending::Pending,
    shared::{Attached, Old, Shared, Young},
    verify::{self, Moment},
};

/// The stopped world.
pub(crate) struct World<'a> {
    shared: &'a Shared,
    mutators: &'a [Attached],
    tables: &'a [Arc<RootTable>],
    pub(crate) young: MutexGuard<'a, Young>,
    pub(crate) old: MutexGuard<'a, Old>,
    pub(crate) large: MutexGuard<'a, LargeSpace>,
    pending: Pending,
    /// Whether this pause has swept the last block.
    pub(crate) all_swept: bool,
}

impl<'a> World<'a> {
    /// Takes over what the mutators have in hand.
    pub(crate) fn stopped(
        shared: &'a Shared,
        mutators: &'a [Attached],
        tables: &'a [Arc<RootTable>],
        pending: Pending,
        begins: bool,
    ) -> Self {
        let mut young = shared.young.lock();
        let (old, large) = (shared.old.lock(), shared.large.lock());
        for attached in mutators {
            let local = attached.local();
            young.take_over(local);
            // What it was raised for is being done.
            local.poll.lower(Reason::YOUNG);
            local.poll.lower(Reason::REMEMBERED);
            if begins {
                local.poll.lower(Reason::FULL);
            }
        }
        Self { shared, mutators, tables, young, old, large, pending, all_swept: false }
    }

    /// Bytes of objects, as chunks, cells and runs hold them.
    pub(crate) fn bytes(&self) -> usize {
        let space = &self.young.space;
        let young: usize =
            [Age::Fresh, Age::Survivor].into_iter().flat_map(|age| space.of_age(age)).map(|c| space.used(c)).sum();
        young + Shared::old_bytes(&self.old.space, &self.large)
    }

    /// Bytes of objects of generation 0, as chunks and runs hold them: what was allocated since the last collection.
    pub(crate) fn fresh_bytes(&self) -> usize {
        let space = &self.young.space;
        let chunks: usize = space.of_age(Age::Fresh).map(|chunk| space.used(chunk)).sum();
        let pages: usize = self.young.fresh_large.iter().map(|&page| self.shared.runs.run(page as usize).pages()).sum();
        chunks + pages * PAGE
    }

    /// Collects the young generation.
    pub(crate) fn young(&mut self, generation: Generation) -> Evacuated {
        let policy = policy(self.shared, generation);
        let mut evacuated = self.evacuate(policy);
        let Old { space: old, cursors, .. } = &mut *self.old;
        for cursors in cursors {
            cursors.settle(old);
        }
        self.bury_young();
        self.young.remembered = core::mem::take(&mut evacuated.remembered);
        // SAFETY: from-space: what lived has moved, what needed dropping was moved out.
        self.young.space.flip(|start, used| unsafe { poison::fill(start, used, poison::FROM_SPACE) });
        let counter = &self.shared.pace.young_collections;
        // Relaxed, both: the leader's counter.
        if policy.all {
            counter.store(0, Ordering::Relaxed);
        } else {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        evacuated
    }

    /// Copies what is young and reachable.
    fn evacuate(&mut self, policy: Policy) -> Evacuated {
        let shared = self.shared;
        let helpers = self.helpers();
        let alone = self.alone(helpers);
        let remembered = core::mem::take(&mut self.young.remembered);
        let Old { space: old, cursors, .. } = &mut *self.old;
        let (ages, bits) = (self.young.space.ages.clone(), old.bits.clone());
        let grow = |offset, bytes| {
            // At once: page by page, the faults would be most of a pause that needs much to-space for the first time.
            shared.memory.grow(offset, bytes).then(|| shared.memory.populate(offset, bytes)).is_some()
        };
        let to_space = ToSpace::new(&mut self.young.space, &grow);
        let pause = Pause::new(shared.map, &shared.runs, &ages, to_space, policy, &shared.crew, alone);
        let old = Mutex::new(old);
        let mut promotions = cursors.iter_mut().map(|cursors| Promotion::new(&old, &bits, cursors));
        let first = promotions.next().expect("cursors for one worker at least");
        let mut leader = Evacuator::new(&pause, first);
        let pending = &mut self.pending;
        for table in self.tables {
            // SAFETY: a root's value, of its type; the world is stopped, so nobody borrows it.
            let visit = |info: &'static TypeInfo, value| unsafe { leader.root(info, value, 1) };
            #[cfg(not(gc_mutant = "skip_roots"))]
            table.scan(visit, |boxed| pending.boxed(boxed));
            #[cfg(gc_mutant = "skip_roots")]
            let _ = (visit, table, &pending);
        }
        // SAFETY: the heap's set; the world is stopped.
        unsafe { leader.remembered(remembered) };
        let helpers = promotions.take(helpers).collect();
        let (evacuated, promotions) = young::evacuate(leader, &pause, &shared.crew, helpers);
        let marking = shared.full.phase() == Phase::Marking;
        for page in promotions.into_iter().flat_map(|promotion| promotion.large) {
            if marking {
                // Born marked, as what is promoted.
                shared.runs.run(page as usize).mark();
            }
            self.large.old.push(page);
        }
        evacuated
    }

    /// Bytes to copy before helpers are asked.
    fn alone(&self, helpers: usize) -> usize {
        let alone = self.shared.config.copied_alone;
        // Relaxed: the leader's figure.
        let expected = self.shared.pace.survivors.load(Ordering::Relaxed);
        if helpers == 0 {
            usize::MAX
        } else if expected < 2 * alone {
            alone
        } else {
            self.shared.crew.rouse();
            alone / 16
        }
    }

    /// How many threads may help to copy: each needs an empty block per class beyond what promotion may take (P2).
    fn helpers(&self) -> usize {
        let space = &self.young.space;
        let reserved = promotion_reserve(space.in_use() * space.chunk_bytes());
        let spare = self.old.space.ready().saturating_sub(reserved) / CLASSES;
        self.shared.helpers.count().min(spare)
    }

    /// Hands over the young dead that need dropping, and frees large objects that were not reached.
    fn bury_young(&mut self) {
        let (shared, pending) = (self.shared, &mut self.pending);
        let map = shared.map;
        self.young.drops.retain_mut(|address| {
            // SAFETY: an object of from-space, whose memory is not reused yet.
            match unsafe { Header::of(address.as_ptr()).read() } {
                HeaderWord::Forwarded(to) => {
                    *address = core::ptr::NonNull::new(to).expect("no object is at address 0");
                    // What became old has a drop bit instead.
                    map.young.contains(to.addr())
                }
                HeaderWord::Info(info) => {
                    // SAFETY: not reached, so nobody's.
                    unsafe { pending.moved_out(address.as_ptr(), info) };
                    false
                }
                HeaderWord::Filler(_) => unreachable!("gc-core: a filler on a drop list"),
            }
        });
        for page in core::mem::take(&mut self.young.fresh_large) {
            if !shared.runs.run(page as usize).is_old() {
                sweep::free_large(&mut self.large, &shared.runs, page, pending);
            }
        }
    }

    pub(crate) fn verify(&self, moment: Moment) {
        if self.shared.config.stress.verify {
            let heap = verify::Heap {
                map: self.shared.map,
                runs: &self.shared.runs,
                young: &self.young,
                old: &self.old.space,
                large: &self.large,
                tables: self.tables,
                phase: self.shared.full.phase(),
            };
            if let Err(damage) = verify::verify(&heap, moment) {
                panic!("gc-core: the heap is damaged ({moment:?}, stress {:?}): {damage}", self.shared.config.stress);
            }
        }
    }

    /// Publishes the figures. Returns what has to be dropped.
    pub(crate) fn finish(self) -> Pending {
        let old_bytes = Shared::old_bytes(&self.old.space, &self.large);
        // Relaxed: see `Pace`.
        self.shared.pace.old_bytes.store(old_bytes, Ordering::Relaxed);
        let mut stats = self.shared.stats.lock();
        stats.old_bytes = old_bytes;
        stats.old_objects = self.old.space.live_objects + self.large.old.len() + self.large.unswept.len();
        stats.survivor_bytes = self.young.space.of_age(Age::Survivor).map(|c| self.young.space.used(c)).sum();
        stats.remembered = self.young.remembered.len();
        self.pending
    }
}

fn policy(shared: &Shared, generation: Generation) -> Policy {
    let stress = &shared.config.stress;
    let all = generation == Generation::Young || stress.promote == Some(PromoteBy::Always);
    // Another chance in every collection, the same for the same seed.
    let chance = stress.seed ^ (shared.pace.stops() << 32);
    Policy {
        all,
        full_every: stress.to_space_full,
        random: (stress.promote == Some(PromoteBy::Chance)).then_some(chance),
        never: stress.promote == Some(PromoteBy::Never),
    }
}
