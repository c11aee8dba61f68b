//! How a thread of a heap is started: with a large stack, where the process may have one.

use std::{
    io,
    thread::{Builder, JoinHandle},
};

use crate::memory::process_limits;

/// `Box`es that are nested in one object are traced and dropped recursively, at some 100 bytes a level. A stack is address space, of which
/// only the used part costs memory.
const MOST: usize = 64 << 20;
const LEAST: usize = 1 << 20;
/// But all of it counts towards the limits of the process (`ulimit -v`, `ulimit -d`): a stack takes this part of them at most.
const PART: usize = 32;

/// Starts a thread that does `run`.
pub(crate) fn start(name: &str, run: impl FnOnce() + Clone + Send + 'static) -> io::Result<JoinHandle<()>> {
    let start = |stack| Builder::new().name(name.to_owned()).stack_size(stack).spawn(run.clone());
    start(stack()).or_else(|_| start(LEAST))
}

fn stack() -> usize {
    let limits = [process_limits::data(), process_limits::address_space()];
    limits.into_iter().flatten().min().map_or(MOST, |limit| (limit / PART).clamp(LEAST, MOST))
}
