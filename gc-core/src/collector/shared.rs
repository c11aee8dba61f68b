//! The state of one heap that its mutators, roots and collector threads share.
//!
//! Locks are taken in the order registry, young, old, large, marking, full, background; nobody holds one while user code runs.

use core::ptr::NonNull;
use std::time::Instant;

use crate::{
    barrier::Remembered,
    memory::{
        AddressMap, BLOCK, LAST_NUMBER, MapFaults, PAGE, Reservation, ReserveError,
        blocks::{Bits, OldSpace},
        budget::Budget,
        chunks::YoungSpace,
        large::{LargeSpace, PageSource, RunTable},
        size_class::CLASSES,
    },
    old::{mark::Marking, promote::Cursors, sweep::Progress},
    safepoint::{Member, World},
    snapshot::Snapshots,
    sync::{Arc, Mutex, MutexGuard},
    work::Crew,
};

use super::{
    background::Background,
    config::{BuildError, Config, promotion_reserve},
    full::Full,
    helpers::Helpers,
    histogram::Histogram,
    local::Local,
    pace::Pace,
    pending::Pending,
    report::CollectReport,
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
    pub(crate) numbers: Numbers,
}

/// The numbers of mutators that are attached, from 1 on (0 is the marker's): each is given again when its mutator has detached, and the world was
/// stopped since. Until then a cell may say that it writes, whose guard was forgotten: who had the number would take that for its own.
#[derive(Default)]
pub(crate) struct Numbers {
    last: u32,
    free: Vec<u32>,
    /// Of mutators that have detached since the last stop.
    resting: Vec<u32>,
}

impl Numbers {
    /// A number that no other mutator has, unless all are taken: one that rests only where there is no other.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let fresh = |last: &mut u32| {
            (*last < LAST_NUMBER).then(|| {
                *last += 1;
                *last
            })
        };
        self.free.pop().or_else(|| fresh(&mut self.last)).or_else(|| self.resting.pop())
    }

    pub(crate) fn give_back(&mut self, number: u32) {
        self.resting.push(number);
    }

    /// The world is stopped: no guard counts any more that was forgotten before.
    pub(crate) fn stopped(&mut self) {
        self.free.append(&mut self.resting);
    }
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
                numbers: Numbers::default(),
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
        self.pace.wants_full(self.memory.budget.external())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that only grew would reach the flags of a cell's word in a server that attaches for each request.
    #[test]
    fn numbers_of_mutators_are_given_again_and_end() {
        let mut numbers = Numbers::default();
        for _ in 0..10 {
            let taken = [numbers.take(), numbers.take()];
            assert!(taken.iter().flatten().all(|&number| number == 1 || number == 2), "{taken:?}");
            taken.into_iter().flatten().for_each(|number| numbers.give_back(number));
            numbers.stopped();
        }
        let rests = numbers.take().unwrap();
        numbers.give_back(rests);
        assert_eq!([numbers.take(), numbers.take(), numbers.take()], [Some(3 - rests), Some(3), Some(4)]);
        let mut numbers = Numbers { last: LAST_NUMBER - 1, ..Numbers::default() };
        assert_eq!([numbers.take(), numbers.take()], [Some(LAST_NUMBER), None]);
        numbers.give_back(7);
        assert_eq!(numbers.take(), Some(7));
    }
}
