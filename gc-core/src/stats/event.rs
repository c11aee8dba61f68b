//! What the collector tells: events go to a hook, stderr by default, from the background thread.

use core::{fmt, panic::Location, time::Duration};

use crate::sync::Arc;

use super::report::Cause;

/// How much an event matters.
///
/// ```
/// assert!(gc_core::Level::Debug < gc_core::Level::Warning);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Level {
    /// What happens all the time: each collection.
    Debug,
    /// What somebody should look at.
    Warning,
}

/// What a pause was for.
///
/// ```
/// assert_eq!(gc_core::Step::Begin.to_string(), "begin");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Step {
    /// A collection of its own.
    Whole,
    /// A young collection that promotes everything, after which marking begins.
    Begin,
    /// A young collection that promotes everything, after which marking ends and sweeping begins.
    Finish,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "whole",
            Self::Begin => "begin",
            Self::Finish => "finish",
        })
    }
}

/// Something the collector did or found. See [`HeapBuilder::on_event`](crate::HeapBuilder::on_event).
///
/// `Display` is one line, a name and `key=value` pairs.
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
    /// A collection has ended.
    #[non_exhaustive]
    Collection {
        /// The oldest generation that was collected: 0, 1 or 2.
        generation: u8,
        /// Why.
        cause: Cause,
        /// Which part of a full collection it is, if it is one.
        step: Step,
        /// How long the world was stopped: for a whole full collection, in all of its pauses together.
        pause: Duration,
        /// Bytes of objects before.
        before: usize,
        /// Bytes of objects after.
        after: usize,
        /// How long it took to stop the world.
        time_to_safepoint: Duration,
        /// The thread that the stop waited for last, if it waited for any.
        last: Option<String>,
        /// Bytes that stayed young.
        copied: usize,
        /// Bytes that became old.
        promoted: usize,
        /// Places and cells in the remembered set afterwards.
        remembered: usize,
        /// For a whole full collection: overwritten values that were handed to the marker.
        snapshot: u64,
        /// For a whole full collection: how long it went on beside the program.
        beside: Duration,
        /// For a whole full collection: how long pauses helped it, in slices.
        assist: Duration,
    },
    /// Destructors are slower than what the program leaves to them: dead values of more than 16 MiB wait to be dropped. They count towards the
    /// hard limit; a quarter above it every allocation fails. Without a limit they take what memory there is. Told once, until all were dropped.
    #[non_exhaustive]
    DestructorsBehind {
        /// How many values wait.
        values: usize,
        /// The bytes that they lie in.
        bytes: usize,
    },
    /// A destructor panicked. The panic hook has printed the message; the value counts as dropped.
    #[non_exhaustive]
    DestructorPanicked {
        /// The type of the value.
        type_name: &'static str,
    },
    /// The world is being stopped, and a thread does not reach a safepoint.
    #[non_exhaustive]
    Late {
        /// The thread.
        thread: String,
        /// For how long the others have been waiting.
        waited: Duration,
        /// Where it was last seen: the last safepoint that had something to do, `collect` or `blocked`; `None` if it was at none since it
        /// attached. Safepoints that nothing is asked of leave no trace, as that would cost; with the stress setting
        /// `trace-safepoints` all do, and this is the last one.
        last_safepoint: Option<&'static Location<'static>>,
    },
    /// A thread that helps with collections could not be started: they go on with fewer.
    #[non_exhaustive]
    NoHelper {
        /// How many there are.
        helpers: usize,
        /// What the system said.
        os: String,
    },
    /// After a full collection the old generation, with what objects hold elsewhere, is still above the soft limit: time to let go of
    /// something, before allocations fail at the hard one. A hook that wants to act on it posts to a thread of the program.
    #[non_exhaustive]
    SoftLimit {
        /// The soft limit in bytes.
        limit: usize,
        /// Bytes that live.
        bytes: usize,
    },
    /// An allocation failed: at the hard limit, or as the reservation is used up or the system refuses memory. Told
    /// once between two collections.
    #[non_exhaustive]
    LimitReached {
        /// The hard limit in bytes, `usize::MAX` if there is none.
        limit: usize,
        /// Bytes in use.
        used: usize,
    },
}

impl Event {
    /// How much the event matters.
    ///
    /// ```
    /// # use gc_core::{Heap, Level};
    /// let heap = Heap::builder().on_event(Level::Debug, |event| assert!(event.level() >= Level::Debug)).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn level(&self) -> Level {
        match self {
            Self::Collection { .. } => Level::Debug,
            Self::DestructorPanicked { .. }
            | Self::DestructorsBehind { .. }
            | Self::LimitReached { .. }
            | Self::Late { .. }
            | Self::NoHelper { .. }
            | Self::SoftLimit { .. } => Level::Warning,
        }
    }
}

/// One line of `key=value`.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collection {
                generation,
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
                snapshot,
                beside,
                assist,
            } => write!(
                f,
                "collection generation={generation} cause={cause} step={step} pause_us={} safepoint_us={} last={:?} \
                 before={before} after={after} copied={copied} promoted={promoted} remembered={remembered} \
                 snapshot={snapshot} beside_us={} assist_us={}",
                pause.as_micros(),
                time_to_safepoint.as_micros(),
                last.as_deref().unwrap_or("none"),
                beside.as_micros(),
                assist.as_micros()
            ),
            Self::DestructorsBehind { values, bytes } => {
                write!(f, "destructors_behind values={values} bytes={bytes}")
            }
            Self::DestructorPanicked { type_name } => write!(f, "destructor_panicked type={type_name}"),
            Self::Late { thread, waited, last_safepoint } => {
                write!(f, "late_for_safepoint thread={thread:?} waited_ms={} last_safepoint=", waited.as_millis())?;
                match last_safepoint {
                    Some(place) => write!(f, "{place}"),
                    None => f.write_str("none"),
                }
            }
            Self::NoHelper { helpers, os } => write!(f, "no_helper helpers={helpers} os={os:?}"),
            Self::SoftLimit { limit, bytes } => write!(f, "soft_limit limit={limit} bytes={bytes}"),
            Self::LimitReached { limit, used } => write!(f, "limit_reached limit={limit} used={used}"),
        }
    }
}

/// Who is told.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) least: Level,
    pub(crate) tell: Arc<dyn Fn(&Event) + Send + Sync>,
}

impl Default for Hook {
    fn default() -> Self {
        let debug = std::env::var("GC_CORE_LOG").is_ok_and(|level| level == "debug");
        Self {
            least: if debug { Level::Debug } else { Level::Warning },
            tell: Arc::new(|event| eprintln!("gc-core: {event}")),
        }
    }
}
