//! The state of one heap that its mutators, roots and collector threads share.
//!
//! Locks are taken in the order registry, young, old, large, marking, full, background; nobody holds one while user code runs.

use core::{ptr::NonNull, time::Duration};
use std::time::Instant;

use crate::{
    barrier::Remembered,
    memory::{
        AddressMap, BLOCK, MapFaults, PAGE, Reservation, ReserveError,
        blocks::{Bits, OldSpace},
        budget::Budget,
        chunks::YoungSpace,
        large::{LargeSpace, PageSource, RunTable},
        size_class::CLASSES,
    },
    old::{mark::Marking, promote::Cursors, sweep::Progress},
    safepoint::{Member, World},
    snapshot::Snapshots,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    work::Crew,
};

use super::{
    background::Background,
    config::{BuildError, Config, Thresholds, promotion_reserve},
    cycle::CollectReport,
    full::Full,
    helpers::Helpers,
    histogram::Histogram,
    local::Local,
    pending::Pending,
    roots::RootTable,
    stats::Stats,
    utilisation::Utilisation,
};

/// One heap.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) map: AddressMap,
    pub(crate) memory: Memory,
    pub(crate) runs: Arc<RunTable>,
    pub(crate) pace: Pace,
    pub(crate) world: World,
    pub(crate) registry: Mutex<Registry>,
    pub(crate) young: Mutex<Young>,
    pub(crate) old: Mutex<Old>,
    pub(crate) large: Mutex<LargeSpace>,
    pub(crate) marking: Mutex<Marking>,
    pub(crate) bits: Arc<Bits>,
    pub(crate) snapshots: Arc<Snapshots>,
    pub(crate) full: Full,
    pub(crate) stats: Mutex<Stats>,
    pub(crate) times: Mutex<Times>,
    pub(crate) background: Background,
    pub(crate) crew: Arc<Crew>,
    pub(crate) helpers: Helpers,
}

/// Address space and what is charged for it.
pub(crate) struct Memory {
    reservation: Reservation,
    faults: MapFaults,
    pub(crate) budget: Arc<Budget>,
}

/// The young generation.
pub(crate) struct Young {
    pub(crate) space: YoungSpace,
    /// Objects that need dropping, of generation 1 and of mutators that have detached.
    pub(crate) drops: Vec<NonNull<u8>>,
    /// Runs of young large objects of mutators that have detached.
    pub(crate) fresh_large: Vec<u32>,
    /// What the last collection left remembered, and what mutators remembered that have detached.
    pub(crate) remembered: Remembered,
}

// SAFETY: addresses of heap objects; whoever holds the lock answers for using them.
unsafe impl Send for Young {}

impl Young {
    /// Takes over what a mutator has in hand: its buffer, its lists, what it remembered. It is stopped or detaching.
    pub(crate) fn take_over(&mut self, local: &Local) {
        if let Some((chunk, top)) = local.buffer.retire() {
            self.space.set_top(chunk, top);
        }
        self.drops.append(&mut local.drops.take());
        self.fresh_large.append(&mut local.fresh_large.borrow_mut());
        self.remembered.append(local.barrier.take());
        local.barrier.hand_over();
    }
}

/// The old generation.
pub(crate) struct Old {
    pub(crate) space: OldSpace,
    /// For each worker.
    pub(crate) cursors: Vec<Cursors>,
    /// How far the sweep is.
    pub(crate) progress: Progress,
}

/// Who takes part in the heap. Whoever holds its lock leads: nobody attaches, detaches or collects meanwhile.
pub(crate) struct Registry {
    pub(crate) mutators: Vec<Attached>,
    pub(crate) tables: Vec<Arc<RootTable>>,
    /// For each of the young generations, the last collection that collected it.
    pub(crate) last: [Option<Finished>; 2],
    /// When the last pause ended, and what old bytes there were.
    pub(crate) resumed: Option<(Instant, usize)>,
    /// The number of the next mutator.
    pub(crate) next: u32,
}

impl Registry {
    /// Frees root tables that are empty for good. Boxed values that were dropped since the last scan go to `pending`.
    pub(crate) fn forget_tables(&mut self, pending: &mut Pending) {
        self.tables.retain(|table| {
            let released = table.is_released();
            if released {
                table.scan(|_, _| unreachable!("gc-core: a root in a released table"), |value| pending.boxed(value));
            }
            !released
        });
    }
}

/// A collection that has ended.
#[derive(Clone, Copy)]
pub(crate) struct Finished {
    /// What `Pace::collections` was while it ran.
    pub(crate) started: u64,
    pub(crate) report: CollectReport,
}

/// An attached mutator, and the thread that it belongs to.
#[derive(Clone)]
pub(crate) struct Attached {
    local: NonNull<Local>,
    pub(crate) thread: String,
}

impl Attached {
    pub(crate) fn new(local: NonNull<Local>, thread: String) -> Self {
        Self { local, thread }
    }

    pub(crate) fn is(&self, local: NonNull<Local>) -> bool {
        self.local == local
    }

    /// The mutator's state, of which its word and poll may be used at any time, the rest in a stopped world.
    pub(crate) fn local(&self) -> &Local {
        // SAFETY: freed by its owner only after the registry has forgotten it.
        unsafe { self.local.as_ref() }
    }
}

impl Shared {
    /// What a stop acts on: these mutators, and the marker.
    pub(crate) fn members<'a>(&'a self, mutators: &'a [Attached]) -> impl Iterator<Item = Member<'a>> + Clone {
        let member = |attached: &'a Attached| {
            let local = attached.local();
            Member { word: &local.word, poll: &local.poll }
        };
        mutators.iter().map(member).chain(core::iter::once(self.full.member()))
    }
}

// SAFETY: the pointer is followed by the leader of a pause only (L1 of `local`).
unsafe impl Send for Attached {}

/// How long things took.
#[derive(Default)]
pub(crate) struct Times {
    pub(crate) pauses: Histogram,
    pub(crate) utilisation: Utilisation,
    /// From a request to the moment the world stands, where somebody had to be waited for.
    pub(crate) to_safepoint: Histogram,
    /// The thread that the longest of these waited for.
    pub(crate) slowest: Option<String>,
}

/// When to collect: read in slow paths, set at any time.
pub(crate) struct Pace {
    nursery_bytes: AtomicUsize,
    /// The young budget is so many nurseries.
    nurseries: AtomicUsize,
    copied_goal: AtomicUsize,
    /// How many mutators are attached.
    attached: AtomicUsize,
    /// In 1/64: how much of the young budget is used before it is collected.
    used_part: AtomicUsize,
    promote_all_every: AtomicU32,
    growth_percent: AtomicU32,
    growth_floor: AtomicUsize,
    soft_limit: AtomicUsize,
    pub(crate) auto: AtomicBool,
    /// Bytes of the old generation at which a full collection begins.
    pub(crate) goal: AtomicUsize,
    /// Bytes of the old generation at which marking begins, so that it ends before the goal.
    trigger: AtomicUsize,
    /// Bytes that become old in a millisecond.
    promoted: AtomicUsize,
    /// Milliseconds that the last full collection took, from its beginning to its end.
    full_millis: AtomicUsize,
    /// Bytes of the old generation, large objects included.
    pub(crate) old_bytes: AtomicUsize,
    /// Bytes of the old generation after the last full collection.
    pub(crate) old_live: AtomicUsize,
    /// Young collections since everything was promoted.
    pub(crate) young_collections: AtomicU32,
    /// Stops: see `CellWord`.
    pub(crate) stops: AtomicU32,
    /// Twice the number of collections, plus one while one runs.
    pub(crate) collections: AtomicU64,
    /// Bytes allocated since the last collection, in chunks that are full and large runs.
    pub(crate) fresh_bytes: AtomicUsize,
    /// Bytes that are expected to survive the next young collection.
    pub(crate) survivors: AtomicUsize,
    /// Bytes that young objects hold elsewhere, as far as mutators have said since the last collection.
    pub(crate) fresh_external: AtomicUsize,
    /// Whether the hard limit was reported since the last collection.
    pub(crate) limit_told: AtomicBool,
    /// Whether mutators that have detached remembered more than a buffer holds.
    pub(crate) much_remembered: AtomicBool,
}

/// See `Pace::used_part`.
const WHOLE: usize = 64;
/// Survivors of one collection that are worth having memory ready for.
const MUCH: usize = 1 << 20;

impl Pace {
    fn new(config: &Config) -> Self {
        let Thresholds { nursery_bytes, copied_goal, promote_all_every, growth_percent, growth_floor } =
            config.thresholds;
        Self {
            nursery_bytes: AtomicUsize::new(nursery_bytes),
            nurseries: AtomicUsize::new(1),
            attached: AtomicUsize::new(0),
            copied_goal: AtomicUsize::new(copied_goal),
            used_part: AtomicUsize::new(WHOLE),
            promote_all_every: AtomicU32::new(promote_all_every),
            growth_percent: AtomicU32::new(growth_percent),
            growth_floor: AtomicUsize::new(growth_floor),
            soft_limit: AtomicUsize::new(config.soft_limit.unwrap_or(usize::MAX)),
            auto: AtomicBool::new(config.auto),
            // Before anything was measured, an eighth of the way is left.
            goal: AtomicUsize::new(growth_floor.min(config.soft_limit.unwrap_or(usize::MAX))),
            trigger: AtomicUsize::new(0),
            promoted: AtomicUsize::new(0),
            full_millis: AtomicUsize::new(0),
            old_bytes: AtomicUsize::new(0),
            old_live: AtomicUsize::new(0),
            young_collections: AtomicU32::new(0),
            stops: AtomicU32::new(1),
            collections: AtomicU64::new(0),
            fresh_bytes: AtomicUsize::new(0),
            survivors: AtomicUsize::new(0),
            fresh_external: AtomicUsize::new(0),
            limit_told: AtomicBool::new(false),
            much_remembered: AtomicBool::new(false),
        }
    }

    // Relaxed, all of them: settings and figures that guard no other memory; a stale one delays a collection.
    pub(crate) fn thresholds(&self) -> Thresholds {
        Thresholds {
            nursery_bytes: self.nursery_bytes.load(Ordering::Relaxed),
            copied_goal: self.copied_goal.load(Ordering::Relaxed),
            promote_all_every: self.promote_all_every.load(Ordering::Relaxed),
            growth_percent: self.growth_percent.load(Ordering::Relaxed),
            growth_floor: self.growth_floor.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn set_thresholds(&self, thresholds: Thresholds) {
        self.nursery_bytes.store(thresholds.nursery_bytes, Ordering::Relaxed);
        self.copied_goal.store(thresholds.copied_goal, Ordering::Relaxed);
        self.promote_all_every.store(thresholds.promote_all_every, Ordering::Relaxed);
        self.growth_percent.store(thresholds.growth_percent, Ordering::Relaxed);
        self.growth_floor.store(thresholds.growth_floor, Ordering::Relaxed);
        self.set_goal();
    }

    pub(crate) fn set_soft_limit(&self, bytes: usize) {
        self.soft_limit.store(bytes, Ordering::Relaxed);
        self.set_goal();
    }

    pub(crate) fn soft_limit(&self) -> usize {
        self.soft_limit.load(Ordering::Relaxed)
    }

    /// Sets the goal from what was live after the last full collection: live × (1 + growth), a quarter of that growth
    /// above the soft limit.
    pub(crate) fn set_goal(&self) {
        let live = self.old_live.load(Ordering::Relaxed);
        let thresholds = self.thresholds();
        let percent = |percent: u32| (live / 100).saturating_mul(percent as usize);
        let goal = live.saturating_add(percent(thresholds.growth_percent)).max(thresholds.growth_floor);
        let soft = self.soft_limit();
        let above = live.saturating_add(percent(thresholds.growth_percent.div_ceil(4))).saturating_add(BLOCK);
        let goal = if goal > soft { soft.max(above.min(goal)) } else { goal };
        self.goal.store(goal, Ordering::Relaxed);
        self.set_trigger();
    }

    /// Sets when marking begins: so early that, at the rates that were measured, it ends with a third of what it takes to spare. Between
    /// an eighth and three quarters of the way from what lives to the goal are left for it.
    fn set_trigger(&self) {
        let (live, goal) = (self.old_live.load(Ordering::Relaxed), self.goal.load(Ordering::Relaxed));
        let growth = goal.saturating_sub(live);
        let expected =
            self.promoted.load(Ordering::Relaxed).saturating_mul(self.full_millis.load(Ordering::Relaxed) + 1);
        let headroom = (expected / 3).saturating_mul(4).clamp(growth / 8, growth / 4 * 3);
        self.trigger.store(goal - headroom, Ordering::Relaxed);
    }

    /// How long a full collection took.
    pub(crate) fn full_took(&self, time: Duration) {
        self.full_millis.store(time.as_millis() as usize, Ordering::Relaxed);
    }

    /// So many bytes became old since the last pause, so long ago.
    pub(crate) fn count_promoted(&self, bytes: usize, time: Duration) {
        let now = bytes.saturating_mul(1000) / (time.as_micros() as usize).max(100);
        let before = self.promoted.load(Ordering::Relaxed);
        self.promoted.store(before - before / 8 + now / 8, Ordering::Relaxed);
        self.set_trigger();
    }

    /// Whether the old generation will be a tenth larger than it should ever get, with what is expected to be promoted now.
    pub(crate) fn is_far_over_goal(&self) -> bool {
        let expected = self.old_bytes.load(Ordering::Relaxed) + self.survivors.load(Ordering::Relaxed);
        self.is_over_goal(expected, 10)
    }

    /// Whether so much becomes old that memory for it should be there before.
    pub(crate) fn promotes_much(&self) -> bool {
        self.survivors.load(Ordering::Relaxed) > MUCH && self.promoted.load(Ordering::Relaxed) > 0
    }

    /// Whether the old generation is larger than it should ever get, by more than so many percent of the goal.
    pub(crate) fn is_over_goal(&self, old_bytes: usize, percent: usize) -> bool {
        let goal = self.goal.load(Ordering::Relaxed);
        old_bytes > goal.saturating_add(goal / 100 * percent)
    }

    pub(crate) fn attached(&self) -> usize {
        self.attached.load(Ordering::Relaxed)
    }

    /// Bytes between two young collections.
    pub(crate) fn young_budget(&self) -> usize {
        self.nursery_bytes.load(Ordering::Relaxed).saturating_mul(self.nurseries.load(Ordering::Relaxed))
    }

    /// Fits the part of the young budget that is used to what a collection copied. By bytes, not by the clock: the same program is
    /// collected at the same points.
    pub(crate) fn fit_nursery(&self, survived: usize, remembered: usize) {
        let copied = survived.saturating_add(remembered.saturating_mul(32)).max(1);
        let goal = self.copied_goal.load(Ordering::Relaxed);
        let part = self.used_part.load(Ordering::Relaxed);
        let wanted = (part as u128 * goal as u128 / copied as u128).min(WHOLE as u128) as usize;
        self.used_part.store(wanted.clamp(part / 2, part * 2).clamp(WHOLE / 4, WHOLE), Ordering::Relaxed);
    }

    /// Sets the young budget for so many mutators: threads that share one nursery would be collected as much more often, and
    /// each time would copy what all of them have in the works. Not more than an eighth of the hard limit.
    pub(crate) fn share_nursery(&self, mutators: usize, config: &Config) {
        self.attached.store(mutators, Ordering::Relaxed);
        let affordable = config.hard_limit.unwrap_or(usize::MAX) / 8 / self.nursery_bytes.load(Ordering::Relaxed);
        self.nurseries.store(mutators.min(config.cores).min(affordable).max(1), Ordering::Relaxed);
    }

    /// Whether the young budget is used up.
    pub(crate) fn wants_young(&self) -> bool {
        let budget = self.young_budget() / WHOLE * self.used_part.load(Ordering::Relaxed);
        self.fresh_bytes.load(Ordering::Relaxed) >= budget && self.is_auto()
    }

    /// Counts bytes that a young object holds elsewhere. Whether they are so many that a young collection is worth it: by then the old
    /// generation would have been collected, if it had grown by as much.
    pub(crate) fn count_external(&self, bytes: usize) -> bool {
        let before = self.fresh_external.fetch_add(bytes, Ordering::Relaxed);
        before.saturating_add(bytes) >= self.growth_floor.load(Ordering::Relaxed)
    }

    /// Whether mutators that have detached remembered as much as a buffer holds.
    pub(crate) fn remembers_much(&self) -> bool {
        self.much_remembered.load(Ordering::Relaxed)
    }

    pub(crate) fn is_auto(&self) -> bool {
        self.auto.load(Ordering::Relaxed)
    }
}

impl Memory {
    /// Charges and commits fresh address space (offset in the reservation, bytes).
    pub(crate) fn grow(&self, offset: usize, bytes: usize) -> bool {
        if !self.budget.charge(bytes) {
            return false;
        }
        let committed = self.commit(offset, bytes);
        if !committed {
            self.budget.discharge(bytes);
        }
        committed
    }

    /// Puts memory behind a range that was charged and committed.
    pub(crate) fn populate(&self, offset: usize, bytes: usize) {
        self.reservation.populate(offset, bytes);
    }

    pub(crate) fn commit(&self, offset: usize, bytes: usize) -> bool {
        self.reservation.commit(offset, bytes, &self.faults)
    }

    /// Gives memory back that was charged.
    ///
    /// # Safety
    ///
    /// Nobody uses the range.
    unsafe fn release(&self, offset: usize, bytes: usize) {
        // SAFETY: the caller's.
        unsafe { self.reservation.release(offset, bytes) };
        self.budget.discharge(bytes);
    }
}

/// Runs of pages for large objects.
pub(crate) struct Pages<'a>(pub(crate) &'a Memory);

impl PageSource for Pages<'_> {
    fn charge(&mut self, bytes: usize) -> bool {
        self.0.budget.charge(bytes)
    }

    fn commit(&mut self, offset: usize, bytes: usize) -> bool {
        let committed = self.0.commit(offset, bytes);
        if !committed {
            self.0.budget.discharge(bytes);
        }
        committed
    }
}

impl Shared {
    /// Reserves a heap. Retries with half the address space where the system refuses.
    pub(crate) fn new(config: Config) -> Result<Self, BuildError> {
        let config = config.checked()?;
        let mut bytes = config.reservation;
        loop {
            match Self::reserve(&config, bytes) {
                Ok(shared) => return Ok(shared),
                Err(_) if bytes / 2 >= config.least_reservation() => bytes /= 2,
                Err(error) => {
                    let os = std::io::Error::from_raw_os_error(error.os).to_string();
                    return Err(BuildError::Reservation { bytes: error.bytes, os });
                }
            }
        }
    }

    /// Reserves the heap's parts out of `bytes` of address space: a quarter young, a quarter large, half old.
    fn reserve(config: &Config, bytes: usize) -> Result<Self, ReserveError> {
        let quarter = (bytes / 4) & !((2 << 20) - 1);
        let reservation = Reservation::new(quarter * 4, 2 << 20)?;
        let map = AddressMap::new(reservation.base(), quarter, quarter, quarter * 2);
        reservation.huge(map.offset(map.old.start), map.old.bytes);
        let runs = Arc::new(RunTable::new(map)?);
        let old = OldSpace::new(map)?;
        let bits = old.bits.clone();
        let limit = config.hard_limit.unwrap_or(usize::MAX);
        let pace = Pace::new(config);
        pace.set_goal();
        Ok(Self {
            map,
            runs,
            pace,
            world: World::new(),
            registry: Mutex::new(Registry {
                mutators: Vec::new(),
                tables: Vec::new(),
                last: [None; 2],
                resumed: None,
                next: 0,
            }),
            young: Mutex::new(Young {
                space: YoungSpace::new(map, config.chunk_bytes)?,
                drops: Vec::new(),
                fresh_large: Vec::new(),
                remembered: Remembered::default(),
            }),
            old: Mutex::new(Old {
                space: old,
                cursors: (0..config.workers).map(|_| Cursors::new()).collect(),
                progress: Progress::default(),
            }),
            large: Mutex::new(LargeSpace::new(map)),
            marking: Mutex::new(Marking::default()),
            bits,
            snapshots: Arc::new(Snapshots::new()),
            full: Full::new(),
            stats: Mutex::new(Stats::default()),
            times: Mutex::new(Times::default()),
            background: Background::new(config.hook.clone()),
            crew: Arc::new(Crew::new()),
            helpers: Helpers::new(),
            memory: Memory {
                reservation,
                faults: MapFaults::at(config.stress.map_fails),
                budget: Arc::new(Budget::new(limit)),
            },
            config: config.clone(),
        })
    }

    /// Whether the old generation, with what objects hold elsewhere, has grown so much that marking should begin.
    pub(crate) fn wants_full(&self) -> bool {
        // Relaxed, both: see `Pace`.
        let bytes = self.pace.old_bytes.load(Ordering::Relaxed).saturating_add(self.memory.budget.external());
        bytes >= self.pace.trigger.load(Ordering::Relaxed)
    }

    /// Gives the memory of empty blocks back, all but `spare` beyond those that promoting what is young may need.
    ///
    /// The lock of the young generation is held while blocks are chosen, so that no nursery memory is handed out on the
    /// strength of a block that is about to go; they are released without a lock.
    pub(crate) fn release_blocks(&self, young: MutexGuard<'_, Young>, spare: usize) {
        let young_bytes = (young.space.in_use() + 1) * young.space.chunk_bytes();
        let ready = promotion_reserve(young_bytes) + self.helpers.count() * CLASSES;
        let blocks = self.old.lock().space.take_surplus(ready.saturating_add(spare));
        drop(young);
        for &block in &blocks {
            let offset = self.map.offset(self.map.block_start(block as usize));
            // SAFETY: an empty block that is on no list.
            unsafe { self.memory.release(offset, BLOCK) };
        }
        self.old.lock().space.put_released(&blocks);
    }

    /// Gives the memory of empty chunks back, all but twice the nursery: what a burst without safepoints took.
    pub(crate) fn release_chunks(&self) {
        let mut young = self.young.lock();
        let chunk_bytes = young.space.chunk_bytes();
        let chunks = young.space.take_surplus(2 * self.pace.young_budget() / chunk_bytes);
        let offsets: Vec<usize> = chunks.iter().map(|&chunk| young.space.offset(chunk)).collect();
        drop(young);
        for offset in offsets {
            // SAFETY: an empty chunk that is on no list.
            unsafe { self.memory.release(offset, chunk_bytes) };
        }
        self.young.lock().space.put_released(&chunks);
    }

    /// Gives the memory of free large runs back if they hold more than `keep` bytes.
    pub(crate) fn release_runs(&self, keep: usize) {
        let mut large = self.large.lock();
        if large.dirty_bytes() > keep {
            // SAFETY: free runs; the lock keeps them so.
            large.release_free(|offset, bytes| unsafe { self.memory.release(offset, bytes) });
        }
    }

    /// Bytes that the old generation takes, large objects of any age included.
    pub(crate) fn old_bytes(old: &OldSpace, large: &LargeSpace) -> usize {
        old.live_bytes + large.used_pages * PAGE
    }
}

impl Config {
    /// The least address space that holds the settings.
    pub(crate) fn least_reservation(&self) -> usize {
        let limit = self.hard_limit.unwrap_or(0).max(self.thresholds.nursery_bytes.saturating_mul(4));
        limit.saturating_mul(4).max(64 << 20)
    }
}
