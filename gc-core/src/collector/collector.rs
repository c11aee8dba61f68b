//! The state of one heap that its mutators, roots and collector threads share.
//!
//! Locks are taken in the order registry, young, old, large, marking, full, background; nobody holds one while user code runs.

use crate::{
    barrier::{Remembered, Snapshots},
    memory::{AddressMap, MapFaults, Memory, Reservation, ReserveError, budget::Budget},
    old::{mark::Marking, promote::Cursors, sweep::Progress},
    safepoint::World,
    settings::config::{BuildError, Config},
    space::{
        large::{LargeSpace, RunTable},
        old::{Bits, OldSpace},
        young::YoungSpace,
    },
    stats::{counters::Stats, recorder::Times},
    sync::{Arc, Mutex},
    workers::{Crew, Helpers},
};

use super::{
    epochs::Epochs,
    generations::{Old, Young},
    jobs::Background,
    major_cycle::Full,
    pacing::Pace,
    registry::{Numbers, Registry},
};

/// One heap.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) map: AddressMap,
    pub(crate) memory: Memory,
    pub(crate) runs: Arc<RunTable>,
    pub(crate) pace: Pace,
    pub(crate) epochs: Epochs,
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
            epochs: Epochs::new(),
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
            memory: Memory::new(reservation, MapFaults::at(config.stress.map_fails), Budget::new(limit)),
            config: config.clone(),
        })
    }
}
