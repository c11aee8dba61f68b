//! A program that lives long and whose sizes change by phase: see `src/bin/sizes_that_shift.rs`.
//!
//! The program is here, once; where its records live is behind [`Window`] and [`Cache`], which [`collected`] and [`boxes`] implement.
//! `benches/peers/sizes_that_shift` has the same program in other languages: a change of any number here is one there.

pub mod boxes;
pub mod collected;
pub mod log;
pub mod records;

use std::time::{Duration, Instant};

use log::Log;
use records::{Records, key};

/// Records of a window, by phase: up and back.
const RECORDS: [usize; 12] = [24, 40, 72, 104, 136, 168, 210, 168, 136, 104, 72, 40];
/// Values of the cache, by phase, up and back; each is up to a quarter larger.
const VALUES: [usize; 12] = [96, 136, 192, 272, 384, 544, 768, 544, 384, 272, 192, 136];
const PHASES: usize = 24;
/// Bytes of records that a phase allocates.
const VOLUME: usize = 256 << 20;
/// Bytes of records that live in the window, and in the cache.
const LIVE: usize = 64 << 20;
/// Records that are allocated together: a step.
pub const BATCH: usize = 512;
/// Places in the window, for batches of the smallest records.
pub const PLACES: usize = LIVE / (RECORDS[0] * BATCH);
/// Places in the cache, for the smallest values.
pub const ENTRIES: usize = LIVE / VALUES[0];
/// Chains of a table of records that were kept.
pub const CHAINS: usize = 512;
/// Samples of the resident size within a phase.
const SAMPLES: usize = 8;
/// What a program has to do between two phases is not allocating. A collector's thread may give memory back meanwhile.
const REST: Duration = Duration::from_millis(50);

/// Which records are kept as they leave the window.
pub enum Keep {
    /// One in 500, at random.
    Random,
    /// 500 in a row of each 250 000; how many have left.
    Runs(u64),
}

impl Keep {
    /// Is this one kept?
    #[inline]
    pub fn keeps(&mut self, record: &[u8]) -> bool {
        match self {
            Keep::Random => key(record).is_multiple_of(500),
            Keep::Runs(left) => {
                *left += 1;
                *left % 250_000 < 500
            }
        }
    }
}

/// The chain of a key.
#[inline]
pub fn chain(key: u32) -> usize {
    key as usize / 500 % CHAINS
}

/// What the program does between two phases.
pub trait Rest {
    /// Asks for what the contestant is asked for at the end of a phase, if for anything.
    fn ask(&mut self);
    /// Sleeps.
    fn rest(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// A window of batches of records, and two tables of those that were kept.
pub trait Window: Rest {
    /// Makes a table empty.
    fn clear(&mut self, table: usize);
    /// Puts a batch of new records at a place that is empty.
    fn fill(&mut self, place: usize, records: &mut Records);
    /// Empties a place. Records that are kept go to the table; returns their number.
    fn retire(&mut self, place: usize, table: usize, keep: &mut Keep) -> usize;
    /// Goes through the chains of a table: the checksum of all records, after `sum`.
    fn verify(&self, table: usize, sum: u32) -> u32;
}

/// The entries of a cache.
pub trait Cache: Rest {
    /// Puts an entry behind the last.
    fn push(&mut self, len: usize, value: &[u8]);
    /// The value of an entry.
    fn value(&self, entry: usize) -> &[u8];
    /// Removes an entry: the last one takes its place.
    fn evict(&mut self, entry: usize, last: usize);
}

/// The variants that work on a window.
pub fn window(mut window: impl Window, mut keep: Keep) -> Log {
    let mut log = Log::new();
    let mut records = Records::new();
    let mut kept = [0; 2];
    for phase in 0..PHASES {
        let (size, table) = (RECORDS[phase % RECORDS.len()], phase % 2);
        let (batches, places) = (VOLUME / (size * BATCH), LIVE / (size * BATCH));
        records.begin(phase, size);
        kept[table] = 0;
        log.step(|| window.clear(table));
        for batch in 0..batches + places {
            let place = batch % places;
            log.step(|| {
                if batch >= places {
                    kept[table] += window.retire(place, table, &mut keep) * size;
                }
                if batch < batches {
                    window.fill(place, &mut records);
                }
            });
            if batch < batches && (batch + 1) % (batches / SAMPLES) == 0 {
                let live = (batch + 1).min(places) * BATCH * size + kept[0] + kept[1];
                log.sample(phase, size, phase * VOLUME + (batch + 1) * BATCH * size, live);
            }
        }
        log.checksum = window.verify(1 - table, window.verify(table, log.checksum));
        between(&mut window, &mut log);
        log.end_of_phase(phase, size, (phase + 1) * VOLUME, kept[0] + kept[1]);
    }
    log
}

/// The variant that is a cache.
pub fn cache(mut cache: impl Cache) -> Log {
    let mut log = Log::new();
    let mut records = Records::new();
    let (mut len, mut live) = (0, 0);
    for phase in 0..PHASES {
        let size = VALUES[phase % VALUES.len()];
        records.begin(phase, size);
        let (mut allocated, mut samples) = (0, 0);
        while allocated < VOLUME {
            let mut sum = log.checksum;
            log.step(|| {
                for _ in 0..BATCH {
                    if len > 0 {
                        sum = sum.wrapping_mul(31).wrapping_add(key(cache.value(records.below(len))));
                    }
                    let new = records.drift();
                    allocated += new;
                    live += new;
                    while live > LIVE {
                        let entry = records.below(len);
                        live -= cache.value(entry).len();
                        len -= 1;
                        cache.evict(entry, len);
                    }
                    cache.push(len, records.last(new));
                    len += 1;
                }
            });
            log.checksum = sum;
            if allocated * SAMPLES / VOLUME > samples {
                samples += 1;
                log.sample(phase, size, phase * VOLUME + allocated, live);
            }
        }
        log.checksum = (0..len).fold(log.checksum, |sum, entry| records::checksum(sum, cache.value(entry)));
        between(&mut cache, &mut log);
        log.end_of_phase(phase, size, (phase + 1) * VOLUME, live);
    }
    log
}

fn between(program: &mut impl Rest, log: &mut Log) {
    let start = Instant::now();
    program.ask();
    log.asked(start.elapsed());
    let start = Instant::now();
    program.rest(REST);
    log.rested += start.elapsed();
}
