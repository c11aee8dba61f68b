//! What a recorder of `metrics` hears is what the heap says of itself, under names that Prometheus' rules allow.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gc_core::{Collect, Event, Gc, Heap, Leaf, Level, observe};
use gc_tests::{Tested, heaps};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

/// The heap's hook, which records with `recorder` on whatever thread.
fn hook<R: ::metrics::Recorder + Send + Sync + 'static>(
    recorder: &Arc<R>,
    name: &str,
) -> impl Fn(&Event) + Send + Sync + 'static {
    let (recorder, hook) = (recorder.clone(), observe::metrics::hook(name));
    move |event| ::metrics::with_local_recorder(&*recorder, || hook(event))
}

/// Does a bit of everything, and returns the heap's figures at its end, which were recorded.
fn work<R: ::metrics::Recorder + Send + Sync + 'static>(
    recorder: &Arc<R>,
    name: &str,
) -> Result<(gc_core::Stats, gc_core::MemoryReport, gc_core::Histogram), Box<dyn std::error::Error>> {
    ::metrics::with_local_recorder(&**recorder, observe::metrics::describe);
    let heap = heaps::calm().hard_limit(64 << 20).on_event(Level::Debug, hook(recorder, name)).build()?;
    let mut m = heap.attach()?;
    let mut kept = m.root(Vec::<Gc<'_, [u64; 16]>>::new());
    for n in 0..1000 {
        let new = m.alloc([n; 16]);
        kept.get_mut(&m).push(new);
        m.alloc(Leaf(Arc::new(())));
    }
    let object = m.root(m.alloc(1));
    let weak = m.root(Gc::downgrade(object.get(&m), &m));
    m.collect(Collect::Young);
    // Promoted at once, so that more is promoted than copied.
    let late = m.root(m.alloc([0_u64; 100]));
    m.collect(Collect::Promote);
    drop((object, late));
    m.collect(Collect::Full);
    assert!(m.try_alloc_slice_with(64 << 20, |n| n as u8).is_err());
    m.drain_drops(heaps::TIMEOUT)?;
    drop((m, weak));
    let figure = || (heap.stats(), heap.memory_report(), heap.pauses());
    let mut figures = figure();
    // The background thread may be giving memory back.
    heaps::wait_until("nothing happens while it is recorded", || {
        figures = figure();
        ::metrics::with_local_recorder(&**recorder, || observe::metrics::record(&heap, name));
        (figures.0, &figures.1) == (heap.stats(), &heap.memory_report())
    });
    drop(kept);
    drop(heap); // Everything is told then.
    Ok(figures)
}

#[derive(Debug, PartialEq)]
enum Told {
    Counter(u64),
    Gauge(f64),
    Histogram(Vec<f64>),
}

/// By name, with the labels behind it.
fn told(recorder: &DebuggingRecorder) -> BTreeMap<String, Told> {
    let metrics = recorder.snapshotter().snapshot().into_vec();
    let one =
        |(key, unit, help, value): (metrics_util::CompositeKey, Option<::metrics::Unit>, Option<_>, DebugValue)| {
            let key = key.key();
            assert!(unit.is_some() && help.is_some(), "{key} is not described");
            let labels: String = key.labels().map(|label| format!(" {}={}", label.key(), label.value())).collect();
            let value = match value {
                DebugValue::Counter(n) => Told::Counter(n),
                DebugValue::Gauge(n) => Told::Gauge(n.into_inner()),
                DebugValue::Histogram(all) => Told::Histogram(all.into_iter().map(|n| n.into_inner()).collect()),
            };
            (format!("{}{labels}", key.name()), value)
        };
    metrics.into_iter().map(one).collect()
}

#[test]
fn a_recorder_hears_what_the_heap_says_of_itself() -> Tested {
    let recorder = Arc::new(DebuggingRecorder::new());
    let (stats, memory, pauses) = work(&recorder, "main")?;
    let told = told(&recorder);
    let counters = [
        ("gc_collections_total heap=main generation=0", stats.collections.young),
        ("gc_collections_total heap=main generation=1", stats.collections.promote),
        ("gc_collections_total heap=main generation=2", stats.collections.full),
        ("gc_allocated_bytes_total heap=main", stats.bytes_allocated),
        ("gc_copied_bytes_total heap=main", stats.bytes_copied),
        ("gc_promoted_bytes_total heap=main", stats.bytes_promoted),
        ("gc_promoted_objects_total heap=main", stats.objects_promoted),
        ("gc_freed_bytes_total heap=main", stats.bytes_freed),
        ("gc_dropped_values_total heap=main", stats.drops_run),
        ("gc_warnings_total heap=main kind=limit_reached", 1),
    ];
    assert_ne!(stats.bytes_copied, stats.bytes_promoted);
    for (name, value) in counters {
        assert!(value > 0, "{name} tests nothing");
        assert_eq!(told.get(name), Some(&Told::Counter(value)), "{name} in {told:#?}");
    }
    let gauges = [
        ("gc_heap_bytes heap=main space=young", memory.young),
        ("gc_heap_bytes heap=main space=old", memory.old),
        ("gc_heap_bytes heap=main space=large", memory.large),
        ("gc_heap_bytes heap=main space=pending", memory.pending),
        ("gc_heap_bytes heap=main space=side", memory.side),
        ("gc_live_bytes heap=main", stats.live_bytes),
        ("gc_old_objects heap=main", stats.old_objects),
        ("gc_limit_bytes heap=main", 64 << 20),
        ("gc_headroom_bytes heap=main", memory.headroom),
        ("gc_heap_peak_bytes heap=main", stats.memory_peak),
        ("gc_pending_drops heap=main", 0),
    ];
    for (name, value) in gauges {
        assert_eq!(told.get(name), Some(&Told::Gauge(value as f64)), "{name} in {told:#?}");
    }
    let spaces: f64 = told
        .iter()
        .filter(|(name, _)| name.starts_with("gc_heap_bytes "))
        .map(|(_, told)| if let Told::Gauge(bytes) = told { *bytes } else { panic!("{told:?}") })
        .sum();
    assert_eq!(spaces, memory.committed as f64);
    assert_eq!(told["gc_pause_max_seconds heap=main"], Told::Gauge(stats.pause_max.as_secs_f64()));
    let (mut number, mut total, mut kinds) = (0, 0.0, BTreeSet::new());
    for (name, told) in &told {
        let Some(kind) = name.strip_prefix("gc_pause_seconds heap=main kind=") else { continue };
        let Told::Histogram(seconds) = told else { panic!("{told:?}") };
        (number, total) = (number + seconds.len() as u64, total + seconds.iter().sum::<f64>());
        kinds.insert(kind);
    }
    assert!(number == pauses.count() && (total - pauses.total().as_secs_f64()).abs() < 1e-9, "{told:#?}");
    for kind in ["minor", "minor_promoting_all", "begin", "clear", "finish"] {
        assert!(kinds.contains(kind), "{kind} in {kinds:?}");
    }
    assert!(matches!(&told["gc_cycle_seconds heap=main phase=marking"], Told::Histogram(all) if !all.is_empty()));
    Ok(())
}

/// A pause that waits for a thread is in the histogram of times to safepoint, and no other is.
#[test]
fn a_wait_for_a_safepoint_is_recorded() -> Tested {
    let recorder = Arc::new(DebuggingRecorder::new());
    let heap = heaps::calm().on_event(Level::Debug, hook(&recorder, "main")).build()?;
    let mut m = heap.attach()?;
    m.collect(Collect::Young);
    let (other, gate) = (heap.clone(), std::sync::Barrier::new(2));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut m = other.attach().unwrap();
            gate.wait();
            // Reaches safepoints only while the other thread's pause waits.
            heaps::wait_until("a pause waits", || {
                m.safepoint();
                other.times_to_safepoint().count() > 0
            });
        });
        m.blocked(|| gate.wait());
        heaps::wait_until("a pause has waited", || {
            m.collect(Collect::Young);
            heap.times_to_safepoint().count() > 0
        });
    });
    let waits = heap.times_to_safepoint();
    drop((m, heap, other));
    let snapshot = recorder.snapshotter().snapshot().into_vec();
    let (.., value) = snapshot.into_iter().find(|(key, ..)| key.key().name() == "gc_safepoint_wait_seconds").unwrap();
    let DebugValue::Histogram(seconds) = value else { panic!("{value:?}") };
    assert_eq!(seconds.len() as u64, waits.count());
    let total: f64 = seconds.into_iter().map(|n| n.into_inner()).sum();
    assert!((total - waits.total().as_secs_f64()).abs() < 1e-9);
    Ok(())
}

/// The text that Prometheus reads, checked against its rules for names and for the format.
#[test]
fn the_names_follow_the_rules_of_prometheus() -> Tested {
    let builder = || PrometheusBuilder::new().set_buckets(&observe::metrics::BUCKETS);
    // The second one adds the suffixes that a name ought to have: none is missing.
    let recorders: [PrometheusRecorder; 2] =
        [builder()?.build_recorder(), builder()?.with_recommended_naming(true).build_recorder()];
    let [plain, recommended] =
        recorders.map(Arc::new).map(|recorder| work(&recorder, "main \"heap\"").map(|_| recorder.handle().render()));
    let (plain, recommended) = (plain?, recommended?);
    let types = |text: &str| -> BTreeMap<String, String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        lines.map(|line| line.split_once(' ').unwrap()).map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
    };
    let kinds = types(&plain);
    assert!(kinds.len() > 20, "{plain}");
    for (name, kind) in &kinds {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.starts_with("gc_") && name.chars().all(allowed), "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
        let reserved = ["_sum", "_count", "_bucket", "_info", "_created"];
        assert!(!reserved.iter().any(|suffix| name.ends_with(suffix)), "{name}");
        // Base units only, and last: no milliseconds, no kilobytes, no unit in the middle.
        let words: Vec<_> = name.strip_suffix("_total").unwrap_or(name).split('_').collect();
        let (last, before) = words.split_last().unwrap();
        for unit in ["seconds", "bytes"] {
            assert!(!before.contains(&unit), "{name}");
        }
        for unit in ["ms", "us", "ns", "milliseconds", "microseconds", "kib", "mib", "percent", "kb"] {
            assert!(!words.contains(&unit), "{name}");
        }
        assert_eq!(kind == "histogram", *last == "seconds" && name != "gc_pause_max_seconds", "{name} is a {kind}");
        assert!(plain.contains(&format!("# HELP {name} ")), "{name} has no help");
    }
    let labels = ["heap", "generation", "kind", "phase", "space", "le"];
    for line in plain.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, rest) = line.split_once('{').expect("each has labels");
        assert!(rest.contains(r#"heap="main \"heap\"""#), "{line}");
        let value: f64 = rest.rsplit(' ').next().unwrap().parse()?;
        assert!(value >= 0.0, "{line}");
        let series = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        assert!(kinds.contains_key(series), "{line} has no type");
        let keys = rest.split("=\"").map(|part| part.rsplit([',', '{', '"']).next().unwrap());
        let keys: Vec<_> = keys.filter(|key| key.chars().all(|c| c.is_ascii_lowercase()) && !key.is_empty()).collect();
        assert!(keys.iter().all(|key| labels.contains(key)), "{keys:?} of {line}");
    }
    let names = |kinds: BTreeMap<String, String>| kinds.into_keys().collect::<BTreeSet<_>>();
    assert_eq!(names(types(&recommended)), names(kinds));
    Ok(())
}

/// Two heaps are told apart by their labels.
#[test]
fn heaps_are_told_apart() -> Tested {
    let recorder = DebuggingRecorder::new();
    let heaps = [Heap::builder().build()?, Heap::builder().build()?];
    heaps[1].attach()?.collect(Collect::Young);
    ::metrics::with_local_recorder(&recorder, || {
        observe::metrics::describe();
        heaps.iter().zip(["a", "b"]).for_each(|(heap, name)| observe::metrics::record(heap, name));
    });
    let told = told(&recorder);
    let fresh = |name| &told[&format!("gc_collections_total heap={name} generation=0")];
    assert_eq!((fresh("a"), fresh("b")), (&Told::Counter(0), &Told::Counter(1)));
    assert!(!told.contains_key("gc_limit_bytes heap=a"), "there is no limit");
    Ok(())
}
