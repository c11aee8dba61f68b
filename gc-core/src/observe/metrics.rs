//! Figures of a heap for a recorder of `metrics`, and so for Prometheus and others.
//!
//! - **[metrics.names]** Names follow Prometheus' rules (*Metric and label naming*): the prefix
//!   `gc_`, base units (seconds, bytes) as a suffix, and `_total` on counters and nothing else.
//! - **[metrics.labels]** Labels have few values: the heap's name, which the program gives, and
//!   words of this crate. None is the name of a thread or a type.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::{Collect, Event, Heap, Step};

/// Upper bounds of histogram buckets in seconds that suit pauses and times to safepoint: from 10 µs
/// to 1 s, for a recorder that wants them, such as `PrometheusBuilder::set_buckets_for_metric`.
///
/// ```
/// assert!(gc_core::observe::metrics::BUCKETS.is_sorted());
/// ```
pub const BUCKETS: [f64; 16] =
    [1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 1e-1, 2.5e-1, 5e-1, 1.0];

/// Returns an event hook that records each pause, with [`Level::Debug`](crate::Level::Debug), and
/// counts warnings. `heap` is the label `heap` of all of them.
///
/// | metric | labels besides | from |
/// |---|---|---|
/// | `gc_pause_seconds`, a histogram | `kind`: `minor`, `minor_promoting_all`, `begin`, `clear`, `finish` | each pause |
/// | `gc_safepoint_wait_seconds`, a histogram | | each pause that waited for a thread |
/// | `gc_cycle_seconds`, a histogram | `phase`: `marking`, `sweeping` | each major (full) cycle |
/// | `gc_warnings_total`, a counter | `kind`: the event's name, as `limit_reached` | each event of level `Warning` |
///
/// It runs on the heap's background thread, so that the recorder must be the process's, not a
/// thread's. [`record`] has the rest.
///
/// ```
/// use gc_core::{Heap, Level, observe};
///
/// observe::metrics::describe();
/// let heap = Heap::builder().on_event(Level::Debug, observe::metrics::hook("main")).build()?;
/// // Now and then, on a timer of the program's:
/// observe::metrics::record(&heap, "main");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn hook(heap: impl Into<String>) -> impl Fn(&Event) + Send + Sync + 'static {
    let heap: String = heap.into();
    move |event| {
        let heap = heap.clone();
        match event {
            Event::FullCollection { marking, sweeping, .. } => {
                histogram!("gc_cycle_seconds", "heap" => heap.clone(), "phase" => "marking").record(*marking);
                histogram!("gc_cycle_seconds", "heap" => heap, "phase" => "sweeping").record(*sweeping);
            }
            Event::Pause { collected, step, pause, time_to_safepoint, last, .. } => {
                let kind = match (step, collected) {
                    (Step::Whole, Collect::Young) => "minor",
                    (Step::Whole, _) => "minor_promoting_all",
                    (Step::Begin, _) => "begin",
                    (Step::Clear, _) => "clear",
                    (Step::Finish, _) => "finish",
                };
                histogram!("gc_pause_seconds", "heap" => heap.clone(), "kind" => kind).record(*pause);
                if last.is_some() {
                    histogram!("gc_safepoint_wait_seconds", "heap" => heap).record(*time_to_safepoint);
                }
            }
            event => {
                if let Some(kind) = warning(event) {
                    counter!("gc_warnings_total", "heap" => heap, "kind" => kind).increment(1);
                }
            }
        }
    }
}

/// Returns the name of a warning.
fn warning(event: &Event) -> Option<&'static str> {
    match event {
        Event::Pause { .. } | Event::FullCollection { .. } | Event::HeldByRoots { .. } => None,
        Event::DestructorsBehind { .. } => Some("destructors_behind"),
        Event::DestructorSlow { .. } => Some("destructor_slow"),
        Event::EndsAlone { .. } => Some("ends_alone"),
        Event::DestructorPanicked { .. } => Some("destructor_panicked"),
        Event::Late { .. } => Some("late_for_safepoint"),
        Event::CountedBehind { .. } => Some("counted_behind"),
        Event::QueuesBehind { .. } => Some("queues_behind"),
        Event::NoHelper { .. } => Some("no_worker"),
        Event::SoftLimit { .. } => Some("soft_limit"),
        Event::LimitReached { .. } => Some("limit_reached"),
    }
}

/// Records the figures of [`Heap::stats`] and [`Heap::memory_report`], with `heap` as the label
/// `heap`. The program calls it when it wants to: on a timer, or when it is asked for its metrics.
/// Waits for a pause that is under way.
///
/// Counters: `gc_collections_total` by `generation` (`0`, `1`: minor collections by age, and those
/// that promoted everything; `2`: major cycles), `gc_allocated_bytes_total`,
/// `gc_copied_bytes_total`, `gc_promoted_bytes_total`, `gc_promoted_objects_total`,
/// `gc_freed_bytes_total`, `gc_moved_bytes_total`, `gc_compactions_total`,
/// `gc_dropped_values_total`, `gc_destructor_panics_total`.
///
/// Gauges: `gc_live_bytes`, `gc_old_objects`, `gc_heap_bytes` by `space` (`young`, `old`, `large`,
/// `pending`, `side`, which add up to what the heap has from the system), `gc_external_bytes`,
/// `gc_heap_peak_bytes`, `gc_limit_bytes` and `gc_headroom_bytes` where there is a hard limit,
/// `gc_pause_max_seconds`, `gc_nursery_bytes`, `gc_remembered_entries`, `gc_registered_objects`,
/// `gc_pending_drops`, `gc_waiting_news`, `gc_waiting_finalizations`.
///
/// Python's `gc.get_stats()` has `collections`, `collected` and `uncollectable` of each generation;
/// the last is always 0 here.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// gc_core::observe::metrics::record(&heap, "main");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn record(heap: &Heap, name: &str) {
    let (stats, memory) = (heap.stats(), heap.memory_report());
    let collections = stats.collections;
    for (generation, count) in [("0", collections.young), ("1", collections.promote), ("2", collections.full)] {
        counter!("gc_collections_total", "heap" => name.to_owned(), "generation" => generation).absolute(count);
    }
    let totals = [
        ("gc_allocated_bytes_total", stats.bytes_allocated),
        ("gc_copied_bytes_total", stats.bytes_copied),
        ("gc_promoted_bytes_total", stats.bytes_promoted),
        ("gc_promoted_objects_total", stats.objects_promoted),
        ("gc_freed_bytes_total", stats.bytes_freed),
        ("gc_moved_bytes_total", stats.bytes_moved),
        ("gc_compactions_total", stats.compactions),
        ("gc_dropped_values_total", stats.drops_run),
        ("gc_destructor_panics_total", stats.drops_panicked),
    ];
    for (metric, total) in totals {
        counter!(metric, "heap" => name.to_owned()).absolute(total);
    }
    let spaces = [
        ("young", memory.young),
        ("old", memory.old),
        ("large", memory.large),
        ("pending", memory.pending),
        ("side", memory.side),
    ];
    for (space, bytes) in spaces {
        gauge!("gc_heap_bytes", "heap" => name.to_owned(), "space" => space).set(bytes as f64);
    }
    let now = [
        ("gc_live_bytes", stats.live_bytes),
        ("gc_old_objects", stats.old_objects),
        ("gc_external_bytes", memory.external),
        ("gc_heap_peak_bytes", stats.memory_peak),
        ("gc_nursery_bytes", stats.nursery_bytes),
        ("gc_remembered_entries", stats.remembered),
        ("gc_registered_objects", stats.registered),
        ("gc_pending_drops", stats.drops_pending),
        ("gc_waiting_news", stats.news_waiting),
        ("gc_waiting_finalizations", stats.finalization_waiting),
    ];
    for (metric, figure) in now {
        gauge!(metric, "heap" => name.to_owned()).set(figure as f64);
    }
    if memory.limit != usize::MAX {
        gauge!("gc_limit_bytes", "heap" => name.to_owned()).set(memory.limit as f64);
        gauge!("gc_headroom_bytes", "heap" => name.to_owned()).set(memory.headroom as f64);
    }
    gauge!("gc_pause_max_seconds", "heap" => name.to_owned()).set(stats.pause_max.as_secs_f64());
}

/// Describes all metrics to the process's recorder: what Prometheus shows as `# HELP`. Called once,
/// after the recorder is installed.
///
/// ```
/// gc_core::observe::metrics::describe();
/// ```
pub fn describe() {
    use Unit::{Bytes, Count, Seconds};
    describe_histogram!("gc_pause_seconds", Seconds, "How long the world was stopped, with the time to stop it");
    describe_histogram!(
        "gc_safepoint_wait_seconds",
        Seconds,
        "How long a pause waited for a thread to reach a safepoint"
    );
    describe_histogram!("gc_cycle_seconds", Seconds, "How long a major cycle marked and swept, mostly concurrently");
    let counters = [
        ("gc_warnings_total", Count, "Events that a person should look at"),
        ("gc_collections_total", Count, "Collections: minor by age, minor that promoted everything, major cycles"),
        ("gc_allocated_bytes_total", Bytes, "Bytes of objects that were allocated"),
        ("gc_copied_bytes_total", Bytes, "Bytes of objects that survived a minor collection and stayed young"),
        ("gc_promoted_bytes_total", Bytes, "Bytes of objects that were promoted"),
        ("gc_promoted_objects_total", Count, "Objects that were promoted"),
        ("gc_freed_bytes_total", Bytes, "Bytes of objects that were freed, in both generations"),
        ("gc_moved_bytes_total", Bytes, "Bytes of old objects that compaction moved"),
        ("gc_compactions_total", Count, "Compactions of the whole heap at once"),
        ("gc_dropped_values_total", Count, "Dead values whose destructors have run"),
        ("gc_destructor_panics_total", Count, "Destructors that panicked"),
    ];
    for (metric, unit, help) in counters {
        describe_counter!(metric, unit, help);
    }
    let gauges = [
        ("gc_heap_bytes", Bytes, "Memory of the heap, by what it is for"),
        ("gc_live_bytes", Bytes, "Bytes of old objects that were live after the last major cycle"),
        ("gc_old_objects", Count, "Old objects, with dead ones that were not found yet"),
        ("gc_external_bytes", Bytes, "Bytes that objects hold outside the heap, as the program reports them"),
        ("gc_heap_peak_bytes", Bytes, "The most memory that was in use, as the hard limit counts it"),
        ("gc_limit_bytes", Bytes, "The hard limit"),
        ("gc_headroom_bytes", Bytes, "What is left below the hard limit"),
        ("gc_pause_max_seconds", Seconds, "The longest pause since the heap was made"),
        ("gc_nursery_bytes", Bytes, "What is allocated between two minor collections"),
        ("gc_remembered_entries", Count, "Entries of the remembered set after the last collection"),
        ("gc_registered_objects", Count, "Objects with weak references, identities, watchers or finalizers"),
        ("gc_pending_drops", Count, "Dead values that wait to be dropped"),
        ("gc_waiting_news", Count, "Values in reference queues, and callbacks that are due"),
        ("gc_waiting_finalizations", Count, "Objects in finalization queues"),
    ];
    for (metric, unit, help) in gauges {
        describe_gauge!(metric, unit, help);
    }
}
