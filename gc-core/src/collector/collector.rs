//! The owner of a heap's parts, which its mutators, roots and threads share, and the order of the locks.
//!
//! ```text
//!   registry → trims → young → old → large → marking → the state of `major` → the queue of `background`
//! ```
//!
//! A thread that holds one of these locks takes only locks to the right of it. No thread holds one while user code runs, except
//! derived `Trace` in a pause. The locks within `rendezvous`, `satb`, `stats`, `roots` and `workers` are leaves. The table of counted owners
//! (`counted::owners`) is locked after the registry, and the rendezvous or the queue of `background` after that. The lock word of a `GcCell` comes before all of
//! them: a mutator may allocate while it has a guard. What the parts do together is in functions of the files that import this one,
//! which take the owner first; no part imports its owner.

use crate::{
    barrier::SatbQueue,
    memory::{AddressMap, MapFaults, Memory, Reservation, ReserveError, budget::Budget, process_limits},
    old::mark::{Cells, Marker, Marking},
    roots::RootSpace,
    safepoint::Rendezvous,
    settings::config::{BuildError, Config},
    space::{
        candidates::Candidates,
        large::{LargeSpace, RunTable},
        old::{Bits, OldSpace},
        young::YoungSpace,
    },
    stats::recorder::Recorder,
    sync::{Arc, Mutex, atomic::AtomicUsize},
    workers::Workers,
};

use super::{
    epochs::Epochs,
    generations::{Old, Young},
    given_up::GivenUp,
    headroom::Headroom,
    idle::Idle,
    jobs::Background,
    major_cycle::MajorCycle,
    pacing::Pacing,
    pressure::PressureSignal,
    registry::Registry,
};

/// One heap.
pub(crate) struct Collector {
    pub(crate) config: Config,
    /// Where the parts of its address space lie, and the memory behind them.
    pub(crate) map: AddressMap,
    pub(crate) memory: Memory,
    /// The participants, and where they meet.
    pub(crate) registry: Mutex<Registry>,
    pub(crate) rendezvous: Rendezvous,
    /// The generations. Their side tables are read without a lock.
    pub(crate) young: Mutex<Young>,
    pub(crate) old: Mutex<Old>,
    pub(crate) large: Mutex<LargeSpace>,
    /// How often memory was given back; locked while that is under way ([trim.found]).
    pub(crate) trims: Mutex<u64>,
    /// The roots of mutators that have detached.
    pub(crate) roots: Arc<RootSpace>,
    pub(crate) bits: Arc<Bits>,
    pub(crate) runs: Arc<RunTable>,
    pub(crate) candidates: Arc<Candidates>,
    /// The current major cycle: its phase, its marking state, and the values that mutators have overwritten.
    pub(crate) major: MajorCycle,
    pub(crate) marking: Mutex<Marking>,
    pub(crate) satb: Arc<SatbQueue>,
    /// When to collect, and what was done so far.
    pub(crate) pacing: Pacing,
    pub(crate) headroom: Headroom,
    pub(crate) idle: Idle,
    pub(crate) pressure: Arc<PressureSignal>,
    pub(crate) epochs: Epochs,
    pub(crate) given_up: GivenUp,
    pub(crate) stats: Recorder,
    /// Counted objects in the queues of mutators ([owners.queue]).
    pub(crate) counted_waiting: AtomicUsize,
    /// The jobs of the background thread, and the GC workers.
    pub(crate) background: Background,
    pub(crate) workers: Workers,
}

impl Collector {
    /// Reserves the address space of a heap. Retries with half of it while the system refuses.
    pub(crate) fn new(config: Config) -> Result<Self, BuildError> {
        let config = config.checked()?;
        // The side tables, which are in proportion to the reservation, take a tenth of the data that the process may have.
        let most = process_limits::data().map_or(usize::MAX, |limit| limit.saturating_mul(8));
        let mut bytes = config.reservation.min(most.max(config.least_reservation()));
        loop {
            match Self::reserve(&config, bytes) {
                Ok(collector) => return Ok(collector),
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
        let candidates = Arc::new(Candidates::new(map)?);
        let limit = config.hard_limit.unwrap_or(usize::MAX);
        let pacing = Pacing::new(config);
        pacing.set_goal();
        Ok(Self {
            map,
            runs,
            candidates,
            pacing,
            headroom: Headroom::new(),
            idle: Idle::new(config.idle_after),
            pressure: Arc::new(PressureSignal::new()),
            epochs: Epochs::new(),
            given_up: GivenUp::new(),
            rendezvous: Rendezvous::new(),
            registry: Mutex::default(),
            young: Mutex::new(Young::new(YoungSpace::new(map, config.chunk_bytes)?)),
            old: Mutex::new(Old::new(old, config.workers)),
            large: Mutex::new(LargeSpace::new(map)),
            trims: Mutex::default(),
            marking: Mutex::new(Marking::default()),
            roots: Arc::new(RootSpace::new()),
            bits,
            satb: Arc::new(SatbQueue::new()),
            major: MajorCycle::new(),
            stats: Recorder::default(),
            counted_waiting: AtomicUsize::new(0),
            background: Background::new(config.hook.clone()),
            workers: Workers::new(),
            memory: Memory::new(reservation, &map, MapFaults::at(config.stress.map_fails), Budget::new(limit)),
            config: config.clone(),
        })
    }

    /// Returns a marker, for one increment.
    pub(crate) fn marker<'a>(&'a self, cells: Cells, state: &'a mut Marking) -> Marker<'a> {
        Marker::new(&self.bits, &self.runs, &self.candidates, &self.satb.big_cells, cells, state)
    }
}
