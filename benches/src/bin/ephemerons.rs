//! What ephemerons cost: `ephemerons [LENGTHS…]`, 10 000, 100 000 and 1 000 000 by default.
//!
//! Chains, in which each one's value is the key of the next, in the order in which each pass over all would find one more: the time of a
//! minor collection and of a major cycle, on all processors, for each ephemeron. And what as many old ephemerons that do not change add to pauses.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use gc_benches::clock::processor_time;
use gc_core::{Collect, Ephemeron, Event, Gc, Heap, HeapBuilder, Level, Mutator, Root, Step};

type Link<'gc> = Ephemeron<'gc, u64, u64>;
type Links = Root<Gc<'static, [Link<'static>]>>;

/// Ephemerons in the live heap whose pauses are timed.
const LIVE: usize = 1_000_000;
/// Collections that are timed; the median counts.
const TIMES: usize = 7;

fn heap() -> HeapBuilder {
    Heap::builder().auto(false).nursery_bytes(512 << 20).idle_after(Duration::MAX)
}

/// A key, and the chain that it keeps alive, last link first.
fn chain(m: &mut Mutator, len: usize) -> (Root<Gc<'static, u64>>, Links) {
    let first = m.alloc(0_u64);
    let mut links = Vec::with_capacity(len);
    let mut key = first;
    for number in 1..=len as u64 {
        let value = m.alloc(number);
        links.push(Ephemeron::new(m, key, value));
        key = value;
    }
    links.reverse();
    (m.root(first), m.root(m.alloc_slice_with(len, |n| links[n])))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The processor time of all threads, which other programs do not lengthen.
fn timed(run: impl FnOnce()) -> Duration {
    let start = processor_time();
    run();
    processor_time() - start
}

/// The nanoseconds for each ephemeron of chains of these lengths: in a minor collection that copies it, and in a major cycle in which it lives,
/// or dies.
///
/// The system counts processor time in ticks, so a short chain is run as often as makes up for its length. The lengths take turns, as other
/// programs of the machine come and go.
fn run_lengths(lengths: &[usize]) -> Vec<[f64; 3]> {
    let rounds: Vec<Vec<_>> =
        (0..TIMES).map(|_| lengths.iter().map(|&len| run_chains(len, LIVE.div_ceil(len))).collect()).collect();
    let cost = |at: usize, n: usize| median(rounds.iter().map(|times: &Vec<[Duration; 3]>| times[at][n]).collect());
    let each = |at: usize, n| cost(at, n).as_nanos() as f64 / lengths[at] as f64;
    (0..lengths.len()).map(|at| [0, 1, 2].map(|n| each(at, n))).collect()
}

/// The mean times of some chains, one after the other.
fn run_chains(len: usize, count: usize) -> [Duration; 3] {
    let mut total = [Duration::ZERO; 3];
    for _ in 0..count {
        let heap = heap().build().expect("a heap");
        let mut m = heap.attach().expect("a mutator");
        let (key, links) = chain(&mut m, len);
        total[0] += timed(|| _ = m.collect(Collect::Young));
        // The chain is old, and the memory of the tables was touched once.
        m.collect(Collect::Full);
        total[1] += timed(|| _ = m.collect(Collect::Full));
        assert!(links.get(&m).iter().all(|link| !link.is_dead(&m)));
        drop(key);
        total[2] += timed(|| _ = m.collect(Collect::Full));
        assert!(links.get(&m).iter().all(|link| link.is_dead(&m)));
    }
    total.map(|time| time / count as u32)
}

/// The pauses of minor collections, and of those that end marking, with so many live old ephemerons, and otherwise as many objects.
fn pauses(ephemerons: bool) -> [Duration; 3] {
    let ends = Arc::new(Mutex::new(Vec::new()));
    let told = ends.clone();
    let hook = move |event: &Event| {
        if let Event::Pause { step: Step::Finish, pause, .. } = event {
            told.lock().expect("nobody panics").push(*pause);
        }
    };
    let heap = heap().on_event(Level::Debug, hook).build().expect("a heap");
    let mut m = heap.attach().expect("a mutator");
    let keys: Vec<_> = (0..LIVE as u64).map(|number| m.alloc(number)).collect();
    let kept = m.root(m.alloc_slice_with(LIVE, |n| keys[n]));
    let keys = kept.get(&m);
    let _pairs = ephemerons
        .then(|| m.root(m.alloc_slice_with(LIVE, |n| Link::new(&m, keys[n], m.alloc(n as u64)))))
        .ok_or_else(|| m.root(m.alloc_slice_with(LIVE, |n| m.alloc((keys[n], m.alloc(n as u64), 0_u64)))));
    m.collect(Collect::Full);
    let mut minor = Vec::new();
    for _ in 0..10 * TIMES {
        let _young = m.root(m.alloc_slice_with(1000, |n| m.alloc(n)));
        minor.push(m.collect(Collect::Young).pause);
    }
    let start = Instant::now();
    for _ in 0..TIMES {
        m.collect(Collect::Full);
    }
    let cycle = start.elapsed() / TIMES as u32;
    let told = ends.lock().expect("nobody panics").clone();
    [median(minor), median(told), cycle]
}

fn main() {
    let lengths: Vec<usize> = std::env::args().skip(1).filter_map(|len| len.parse().ok()).collect();
    let lengths = if lengths.is_empty() { vec![10_000, 100_000, 1_000_000] } else { lengths };
    let mut before: Option<(usize, [f64; 3])> = None;
    for (&len, costs) in lengths.iter().zip(run_lengths(&lengths)) {
        let [minor, live, dead] = costs;
        print!("chain of {len:8}: minor {minor:6.1}, major {live:6.1} alive, {dead:6.1} dead, ns each");
        if let Some((shorter, less)) = before {
            // All that a chain costs, against a tenth of it.
            let decades = (len as f64 / shorter as f64).log10();
            let worst = (0..3).map(|n| (costs[n] * len as f64 / (less[n] * shorter as f64)).powf(decades.recip()));
            print!("; {:.1} x a decade    must 12", worst.fold(0.0, f64::max));
        }
        println!();
        before = Some((len, costs));
    }
    for ephemerons in [false, true] {
        let [minor, end, cycle] = pauses(ephemerons);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "{LIVE} old {}: minor pause {:.3} ms, pause that ends marking {:.3} ms, cycle {:.1} ms",
            if ephemerons { "ephemerons        " } else { "objects in their place" },
            ms(minor),
            ms(end),
            ms(cycle),
        );
    }
}
