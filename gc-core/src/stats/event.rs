//! The events of the collector. The background thread passes them to a hook, which prints to stderr
//! by default.

use core::{fmt, panic::Location, time::Duration};
use std::{thread::Thread, time::Instant};

use crate::sync::Arc;

use super::report::{Cause, Collect};

/// How much an event matters.
///
/// ```
/// assert!(gc_core::Level::Debug < gc_core::Level::Warning);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Something that happens all the time, as each collection does.
    Debug,
    /// Something that a person should look at.
    Warning,
}

/// Writes `debug` or `warning`.
impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Warning => "warning",
        })
    }
}

/// What a pause was for.
///
/// ```
/// assert_eq!(gc_core::Step::Begin.to_string(), "begin");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum Step {
    /// A complete collection.
    Whole,
    /// A minor collection that promotes everything, after which marking begins.
    Begin,
    /// A minor collection that promotes everything, after which marking is complete, and the weak
    /// references of dead old objects are cleared concurrently. Only where objects are registered
    /// ([`Stats::registered`](crate::Stats::registered)), or there are ephemerons.
    Clear,
    /// A minor collection that promotes everything, after which marking ends and sweeping begins.
    Finish,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "whole",
            Self::Begin => "begin",
            Self::Clear => "clear",
            Self::Finish => "finish",
        })
    }
}

/// Something the collector did or found. See
/// [`HeapBuilder::on_event`](crate::HeapBuilder::on_event).
///
/// `Display` writes one line: a name and `key=value` pairs.
///
/// ```
/// use gc_core::{Event, Heap, Level};
///
/// let heap = Heap::builder()
///     .on_event(Level::Warning, |event| match event {
///         Event::Late { thread, waited, .. } => eprintln!("{thread} has not polled for {waited:?}"),
///         event => eprintln!("{event}"),
///     })
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A pause has ended: a young collection, which may be a step of a full one.
    #[non_exhaustive]
    Pause {
        /// What was collected: [`Young`](Collect::Young) or [`Promote`](Collect::Promote).
        collected: Collect,
        /// The reason for the collection.
        cause: Cause,
        /// Which step of a major (full) cycle this pause is, if it is one.
        step: Step,
        /// The number of the major cycle, for one of its steps: the first of a heap is 1.
        cycle: Option<u64>,
        /// When the thread that led the pause began to stop the world.
        ///
        /// Events of different threads are told in any order: this is what orders them.
        start: Instant,
        /// The thread that led the pause.
        led_by: Thread,
        /// How long the pause took, with the time to stop the world.
        pause: Duration,
        /// Bytes of objects before.
        before: usize,
        /// Bytes of objects after.
        after: usize,
        /// What of `before` was in the old generation, large objects of any age included.
        old_before: usize,
        /// What of `after` is in the old generation, large objects of any age included.
        old_after: usize,
        /// How long it took to stop the world.
        time_to_safepoint: Duration,
        /// The thread that the pause waited for last, if it waited for any.
        last: Option<String>,
        /// Bytes of objects that stayed young.
        copied: usize,
        /// Bytes of objects that were promoted.
        promoted: usize,
        /// Entries of the remembered set afterwards: pointer slots and cells.
        remembered: usize,
        /// Keys for which ephemerons wait, afterwards: see
        /// [`Stats::keys_waited_for`](crate::Stats::keys_waited_for).
        waiting: usize,
        /// Registered objects afterwards: see [`Stats::registered`](crate::Stats::registered).
        registered: usize,
        /// Values in reference queues, callbacks that are due, and objects in finalization queues
        /// afterwards, which the program has not taken.
        queued: usize,
    },
    /// A major (full) cycle has ended: everything is marked and swept. Its pauses were told before,
    /// or are told soon.
    #[non_exhaustive]
    FullCollection {
        /// The reason for the collection.
        cause: Cause,
        /// The number of the cycle: the first of a heap is 1.
        cycle: u64,
        /// When the thread that led its first pause began to stop the world.
        start: Instant,
        /// The thread that found it complete.
        ended_by: Thread,
        /// The sum of the pauses that begin and end its marking.
        pause: Duration,
        /// How long the cycle took without `pause`: it ran concurrently.
        concurrent: Duration,
        /// The time that other pauses spent on its increments.
        assist: Duration,
        /// From `start` until everything was marked, and what is dead was cleared from weak
        /// references.
        marking: Duration,
        /// From the end of `marking` until everything was swept.
        sweeping: Duration,
        /// Bytes of objects before.
        before: usize,
        /// Bytes of objects after, all of them old.
        after: usize,
        /// Bytes of objects that were promoted while it marked.
        promoted: usize,
        /// Entries of SATB buffers, which are values that the program overwrote during marking.
        snapshot: u64,
        /// Registered objects afterwards, as in [`Pause`](Self::Pause).
        registered: usize,
        /// What waits in queues afterwards, as in [`Pause`](Self::Pause).
        queued: usize,
    },
    /// The program leaves less time to the destructors than they need: dead values of more than 16
    /// MiB wait to be dropped, or more than 2²⁰ values, or some for ten times as long as a
    /// destructor may run ([`HeapBuilder::slow_destructor`](crate::HeapBuilder::slow_destructor)).
    /// The bytes count towards the hard limit; when use is a quarter above it, every allocation
    /// fails. Without a limit they take all available memory. Reported once, until all of them are
    /// dropped but those whose destructors are slow.
    #[non_exhaustive]
    DestructorsBehind {
        /// How many values wait: all that are not dropped yet.
        values: usize,
        /// The bytes of memory that hold them.
        bytes: usize,
        /// For how long the oldest ones have been waiting.
        oldest: Duration,
    },
    /// A destructor has been running for long: see
    /// [`HeapBuilder::slow_destructor`](crate::HeapBuilder::slow_destructor). Another thread drops
    /// what is behind it, if there are fewer than `most`. Reported once for each value.
    #[non_exhaustive]
    DestructorSlow {
        /// The type of the value.
        type_name: &'static str,
        /// For how long it has been running.
        ran: Duration,
        /// How many threads are held up like that, this one included.
        threads: usize,
        /// The most threads of a heap that run destructors. If so many are held up, nothing is
        /// dropped until one goes on.
        most: usize,
    },
    /// The last handle and mutator of the heap are gone, and roots are left that keep it. Nobody
    /// can use it any more, nor what they hold. It ends when the last of these roots is dropped.
    ///
    /// Roots in objects that are dead are found by a collection of the idle heap
    /// ([`HeapBuilder::idle_after`](crate::HeapBuilder::idle_after)), which is repeated when any of
    /// the roots is dropped. A root in an object that lives by that very root, or by a circle of
    /// such, is not found: that heap never ends. This event does not tell where the roots are. A
    /// [`Heap`](crate::Heap) in an object that lives is not found at all, and nothing tells of it:
    /// for that there is [`WeakHeap`](crate::WeakHeap).
    #[non_exhaustive]
    HeldByRoots {
        /// How many roots are left.
        roots: usize,
        /// The types of the values that they hold, and how many roots of each, the most frequent
        /// first; 32 of them at most. For a pointer that is the type of the pointer. A root that
        /// another thread drops at this moment may be missing here.
        types: Vec<(&'static str, usize)>,
    },
    /// The last handle, mutator and root of the heap are gone, and a destructor runs for long. The
    /// thread that dropped the last of them does not wait any longer
    /// ([`HeapBuilder::end_waits`](crate::HeapBuilder::end_waits)); the heap ends when all are
    /// dropped.
    #[non_exhaustive]
    EndsAlone {
        /// How many values are still to be dropped.
        values: usize,
    },
    /// A destructor panicked. The panic hook has printed the message, and the value counts as
    /// dropped.
    #[non_exhaustive]
    DestructorPanicked {
        /// The type of the value.
        type_name: &'static str,
    },
    /// The world is being stopped, and a thread does not reach a safepoint: a straggler.
    #[non_exhaustive]
    Late {
        /// The thread.
        thread: String,
        /// For how long the other threads have been waiting.
        waited: Duration,
        /// Where the thread was last seen: its last safepoint that took the slow path, `collect` or
        /// `blocked`. `None` if it has reached none since it attached. Other safepoints leave no
        /// trace, because recording one would cost time. With the stress setting `trace-safepoints`
        /// every safepoint takes the slow path, so that this is the last one.
        last_safepoint: Option<&'static Location<'static>>,
    },
    /// A thread has not reached a safepoint while other threads dropped many
    /// [`Counted`](crate::Counted)s that it made: so many wait for it, and are kept in memory.
    /// Reported once when 16,384 wait, and again when twice as many wait as were reported last.
    /// From 16,384 on, what the thread makes is counted by atomic operations, and does not wait.
    #[non_exhaustive]
    CountedBehind {
        /// The thread.
        thread: String,
        /// How many objects wait for it.
        objects: usize,
        /// Where the thread was last seen, as in [`Late`](Self::Late).
        last_safepoint: Option<&'static Location<'static>>,
    },
    /// The program takes less from its queues than the collector puts into them: more than 2¹⁶
    /// values, callbacks and objects wait to be taken ([`ReferenceQueue`](crate::ReferenceQueue),
    /// [`Mutator::run_callbacks`](crate::Mutator::run_callbacks),
    /// [`FinalizationQueue`](crate::FinalizationQueue)). Reported once, until half as many wait.
    #[non_exhaustive]
    QueuesBehind {
        /// Values in reference queues, and callbacks that are due.
        news: usize,
        /// Objects in finalization queues, which keeps them alive.
        objects: usize,
    },
    /// A GC worker could not be started. Collections go on with fewer threads.
    #[non_exhaustive]
    NoHelper {
        /// How many GC workers there are.
        helpers: usize,
        /// The system's error message.
        os: String,
    },
    /// After a major (full) cycle the old generation, with the memory that objects hold outside the
    /// heap, is still above the soft limit. The program should drop references now, before
    /// allocations fail at the hard limit. A hook that wants to act on it posts to a thread of the
    /// program.
    #[non_exhaustive]
    SoftLimit {
        /// The soft limit in bytes.
        limit: usize,
        /// Bytes in use: old objects, and the memory that objects hold outside the heap.
        bytes: usize,
    },
    /// An allocation failed, because the hard limit is reached, the reservation is used up, or the
    /// system refused memory. Reported once between two collections.
    #[non_exhaustive]
    LimitReached {
        /// The hard limit in bytes, `usize::MAX` if there is none.
        limit: usize,
        /// Bytes in use.
        used: usize,
    },
}

impl Event {
    /// Returns how much the event matters.
    ///
    /// ```
    /// # use gc_core::{Heap, Level};
    /// let heap = Heap::builder().on_event(Level::Debug, |event| assert!(event.level() >= Level::Debug)).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::Pause { .. } | Self::FullCollection { .. } | Self::HeldByRoots { .. } => Level::Debug,
            Self::CountedBehind { .. }
            | Self::DestructorPanicked { .. }
            | Self::DestructorsBehind { .. }
            | Self::DestructorSlow { .. }
            | Self::EndsAlone { .. }
            | Self::LimitReached { .. }
            | Self::Late { .. }
            | Self::NoHelper { .. }
            | Self::QueuesBehind { .. }
            | Self::SoftLimit { .. } => Level::Warning,
        }
    }
}

/// Writes one line of `key=value` pairs.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pause {
                collected,
                cause,
                step,
                pause,
                before,
                after,
                time_to_safepoint,
                last,
                copied,
                promoted,
                remembered,
                waiting,
                registered,
                queued,
                // For programs: times between events, and what the line has in other figures.
                cycle: _,
                start: _,
                led_by: _,
                old_before: _,
                old_after: _,
            } => write!(
                f,
                "pause collected={collected} cause={cause} step={step} pause_us={} safepoint_us={} last={:?} before={before} \
                 after={after} copied={copied} promoted={promoted} remembered={remembered} waiting={waiting} \
                 registered={registered} queued={queued}",
                pause.as_micros(),
                time_to_safepoint.as_micros(),
                last.as_deref().unwrap_or("none"),
            ),
            Self::FullCollection {
                cause,
                cycle,
                pause,
                concurrent,
                assist,
                marking,
                sweeping,
                before,
                after,
                promoted,
                snapshot,
                registered,
                queued,
                // For programs.
                start: _,
                ended_by: _,
            } => write!(
                f,
                "full_collection cause={cause} cycle={cycle} pause_us={} concurrent_us={} assist_us={} marking_us={} \
                 sweeping_us={} before={before} after={after} promoted={promoted} snapshot={snapshot} \
                 registered={registered} queued={queued}",
                pause.as_micros(),
                concurrent.as_micros(),
                assist.as_micros(),
                marking.as_micros(),
                sweeping.as_micros(),
            ),
            Self::DestructorsBehind { values, bytes, oldest } => {
                write!(f, "destructors_behind values={values} bytes={bytes} oldest_ms={}", oldest.as_millis())
            }
            Self::DestructorSlow { type_name, ran, threads, most } => {
                let ran = ran.as_millis();
                write!(f, "destructor_slow type={type_name} ran_ms={ran} threads={threads} most={most}")
            }
            Self::HeldByRoots { roots, types } => {
                write!(f, "held_by_roots roots={roots} types=")?;
                let mut separator = "";
                types.iter().try_for_each(|(name, count)| {
                    write!(f, "{}{name}:{count}", core::mem::replace(&mut separator, ","))
                })
            }
            Self::EndsAlone { values } => write!(f, "ends_alone values={values}"),
            Self::DestructorPanicked { type_name } => write!(f, "destructor_panicked type={type_name}"),
            Self::Late { thread, waited, last_safepoint } => {
                write!(f, "late_for_safepoint thread={thread:?} waited_ms={} last_safepoint=", waited.as_millis())?;
                write_place(f, *last_safepoint)?;
                f.write_str(" hint=\"it waits outside of Mutator::blocked, or loops without Mutator::safepoint\"")
            }
            Self::CountedBehind { thread, objects, last_safepoint } => {
                write!(f, "counted_behind thread={thread:?} objects={objects} last_safepoint=")?;
                write_place(f, *last_safepoint)
            }
            Self::QueuesBehind { news, objects } => write!(f, "queues_behind news={news} objects={objects}"),
            Self::NoHelper { helpers, os } => write!(f, "no_helper helpers={helpers} os={os:?}"),
            Self::SoftLimit { limit, bytes } => write!(f, "soft_limit limit={limit} bytes={bytes}"),
            Self::LimitReached { limit, used } => write!(f, "limit_reached limit={limit} used={used}"),
        }
    }
}

fn write_place(f: &mut fmt::Formatter<'_>, place: Option<&'static Location<'static>>) -> fmt::Result {
    match place {
        Some(place) => write!(f, "{place}"),
        None => f.write_str("none"),
    }
}

/// The user's event hook, and the least level that it receives.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) least: Level,
    pub(crate) tell: Arc<dyn Fn(&Event) + Send + Sync>,
}

impl Hook {
    /// Prints events of at least this level.
    pub(crate) fn printing(least: Level) -> Self {
        Self { least, tell: Arc::new(|event| eprintln!("gc-core: {event}")) }
    }
}
