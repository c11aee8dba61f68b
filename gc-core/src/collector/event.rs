//! What the collector tells: events go to a hook, stderr by default, from the background thread.

use core::{fmt, time::Duration};

use super::cycle::Cause;
use crate::sync::Arc;

/// How much an event matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Level {
    /// What happens all the time: each collection.
    Debug,
    /// What somebody should look at.
    Warning,
}

/// Something the collector did or found.
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
        /// How long the world was stopped.
        pause: Duration,
        /// Bytes of objects before.
        before: usize,
        /// Bytes of objects after.
        after: usize,
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
    },
    /// The hard limit was reached: an allocation failed.
    #[non_exhaustive]
    LimitReached {
        /// The limit in bytes.
        limit: usize,
        /// Bytes in use.
        used: usize,
    },
}

impl Event {
    /// How much the event matters.
    pub fn level(&self) -> Level {
        match self {
            Self::Collection { .. } => Level::Debug,
            Self::DestructorPanicked { .. } | Self::LimitReached { .. } | Self::Late { .. } => Level::Warning,
        }
    }
}

/// One line of `key=value`.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collection { generation, cause, pause, before, after } => write!(
                f,
                "collection generation={generation} cause={cause} pause_us={} before={before} after={after}",
                pause.as_micros()
            ),
            Self::DestructorPanicked { type_name } => write!(f, "destructor_panicked type={type_name}"),
            Self::Late { thread, waited } => {
                write!(f, "late_for_safepoint thread={thread:?} waited_ms={}", waited.as_millis())
            }
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
