//! How long pauses are, and which thread they wait for, while other processes keep the cores busy: `waits [churn | window] [BUSY]`.
//!
//! Two busy processes by default. Prints the percentiles of the steps of the program, and, for each thread that pauses waited for, how often and for
//! how long they did.

use std::{
    collections::BTreeMap,
    process::{Child, Command},
    sync::Mutex,
    time::{Duration, Instant},
};

use gc_benches::{churn, clock::Steps};
use gc_core::{Event, Heap, Level, Slot};

const LIVE: usize = 100_000;
const REPLACEMENTS: u64 = 3_000_000;
const WINDOW: usize = 200_000;
const PUSHES: usize = 1_000_000;

/// A pause: its length, the time to stop the world, and the thread that it waited for last.
type Pause = (Duration, Duration, Option<String>, String);

static PAUSES: Mutex<Vec<Pause>> = Mutex::new(Vec::new());

fn heap() -> Heap {
    let hook = |event: &Event| {
        if let Event::Pause { collected, step, pause, time_to_safepoint, last, cause, .. } = event {
            let what = format!("{collected} {step} {cause}");
            PAUSES.lock().expect("no panic").push((*pause, *time_to_safepoint, last.clone(), what));
        }
    };
    Heap::builder().on_event(Level::Debug, hook).build().expect("a heap")
}

fn churn(heap: &Heap) -> Steps {
    let mut m = heap.attach().expect("the only mutator");
    let table = churn::table(&m, LIVE);
    churn::run(&mut m, &table, REPLACEMENTS, 0, 5).1
}

fn window(heap: &Heap) -> Steps {
    let mut m = heap.attach().expect("the only mutator");
    let window = m.root(m.alloc_slice_with(WINDOW, |_| Slot::<[u8; 1024]>::null()));
    let mut steps = Steps::with_capacity(PUSHES);
    for push in 0..PUSHES {
        let start = Instant::now();
        window.get(&m)[push % WINDOW].set(&m, Some(m.alloc([push as u8; 1024])));
        m.safepoint();
        steps.push(start.elapsed());
    }
    steps
}

fn busy() -> Child {
    Command::new(std::env::current_exe().expect("the path of this program")).arg("spin").spawn().expect("a process")
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |at: usize| arguments.get(at).map(String::as_str);
    if argument(0) == Some("spin") {
        loop {
            std::hint::spin_loop();
        }
    }
    let count = argument(1).map_or(2, |count| count.parse().expect("a number of busy processes"));
    let mut others: Vec<Child> = (0..count).map(|_| busy()).collect();
    let heap = heap();
    let start = Instant::now();
    let steps = match argument(0) {
        Some("window") => window(&heap),
        _ => churn(&heap),
    };
    let time = start.elapsed();
    for other in &mut others {
        let _ = other.kill();
        let _ = other.wait();
    }
    drop(heap);
    std::thread::sleep(Duration::from_millis(50));
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    let p = steps.percentiles();
    println!(
        "{:.3} s; step us: p50 {} p99 {} p99.9 {} max {}",
        time.as_secs_f64(),
        p.p50 / 1000,
        p.p99 / 1000,
        p.p999 / 1000,
        p.max / 1000
    );
    let mut pauses = PAUSES.lock().expect("no panic").clone();
    let total: Duration = pauses.iter().map(|pause| pause.0).sum();
    println!("{} pauses, {:.0} us", pauses.len(), us(total));
    let mut waited: BTreeMap<&str, (usize, Duration, Duration)> = BTreeMap::new();
    for (_, wait, last, _) in &pauses {
        let entry = waited.entry(last.as_deref().unwrap_or("nobody")).or_default();
        *entry = (entry.0 + 1, entry.1 + *wait, entry.2.max(*wait));
    }
    for (thread, (count, sum, longest)) in waited {
        println!("  waited for {thread}: {count} times, {:.0} us, at most {:.0}", us(sum), us(longest));
    }
    pauses.sort_by_key(|pause| core::cmp::Reverse(pause.0));
    for (pause, wait, last, what) in pauses.iter().take(12) {
        println!(
            "  {:8.0} us, of these to stop {:8.0}  {what}  {}",
            us(*pause),
            us(*wait),
            last.as_deref().unwrap_or("-")
        );
    }
}
