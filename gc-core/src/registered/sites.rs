//! The allocation sites of a heap: which session of tracking is on, and the records of its sites.
//!
//! ```text
//!   start ──▶ session: settings, totals, records ──▶ stop: ended; its samples go one after the other
//!                 ▲ a mutator takes it over in a slow path, when the number has changed
//! ```
//!
//! - **[sites.number]** The number of the session that is on is read without a lock, in slow paths
//!   only. A mutator that finds another one than its own takes the session over, or lets it be.
//! - **[sites.forgotten]** An entry with nothing but a sample of a session that has ended is idle.
//!   The thread that ends the session says so first, and then walks the shards; entries that are
//!   put into a shard are looked at under its lock. So an entry is either met by the walk, or was
//!   put there by a thread that knew.
//! - **[sites.bounded]** A session has `max_sites` records and `max_samples` samples at most.

use core::panic::Location;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use crate::{
    settings::SitesConfig,
    sync::{
        Mutex, RawLock,
        atomic::{AtomicU64, Ordering},
        raw,
    },
};

use super::sample::{Record, Totals};

/// A session of tracking, from `start` to `stop`.
pub(crate) struct Session {
    pub(crate) number: u64,
    pub(crate) config: SitesConfig,
    pub(crate) totals: Arc<Totals>,
}

/// The allocation sites of a heap.
pub(crate) struct Sites {
    /// The number of the session that is on; 0 for none ([sites.number]).
    number: AtomicU64,
    /// A leaf.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    session: Option<Arc<Session>>,
    /// The number of the last session.
    last: u64,
    records: HashMap<Key, Arc<Record>>,
    /// Bytes of records.
    bytes: usize,
}

/// What tells records apart: the addresses of a place and a type's name, which may have several,
/// and the backtrace.
#[derive(PartialEq, Eq, Hash)]
struct Key(usize, usize, Box<[usize]>);

/// The name of the site of all that found no room, and of its type.
pub(crate) const OTHERS: &str = "(others)";

impl Sites {
    pub(crate) fn new() -> Self {
        Self { number: AtomicU64::new(0), state: Mutex::default() }
    }

    /// Returns the word of the lock, for `collector::fork`.
    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.state)
    }

    /// Returns the number of the session that is on, 0 for none.
    #[inline(always)]
    pub(crate) fn number(&self) -> u64 {
        // Relaxed: the session itself is under the lock.
        self.number.load(Ordering::Relaxed)
    }

    /// Begins a session, unless one is on. Returns its number.
    pub(crate) fn start(&self, config: SitesConfig) -> Option<u64> {
        let mut state = self.state.lock();
        if state.session.is_some() {
            return None;
        }
        state.last += 1;
        let number = state.last;
        state.session = Some(Arc::new(Session { number, config, totals: Arc::new(Totals::new()) }));
        // Relaxed: [sites.number].
        self.number.store(number, Ordering::Relaxed);
        Some(number)
    }

    /// Ends the session. Returns whether there was one, and the number of the last one.
    pub(crate) fn stop(&self) -> (bool, u64) {
        let mut state = self.state.lock();
        // Relaxed: [sites.number].
        self.number.store(0, Ordering::Relaxed);
        let (session, records) = (state.session.take(), core::mem::take(&mut state.records));
        state.bytes = 0;
        // Under the lock: a child of a fork that lacks this thread knows it, too.
        session.iter().for_each(|session| session.totals.end());
        let last = state.last;
        drop(state);
        // Without the lock.
        drop(records);
        (session.is_some(), last)
    }

    /// Returns the session that is on.
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.state.lock().session.clone()
    }

    /// Returns the record of a site in a session, which is made if there is none. `None` if that
    /// session has ended.
    pub(crate) fn record(
        &self,
        session: &Session,
        place: &'static Location<'static>,
        type_name: &'static str,
        frames: Vec<usize>,
    ) -> Option<Arc<Record>> {
        let mut state = self.state.lock();
        let State { session: current, records, bytes, .. } = &mut *state;
        if current.as_ref().is_none_or(|current| current.number != session.number) {
            return None;
        }
        let is_full = records.len() >= session.config.max_sites.max(1) - 1;
        let key = Key(core::ptr::from_ref(place).addr(), type_name.as_ptr().addr(), frames.into());
        if is_full && !records.contains_key(&key) {
            let others = || Arc::new(Record::new(session.totals.clone(), None, OTHERS, Box::default()));
            return Some(records.entry(Key(0, 0, Box::default())).or_insert_with(others).clone());
        }
        Some(match records.entry(key) {
            Entry::Occupied(found) => found.get().clone(),
            Entry::Vacant(vacant) => {
                let frames = vacant.key().2.clone();
                let record = Arc::new(Record::new(session.totals.clone(), Some(place), type_name, frames));
                *bytes += record.side_bytes() + size_of_val(&*record.frames);
                vacant.insert(record).clone()
            }
        })
    }

    /// Returns the records of the session, if one is on.
    pub(crate) fn records(&self) -> Vec<Arc<Record>> {
        self.state.lock().records.values().cloned().collect()
    }

    /// Returns the bytes of the records and their table.
    pub(crate) fn bytes(&self) -> usize {
        if self.number() == 0 {
            return 0;
        }
        let state = self.state.lock();
        // A byte of the table's own for each place of it.
        let place = size_of::<(Key, Arc<Record>)>() + 1;
        state.bytes + state.records.capacity() * place * 8 / 7
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registered::sample::{ONE, Weighed};

    fn session(sites: &Sites, max_sites: usize, max_samples: usize) -> Arc<Session> {
        assert!(sites.start(SitesConfig { max_sites, max_samples, ..SitesConfig::exact() }).is_some());
        sites.session().unwrap()
    }

    #[test]
    fn what_finds_no_room_is_counted_with_the_others() {
        let sites = Sites::new();
        let session = session(&sites, 3, 10);
        let place = Location::caller();
        let record = |frames| sites.record(&session, place, "T", frames).unwrap();
        let weighed = Weighed { objects: ONE, bytes: 24 };
        for n in 0..100 {
            record(vec![n % 10]).sample(weighed, 10);
        }
        let records = sites.records();
        assert_eq!(records.len(), 3);
        let objects = |other| -> u64 {
            let of = |record: &&Arc<Record>| record.place.is_none() == other;
            records.iter().filter(of).map(|record| record.allocated().0.objects / ONE).sum()
        };
        assert_eq!((objects(false), objects(true)), (20, 80));
        assert!(sites.bytes() > 0);
        assert_eq!((sites.stop(), sites.stop()), ((true, 1), (false, 1)));
        assert_eq!((sites.bytes(), sites.records().len()), (0, 0));
        assert!(sites.record(&session, place, "T", vec![1]).is_none());
    }

    #[test]
    fn no_more_samples_are_kept_than_that() {
        let sites = Sites::new();
        let session = session(&sites, 3, 10);
        let record = sites.record(&session, Location::caller(), "T", Vec::new()).unwrap();
        let weighed = Weighed { objects: ONE, bytes: 24 };
        let samples: Vec<_> = (0..100).filter_map(|_| record.sample(weighed, session.config.max_samples)).collect();
        assert_eq!((samples.len(), session.totals.samples()), (10, 10));
        assert_eq!(session.totals.traced(), (240, 240));
        let (allocated, lost) = record.allocated();
        assert_eq!((allocated.objects, lost.objects, lost.bytes), (100 * ONE, 90 * ONE, 90 * 24));
        drop(samples);
        assert_eq!((session.totals.samples(), session.totals.traced()), (0, (0, 240)));
        session.totals.reset_peak();
        assert_eq!(session.totals.traced(), (0, 0));
    }
}
