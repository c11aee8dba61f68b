//! The threads that collect together: packets of work, how they are shared, and the threads
//! themselves.

pub(crate) mod on_demand;
mod packet;
mod pool;
mod processor_time;
mod reliance;
pub(crate) mod role;
mod sharing;
mod start;
mod system_thread;
mod threads;

pub(crate) use packet::{PIECE, Packet, SliceRange};
pub(crate) use pool::{AbortOnUnwind, WorkerPool};
pub(crate) use processor_time::ProcessorTime;
pub(crate) use start::{Thread, note_fork, start};
pub(crate) use threads::Workers;
