//! What weak references, ephemerons and identities cost: `weak [PART] [ROUNDS] [KIND]`.
//! Parts: operations, standing, young, old. Kinds: nothing, weak, ephemeron, id, watched, finalized.
//!
//! - **operations**: nanoseconds of each, the loop subtracted. The fastest of the rounds.
//! - **standing**: a million targets that are old and do not change. Young pauses, and those that end marking, beside the same heap
//!   without, in turns.
//! - **young**: objects that die young, and what a pause takes for each of them.
//! - **old**: a million objects that die old: where the time goes.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use gc_benches::{
    clock::{Percentiles, processor_time, sink},
    nodes::Leaf24,
    paths::path,
};
use gc_core::{
    Cause, Collect, Ephemeron, Event, FinalizationQueue, Gc, Heap, Level, Mutator, ReferenceQueue, Root, Step,
    Thresholds, Weak,
};

const MILLION: usize = 1_000_000;
/// Objects that hang on one slice, so that each is made before a safepoint.
const SLICE: usize = 1000;

/// What is known of each object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Nothing,
    Weak,
    Ephemeron,
    Id,
    Watched,
    Finalized,
}

/// A pause, of the step of a major cycle that it is.
type Pauses = Arc<Mutex<Vec<(Ends, Duration)>>>;

/// What a pause has to do with the end of marking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ends {
    /// Nothing.
    Young,
    Begin,
    /// It completes marking, and something is cleared concurrently.
    Completes,
    /// It ends marking.
    Finish,
    /// No pause: a whole major cycle, concurrent.
    Cycle,
}

/// Slices that are kept.
type Slices<T> = Vec<Root<Gc<'static, [T]>>>;

/// A heap with objects, and what leads to them.
struct Subject {
    kind: Kind,
    heap: Heap,
    pauses: Pauses,
    /// Major cycles that were told of.
    cycles: u64,
    news: ReferenceQueue<()>,
    finalized: FinalizationQueue<Leaf24>,
    objects: Slices<Gc<'static, Leaf24>>,
    weak: Slices<Weak<'static, Leaf24>>,
    ephemerons: Slices<Ephemeron<'static, Leaf24, Leaf24>>,
}

impl Subject {
    fn new(kind: Kind, nursery_bytes: usize) -> Self {
        let pauses = Pauses::default();
        let told = pauses.clone();
        let heap = Heap::builder()
            .thresholds(Thresholds { nursery_bytes, ..Thresholds::default() })
            .on_event(Level::Debug, move |event| {
                let ended = match event {
                    Event::FullCollection { concurrent, .. } => (Ends::Cycle, *concurrent),
                    Event::Pause { step: Step::Begin, pause, .. } => (Ends::Begin, *pause),
                    Event::Pause { step: Step::Finish, pause, .. } => (Ends::Finish, *pause),
                    Event::Pause { step: Step::Whole, cause: Cause::Nursery, pause, .. } => (Ends::Young, *pause),
                    // Led by the thread that marks.
                    Event::Pause { pause, .. } => (Ends::Completes, *pause),
                    _ => return,
                };
                told.lock().expect("nobody panics").push(ended);
            })
            .build()
            .expect("a heap");
        let (news, finalized) = (ReferenceQueue::new(&heap), FinalizationQueue::new(&heap));
        Self {
            kind,
            pauses,
            cycles: 0,
            news,
            finalized,
            heap,
            objects: Vec::new(),
            weak: Vec::new(),
            ephemerons: Vec::new(),
        }
    }

    /// Makes objects, of which so many are made between two safepoints.
    fn fill(&mut self, m: &mut Mutator, count: usize, at_once: usize) {
        for made in (0..count).step_by(SLICE) {
            let objects = m.alloc_slice_with(SLICE, |index| m.alloc(Leaf24 { words: [index as u64; 2] }));
            match self.kind {
                Kind::Nothing => {}
                Kind::Weak => {
                    self.weak.push(m.root(m.alloc_slice_with(SLICE, |index| Gc::downgrade(objects[index], m))));
                }
                Kind::Ephemeron => {
                    let pair = |index: usize| Ephemeron::new(m, objects[index], objects[(index + 1) % SLICE]);
                    self.ephemerons.push(m.root(m.alloc_slice_with(SLICE, pair)));
                }
                Kind::Id => objects.iter().for_each(|&object| assert_ne!(Gc::id(object, m), 0)),
                Kind::Watched => objects.iter().for_each(|&object| self.news.watch(m, object, ())),
                Kind::Finalized => objects.iter().for_each(|&object| assert!(self.finalized.register(m, object))),
            }
            self.objects.push(m.root(objects));
            if (made + SLICE).is_multiple_of(at_once) {
                m.safepoint();
            }
        }
    }

    /// Lets go of everything.
    fn clear(&mut self) {
        self.objects.clear();
        self.weak.clear();
        self.ephemerons.clear();
    }

    /// Waits until the heap has told of all its major cycles, and takes what it has told.
    fn pauses(&mut self, m: &mut Mutator) -> Vec<(Ends, Duration)> {
        let mut all = Vec::new();
        m.blocked(|| {
            loop {
                let new = std::mem::take(&mut *self.pauses.lock().expect("nobody panics"));
                self.cycles += new.iter().filter(|(ends, _)| *ends == Ends::Cycle).count() as u64;
                all.extend(new);
                if self.cycles == self.heap.stats().collections.full {
                    return;
                }
                std::thread::yield_now();
            }
        });
        all
    }
}

fn show(name: &str, mut pauses: Vec<u64>) {
    pauses.sort_unstable();
    let all = Percentiles::of(pauses.clone());
    let us = |nanos: u64| nanos as f64 / 1e3;
    let best = us(pauses.first().copied().unwrap_or(0));
    let [p50, p99, worst] = [all.p50, all.p99, all.max].map(us);
    println!("  {name:<34} best {best:9.0} us  p50 {p50:9.0} us  p99 {p99:9.0} us  worst {worst:9.0} us");
}

fn operations(rounds: usize) {
    const COUNT: u64 = 1 << 20;
    let fastest = |name: &str| {
        let run = path(name).expect("an operation").run;
        (0..rounds).map(|_| run(COUNT)).min().unwrap_or_default().as_nanos() as f64 / COUNT as f64
    };
    let empty = fastest("nothing");
    for (name, must) in [
        ("gc_deref", ""),
        ("upgrade", "must 3"),
        ("downgrade", ""),
        ("downgrade_first", ""),
        ("id", ""),
        ("id_first", ""),
        ("ephemeron_value", ""),
        ("ephemeron_new", ""),
    ] {
        println!("{name:<18} {:7.2} ns    {must}", (fastest(name) - empty).max(0.0));
    }
}

/// Young pauses of a turn.
const YOUNG_PAUSES: usize = 40;

fn standing(rounds: usize) {
    let mut subjects: Vec<_> = kinds().into_iter().map(|kind| Subject::new(kind, 1 << 20)).collect();
    for subject in &mut subjects {
        let mut m = subject.heap.attach().expect("the only mutator");
        subject.fill(&mut m, MILLION, SLICE);
        m.collect(Collect::Full);
        m.collect(Collect::Full);
        subject.pauses(&mut m);
    }
    let mut all: Vec<_> = subjects.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (subject, all) in subjects.iter_mut().zip(&mut all) {
            let mut m = subject.heap.attach().expect("the only mutator");
            let before = subject.heap.stats().collections.young;
            while subject.heap.stats().collections.young - before < YOUNG_PAUSES as u64 {
                for index in 0..1000 {
                    sink(&raw const *m.alloc(Leaf24 { words: [index; 2] }));
                }
                m.safepoint();
            }
            m.collect(Collect::Full);
            all.append(&mut subject.pauses(&mut m));
        }
    }
    for (subject, all) in subjects.iter().zip(&all) {
        let stats = subject.heap.stats();
        println!("{:?}: {} registered, {} KiB of tables", subject.kind, stats.registered, stats.side_bytes >> 10);
        let of = |wanted: Ends| {
            let some = all.iter().filter(|(ends, _)| *ends == wanted).map(|(_, pause)| pause.as_nanos() as u64);
            some.collect::<Vec<_>>()
        };
        show("young pauses", of(Ends::Young));
        show("pauses that complete marking", of(Ends::Completes));
        show("pauses that end marking", of(Ends::Finish));
        show("major cycles, concurrent", of(Ends::Cycle));
    }
}

fn young(rounds: usize) {
    for (at_once, lives) in [(20_000, false), (MILLION, false), (20_000, true), (MILLION, true)] {
        let fate = if lives { "live" } else { "die" };
        println!("a million young objects that {fate}, {at_once} in each nursery:");
        let mut plain = 0.0;
        for kind in kinds() {
            let mut each = Vec::new();
            for _ in 0..rounds {
                let mut subject = Subject::new(kind, 1 << 30);
                let mut m = subject.heap.attach().expect("the only mutator");
                let (mut total, mut processor) = (Duration::ZERO, Duration::ZERO);
                for turn in 0..MILLION / at_once {
                    if lives && turn % 2 == 0 {
                        subject.clear();
                    }
                    subject.fill(&mut m, at_once, usize::MAX);
                    if !lives {
                        subject.clear();
                    }
                    let before = processor_time();
                    total += m.collect(Collect::Young).pause;
                    processor += processor_time() - before;
                    while subject.news.poll().is_some() || subject.finalized.poll(&m).is_some() {}
                }
                let ns = |time: Duration| time.as_nanos() as f64 / MILLION as f64;
                each.push((ns(processor), ns(total)));
            }
            each.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (fastest, median) = (each[0].0, each[each.len() / 2].1);
            if kind == Kind::Nothing {
                plain = fastest;
            }
            let more = fastest - plain;
            println!(
                "  {kind:<10?} {median:7.1} ns of pause for each, {fastest:7.1} of processor: {more:7.1} more than nothing"
            );
        }
    }
}

fn old(rounds: usize) {
    for kind in kinds() {
        println!("{kind:?}: a million old objects die");
        let (mut all, mut processor) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let mut subject = Subject::new(kind, 4 << 20);
            let mut m = subject.heap.attach().expect("the only mutator");
            subject.fill(&mut m, MILLION, SLICE);
            m.collect(Collect::Full);
            subject.pauses(&mut m);
            subject.objects.clear();
            let before = processor_time();
            m.collect(Collect::Full);
            processor.push((processor_time() - before).as_nanos() as u64);
            assert_eq!(subject.heap.stats().registered, 0);
            all.append(&mut subject.pauses(&mut m));
            let start = std::time::Instant::now();
            m.collect(Collect::Young);
            all.append(&mut vec![(Ends::Young, start.elapsed())]);
        }
        for (ends, name) in [
            (Ends::Begin, "pause that begins marking"),
            (Ends::Completes, "pause that completes marking"),
            (Ends::Finish, "pause that ends marking"),
            (Ends::Cycle, "major cycle, concurrent"),
            (Ends::Young, "the next young collection"),
        ] {
            let some = all.iter().filter(|(of, _)| *of == ends).map(|(_, pause)| pause.as_nanos() as u64);
            show(name, some.collect());
        }
        show("major cycle, processor time", processor);
    }
}

/// Returns the kinds that were asked for, beside nothing.
fn kinds() -> Vec<Kind> {
    let kinds = [Kind::Nothing, Kind::Weak, Kind::Ephemeron, Kind::Id, Kind::Watched, Kind::Finalized];
    let wanted = std::env::args().nth(3);
    let is_wanted =
        |kind: &Kind| wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(&format!("{kind:?}")));
    kinds.into_iter().filter(|kind| *kind == Kind::Nothing || is_wanted(kind)).collect()
}

fn main() {
    let part = std::env::args().nth(1);
    let rounds = std::env::args().nth(2).map(|rounds| rounds.parse().expect("a number of rounds"));
    let is = |name: &str| part.as_deref().is_none_or(|part| part == name);
    if is("operations") {
        operations(rounds.unwrap_or(7));
    }
    if is("standing") {
        standing(rounds.unwrap_or(100));
    }
    if is("young") {
        young(rounds.unwrap_or(5));
    }
    if is("old") {
        old(rounds.unwrap_or(5));
    }
}
