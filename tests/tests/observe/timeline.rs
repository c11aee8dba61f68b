//! The timeline's file, read by a JSON parser that shares no code with what writes it: it nests, it is in order, and its times and sizes are
//! those of the heap's own figures.

use std::{
    collections::{BTreeMap, HashSet},
    io, thread,
    time::Duration,
};

use gc_core::{Collect, Event, Gc, Heap, Level, Mutator, Root, Slot, Trace, observe::Timeline};
use gc_tests::{Tested, heaps, sizes};
use serde_json::Value;

/// A file that was read, and its slices.
struct File {
    entries: Vec<Value>,
    dropped: u64,
}

/// A slice of a track, in nanoseconds.
#[derive(Clone, Debug)]
struct Slice {
    name: String,
    track: u64,
    from: i64,
    to: i64,
    args: Value,
}

fn read(timeline: &Timeline) -> File {
    let mut file = Vec::new();
    timeline.write(&mut file).unwrap();
    let mut file: Value = serde_json::from_slice(&file).expect("a JSON file");
    assert_eq!(file["displayTimeUnit"], "ms");
    let dropped = file["otherData"]["dropped_events"].as_u64().unwrap();
    let Value::Array(entries) = file["traceEvents"].take() else { panic!("no events") };
    File { entries, dropped }
}

/// Microseconds with three digits behind the point are nanoseconds.
fn nanos(value: &Value) -> i64 {
    let micros = value.as_f64().expect("a number of microseconds");
    let nanos = (micros * 1000.0).round();
    assert!((nanos - micros * 1000.0).abs() < 1e-3, "{micros} µs are no whole nanoseconds");
    nanos as i64
}

impl File {
    fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.entries.iter().filter(move |entry| entry["ph"] == kind)
    }

    fn slices(&self) -> Vec<Slice> {
        let slice = |entry: &Value| Slice {
            name: entry["name"].as_str().unwrap().to_owned(),
            track: entry["tid"].as_u64().unwrap(),
            from: nanos(&entry["ts"]),
            to: nanos(&entry["ts"]) + nanos(&entry["dur"]),
            args: entry["args"].clone(),
        };
        self.of_kind("X").map(slice).collect()
    }

    fn tracks(&self) -> BTreeMap<u64, String> {
        let name = |entry: &Value| {
            assert_eq!(entry["name"], "thread_name");
            (entry["tid"].as_u64().unwrap(), entry["args"]["name"].as_str().unwrap().to_owned())
        };
        self.of_kind("M").map(name).collect()
    }

    /// What Perfetto's own reader relies on: slices of one track nest, all have a process and a track with a name, and time goes on.
    fn check(&self) {
        let mut last = i64::MIN;
        let tracks = self.tracks();
        for entry in self.entries.iter().filter(|entry| entry["ph"] != "M") {
            assert_eq!(entry["pid"].as_u64(), Some(std::process::id().into()));
            let at = nanos(&entry["ts"]);
            assert!(at >= last, "{entry} is before {last}");
            last = at;
            assert!(entry["args"].is_object(), "{entry}");
            if entry["ph"] != "C" {
                assert!(tracks.contains_key(&entry["tid"].as_u64().unwrap()), "{entry} is on no track");
            }
        }
        assert!(tracks.keys().all(|&track| track != u64::from(std::process::id())), "the viewer's main thread");
        let mut open: BTreeMap<u64, Vec<Slice>> = BTreeMap::new();
        for slice in self.slices() {
            assert!(slice.to >= slice.from, "{slice:?}");
            let stack = open.entry(slice.track).or_default();
            while stack.last().is_some_and(|outer| outer.to <= slice.from) {
                stack.pop();
            }
            if let Some(outer) = stack.last() {
                assert!(slice.to <= outer.to, "{slice:?} overlaps {outer:?}");
            }
            stack.push(slice);
        }
    }
}

/// Names of the slices that are pauses.
const PAUSES: [&str; 5] = ["minor", "minor, promoting all", "begin marking", "begin clearing", "end marking"];

#[derive(Trace)]
struct Node<'gc> {
    next: Slot<'gc, Node<'gc>>,
    bytes: [u64; 12],
}

/// Makes garbage and survivors, with weak references, and collects by itself and on request.
fn work(m: &mut Mutator, rounds: u64) {
    let mut kept: Vec<Root<Gc<'static, Node<'static>>>> = Vec::new();
    for round in 0..rounds {
        let mut first: Option<Gc<'_, Node<'_>>> = None;
        for _ in 0..100 {
            first = Some(m.alloc(Node { next: Slot::new(first), bytes: [round; 12] }));
        }
        if let Some(first) = first {
            kept.push(m.root(first));
        }
        if kept.len() > 64 {
            kept.remove(0);
        }
        m.safepoint();
    }
    assert!(kept.iter().all(|root| root.get(m).bytes[0] < rounds));
    m.collect(Collect::Full);
}

fn sum(slices: &[Slice], names: &[&str]) -> Duration {
    let nanos: i64 = slices.iter().filter(|s| names.contains(&&*s.name)).map(|s| s.to - s.from).sum();
    Duration::from_nanos(nanos as u64)
}

/// Four mutators, two heaps on one timeline, concurrent cycles: the file nests, and adds up to what the heaps say.
#[test]
fn what_is_drawn_adds_up_to_the_figures_of_the_heap() -> Tested {
    let timeline = Timeline::with_capacity(1 << 20);
    let heaps: Vec<Heap> = ["one", "\"two\"\n"]
        .into_iter()
        .map(|name| heaps::calm().nursery_bytes(1 << 20).on_event(Level::Debug, timeline.hook(name)).build())
        .collect::<Result<_, _>>()?;
    let rounds = sizes::scaled(2000);
    thread::scope(|scope| {
        for heap in heaps.iter().flat_map(|heap| [heap, heap]) {
            thread::Builder::new()
                .name("worker <&\\>".to_owned())
                .spawn_scoped(scope, move || work(&mut heap.attach().unwrap(), rounds))
                .unwrap();
        }
    });
    for heap in &heaps {
        // Two threads that collect may have shared a cycle.
        heap.attach()?.collect(Collect::Full);
    }
    let stats: Vec<_> = heaps.iter().map(|heap| heap.stats()).collect();
    let waits: Vec<_> = heaps.iter().map(|heap| heap.times_to_safepoint()).collect();
    drop(heaps); // Everything is told then.
    let file = read(&timeline);
    file.check();
    assert_eq!((file.dropped, timeline.dropped()), (0, 0));
    let slices = file.slices();
    assert_eq!(sum(&slices, &PAUSES), stats.iter().map(|stats| stats.pause_total).sum());
    let longest = slices.iter().filter(|s| PAUSES.contains(&&*s.name)).map(|s| s.to - s.from).max().unwrap();
    assert_eq!(Duration::from_nanos(longest as u64), stats.iter().map(|stats| stats.pause_max).max().unwrap());
    let count = |name: &str| slices.iter().filter(|s| s.name == name).count() as u64;
    assert_eq!(count("minor"), stats.iter().map(|stats| stats.collections.young).sum::<u64>());
    assert_eq!(count("minor, promoting all"), stats.iter().map(|stats| stats.collections.promote).sum::<u64>());
    let cycles: u64 = stats.iter().map(|stats| stats.collections.full).sum();
    assert!(cycles >= 4, "{cycles}");
    assert_eq!((count("marking"), count("sweeping")), (cycles, cycles));
    assert_eq!(slices.iter().filter(|s| s.name.starts_with("major cycle ")).count() as u64, cycles);
    let waited: Vec<_> = slices.iter().filter(|s| s.args["waited_for"].is_string()).collect();
    assert_eq!(waited.len() as u64, waits.iter().map(|waits| waits.count()).sum::<u64>());
    let nanos: i64 = waited.iter().map(|s| s.to - s.from).sum();
    assert_eq!(Duration::from_nanos(nanos as u64), waits.iter().map(|waits| waits.total()).sum());
    let (copied, promoted) =
        slices.iter().filter(|s| PAUSES.contains(&&*s.name)).fold((0, 0), |(copied, promoted), s| {
            (copied + s.args["copied"].as_u64().unwrap(), promoted + s.args["promoted"].as_u64().unwrap())
        });
    assert_eq!(copied, stats.iter().map(|stats| stats.bytes_copied).sum::<u64>());
    assert_eq!(promoted, stats.iter().map(|stats| stats.bytes_promoted).sum::<u64>());
    let names: HashSet<String> = file.tracks().into_values().collect();
    assert!(names.contains("worker <&\\>") && names.contains("gc one") && names.contains("gc \"two\"\n"), "{names:?}");
    Ok(())
}

/// A pause lies on the track of the thread that led it, a cycle on that of its heap, and what was waited for is named.
#[test]
fn a_pause_is_on_the_track_of_its_leader() -> Tested {
    let timeline = Timeline::new();
    let heap = heaps::calm().on_event(Level::Debug, timeline.hook("main")).build()?;
    for name in ["first", "second"] {
        let heap = heap.clone();
        let collects = move || heap.attach().unwrap().collect(Collect::Promote);
        thread::Builder::new().name(name.to_owned()).spawn(collects)?.join().unwrap();
    }
    heap.attach()?.collect(Collect::Full);
    drop(heap);
    let file = read(&timeline);
    file.check();
    let (tracks, slices) = (file.tracks(), file.slices());
    let pauses: Vec<_> = slices.iter().filter(|s| s.name == "minor, promoting all").collect();
    let leaders: Vec<_> = pauses.iter().map(|s| tracks[&s.track].as_str()).collect();
    assert_eq!(leaders, ["first", "second"]);
    assert!(pauses[0].to <= pauses[1].from);
    let cycle = slices.iter().find(|s| s.name == "major cycle 1").unwrap();
    assert_eq!(tracks[&cycle.track], "gc main");
    let begin = slices.iter().find(|s| s.name == "begin marking").unwrap();
    assert_eq!((begin.from, &begin.args["cycle"]), (cycle.from, &Value::from(1)));
    assert_eq!(begin.args["cause"], "explicit");
    Ok(())
}

/// Weak references of old objects are cleared between two pauses, which is drawn inside the marking.
#[test]
fn clearing_is_drawn_within_marking() -> Tested {
    let timeline = Timeline::new();
    let heap = heaps::calm().on_event(Level::Debug, timeline.hook("main")).build()?;
    let mut m = heap.attach()?;
    let object = m.root(m.alloc(1_u64));
    let weak = m.root(Gc::downgrade(object.get(&m), &m));
    m.collect(Collect::Promote);
    drop(object);
    m.collect(Collect::Full);
    assert!(weak.get(&m).upgrade(&m).is_none());
    drop((weak, m, heap));
    let file = read(&timeline);
    file.check();
    let slices = file.slices();
    let one = |name: &str| slices.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("no {name}: {slices:#?}"));
    let (marking, clearing, begins, ends) =
        (one("marking"), one("clearing"), one("begin clearing"), one("end marking"));
    assert!(marking.from <= clearing.from && clearing.to <= marking.to);
    assert_eq!((clearing.from, clearing.to), (begins.to, ends.from));
    Ok(())
}

/// The sizes that the counters show are those of the heap.
#[test]
fn counters_show_the_bytes_of_each_generation() -> Tested {
    let timeline = Timeline::new();
    let heap = heaps::calm().on_event(Level::Debug, timeline.hook("main")).build()?;
    let mut m = heap.attach()?;
    let kept = m.root(m.alloc_slice_with(100, |n| n as u64)); // 816 bytes, in a cell of 896
    m.collect(Collect::Young);
    let young = heap.stats().survivor_bytes;
    m.collect(Collect::Promote);
    let old = heap.stats().old_bytes;
    drop((kept, m, heap));
    let file = read(&timeline);
    file.check();
    let values = |name: &str| -> Vec<u64> {
        file.of_kind("C").filter(|c| c["name"] == name).map(|c| c["args"]["bytes"].as_u64().unwrap()).collect()
    };
    let (youngs, olds) = (values("main young bytes"), values("main old bytes"));
    assert_eq!(youngs[1..], [young as u64, young as u64, 0]);
    assert!(youngs[0] >= young as u64);
    assert_eq!(olds, [0, 0, 0, old as u64]);
    Ok(())
}

/// An allocation at the limit, and a thread that reaches no safepoint, are instant events with what the event says.
#[test]
fn limits_and_stragglers_are_instant_events() -> Tested {
    let timeline = Timeline::new();
    let late = Duration::from_millis(1);
    let heap = heaps::calm().late_after(late).on_event(Level::Debug, timeline.hook("main")).build()?;
    let mut m = heap.attach()?;
    heap.set_hard_limit(Some(0));
    assert!(m.try_alloc_slice_with(1 << 20, |n| n).is_err());
    heap.set_hard_limit(None);
    let other = heap.clone();
    let straggler = m.blocked(|| {
        let (send, attached) = std::sync::mpsc::channel();
        let straggles = move || {
            let mut m = other.attach().unwrap();
            send.send(()).unwrap();
            let waits = || other.times_to_safepoint().count();
            // It reaches a safepoint when the event was told.
            let recorded =
                move |timeline: &Timeline| read(timeline).of_kind("i").any(|i| i["name"] == "late for a safepoint");
            heaps::wait_until("the straggler is reported", || recorded(&straggled()) || waits() > 0);
            m.safepoint();
        };
        STRAGGLED.set(timeline.clone()).expect("once");
        let thread = thread::Builder::new().name("straggler".to_owned()).spawn(straggles).unwrap();
        attached.recv().unwrap();
        thread
    });
    m.collect(Collect::Young);
    m.blocked(|| straggler.join().unwrap());
    drop((m, heap));
    let file = read(&timeline);
    file.check();
    let texts: Vec<_> =
        file.of_kind("i").map(|i| (i["name"].as_str().unwrap(), i["args"]["text"].as_str().unwrap())).collect();
    assert!(
        texts.iter().any(|(name, text)| *name == "limit reached" && text.starts_with("limit_reached limit=0")),
        "{texts:?}"
    );
    assert!(
        texts.iter().any(|(name, text)| *name == "late for a safepoint" && text.contains("straggler")),
        "{texts:?}"
    );
    let waited = file.slices().into_iter().find(|s| s.args["waited_for"].is_string()).expect("a pause that waited");
    assert!(waited.args["waited_for"].as_str().unwrap().contains("straggler") && waited.to - waited.from >= 1_000_000);
    Ok(())
}

static STRAGGLED: std::sync::OnceLock<Timeline> = std::sync::OnceLock::new();

fn straggled() -> Timeline {
    STRAGGLED.get().expect("set before").clone()
}

/// Cycles that follow each other in one pause, by stress, and compactions do not overlap in the file.
#[test]
fn cycles_that_meet_in_a_pause_are_drawn_one_after_the_other() -> Tested {
    for profile in ["stopped,full-every=2", "compact-all=3,full-every=5", "full-every=1"] {
        let timeline = Timeline::with_capacity(1 << 20);
        let heap =
            heaps::under(profile).nursery_bytes(1 << 20).on_event(Level::Debug, timeline.hook(profile)).build()?;
        work(&mut heap.attach()?, sizes::scaled(1000));
        let stats = heap.stats();
        drop(heap);
        let file = read(&timeline);
        file.check();
        let cycles = file.slices().iter().filter(|s| s.name.starts_with("major cycle ")).count() as u64;
        assert_eq!(cycles, stats.collections.full, "{profile}");
        assert_eq!(sum(&file.slices(), &PAUSES), stats.pause_total, "{profile}");
    }
    Ok(())
}

/// A timeline keeps the last events, whatever number comes.
#[test]
fn a_timeline_is_bounded() -> Tested {
    let timeline = Timeline::with_capacity(10);
    let heap = heaps::calm().on_event(Level::Debug, timeline.hook("main")).build()?;
    let mut m = heap.attach()?;
    for _ in 0..25 {
        m.collect(Collect::Young);
    }
    drop((m, heap));
    assert_eq!((timeline.len(), timeline.dropped()), (10, 15));
    let file = read(&timeline);
    file.check();
    assert_eq!((file.dropped, file.slices().iter().filter(|s| PAUSES.contains(&&*s.name)).count()), (15, 10));
    timeline.clear();
    assert!(timeline.is_empty() && timeline.dropped() == 0 && read(&timeline).entries.is_empty());
    assert_eq!(Timeline::with_capacity(0).len(), 0, "one at least");
    Ok(())
}

/// Errors of the writer come back, and the timeline can be written again.
#[test]
fn a_writer_that_fails_is_told() -> Tested {
    struct Full(usize);
    impl io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let room = self.0.min(bytes.len());
            self.0 -= room;
            if room == 0 { Err(io::Error::other("full")) } else { Ok(room) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let timeline = Timeline::new();
    let heap = heaps::calm().on_event(Level::Debug, timeline.hook("main")).build()?;
    heap.attach()?.collect(Collect::Full);
    drop(heap);
    for room in 0..200 {
        assert_eq!(timeline.write(&mut Full(room)).unwrap_err().to_string(), "full");
    }
    read(&timeline).check();
    Ok(())
}

/// The hook sees everything that another hook sees beside it.
#[test]
fn two_hooks_see_the_same_events() -> Tested {
    let seen = std::sync::Arc::new(parking_lot::Mutex::new(0_usize));
    let (timeline, count) = (Timeline::new(), seen.clone());
    let counts = move |_: &Event| *count.lock() += 1;
    let heap = heaps::calm().on_event(Level::Debug, gc_core::observe::both(timeline.hook("main"), counts)).build()?;
    heap.attach()?.collect(Collect::Full);
    drop(heap);
    assert!(*seen.lock() > 2 && timeline.len() == *seen.lock());
    Ok(())
}
