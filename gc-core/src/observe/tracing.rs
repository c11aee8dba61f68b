//! Events of a heap as spans and events of `tracing`.
//!
//! - **[tracing.afterwards]** A heap tells what was done when it is done: spans are opened and
//!   closed then, on the heap's background thread. How long something took is in fields, not in the
//!   times at which a subscriber sees its span.
//! - **[tracing.one-span]** A major cycle has one span, from its first event to its last. Events of
//!   different threads come in any order; a pause that is told after the end of its cycle has the
//!   number of the cycle, and no parent.

use core::time::Duration;

use tracing::{Level, Span, debug, debug_span, enabled, field, warn};

use crate::{Collect, Event, Step, sync::Mutex};

/// The target of all spans and events: a filter is `gc=debug`, or `gc=warn`.
const TARGET: &str = "gc";

/// Returns an event hook that makes spans and events of `tracing`, all with the target `gc`, for
/// [`HeapBuilder::on_event`](crate::HeapBuilder::on_event) with
/// [`Level::Debug`](crate::Level::Debug). Each heap gets one of its own.
///
/// | span | fields |
/// |---|---|
/// | `cycle` | `id`, `kind` (`minor`, `minor_promoting_all` or `major`), `cause`; at its end `before`, `after`, and for a major one also `pause_us`, `concurrent_us`, `assist_us`, `promoted`, `satb_entries` |
/// | `pause` in it | `step`, `led_by`, `pause_us`, `safepoint_us`, `waited_for`, `before`, `after`, `copied`, `promoted`, `remembered`, `registered`, `queued`, and `cycle` for a step of a major one |
/// | `marking`, `sweeping` in it | `us` |
///
/// Each `pause` has an event `collected` in it, and each major `cycle` an event `completed` at its
/// end, all at `debug`: nothing is told at `info` for a collection. Warnings ([`Event::level`]) are
/// events at `warn`, with the fields of the [`Event`]. The span of a major cycle is open for as
/// long as the cycle is; a cycle's span is not told where `debug` is off for the target. The
/// numbers of major cycles are those of [`Event::FullCollection`]; other cycles are counted here.
///
/// All of it happens on the heap's background thread, after the fact (`[tracing.afterwards]`): what
/// something took is in its fields, in microseconds. A subscriber that is set for another thread
/// only does not see it.
///
/// Python's `gc.callbacks` has the same: `start` and `stop` with `generation` and `collected`.
///
/// ```
/// use gc_core::{Heap, Level, observe};
///
/// let heap = Heap::builder().on_event(Level::Debug, observe::tracing::hook()).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn hook() -> impl Fn(&Event) + Send + Sync + 'static {
    let cycles = Mutex::new(Cycles::default());
    move |event| match event {
        Event::Pause { .. } | Event::FullCollection { .. } if !enabled!(target: TARGET, Level::DEBUG) => {}
        Event::FullCollection { .. } => major(&cycles, event),
        Event::Pause { .. } => pause(&cycles, event),
        event => other(event),
    }
}

/// What is known of the cycles so far.
#[derive(Default)]
struct Cycles {
    /// Minor collections that are no step of a major cycle.
    minor: u64,
    /// The major cycles whose end was not told: the one that is under way, or two where the pause
    /// that begins one is told before the end of the last.
    open: Vec<(u64, Span)>,
    /// The last one whose end was told.
    ended: u64,
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Returns the span of a major cycle, which is opened if this is the first that is heard of it.
/// `None` if it has ended.
fn open(cycles: &Mutex<Cycles>, number: u64, event: &Event) -> Option<Span> {
    let (Event::Pause { cause, .. } | Event::FullCollection { cause, .. }) = event else { return None };
    let known = cycles.lock();
    if number <= known.ended {
        return None;
    }
    if let Some((_, span)) = known.open.iter().find(|(open, _)| *open == number) {
        return Some(span.clone());
    }
    drop(known);
    // No lock is held while a subscriber is called.
    let span = debug_span!(
        target: TARGET,
        parent: None,
        "cycle",
        id = number,
        kind = "major",
        %cause,
        before = field::Empty,
        after = field::Empty,
        pause_us = field::Empty,
        concurrent_us = field::Empty,
        assist_us = field::Empty,
        promoted = field::Empty,
        satb_entries = field::Empty
    );
    cycles.lock().open.push((number, span.clone()));
    Some(span)
}

/// Tells a pause: in the span of its major cycle, or in one of its own.
fn pause(cycles: &Mutex<Cycles>, event: &Event) {
    let Event::Pause { collected, cause, step, cycle, before, after, .. } = event else { return };
    if let Some(number) = cycle {
        return tell_pause(open(cycles, *number, event).as_ref(), event);
    }
    let mut known = cycles.lock();
    known.minor += 1;
    let id = known.minor;
    drop(known);
    debug_assert_eq!(*step, Step::Whole);
    let kind = if *collected == Collect::Young { "minor" } else { "minor_promoting_all" };
    let span = debug_span!(
        target: TARGET,
        parent: None,
        "cycle",
        id,
        kind,
        %cause,
        before = field::Empty,
        after = field::Empty
    );
    tell_pause(Some(&span), event);
    span.record("before", before).record("after", after);
}

fn tell_pause(parent: Option<&Span>, event: &Event) {
    let Event::Pause {
        step,
        cycle,
        led_by,
        pause,
        before,
        after,
        time_to_safepoint,
        last,
        copied,
        promoted,
        remembered,
        registered,
        queued,
        ..
    } = event
    else {
        return;
    };
    let span = debug_span!(
        target: TARGET,
        parent: parent.and_then(Span::id),
        "pause",
        %step,
        led_by = led_by.name().unwrap_or("unnamed"),
        cycle,
        pause_us = field::Empty,
        safepoint_us = field::Empty,
        waited_for = field::Empty,
        before = field::Empty,
        after = field::Empty,
        copied = field::Empty,
        promoted = field::Empty,
        remembered = field::Empty,
        registered = field::Empty,
        queued = field::Empty
    );
    span.record("pause_us", micros(*pause)).record("safepoint_us", micros(*time_to_safepoint));
    if let Some(last) = last {
        span.record("waited_for", last.as_str());
    }
    span.record("before", before).record("after", after).record("copied", copied).record("promoted", promoted);
    span.record("remembered", remembered).record("registered", registered).record("queued", queued);
    debug!(target: TARGET, parent: &span, pause_us = micros(*pause), before, after, "collected");
}

/// Tells the end of a major cycle.
fn major(cycles: &Mutex<Cycles>, event: &Event) {
    let Event::FullCollection {
        cycle,
        pause,
        before,
        after,
        promoted,
        snapshot,
        concurrent,
        assist,
        marking,
        sweeping,
        ..
    } = event
    else {
        return;
    };
    let number = *cycle;
    let Some(span) = open(cycles, number, event) else { return };
    debug_span!(target: TARGET, parent: &span, "marking", us = field::Empty).record("us", micros(*marking));
    debug_span!(target: TARGET, parent: &span, "sweeping", us = field::Empty).record("us", micros(*sweeping));
    span.record("before", before).record("after", after).record("promoted", promoted);
    span.record("pause_us", micros(*pause)).record("concurrent_us", micros(*concurrent));
    span.record("assist_us", micros(*assist)).record("satb_entries", snapshot);
    debug!(target: TARGET, parent: &span, before, after, pause_us = micros(*pause), "completed");
    let mut known = cycles.lock();
    known.ended = number.max(known.ended);
    let ended = known.ended;
    let closed: Vec<_> = known.open.extract_if(.., |(open, _)| *open <= ended).collect();
    drop(known);
    drop(closed);
}

/// Tells everything that is no collection, with the fields of the event.
fn other(event: &Event) {
    match event {
        Event::Pause { .. } | Event::FullCollection { .. } => {}
        Event::DestructorsBehind { values, bytes, oldest } => {
            warn!(target: TARGET, values, bytes, oldest_us = micros(*oldest), "destructors behind");
        }
        Event::DestructorSlow { type_name, ran, threads, most } => {
            warn!(target: TARGET, type_name, ran_us = micros(*ran), threads, most, "destructor slow");
        }
        Event::HeldByRoots { roots, types } => debug!(target: TARGET, roots, ?types, "held by roots"),
        Event::EndsAlone { values } => warn!(target: TARGET, values, "ends alone"),
        Event::DestructorPanicked { type_name } => warn!(target: TARGET, type_name, "destructor panicked"),
        Event::Late { thread, waited, last_safepoint } => {
            let last_safepoint = last_safepoint.map(field::display);
            warn!(target: TARGET, thread, waited_us = micros(*waited), last_safepoint, "late for a safepoint");
        }
        Event::CountedBehind { thread, objects, last_safepoint } => {
            let last_safepoint = last_safepoint.map(field::display);
            warn!(target: TARGET, thread, objects, last_safepoint, "counted behind");
        }
        Event::QueuesBehind { news, objects } => warn!(target: TARGET, news, objects, "queues behind"),
        Event::NoHelper { helpers, os } => warn!(target: TARGET, workers = helpers, os, "no worker"),
        Event::SoftLimit { limit, bytes } => warn!(target: TARGET, limit, bytes, "soft limit"),
        Event::LimitReached { limit, used } => warn!(target: TARGET, limit, used, "limit reached"),
    }
}
