//! One pause, from the stopped world to its resumption.
//!
//! ```text
//!   young:   retire the buffers → copy from roots and remembered set → what died: drop lists, large runs → flip
//!   begin:   a young collection that promotes everything → snapshot: what the roots hold → barriers on
//!   finish:  a young collection that promotes everything → mark what is left → barriers off → every block waits to be swept
//! ```
//!
//! Marking begins and ends with nothing young and an empty remembered set, so the marker sees the old generation alone and
//! no remembered place can outlive what sweeping frees. What lies between and behind is in `marker`, the phases in `full`.

use core::{fmt, time::Duration};
use std::time::Instant;

use crate::{
    memory::{Header, HeaderWord, PAGE, TypeInfo, chunks::Age, large::LargeSpace, poison, size_class::CLASSES},
    old::{
        mark::{Cells, Marked, Marker},
        promote::Cursors,
        sweep::{self, Dead, Progress},
    },
    safepoint::{Reason, Stopped},
    sync::{Arc, Mutex, MutexGuard, atomic::Ordering},
    young::{self, Evacuated, Evacuator, Pause, Policy, ToSpace},
};

use super::{
    background::Job,
    config::promotion_reserve,
    describe::Promotion,
    event::{Event, Step},
    full::{Current, Phase},
    local::{self, Local},
    pending::Pending,
    roots::RootTable,
    shared::{Attached, Finished, Old, Registry, Shared, Young},
    stress::PromoteBy,
    verify::{self, Moment},
};

/// Why a collection happened: part of [`Event::Collection`](crate::Event::Collection).
///
/// ```
/// assert_eq!(gc_core::Cause::Growth.to_string(), "growth");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The program asked for it.
    Explicit,
    /// The young budget was used up, or the remembered set was full.
    Nursery,
    /// The old generation has grown past its goal.
    Growth,
    /// An allocation found the hard limit reached.
    Limit,
    /// The stress setting.
    Stress,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Explicit => "explicit",
            Self::Nursery => "nursery",
            Self::Growth => "growth",
            Self::Limit => "limit",
            Self::Stress => "stress",
        })
    }
}

/// What is collected.
///
/// Generations 0 and 1 are always collected together; they differ in where survivors go.
///
/// ```
/// # use gc_core::Generation;
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// assert_eq!(m.collect(Generation::Old).generation, Generation::Old);
/// assert!(Generation::Fresh < Generation::Young);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Generation {
    /// Generations 0 and 1, by age: survivors of a first collection become generation 1, of a second one old. When the
    /// turn of [`promote_all_every`](crate::Thresholds::promote_all_every) has come, as `Young`.
    Fresh = 0,
    /// Generations 0 and 1: every survivor becomes old.
    Young = 1,
    /// The whole heap.
    Old = 2,
}

/// What a collection did. See [`Mutator::collect`](crate::Mutator::collect).
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// m.alloc([0_u8; 1000]);
/// let report = m.collect(gc_core::Generation::Old);
/// assert!(report.bytes_freed >= 1000 && report.bytes_freed <= report.bytes_before);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CollectReport {
    /// The oldest generation that was collected.
    pub generation: Generation,
    /// Bytes of objects before, rounded as each generation rounds.
    pub bytes_before: usize,
    /// Bytes of objects that are gone.
    pub bytes_freed: usize,
    /// Old objects that are gone. Young ones are not counted: they cost nothing when they die.
    pub old_objects_freed: usize,
    /// How long it took, from the request on: the wait for other threads to reach safepoints, and the pause.
    pub pause: Duration,
}

/// What had been done when a request was made: what is done later is shared.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    collections: u64,
    full: u64,
}

/// What a stop is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    /// A young collection.
    Young(Generation),
    /// That a full collection begins, unless one is under way.
    Begin,
    /// That marking ends, if it takes no more than about so many objects.
    Finish { budget: u64 },
}

/// Takes up what a safepoint was raised for. The caller is the running owner of `local`, at a safepoint.
pub(crate) fn at_safepoint(local: &Local) {
    let shared = &*local.shared;
    // Before parking: a collection that this thread parks for does what it was raised for.
    let seen = shared.seen();
    let reason = local.poll.take();
    if reason.contains(Reason::STOP) {
        away(local, || shared.world.park(&local.word));
    }
    let stress = &shared.config.stress;
    if stress.watches_safepoints() {
        local.poll.raise(Reason::STRESS);
        let count = local.stress_count.get() + 1;
        local.stress_count.set(count);
        let due = stress.every_safepoint != 0 && count.is_multiple_of(stress.every_safepoint);
        if due && !reason.contains(Reason::FULL) {
            request(local, Generation::Fresh, Cause::Stress, shared.seen());
            return;
        }
    }
    if reason.contains(Reason::FULL) {
        request(local, Generation::Old, Cause::Limit, seen);
    } else if reason.contains(Reason::REMEMBERED)
        || (reason.contains(Reason::YOUNG) && (shared.pace.is_auto() || stress.every_allocation != 0))
    {
        request(local, Generation::Fresh, Cause::Nursery, seen);
    }
}

/// Runs `wait` while this thread's mutator is none that runs.
fn away(local: &Local, wait: impl FnOnce()) {
    local::set_current(core::ptr::null());
    wait();
    local::set_current(local);
}

/// Collects, or shares a collection that somebody else leads and that began after `seen`. A full collection is waited for to its
/// end, while other mutators go on. The caller is the running owner of `local`, at a safepoint.
pub(crate) fn request(local: &Local, asked: Generation, cause: Cause, seen: Seen) -> CollectReport {
    let shared = &*local.shared;
    let mut report = None;
    away(local, || {
        // Before the registry lock (step 1 of `safepoint`): whoever leads does not wait for this thread.
        shared.world.enter_blocked(&local.word);
        report = if asked == Generation::Old {
            Some(shared.full.wait_for_one_after(seen.full, || {
                let _ = lead(shared, Wanted::Begin, cause, None);
            }))
        } else {
            lead(shared, Wanted::Young(asked), cause, Some(seen))
        };
        shared.world.leave_blocked(&local.word);
    });
    report.expect("a collection leaves a report")
}

/// Stops the world and does what is wanted; a young collection that began after `seen` is shared. The caller's mutator, if it has one, is
/// BLOCKED. Returns the report of the pause, if there was one.
pub(crate) fn lead(shared: &Shared, wanted: Wanted, cause: Cause, seen: Option<Seen>) -> Option<CollectReport> {
    let mut registry = shared.registry.lock();
    match wanted {
        Wanted::Young(asked) => {
            let last = registry.last[asked as usize];
            if let (Some(last), Some(seen)) = (last, seen)
                && last.started > seen.collections
            {
                return Some(last.report);
            }
        }
        Wanted::Begin if shared.full.phase() != Phase::Idle => return None,
        Wanted::Finish { .. } if shared.full.phase() != Phase::Marking => return None,
        Wanted::Begin | Wanted::Finish { .. } => {}
    }
    let start = Instant::now();
    let mutators = registry.mutators.clone();
    let patience = shared.config.late_after;
    let stopped = shared.world.stop(shared.members(&mutators), patience, |waited| {
        shared.tell_who_is_late(&mutators, waited);
        Some(patience)
    });
    let start = shared.stopped(start, stopped, &mutators);
    // A collection that fails half-way is a bug of ours: nobody must go on with what it leaves.
    let bomb = AbortOnUnwind;
    // Release, with the Acquire in `seen`; odd while the collection runs.
    let started = shared.pace.collections.fetch_add(1, Ordering::Release) + 1;
    let (report, pending, event) = collect(shared, &mutators, &mut registry, wanted, cause, start);
    shared.pace.collections.fetch_add(1, Ordering::Release);
    for last in &mut registry.last[..=report.generation as usize] {
        *last = Some(Finished { started, report });
    }
    shared.background.expect_drops(&pending, &shared.memory.budget);
    core::mem::forget(bomb);
    shared.world.resume(shared.members(&mutators));
    drop(registry);
    shared.background.post_drops(pending);
    shared.background.post(Job::Tell(event));
    Some(report)
}

/// Objects, and blocks, that a pause marks or sweeps where the program outruns the marker: about half a millisecond.
const SLICE_OBJECTS: u64 = 1 << 13;
const SLICE_BLOCKS: usize = 256;

struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        eprintln!("gc-core: a collection failed half-way, see above; the heap cannot be used any more: aborting");
        std::process::abort();
    }
}

/// Collects. The world is stopped; the caller leads.
fn collect(
    shared: &Shared,
    mutators: &[Attached],
    registry: &mut Registry,
    wanted: Wanted,
    cause: Cause,
    start: Start,
) -> (CollectReport, Pending, Event) {
    let (generation, wanted, cause) = choose(shared, wanted, cause);
    let mut pending = Pending::default();
    registry.forget_tables(&mut pending);
    let mut world = World::stopped(shared, mutators, &registry.tables, pending, matches!(wanted, Wanted::Begin));
    let before = world.bytes();
    let allocated = world.fresh_bytes();
    let before_remembered = world.young.remembered.len();
    world.verify(Moment::Before);
    let evacuated = world.young(generation);
    world.verify(if generation == Generation::Fresh { Moment::After } else { Moment::AfterPromotion });
    let after = world.bytes();
    // The old part only grows in a young collection, so this is what died young.
    let freed = before.saturating_sub(after);
    let step = world.full(wanted, cause, before, start.at);
    let remembered = world.young.remembered.len();
    shared.count_stop(mutators);
    // Relaxed, all four: figures of the leader.
    shared.pace.fresh_bytes.store(0, Ordering::Relaxed);
    shared.pace.fresh_external.store(0, Ordering::Relaxed);
    shared.pace.limit_told.store(false, Ordering::Relaxed);
    shared.pace.much_remembered.store(false, Ordering::Relaxed);
    let old_bytes = Shared::old_bytes(&world.old.space, &world.large);
    let all_swept = world.all_swept;
    let pending = world.finish();
    if let Some((then, bytes)) = registry.resumed.replace((Instant::now(), old_bytes)) {
        shared.pace.count_promoted(old_bytes.saturating_sub(bytes), then.elapsed());
    }
    let pause = start.at.elapsed();
    let survived = evacuated.copied + evacuated.promoted;
    if cause == Cause::Nursery || cause == Cause::Growth {
        shared.pace.fit_nursery(survived, before_remembered);
    }
    // What survived a while ago counts less and less. Relaxed, both: the leader's figure.
    let expected = shared.pace.survivors.load(Ordering::Relaxed) / 4 * 3;
    shared.pace.survivors.store(expected.max(survived), Ordering::Relaxed);
    shared.helpers.want(shared, survived);
    if step != Step::Whole {
        shared.full.count(|current| {
            current.pause += pause;
            current.freed += freed;
        });
    }

    let mut stats = shared.stats.lock();
    if step == Step::Whole {
        stats.collections[generation as usize] += 1;
    }
    stats.pause_total += pause;
    stats.pause_max = pause.max(stats.pause_max);
    stats.bytes_allocated += allocated as u64;
    stats.bytes_copied += evacuated.copied as u64;
    stats.bytes_promoted += evacuated.promoted as u64;
    stats.bytes_by_helpers += evacuated.helped as u64;
    stats.objects_promoted += evacuated.promoted_objects as u64;
    stats.bytes_freed += freed as u64;
    drop(stats);
    let mut times = shared.times.lock();
    times.pauses.add(pause);
    times.utilisation.add(start.at, start.at + pause);
    drop(times);
    if all_swept {
        shared.end_full();
    }
    let event = Event::Collection {
        generation: generation as u8,
        cause,
        step,
        pause,
        before,
        after,
        time_to_safepoint: start.stopped,
        last: start.last,
        copied: evacuated.copied,
        promoted: evacuated.promoted,
        remembered,
        snapshot: 0,
        beside: Duration::ZERO,
        assist: Duration::ZERO,
    };
    let report = CollectReport { generation, bytes_before: before, bytes_freed: freed, old_objects_freed: 0, pause };
    (report, pending, event)
}

impl Shared {
    /// What a request must have been seen after, to be shared.
    pub(crate) fn seen(&self) -> Seen {
        // Acquire, with the leader's Release: a collection that is over by now is seen to be.
        Seen { collections: self.pace.collections.load(Ordering::Acquire), full: self.full.begun() }
    }

    /// A new stop: locks of cells that were taken before it are free, and whether cells need atomic operations is decided anew.
    /// The world is stopped; the caller leads.
    pub(crate) fn count_stop(&self, mutators: &[Attached]) {
        // Relaxed: mutators learn it here.
        let stops = self.pace.stops.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        // The marker reads cells, too.
        let exclusive = mutators.len() == 1 && self.full.phase() != Phase::Marking;
        for attached in mutators {
            let local = attached.local();
            local.cell_user.set(local.cell_user.get().after(stops, exclusive));
        }
    }

    /// Notes how long a stop took that was asked for at `at`, and who was waited for longest so far.
    fn stopped(&self, at: Instant, stopped: Stopped, mutators: &[Attached]) -> Start {
        let time = at.elapsed();
        let Stopped::All { last: Some(last) } = stopped else { return Start { at, stopped: time, last: None } };
        let mut times = self.times.lock();
        let worst = time > times.to_safepoint.max();
        times.to_safepoint.add(time);
        let last = match mutators.iter().find(|attached| attached.local().number == last) {
            Some(attached) => attached.thread.clone(),
            None => "the marker".to_owned(),
        };
        if worst {
            times.slowest = Some(last.clone());
        }
        Start { at, stopped: time, last: Some(last) }
    }

    /// Tells which threads have not reached a safepoint.
    pub(crate) fn tell_who_is_late(&self, mutators: &[Attached], waited: Duration) {
        for attached in mutators.iter().filter(|attached| attached.local().word.is_late()) {
            let last_safepoint = attached.local().seen_at.get();
            self.background.post(Job::Tell(Event::Late { thread: attached.thread.clone(), waited, last_safepoint }));
        }
    }
}

/// How a pause began.
struct Start {
    /// When it was asked for.
    at: Instant,
    /// How long it took to stop the world.
    stopped: Duration,
    /// The thread that was waited for last.
    last: Option<String>,
}

/// What is really done: a young collection becomes one that promotes everything when its turn has come, and one that begins a full
/// collection when the old generation has grown enough.
fn choose(shared: &Shared, wanted: Wanted, cause: Cause) -> (Generation, Wanted, Cause) {
    let pace = &shared.pace;
    let Wanted::Young(asked) = wanted else { return (Generation::Young, wanted, cause) };
    if shared.full.phase() == Phase::Marking && pace.is_far_over_goal() {
        return (Generation::Young, Wanted::Finish { budget: u64::MAX }, Cause::Growth);
    }
    if shared.full.phase() == Phase::Idle {
        let stress = &shared.config.stress;
        // Relaxed, here and below: counters of the leader.
        let stops = pace.stops.load(Ordering::Relaxed).wrapping_add(1);
        if stress.full_every != 0 && stops.is_multiple_of(stress.full_every) {
            return (Generation::Young, Wanted::Begin, cause);
        }
        if cause != Cause::Explicit && pace.is_auto() && shared.wants_full() {
            return (Generation::Young, Wanted::Begin, Cause::Growth);
        }
    }
    let every = pace.thresholds().promote_all_every;
    let turn = every != 0 && pace.young_collections.load(Ordering::Relaxed) + 1 >= every;
    let generation = if asked == Generation::Fresh && !turn { Generation::Fresh } else { Generation::Young };
    (generation, wanted, cause)
}

/// The stopped world.
struct World<'a> {
    shared: &'a Shared,
    mutators: &'a [Attached],
    tables: &'a [Arc<RootTable>],
    young: MutexGuard<'a, Young>,
    old: MutexGuard<'a, Old>,
    large: MutexGuard<'a, LargeSpace>,
    pending: Pending,
    /// Whether this pause has swept the last block.
    all_swept: bool,
}

impl<'a> World<'a> {
    /// Takes over what the mutators have in hand.
    fn stopped(
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
    fn bytes(&self) -> usize {
        let space = &self.young.space;
        let young: usize =
            [Age::Fresh, Age::Survivor].into_iter().flat_map(|age| space.of_age(age)).map(|c| space.used(c)).sum();
        young + Shared::old_bytes(&self.old.space, &self.large)
    }

    /// Bytes of objects of generation 0, as chunks and runs hold them: what was allocated since the last collection.
    fn fresh_bytes(&self) -> usize {
        let space = &self.young.space;
        let chunks: usize = space.of_age(Age::Fresh).map(|chunk| space.used(chunk)).sum();
        let pages: usize = self.young.fresh_large.iter().map(|&page| self.shared.runs.run(page as usize).pages()).sum();
        chunks + pages * PAGE
    }

    /// Collects the young generation.
    fn young(&mut self, generation: Generation) -> Evacuated {
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
        let grow = |offset, bytes| shared.memory.grow(offset, bytes);
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

    /// The pause's part of a full collection: begins or ends marking, or pays for what the program outruns.
    fn full(&mut self, wanted: Wanted, cause: Cause, before: usize, start: Instant) -> Step {
        match (wanted, self.shared.full.phase()) {
            (Wanted::Begin, _) => {
                self.begin_marking(cause, before, start);
                if self.shared.config.stress.stopped {
                    self.finish_marking(u64::MAX);
                    self.sweep_all();
                }
                Step::Begin
            }
            (Wanted::Finish { budget }, _) if self.finish_marking(budget) => {
                let old_bytes = Shared::old_bytes(&self.old.space, &self.large);
                if self.shared.pace.is_over_goal(old_bytes, 10) {
                    self.sweep_all();
                }
                Step::Finish
            }
            (Wanted::Young(_), Phase::Marking | Phase::Sweeping) => {
                self.assist();
                Step::Whole
            }
            _ => Step::Whole,
        }
    }

    /// Marking begins: what the roots hold is the snapshot. Nothing is young.
    fn begin_marking(&mut self, cause: Cause, before: usize, start: Instant) {
        debug_assert_eq!(self.young.space.in_use(), 0);
        debug_assert_eq!(self.young.remembered.len(), 0);
        let shared = self.shared;
        let mut state = shared.marking.lock();
        state.clear();
        let mut marker = Marker::new(&shared.bits, &shared.runs, Cells::Stopped, &mut state);
        for table in self.tables {
            table.scan(
                // SAFETY: a root's value, of its type; the world is stopped.
                |info, value| unsafe { marker.root(info, value, 1) },
                |boxed| self.pending.boxed(boxed),
            );
        }
        drop(state);
        self.set_marking(true);
        shared.full.begin(Current {
            cause,
            start,
            before,
            freed: 0,
            swept: 0,
            objects: 0,
            pause: Duration::ZERO,
            old_at_begin: Shared::old_bytes(&self.old.space, &self.large),
            old_at_finish: 0,
            snapshots: shared.snapshots.entries(),
            assist: Duration::ZERO,
            marked: None,
        });
    }

    /// What depends on the phase, and so changes in pauses only.
    fn set_marking(&mut self, marking: bool) {
        for cursors in &mut self.old.cursors {
            cursors.marking = marking;
        }
        for attached in self.mutators {
            attached.local().barrier.set_marking(marking);
        }
    }

    /// Marks what is left, if that is no more than about `budget` objects; then marking is over and sweeping begins. Whether it is.
    /// Nothing is young.
    fn finish_marking(&mut self, budget: u64) -> bool {
        debug_assert_eq!(self.young.space.in_use(), 0);
        let shared = self.shared;
        let mut state = shared.marking.lock();
        shared.snapshots.take(&mut state.marked);
        let mut marker = Marker::new(&shared.bits, &shared.runs, Cells::Stopped, &mut state);
        marker.put_off();
        if marker.run(None, budget) == Marked::Some {
            return false;
        }
        drop(state);
        self.set_marking(false);
        self.verify(Moment::Marked);
        let Old { space, cursors, progress } = &mut *self.old;
        cursors.iter_mut().for_each(Cursors::retire);
        space.begin_sweep();
        *progress = Progress::default();
        self.large.begin_sweep();
        shared.full.marked(Shared::old_bytes(&self.old.space, &self.large));
        true
    }

    /// Where the program outruns the marker or the sweeper, the pause does some of their work: the more the further the old generation is
    /// over its goal, and all of it at a tenth over: then marking ends in that very pause (see `choose`).
    fn assist(&mut self) {
        let shared = self.shared;
        let old_bytes = Shared::old_bytes(&self.old.space, &self.large);
        if !shared.pace.is_over_goal(old_bytes, 0) {
            return;
        }
        let start = Instant::now();
        let far = shared.pace.is_over_goal(old_bytes, 10);
        if shared.full.phase() == Phase::Sweeping {
            if far {
                self.sweep_all();
            } else {
                self.sweep(SLICE_BLOCKS);
            }
        } else {
            let mut state = shared.marking.lock();
            shared.snapshots.take(&mut state.marked);
            let marker = &mut Marker::new(&shared.bits, &shared.runs, Cells::Stopped, &mut state);
            marker.put_off();
            // What is left, the marker does, or the next pause.
            let _ = marker.run(None, SLICE_OBJECTS);
        }
        shared.full.count(|current| current.assist += start.elapsed());
    }

    fn sweep_all(&mut self) {
        while self.sweep(usize::MAX) {}
        self.all_swept = true;
    }

    /// Sweeps some blocks. Whether there were any.
    fn sweep(&mut self, count: usize) -> bool {
        self.shared.sweep_some(&mut self.old, &mut self.large, &mut self.pending, count)
    }

    fn verify(&self, moment: Moment) {
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
    fn finish(self) -> Pending {
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
    // Relaxed: the leader's counter.
    let chance = stress.seed ^ (u64::from(shared.pace.stops.load(Ordering::Relaxed)) << 32);
    Policy {
        all,
        full_every: stress.to_space_full,
        random: (stress.promote == Some(PromoteBy::Chance)).then_some(chance),
        never: stress.promote == Some(PromoteBy::Never),
    }
}
