//! How a thread of a heap is started: with a large stack, where the process may have one, and
//! without std in the child of a fork.
//!
//! The std of Rust 1.95 lists the stacks of its threads, under a lock that a thread takes when it
//! begins and when it ends. `fork` may copy the process while another thread has that lock; no
//! thread that std starts in the child gets beyond it. So there the threads of heaps are started by
//! the system's `pthread_create`. They are not in that list: if one exceeds its stack, the signal
//! is all that is reported.

use std::{
    io,
    thread::{Builder, JoinHandle},
};

use crate::{
    memory::process_limits,
    sync::atomic::{AtomicBool, Ordering},
};

use super::system_thread::{Panicked, SystemThread};

/// `Box`es that are nested in one object are traced and dropped recursively, at some 100 bytes a
/// level. A stack is address space, of which only the used part costs memory.
const MOST: usize = 64 << 20;
const LEAST: usize = 1 << 20;
/// But all of it counts towards the limits of the process (`ulimit -v`, `ulimit -d`): a stack takes
/// this part of them at most.
const PART: usize = 32;

/// Whether this process is the child of a fork of one that had a heap.
static IS_CHILD: AtomicBool = AtomicBool::new(false);

/// A thread of a heap. Dropping this lets the thread run.
pub(crate) enum Thread {
    OfStd(JoinHandle<()>),
    OfSystem(SystemThread),
}

/// Starts a thread that does `run`.
pub(crate) fn start(name: &str, run: impl FnOnce() + Clone + Send + 'static) -> io::Result<Thread> {
    // Relaxed: it is set by the only thread of the process, which starts all others.
    let is_child = IS_CHILD.load(Ordering::Relaxed);
    let start = |stack| {
        if is_child {
            return SystemThread::start(name, stack, run.clone()).map(Thread::OfSystem);
        }
        Builder::new().name(name.to_owned()).stack_size(stack).spawn(run.clone()).map(Thread::OfStd)
    };
    start(stack()).or_else(|_| start(LEAST))
}

/// Notes that this process is the child of a fork.
pub(crate) fn note_fork() {
    // Relaxed: there is no other thread.
    IS_CHILD.store(true, Ordering::Relaxed);
}

impl Thread {
    /// Waits for the end of the thread.
    pub(crate) fn join(self) -> Result<(), Panicked> {
        match self {
            Self::OfStd(thread) => thread.join().map_err(|payload| {
                // Its destructor may panic, too.
                core::mem::forget(payload);
                Panicked
            }),
            Self::OfSystem(thread) => thread.join(),
        }
    }
}

fn stack() -> usize {
    let limits = [process_limits::data(), process_limits::address_space()];
    limits.into_iter().flatten().min().map_or(MOST, |limit| (limit / PART).clamp(LEAST, MOST))
}
