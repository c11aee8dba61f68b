//! The collector: which collection happens when, and on which thread.
//!
//! | read | to learn |
//! |---|---|
//! | `request` → `pause` → `minor`, `major` | the order of a collection |
//! | `major_cycle`, then the one `match` on its phase in `major` | the order of a major (full) cycle, over its pauses |
//! | `registered_young`, `clearing` | what becomes of weak references, watchers and finalizable objects |
//! | `compaction` | how the old generation is kept dense |
//! | `policy`, `pacing` | which collection happens, and when |
//! | `put_off`, `yielding` | which collection happens later than it is due, so that no mutator waits for a thread that the system does not run |
//! | `sampling` | which objects are samples, and what is known of where they were allocated |
//! | `headroom`, `near_limit`, `await_drops` | what is different near the hard limit |
//! | `concurrent`, `job_thread`, `destructors` | what the heap's own threads do concurrently |
//! | `kept`, `kept_end`, `users` | the mutators that threads keep between calls of `Heap::with`, and the end of a heap's use |
//! | `collector` | the parts of a heap, and the order of its locks |

pub(crate) mod attachment;
pub(crate) mod await_drops;
mod burst;
mod claims;
mod clearing;
mod clock;
#[expect(clippy::module_inception, reason = "the collector of the folder: the owner of what lies beside it")]
mod collector;
mod compaction;
mod concurrent;
mod counting;
mod destructors;
pub(crate) mod detach;
mod dropping;
pub(crate) mod drops;
mod end_signal;
mod epochs;
mod fork;
mod generations;
mod given_up;
pub(crate) mod handle;
pub(crate) mod headroom;
pub(crate) mod idle;
pub(crate) mod inspect;
mod job_queue;
mod job_thread;
pub(crate) mod jobs;
pub(crate) mod kept;
mod kept_end;
mod major;
pub(crate) mod major_cycle;
mod minor;
mod moves;
pub(crate) mod mutator_state;
pub(crate) mod near_limit;
pub(crate) mod nested_roots;
pub(crate) mod nursery;
mod old_types;
mod pacing;
mod parts;
mod pause;
pub(crate) mod pending;
pub(crate) mod policy;
mod presence;
pub(crate) mod pressure;
mod pretenuring;
mod promotion;
mod put_off;
pub(crate) mod refill;
mod registered_young;
pub(crate) mod registry;
pub(crate) mod rejoin;
pub(crate) mod report;
pub(crate) mod request;
pub(crate) mod sampling;
pub(crate) mod stop;
pub(crate) mod stopped_heap;
mod sweeping;
pub(crate) mod trim;
pub(crate) mod type_counts;
pub(crate) mod type_info;
pub(crate) mod users;
mod verify;
mod visits;
pub(crate) mod walk;
pub(crate) mod watch;
mod yielding;

pub(crate) use collector::Collector;
pub(crate) use job_thread::create;
