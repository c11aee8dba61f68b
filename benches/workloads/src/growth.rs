//! How cost grows: gc-core alone, one thing changed at a time.
//!
//! The program has a table of live objects. Each mutator allocates; some of what it allocates survives, in a random place of the table, where
//! it replaces what was there; and it stores to pointers of live objects.

use std::{
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use gc_benches::{
    clock::{Percentiles, processor_time, sink},
    random::Random,
};
use gc_core::{Collect, Event, Gc, Heap, Level, Mutator, Root, Slot, Trace, blocking};
use serde::{Deserialize, Serialize};

use crate::{
    conditions::{machine, warm},
    process::measure,
    results::{read_json, write_json},
};

/// All curves.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Growth {
    /// The machine.
    pub machine: String,
    /// One for each thing that is changed.
    pub curves: Vec<Curve>,
}

impl Growth {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// One that is not there, or that holds something else.
    pub fn read(path: &Path) -> Result<Self, String> {
        read_json(path)
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        write_json(self, path)
    }
}

/// What comes of changing one thing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Curve {
    /// Short, as in the name of a file.
    pub name: String,
    /// For people, with what is not changed.
    pub title: String,
    /// Of what is changed.
    pub unit: String,
    /// By what is changed, ascending.
    pub points: Vec<Point>,
}

/// A run; medians where it was repeated.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Point {
    /// What is changed.
    pub x: f64,
    /// Nanoseconds for each allocation, elapsed: of all mutators together.
    pub wall_ns: f64,
    /// Nanoseconds of processor time for each allocation, the heap's threads included.
    pub cpu_ns: f64,
    /// Peak resident memory.
    pub peak_mib: f64,
    /// Pauses.
    pub pauses: f64,
    /// Milliseconds that half of the pauses are shorter than.
    pub pause_p50_ms: f64,
    /// Milliseconds that 99.9 % are shorter than.
    pub pause_p999_ms: f64,
    /// The longest.
    pub pause_max_ms: f64,
    /// Major collections.
    pub majors: f64,
}

/// What a run does.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Shape {
    /// Bytes of live objects, roughly.
    live_mib: u64,
    mutators: u64,
    /// Stores to pointers of live objects for each 100 allocations.
    stores: u64,
    /// Bytes of an object, header included.
    size: u64,
    /// Of 100 objects so many survive.
    survive: u64,
    /// Of all mutators together.
    allocate_mib: u64,
}

const USUAL: Shape = Shape { live_mib: 128, mutators: 1, stores: 10, size: 64, survive: 10, allocate_mib: 4096 };

/// What is changed: a name, a title, a unit, the values, and the shape of a run with one of them.
type Change = (&'static str, &'static str, &'static str, &'static [u64], fn(u64) -> Shape);

const CHANGES: [Change; 5] = [
    (
        "live",
        "Live heap; 1 mutator, objects of 64 bytes, of which 10 % survive, 10 stores for 100 allocations",
        "MiB alive",
        &[16, 32, 64, 128, 256, 512, 1024, 2048, 4096],
        // Twice and a half as much survives as is alive, so that there are full collections, however much is alive.
        |live_mib| Shape { live_mib, allocate_mib: (25 * live_mib).max(4096), ..USUAL },
    ),
    (
        "mutators",
        "Mutators; 128 MiB alive, objects of 64 bytes, of which 10 % survive, 10 stores for 100 allocations",
        "mutators",
        &[1, 2, 4, 8],
        |mutators| Shape { mutators, ..USUAL },
    ),
    (
        "stores",
        "Mutation; 128 MiB alive, 1 mutator, objects of 64 bytes, of which 10 % survive",
        "stores to live objects for 100 allocations",
        &[0, 1, 10, 50, 100, 200, 400],
        |stores| Shape { stores, ..USUAL },
    ),
    (
        "size",
        "Size of objects; 128 MiB alive, 1 mutator, 10 % survive, 10 stores for 100 allocations",
        "bytes",
        &[32, 64, 128, 512, 2048, 8192, 32768],
        |size| Shape { size, ..USUAL },
    ),
    (
        "survival",
        "Survival; 128 MiB alive, 1 mutator, objects of 64 bytes, 10 stores for 100 allocations",
        "% that survive",
        &[0, 1, 5, 10, 25, 50, 75, 100],
        |survive| Shape { survive, ..USUAL },
    ),
];

/// What a run prints.
#[derive(Serialize, Deserialize)]
struct Line {
    wall_s: f64,
    cpu_s: f64,
    allocations: u64,
    pauses: u64,
    pause_p50_ms: f64,
    pause_p999_ms: f64,
    pause_max_ms: f64,
    majors: u64,
}

/// All curves, each point the median of `rounds` runs. `quick` makes everything small.
pub(crate) fn growth(rounds: usize, quick: bool, mut tell: impl FnMut(&str)) -> Result<Growth, String> {
    let program = std::env::current_exe().map_err(|error| format!("the path of this program: {error}"))?;
    let mut curves = Vec::new();
    for (name, title, unit, values, shape) in CHANGES {
        let mut points = Vec::new();
        for &value in values {
            let mut shape = shape(value);
            if quick {
                shape = Shape { live_mib: shape.live_mib.min(4), allocate_mib: 4, ..shape };
            }
            let runs: Vec<Point> =
                (0..rounds).map(|_| point(&program, value as f64, shape, quick)).collect::<Result<_, _>>()?;
            let point = median(&runs);
            tell(&format!(
                "{name} {value}: {:.1} ns, {:.1} ns cpu, {:.0} MiB, pauses p50 {:.2} p99.9 {:.2} max {:.2} ms, {} majors",
                point.wall_ns,
                point.cpu_ns,
                point.peak_mib,
                point.pause_p50_ms,
                point.pause_p999_ms,
                point.pause_max_ms,
                point.majors
            ));
            points.push(point);
        }
        curves.push(Curve { name: name.to_owned(), title: title.to_owned(), unit: unit.to_owned(), points });
    }
    Ok(Growth { machine: machine(), curves })
}

fn median(runs: &[Point]) -> Point {
    let middle = |figure: fn(&Point) -> f64| {
        let mut figures: Vec<f64> = runs.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[(figures.len() - 1) / 2]
    };
    Point {
        x: runs[0].x,
        wall_ns: middle(|point| point.wall_ns),
        cpu_ns: middle(|point| point.cpu_ns),
        peak_mib: middle(|point| point.peak_mib),
        pauses: middle(|point| point.pauses),
        pause_p50_ms: middle(|point| point.pause_p50_ms),
        pause_p999_ms: middle(|point| point.pause_p999_ms),
        pause_max_ms: middle(|point| point.pause_max_ms),
        majors: middle(|point| point.majors),
    }
}

fn point(program: &Path, x: f64, shape: Shape, quick: bool) -> Result<Point, String> {
    if !quick {
        warm(program, (3 * shape.live_mib + 512) << 20);
    }
    let text = serde_json::to_string(&shape).map_err(|error| error.to_string())?;
    let finished = measure(Command::new(program).args(["grow", &text]), Duration::from_secs(600))?;
    if !finished.status.success() {
        return Err(format!("{text}: {}: {}", finished.status, finished.errors));
    }
    let line: Line = serde_json::from_str(&finished.output).map_err(|error| format!("{}: {error}", finished.output))?;
    let each = |seconds: f64| seconds * 1e9 / line.allocations as f64;
    Ok(Point {
        x,
        wall_ns: each(line.wall_s),
        cpu_ns: each(line.cpu_s),
        peak_mib: finished.peak as f64 / f64::from(1 << 20),
        pauses: line.pauses as f64,
        pause_p50_ms: line.pause_p50_ms,
        pause_p999_ms: line.pause_p999_ms,
        pause_max_ms: line.pause_max_ms,
        majors: line.majors as f64,
    })
}

/// One run, in this process, of the shape that the text is.
pub(crate) fn grow(text: &str) -> Result<(), String> {
    let shape: Shape =
        serde_json::from_str(text).map_err(|error| format!("expected a shape, found {text}: {error}"))?;
    let line = match shape.size {
        // A header and the pointer are 16 bytes.
        32 => run::<2>(shape),
        64 => run::<6>(shape),
        128 => run::<14>(shape),
        512 => run::<62>(shape),
        2048 => run::<254>(shape),
        8192 => run::<1022>(shape),
        32768 => run::<4094>(shape),
        other => return Err(format!("expected a size of 32 to 32768 bytes, found {other}")),
    };
    println!("{}", serde_json::to_string(&line).map_err(|error| error.to_string())?);
    Ok(())
}

#[derive(Trace)]
struct Object<'gc, const WORDS: usize> {
    other: Slot<'gc, Object<'gc, WORDS>>,
    words: [u64; WORDS],
}

type Table<const WORDS: usize> = Root<Gc<'static, [Slot<'static, Object<'static, WORDS>>]>>;

fn run<const WORDS: usize>(shape: Shape) -> Line {
    let pauses = Arc::new(Mutex::new(Vec::new()));
    let told = pauses.clone();
    let record = move |event: &Event| {
        if let Event::Pause { pause, .. } = event {
            told.lock().expect("no panic").push(pause.as_nanos() as u64);
        }
    };
    let heap = Heap::builder().on_event(Level::Debug, record).build().expect("a heap");
    let mut m = heap.attach().expect("a mutator");
    let len = ((shape.live_mib << 20) / shape.size).max(1) as usize;
    let table: Table<WORDS> = m.root(m.alloc_slice_with(len, |_| Slot::<Object<WORDS>>::null()));
    for at in 0..len {
        let new = object(&m, at as u64);
        table.get(&m)[at].set(&m, Some(new));
        m.safepoint();
    }
    // What is measured begins with everything old.
    m.collect(Collect::Full);
    let (pauses_before, majors_before) = (heap.pauses().count() as usize, heap.stats().collections.full);
    let allocations = (shape.allocate_mib << 20) / shape.size / shape.mutators;
    let (start, processor) = (Instant::now(), processor_time());
    blocking::scope(&mut m, |scope| {
        for mutator in 0..shape.mutators {
            let (heap, table) = (&heap, &table);
            scope.spawn(move || {
                let mut m = heap.attach().expect("a mutator");
                mutate(&mut m, table, shape, allocations, mutator as u32 + 1);
            });
        }
    });
    let (wall_s, cpu_s) = (start.elapsed().as_secs_f64(), (processor_time() - processor).as_secs_f64());
    // Events are told in order, by a thread of the heap: the last may be under way.
    let deadline = Instant::now() + Duration::from_secs(10);
    while pauses.lock().expect("no panic").len() < heap.pauses().count() as usize && Instant::now() < deadline {
        std::thread::yield_now();
    }
    let pauses = pauses.lock().expect("no panic").split_off(pauses_before);
    let count = pauses.len() as u64;
    let Percentiles { p50, p999, max, .. } = Percentiles::of(pauses);
    let ms = |nanoseconds: u64| nanoseconds as f64 / 1e6;
    Line {
        wall_s,
        cpu_s,
        allocations: allocations * shape.mutators,
        pauses: count,
        pause_p50_ms: ms(p50),
        pause_p999_ms: ms(p999),
        pause_max_ms: ms(max),
        majors: heap.stats().collections.full - majors_before,
    }
}

fn object<const WORDS: usize>(m: &Mutator, word: u64) -> Gc<'_, Object<'_, WORDS>> {
    m.alloc(Object { other: Slot::null(), words: [word; WORDS] })
}

fn mutate<const WORDS: usize>(m: &mut Mutator, table: &Table<WORDS>, shape: Shape, allocations: u64, seed: u32) {
    let random = &mut Random::new(seed);
    let (mut to_store, mut to_survive) = (0, 0);
    for index in 0..allocations {
        let new = object(m, index);
        sink(&raw const new.words);
        let table = table.get(m);
        to_survive += shape.survive;
        if to_survive >= 100 {
            to_survive -= 100;
            table[random.below(table.len())].set(m, Some(new));
        }
        to_store += shape.stores;
        while to_store >= 100 {
            to_store -= 100;
            let target = table[random.below(table.len())].get();
            if let Some(source) = table[random.below(table.len())].get() {
                source.other.set(m, target);
            }
        }
        m.safepoint();
    }
}
