//! What threads cost and bring: `threads [PART]`. Parts: churn, others, safepoint, lines.
//!
//! Work that is shared out among threads, more than cores too, is the workload `binary_trees_threads` of `gc-workloads`.
//!
//! The figures of a part take turns, and the fastest of the rounds counts; ratios hold where times drift.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_utils::CachePadded;
use gc_benches::{
    churn,
    clock::{Percentiles, sink},
};
use gc_core::{Collect, Counted, Heap, Mutator, Trace, blocking};

fn fastest<const N: usize>(rounds: usize, mut each: impl FnMut(usize) -> f64) -> [f64; N] {
    let mut least = [f64::INFINITY; N];
    for _ in 0..rounds {
        for (index, least) in least.iter_mut().enumerate() {
            *least = f64::min(*least, each(index));
        }
    }
    least
}

/// Cyclic graph churn, all of it on one graph that the mutators share, or each on one of its own.
fn shared_churn() {
    const LIVE: usize = 100_000;
    const REPLACEMENTS: u64 = 1_500_000;
    for (name, shared) in [("one graph of both", true), ("a graph each", false)] {
        let run = |threads: u64| {
            let heap = Heap::builder().build().expect("a heap");
            let m = heap.attach().expect("a mutator");
            let tables: Vec<_> = (0..if shared { 1 } else { threads }).map(|_| churn::table(&m, LIVE)).collect();
            drop(m);
            let (begin, heap, tables) = (Instant::now(), &heap, &tables);
            let steps: Vec<_> = std::thread::scope(|scope| {
                let worker = |id: u64| {
                    let mut m = heap.attach().expect("a mutator");
                    let table = &tables[id as usize % tables.len()];
                    churn::run(&mut m, table, REPLACEMENTS, 0, id as u32 + 1).1
                };
                let threads: Vec<_> = (0..threads).map(|id| scope.spawn(move || worker(id))).collect();
                threads.into_iter().map(|thread| thread.join().expect("a thread").percentiles()).collect()
            });
            (begin.elapsed().as_secs_f64(), steps)
        };
        let [one, two] = fastest(3, |index| run(index as u64 + 1).0);
        let of_256 = run(2).1;
        let worst = |of: fn(&Percentiles) -> u64| of_256.iter().map(of).max().unwrap_or(0) as f64 / 1e3;
        println!(
            "cyclic graph churn, {name}: 1 mutator {one:.3} s, 2 mutators {two:.3} s: throughput x {:.2}; 256 steps of 2: p50 {:.0} p99 {:.0} p99.9 {:.0} us",
            2.0 * one / two,
            worst(|p| p.p50),
            worst(|p| p.p99),
            worst(|p| p.p999)
        );
    }
}

/// What other mutators add to an empty young collection.
fn others() {
    let pauses = |blocked: usize, polling: usize| -> Vec<u64> {
        let heap = Heap::builder().build().expect("a heap");
        let done = AtomicBool::new(false);
        let ready = Barrier::new(blocked + polling + 1);
        let gate = std::sync::Mutex::new(());
        let mut pauses = Vec::new();
        let (heap, done, ready) = (&heap, &done, &ready);
        std::thread::scope(|scope| {
            let closed = gate.lock().expect("a lock");
            for index in 0..blocked + polling {
                let gate = &gate;
                let run = move || {
                    let mut m = heap.attach().expect("a mutator");
                    sink(&raw const *m.alloc(index));
                    blocking::barrier(&mut m, ready);
                    if index < blocked {
                        drop(blocking::lock(&mut m, gate));
                    }
                    while !done.load(Ordering::Relaxed) {
                        m.safepoint();
                    }
                };
                std::thread::Builder::new().stack_size(64 << 10).spawn_scoped(scope, run).expect("a thread");
            }
            let mut m = heap.attach().expect("a mutator");
            blocking::barrier(&mut m, ready);
            // Those that block have done so by now.
            blocking::sleep(&mut m, Duration::from_millis(20));
            for _ in 0..2000 {
                // Those that run do so again by then.
                let rest = Instant::now();
                while rest.elapsed() < Duration::from_micros(20) {}
                let start = Instant::now();
                m.collect(Collect::Young);
                pauses.push(start.elapsed().as_nanos() as u64);
            }
            done.store(true, Ordering::Relaxed);
            drop(closed);
            drop(m);
        });
        pauses
    };
    let pause = |blocked, polling| Percentiles::of(pauses(blocked, polling)).p50 as f64 / 1e3;
    let [alone, one_blocked, eight_blocked, polling] =
        fastest(3, |index| [(0, 0), (1, 0), (8, 0), (0, 1)].map(|(b, p)| move || pause(b, p))[index]());
    println!("empty young collection, p50: alone {alone:.2} us");
    println!(
        "    with 1 blocked mutator {:+.2} us, with 8 {:+.2} us each    must 2",
        one_blocked - alone,
        (eight_blocked - alone) / 8.0
    );
    println!("    with 1 mutator that only polls {:+.2} us    must 2", polling - alone);
    let crowd = pauses(10_000, 0);
    let first: Vec<_> = crowd[..3].iter().map(|&pause| format!("{:.0}", pause as f64 / 1e3)).collect();
    let later = Percentiles::of(crowd[3..].to_vec());
    println!(
        "    with 10 000 that have blocked: {} us for the first ones, then p50 {:.2} us p99.9 {:.1} us    must 500",
        first.join(", "),
        later.p50 as f64 / 1e3,
        later.p999 as f64 / 1e3
    );
}

/// From the request to the stop, two threads that allocate and poll.
fn safepoint() {
    let heap = Heap::builder().nursery_bytes(1 << 20).build().expect("a heap");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut m = heap.attach().expect("a mutator");
                let begin = Instant::now();
                while begin.elapsed() < Duration::from_secs(3) {
                    for index in 0..1000_u64 {
                        sink(&raw const *m.alloc([index; 3]));
                        m.safepoint();
                    }
                }
            });
        }
    });
    let times = heap.times_to_safepoint();
    let at = |percent| times.percentile(percent).as_nanos() as f64 / 1e3;
    println!(
        "time to safepoint, 2 threads that poll, {} stops: p50 {:.2} us p99 {:.2} us p99.9 {:.1} us worst {:.1} us    must p50 5, p99 100",
        times.count(),
        at(50.0),
        at(99.0),
        at(99.9),
        times.max().as_nanos() as f64 / 1e3
    );
}

/// Runs `step` until `stop`. Returns nanoseconds for each step.
fn steps_until(stop: impl Fn() -> bool, mut step: impl FnMut()) -> f64 {
    let (start, mut steps) = (Instant::now(), 0_u64);
    while !stop() {
        for _ in 0..256 {
            step();
        }
        steps += 256;
    }
    start.elapsed().as_nanos() as f64 / steps as f64
}

/// How fast `step` is alone, and while another thread drops `given`, which this mutator has made: fastest of five.
fn beside_drops<T: Send>(m: &mut Mutator, give: fn(&Mutator) -> Vec<T>, step: fn(&mut Mutator)) -> (f64, f64) {
    let (mut alone, mut beside) = (f64::MAX, f64::MAX);
    for _ in 0..5 {
        let end = Instant::now() + Duration::from_millis(50);
        alone = alone.min(steps_until(|| Instant::now() >= end, || step(m)));
        let (given, dropped, begin) = (give(m), AtomicBool::new(false), Barrier::new(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                begin.wait();
                drop(given);
                dropped.store(true, Ordering::Release);
            });
            begin.wait();
            beside = beside.min(steps_until(|| dropped.load(Ordering::Acquire), || step(m)));
        });
        m.collect(Collect::Full);
    }
    (alone, beside)
}

/// Two words on one cache line, and one on another.
#[repr(C, align(128))]
struct Words {
    ours: AtomicU64,
    near: AtomicU64,
    apart: CachePadded<AtomicU64>,
}

/// What sharing a line costs on this machine: nothing where its processors share their caches, as two virtual ones may.
fn yardstick(theirs: fn(&Words) -> &AtomicU64) -> f64 {
    let words = Words { ours: AtomicU64::new(0), near: AtomicU64::new(0), apart: AtomicU64::new(0).into() };
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                theirs(&words).fetch_add(1, Ordering::AcqRel);
            }
        });
        let end = Instant::now() + Duration::from_millis(200);
        let step = || words.ours.store(words.ours.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        let time = steps_until(|| Instant::now() >= end, step);
        stop.store(true, Ordering::Relaxed);
        time
    })
}

/// Words that other threads write must not share a cache line with what a mutator uses all the time.
fn lines() {
    const MANY: usize = 400_000;
    let (near, apart) = (yardstick(|words| &words.near), yardstick(|words| &words.apart));
    println!("count in a word: another thread counts on the same line {near:.2} ns, on another line {apart:.2} ns");
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("a free thread");
    let roots = |m: &Mutator| (0..MANY).map(|n| m.root(n)).collect::<Vec<_>>();
    let (alone, beside) = beside_drops(&mut m, roots, |m| drop(std::hint::black_box(m.root(1_usize))));
    println!("create and drop a root: {alone:.1} ns; while another thread drops roots of this mutator {beside:.1} ns");
    let counted = |_: &Mutator| (0..MANY).map(Counted::new).collect::<Vec<_>>();
    let (alone, beside) = beside_drops(&mut m, counted, |m| {
        sink(std::ptr::from_ref(&*m.alloc(Boxed { _value: None })));
        m.safepoint();
    });
    println!(
        "allocate what needs dropping: {alone:.1} ns; while another thread drops its counted objects {beside:.1} ns"
    );
}

#[derive(Trace)]
struct Boxed {
    _value: Option<Box<u64>>,
}

fn main() {
    let part = std::env::args().nth(1).unwrap_or_default();
    for (name, run) in [("churn", shared_churn as fn()), ("others", others), ("safepoint", safepoint), ("lines", lines)]
    {
        if name.contains(&part) {
            run();
        }
    }
}
