//! A server's life for an hour: threads come and go, others wait for messages, a cache evicts at a hard limit, loads come in
//! spikes, sessions are roots that one thread makes and another drops, uploads are large, some destructors are slow, and nights are idle;
//! and resident memory does not grow. Alone in its process: its resident memory is measured.
//!
//! ```console
//! GC_SOAK_SECONDS=3600 GC_SOAK_CSV=soak.csv cargo test --release -p gc-tests --test soak_threads -- --nocapture
//! ```
//!
//! Without the variables it runs for four seconds, or for sixteen major collections, and writes no file. The file has a line for each
//! sample: seconds, resident bytes, bytes as the heap counts them.

#![forbid(unsafe_code)]

use std::{
    collections::VecDeque,
    fmt::Write,
    sync::{
        Mutex, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
    time::{Duration, Instant},
};

use gc_core::{Collect, Gc, Heap, Mutator, Root, Slot, Trace, blocking};
use gc_tests::{
    heaps::{TIMEOUT, wait_until},
    process::resident_bytes,
    random::Random,
};

#[derive(Trace)]
struct Page<'gc> {
    number: u64,
    text: Slot<'gc, str>,
    next: Slot<'gc, Page<'gc>>,
}

const LIMIT: usize = 128 << 20;
const PLACES: u64 = 1 << 16;

type Cache = Root<Gc<'static, [Slot<'static, Page<'static>>]>>;

/// Makes a page of up to a kilobyte, or tells why it cannot.
fn page<'gc>(m: &'gc Mutator, number: u64) -> Option<Gc<'gc, Page<'gc>>> {
    let text = m.try_alloc_str(&"x".repeat(number as usize % 1000)).ok()?;
    m.try_alloc(Page { number, text: Slot::new(Some(text)), next: Slot::null() }).ok()
}

/// Puts pages into random places. At the limit it lets go of a sixteenth of the places.
fn fill(m: &mut Mutator, cache: &Cache, random: &mut Random, pages: usize) {
    for _ in 0..pages {
        let place = random.below(PLACES) as usize;
        while page(m, random.draw()).map(|page| cache.get(m)[place].set(m, Some(page))).is_none() {
            (0..PLACES / 16).for_each(|_| cache.get(m)[random.below(PLACES) as usize].set(m, None));
            m.safepoint();
        }
        m.safepoint();
    }
}

/// A session, which is closed when it is dropped: that takes long, now and then.
#[derive(Trace)]
struct Session<'gc> {
    connection: Connection,
    last: Slot<'gc, Page<'gc>>,
}

#[derive(Trace)]
#[trace(leaf)]
struct Connection(u64);

static OPENED: AtomicU64 = AtomicU64::new(0);
static CLOSED: AtomicU64 = AtomicU64::new(0);

impl Drop for Connection {
    fn drop(&mut self) {
        if self.0.is_multiple_of(64) {
            thread::sleep(Duration::from_millis(5));
        }
        CLOSED.fetch_add(1, Ordering::Relaxed);
    }
}

/// The sessions that are open: each is made by the thread of one request, and dropped by that of another.
type Sessions = Mutex<VecDeque<Root<Gc<'static, Session<'static>>>>>;

const SESSIONS: usize = 2000;

/// Opens a session, and closes the oldest ones.
fn open_session(m: &Mutator, sessions: &Sessions, number: u64) {
    let Some(page) = page(m, number) else { return };
    let connection = Connection(number);
    OPENED.fetch_add(1, Ordering::Relaxed);
    // What is refused is dropped, too.
    let Ok(session) = m.try_alloc(Session { connection, last: Slot::new(Some(page)) }) else { return };
    let mut sessions = sessions.lock().unwrap();
    sessions.push_back(m.root(session));
    let many = sessions.len().saturating_sub(SESSIONS);
    let closed: Vec<_> = sessions.drain(..many).collect();
    drop(sessions);
    for session in closed {
        assert!(session.get(m).last.get().is_some_and(|page| page.number % 1000 == session.get(m).connection.0 % 1000));
    }
}

/// One request: a thread of its own, which reads the cache, makes some garbage, and passes a root on.
fn request(heap: &Heap, cache: &Cache, sessions: &Sessions, seed: u64) -> u64 {
    let mut m = heap.attach().expect("a new thread");
    let mut random = Random::new(seed);
    let mut sum = 0;
    for _ in 0..random.below(200) {
        if let Some(page) = cache.get(&m)[random.below(PLACES) as usize].get() {
            assert_eq!(page.text.get().map(|text| text.len()), Some(page.number as usize % 1000));
            sum += page.number % 7;
        }
        let _ = page(&m, random.draw());
        match random.below(50) {
            0 => m.safepoint(),
            1 => open_session(&m, sessions, random.draw()),
            2 => {
                // An upload: 8 KiB to 256 KiB.
                let bytes = 8192 << random.below(6);
                if let Ok(upload) = m.try_alloc_slice_with(bytes / 8, |index| index) {
                    assert_eq!(upload[bytes / 8 - 1], bytes / 8 - 1);
                }
            }
            _ => {}
        }
    }
    sum
}

/// A worker that waits for messages nearly always, and never calls `safepoint` itself.
fn worker(heap: &Heap, messages: &Receiver<u64>) {
    let mut m = heap.attach().expect("a new thread");
    let last = m.root(m.alloc(Slot::<Page>::null()));
    while let Ok(number) = blocking::recv(&mut m, messages) {
        last.get(&m).set(&m, page(&m, number));
    }
}

/// How often loads stop for so long that the heap is idle, in the time that is set. A run that takes longer has more nights, or it would seem to grow.
const NIGHTS: u32 = 4;
/// So many major collections are measured at least.
const MAJORS: u64 = 16;

struct Sample {
    seconds: f64,
    resident: usize,
    counted: usize,
}

/// Returns by how many bytes the samples grow in their time, by least squares.
fn growth(samples: &[Sample]) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (time, bytes) = (mean(|s| s.seconds), mean(|s| s.resident as f64));
    let (mut together, mut square) = (0.0, 0.0);
    for sample in samples {
        together += (sample.seconds - time) * (sample.resident as f64 - bytes);
        square += (sample.seconds - time).powi(2);
    }
    let [.., last] = samples else { return 0.0 };
    together / square * (last.seconds - samples[0].seconds)
}

#[test]
fn a_servers_memory_does_not_grow() {
    let number = |name| std::env::var(name).ok().and_then(|text: String| text.parse().ok());
    let time = Duration::from_secs(number("GC_SOAK_SECONDS").unwrap_or(4));
    let nap = (time / 40).clamp(Duration::from_millis(50), Duration::from_secs(5));
    let heap = Heap::builder().hard_limit(LIMIT).idle_after(nap).build().unwrap();
    // What makes loads has a read lock while it does; a night is the write lock.
    let (sessions, hours) = (Sessions::default(), RwLock::new(()));
    let (stop, spikes, requests) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let (mut samples, mut nights) = (Vec::new(), Vec::new());
    let cache: Cache = {
        let m = heap.attach().unwrap();
        m.root(m.alloc_slice_with(PLACES as usize, |_| Slot::<Page>::null()))
    };
    thread::scope(|scope| {
        let workers: Vec<SyncSender<u64>> = (0..4)
            .map(|_| {
                let (send, receive) = mpsc::sync_channel(16);
                let heap = &heap;
                scope.spawn(move || worker(heap, &receive));
                send
            })
            .collect();
        // A spike fills the cache as far as the limit lets it; between spikes it is read, written a little, and waits.
        scope.spawn(|| {
            let mut random = Random::new(7);
            while !stop.load(Ordering::Relaxed) {
                {
                    let _day = hours.read().unwrap();
                    let mut m = heap.attach().unwrap();
                    let large = spikes.load(Ordering::Relaxed) == 0 || random.below(8) == 0;
                    fill(&mut m, &cache, &mut random, if large { 2 * PLACES as usize } else { 2000 });
                    spikes.fetch_add(1, Ordering::Relaxed);
                    blocking::sleep(&mut m, Duration::from_millis(20));
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        scope.spawn(|| {
            let mut seed = 0;
            while !stop.load(Ordering::Relaxed) {
                let day = hours.read().unwrap();
                thread::scope(|inner| {
                    for _ in 0..8 {
                        seed += 1;
                        let (heap, cache, sessions, requests) = (&heap, &cache, &sessions, &requests);
                        inner.spawn(move || {
                            request(heap, cache, sessions, seed);
                            requests.fetch_add(1, Ordering::Relaxed)
                        });
                    }
                });
                workers.iter().for_each(|worker| worker.send(seed).expect("a worker"));
                drop(day);
                thread::sleep(Duration::from_millis(5));
            }
            drop(workers);
        });
        let every = (time / 400).max(Duration::from_millis(20));
        // The cache is full from the first spike on. A busy machine takes more time for as many major collections, and between two of
        // them memory grows.
        wait_until("the first spike has filled the cache", || spikes.load(Ordering::Relaxed) > 0);
        let (start, before) = (Instant::now(), heap.stats().collections.full);
        let collects_on = || heap.stats().collections.full < before + MAJORS && start.elapsed() < time + TIMEOUT;
        while start.elapsed() < time || collects_on() {
            thread::sleep(every);
            let (resident, counted) = (resident_bytes(), heap.stats().memory_bytes);
            samples.push(Sample { seconds: start.elapsed().as_secs_f64(), resident, counted });
            if start.elapsed() > time / (NIGHTS + 1) * (nights.len() as u32 + 1) {
                let night = hours.write().unwrap();
                thread::sleep(8 * nap);
                nights.push(resident_bytes());
                drop(night);
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let csv = samples.iter().fold("seconds,resident,counted\n".to_owned(), |mut csv, sample| {
        let _ = writeln!(csv, "{:.2},{},{}", sample.seconds, sample.resident, sample.counted);
        csv
    });
    if let Ok(path) = std::env::var("GC_SOAK_CSV") {
        std::fs::write(path, csv).unwrap();
    }
    let settled = &samples[samples.len() / 4..];
    let (grown, most) = (growth(settled), settled.iter().map(|sample| sample.resident).max().unwrap_or(0));
    println!(
        "{} requests, grown by {:.1} MiB, at most {} MiB resident",
        requests.into_inner(),
        grown / 1e6,
        most >> 20
    );
    println!("{:?} MiB at the ends of nights", nights.iter().map(|bytes| bytes >> 20).collect::<Vec<_>>());
    println!("{:?}", heap.stats());
    drop((cache, sessions));
    let mut m = heap.attach().unwrap();
    m.collect(Collect::Full);
    m.drain_drops(TIMEOUT).unwrap();
    let (opened, closed) = (OPENED.load(Ordering::Relaxed), CLOSED.load(Ordering::Relaxed));
    println!("{opened} sessions");
    assert_eq!(opened, closed, "sessions were opened, and closed");
    // The limit, what it does not count (side memory, stacks, the allocator's), and spikes that come late.
    assert!(most < LIMIT + (64 << 20), "{} MiB resident under a limit of {} MiB", most >> 20, LIMIT >> 20);
    let night = nights.iter().max().copied().unwrap_or(0);
    assert!(night < LIMIT / 4 * 3, "{} MiB resident when nothing happens", night >> 20);
    assert!(grown < 24e6, "memory grows by {:.1} MB in {time:?}", grown / 1e6);
}
