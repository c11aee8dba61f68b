//! `Counted` beside `Rc`, `Arc` and other crates' counts, in one run: `counted [--check] [PART]`.
//!
//! Contestants take turns. Printed are the fastest and the median of the rounds in nanoseconds for each operation, and the ratios of the
//! fastest to `Rc`'s and `Arc`'s. `--check` fails where a ratio is over what is asked for.

use std::time::Duration;

use gc_benches::counted::{Value, clone_drop, clone_drop_elsewhere, clone_drop_many, make_drop, make_drop_many, mixed};
use gc_core::{Counted, Heap};

type Operation = fn(u64) -> Duration;

/// One line of the table.
struct Contestant {
    name: &'static str,
    run: Operation,
    /// Whether its thread runs a mutator.
    attached: bool,
}

/// An operation, and what it is asked for: at most so many times `Rc`'s and `Arc`'s time.
struct Row {
    name: &'static str,
    count: u64,
    contestants: Vec<Contestant>,
    at_most_rc: Option<f64>,
    at_most_arc: Option<f64>,
}

const ROUNDS: usize = 21;

/// A contestant.
const fn of(name: &'static str, run: Operation) -> Contestant {
    Contestant { name, run, attached: false }
}

/// `Counted`, on a thread that runs a mutator.
const fn ours(name: &'static str, run: Operation) -> Contestant {
    Contestant { name, run, attached: true }
}

/// The contestants that stay on a thread.
macro_rules! own_thread {
    ($f:ident) => {
        vec![
            of("Rc", $f::<std::rc::Rc<Value>>),
            of("Arc", $f::<std::sync::Arc<Value>>),
            ours("Counted", $f::<Counted<Value>>),
            of("Counted, no mutator", $f::<Counted<Value>>),
            of("hybrid-rc Rc", $f::<hybrid_rc::Rc<Value>>),
            of("biasedrc", $f::<biasedrc::Brc<Value>>),
            of("trc", $f::<trc::Trc<Value>>),
        ]
    };
}

fn rows() -> Vec<Row> {
    let row =
        |name, count, contestants, at_most_rc, at_most_arc| Row { name, count, contestants, at_most_rc, at_most_arc };
    vec![
        row("clone + drop", 2_000_000, own_thread!(clone_drop), Some(1.5), Some(1.0 / 2.3)),
        row("clone + drop, 64 objects", 2_000_000, own_thread!(clone_drop_many), None, None),
        row(
            "clone + drop elsewhere",
            1_000_000,
            vec![
                of("Arc", clone_drop_elsewhere::<std::sync::Arc<Value>>),
                ours("Counted", clone_drop_elsewhere::<Counted<Value>>),
                of("Counted, no mutator", clone_drop_elsewhere::<Counted<Value>>),
                of("biasedrc", clone_drop_elsewhere::<biasedrc::Brc<Value>>),
            ],
            None,
            Some(1.2),
        ),
        row("make + drop", 1_000_000, own_thread!(make_drop), None, Some(1.1)),
        row("make + drop, a thousand", 1_000_000, own_thread!(make_drop_many), None, Some(1.1)),
        row(
            "80 % own, 20 % other, 1 object",
            2_000_000,
            vec![
                of("Arc", |n| mixed::<std::sync::Arc<Value>>(n, 1)),
                ours("Counted", |n| mixed::<Counted<Value>>(n, 1)),
                of("biasedrc", |n| mixed::<biasedrc::Brc<Value>>(n, 1)),
            ],
            None,
            Some(1.0),
        ),
        row(
            "80 % own, 20 % other, 64 objects",
            2_000_000,
            vec![
                of("Arc", |n| mixed::<std::sync::Arc<Value>>(n, 64)),
                ours("Counted", |n| mixed::<Counted<Value>>(n, 64)),
                of("biasedrc", |n| mixed::<biasedrc::Brc<Value>>(n, 64)),
            ],
            None,
            Some(1.0),
        ),
    ]
}

/// Nanoseconds for each operation.
struct Figures {
    fastest: f64,
    median: f64,
}

/// In turns.
fn measure(row: &Row) -> Vec<Figures> {
    let heap = Heap::builder().build().expect("a heap");
    let mut times = vec![Vec::with_capacity(ROUNDS); row.contestants.len()];
    for _ in 0..ROUNDS {
        for (contestant, times) in row.contestants.iter().zip(&mut times) {
            let mutator = contestant.attached.then(|| heap.attach().expect("the only mutator"));
            times.push((contestant.run)(row.count).as_nanos() as f64 / row.count as f64);
            drop(mutator);
        }
    }
    let figures = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        Figures { fastest: times[0], median: times[ROUNDS / 2] }
    };
    times.into_iter().map(figures).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = arguments.iter().any(|argument| argument == "--check");
    let part = arguments.iter().find(|argument| *argument != "--check").map_or("", String::as_str);
    let mut over = 0;
    for row in rows().iter().filter(|row| row.name.contains(part)) {
        println!("{:34} {:>9} {:>9} {:>7} {:>7}", row.name, "least ns", "median", "/ Rc", "/ Arc");
        let figures = measure(row);
        let least = |name| {
            let index = row.contestants.iter().position(|contestant| contestant.name == name)?;
            Some(figures[index].fastest)
        };
        for (contestant, figures) in row.contestants.iter().zip(&figures) {
            let ratio = |name| least(name).map(|yard| figures.fastest / yard);
            let shown = |ratio: Option<f64>| ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
            let (rc, arc) = (ratio("Rc"), ratio("Arc"));
            let is_over =
                |ratio: Option<f64>, limit: Option<f64>| matches!((ratio, limit), (Some(r), Some(l)) if r > l);
            let bad = contestant.name == "Counted" && (is_over(rc, row.at_most_rc) || is_over(arc, row.at_most_arc));
            over += usize::from(bad);
            println!(
                "  {:32} {:9.2} {:9.2} {:>7} {:>7} {}",
                contestant.name,
                figures.fastest,
                figures.median,
                shown(rc),
                shown(arc),
                if bad { "OVER" } else { "" }
            );
        }
    }
    if check && over > 0 {
        eprintln!("{over} operations are over the ratio that is allowed");
        std::process::exit(1);
    }
}
