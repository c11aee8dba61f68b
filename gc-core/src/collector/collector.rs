//! The owner of a heap's parts, which its mutators, roots and threads share, and the order of the
//! locks.
//!
//! ```text
//!   registry → trims → young → old → large → clearing → marking → the state of `major` → the queue of `background`
//! ```
//!
//! A thread that holds one of these locks takes only locks to the right of it. No thread holds one
//! while user code runs, except derived `Trace` in a pause. The locks within `rendezvous`,
//! `visits`, `yielding`, `satb`, `stats`, `roots` and `workers` are leaves, and so is that of the
//! queues of `registered`, and that of its sites. A shard of `registered` is locked before that one
//! and before `satb`, and `waiting` before nothing. The table of counted owners (`counted::owners`)
//! is locked after the registry, and the rendezvous or the queue of `background` after that. The
//! lock word of a `GcCell` comes before all of them: a mutator may allocate while it has a guard.
//! What the parts do together is in functions of the files that import this one, which take the
//! owner first; no part imports its owner.

use std::sync::OnceLock;

use crate::{
    barrier::SatbQueue,
    memory::{
        AddressMap, MapFaults, Memory, Reservation, ReserveError, address_map::HUGE_PAGE, budget::Budget,
        process_limits,
    },
    old::{
        mark::{Cells, Marker, Marking},
        waiting::Waiting,
    },
    registered::{Generations, Sites, Table},
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
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    workers::{Workers, on_demand::Start},
};

use super::{
    clearing::{Clearing, Subject},
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
    visits::Visits,
    yielding::Yielding,
};

/// One heap.
pub(crate) struct Collector {
    pub(crate) config: Config,
    /// The process in which the heap can be used.
    pub(super) process: AtomicU32,
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
    /// The current major cycle: its phase, its marking state, and the values that mutators have
    /// overwritten.
    pub(crate) major: MajorCycle,
    pub(crate) marking: Mutex<Marking>,
    pub(crate) waiting: Waiting,
    pub(crate) satb: Arc<SatbQueue>,
    /// What is known of single objects, and how far the dead of the old ones are cleared.
    pub(crate) registered: Table,
    pub(crate) clearing: Mutex<Clearing>,
    /// The allocation sites of those of them that are samples.
    pub(crate) sites: Sites,
    /// When to collect, and what was done so far.
    pub(crate) pacing: Pacing,
    pub(crate) headroom: Headroom,
    pub(crate) idle: Idle,
    pub(crate) pressure: Arc<PressureSignal>,
    pub(crate) epochs: Epochs,
    pub(crate) given_up: GivenUp,
    pub(crate) visits: Visits,
    pub(crate) yielding: Yielding,
    pub(crate) stats: Recorder,
    /// Counted objects in the queues of mutators ([owners.queue]).
    pub(crate) counted_waiting: AtomicUsize,
    /// The jobs of the background thread, and the GC workers.
    pub(crate) background: Background,
    pub(crate) workers: Workers,
}

/// How the threads of a heap are started, when they are called for. Each returns whether the system
/// has started one.
pub(crate) struct Starts {
    pub(crate) background: fn(&Arc<Collector>) -> bool,
    pub(crate) concurrent: fn(&Arc<Collector>) -> bool,
    /// Does what is due of a major cycle, in the place of the concurrent thread.
    pub(crate) work_in_its_place: fn(&Arc<Collector>),
    /// Has the clock look at the heap.
    pub(crate) watch: fn(&Arc<Collector>),
}

impl Collector {
    /// Reserves the address space of a heap. Retries with half of it while the system refuses.
    pub(crate) fn new(config: Config, starts: &Starts) -> Result<Arc<Self>, BuildError> {
        let config = config.checked()?;
        // The side tables, which are in proportion to the reservation, take a tenth of the data that the process may have.
        let most = process_limits::data().map_or(usize::MAX, |limit| limit.saturating_mul(8));
        let mut bytes = config.reservation.min(most.max(config.least_reservation()));
        loop {
            let own = Own::default();
            match Self::reserve(&config, bytes, starts, &own) {
                Ok(collector) => {
                    let collector = Arc::new(collector);
                    let _ = own.set(Arc::downgrade(&collector));
                    return Ok(collector);
                }
                Err(_) if bytes / 2 >= config.least_reservation() => bytes /= 2,
                Err(error) => {
                    let os = std::io::Error::from_raw_os_error(error.os).to_string();
                    return Err(BuildError::Reservation { bytes: error.bytes, os });
                }
            }
        }
    }

    /// Returns whether this is the child of a fork in which the heap can only be read and dropped
    /// ([fork.given-up]). There a thread that does not exist may hold a lock.
    pub(crate) fn is_elsewhere(&self) -> bool {
        // Relaxed: written by the only thread of a process.
        self.process.load(Ordering::Relaxed) != std::process::id()
    }

    /// Reserves the heap's parts out of `bytes` of address space: a quarter young, a quarter large,
    /// half old.
    fn reserve(config: &Config, bytes: usize, starts: &Starts, own: &Own) -> Result<Self, ReserveError> {
        let quarter = (bytes / 4) & !(HUGE_PAGE - 1);
        let reservation = Reservation::new(quarter * 4, HUGE_PAGE)?;
        let map = AddressMap::new(reservation.base(), quarter, quarter, quarter * 2);
        for (part, name) in [(map.young, c"gc-young"), (map.large, c"gc-large"), (map.old, c"gc-old")] {
            reservation.name(map.offset(part.start), part.bytes, name);
        }
        reservation.huge(map.offset(map.old.start), map.old.bytes);
        // A heap that allocates little takes pages of the usual size.
        reservation.huge(map.offset(map.young.start) + HUGE_PAGE, quarter - HUGE_PAGE);
        let runs = Arc::new(RunTable::new(map)?);
        let old = OldSpace::new(map)?;
        let bits = old.bits.clone();
        let candidates = Arc::new(Candidates::new(map)?);
        let limit = config.hard_limit.unwrap_or(usize::MAX);
        let pacing = Pacing::new(config);
        pacing.set_goal();
        let start = |start: fn(&Arc<Self>) -> bool| -> Start {
            let own = own.clone();
            Box::new(move || here(&own).is_some_and(|own| start(&own)))
        };
        let with_own = |call: fn(&Arc<Self>)| -> Box<dyn Fn() + Send + Sync> {
            let own = own.clone();
            Box::new(move || {
                if let Some(own) = here(&own) {
                    call(&own);
                }
            })
        };
        Ok(Self {
            map,
            process: AtomicU32::new(std::process::id()),
            runs,
            candidates,
            pacing,
            headroom: Headroom::new(),
            idle: Idle::new(config.idle_after, with_own(starts.watch)),
            pressure: Arc::new(PressureSignal::new()),
            epochs: Epochs::new(),
            given_up: GivenUp::new(),
            visits: Visits::new(),
            yielding: Yielding::new(),
            rendezvous: Rendezvous::new(),
            registry: Mutex::default(),
            young: Mutex::new(Young::new(YoungSpace::new(map, config.chunk_bytes)?)),
            old: Mutex::new(Old::new(old, config.workers)),
            large: Mutex::new(LargeSpace::new(map)),
            trims: Mutex::default(),
            marking: Mutex::new(Marking::default()),
            waiting: Waiting::new(),
            roots: Arc::new(RootSpace::new()),
            bits,
            satb: Arc::new(SatbQueue::new()),
            registered: Table::new(),
            clearing: Mutex::default(),
            sites: Sites::new(),
            major: MajorCycle::new(start(starts.concurrent), with_own(starts.work_in_its_place)),
            stats: Recorder::default(),
            counted_waiting: AtomicUsize::new(0),
            background: Background::new(config.hook.clone(), start(starts.background)),
            workers: Workers::new(),
            memory: Memory::new(reservation, &map, MapFaults::at(config.stress.map_fails), Budget::new(limit)),
            config: config.clone(),
        })
    }

    /// Tells young objects from old ones.
    pub(crate) fn generations(&self) -> Generations<'_> {
        Generations { map: self.map, runs: &self.runs }
    }

    /// Sets the young budget for the mutators of the registry.
    pub(crate) fn share_nursery(&self, registry: &Registry) {
        let mutators = &registry.mutators;
        self.pacing.share_nursery(mutators.len(), mutators.awake().len(), &self.config);
    }

    /// Does an increment of clearing.
    pub(crate) fn clear(&self, clearing: &mut Clearing) {
        let Self { registered: table, bits, runs, waiting, marking, .. } = self;
        clearing.step(Subject { table, bits, runs, waiting, marking });
    }

    /// Returns a marker, for one increment.
    pub(crate) fn marker<'a>(&'a self, cells: Cells, state: &'a mut Marking) -> Marker<'a> {
        Marker::new(&self.bits, &self.runs, &self.candidates, &self.satb.big_cells, &self.waiting, cells, state)
    }
}

/// The heap itself, for what calls for its threads.
type Own = Arc<OnceLock<Weak<Collector>>>;

/// Returns the heap, unless it [is elsewhere](Collector::is_elsewhere): no thread works for it
/// then.
fn here(own: &Own) -> Option<Arc<Collector>> {
    own.get().and_then(Weak::upgrade).filter(|own| !own.is_elsewhere())
}
