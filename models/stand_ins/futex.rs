//! Sleeping on words, for the model of the lock: one place for all words, of which the model has one.

use core::time::Duration;

use super::checker::{
    lazy_static,
    sync::{Condvar, Mutex},
};

use super::atomic::{AtomicU32, Ordering};

/// The threads that sleep, and those of them that are woken.
#[derive(Default)]
struct Sleepers {
    asleep: u32,
    woken: u32,
}

lazy_static! {
    static ref SLEEPERS: (Mutex<Sleepers>, Condvar) = Default::default();
}

/// Sleeps while the word is `value`, until it is woken: time does not pass in a model.
pub(super) fn sleep(word: &AtomicU32, value: u32, _: Option<Duration>) {
    let (sleepers, wakes) = &*SLEEPERS;
    let mut sleepers = sleepers.lock().unwrap();
    if word.load(Ordering::Relaxed) != value {
        return;
    }
    sleepers.asleep += 1;
    while sleepers.woken == 0 {
        sleepers = wakes.wait(sleepers).unwrap();
    }
    sleepers.woken -= 1;
}

pub(super) fn wake(_: &AtomicU32, threads: u32) -> usize {
    let (sleepers, wakes) = &*SLEEPERS;
    let mut sleepers = sleepers.lock().unwrap();
    let woken = threads.min(sleepers.asleep);
    sleepers.asleep -= woken;
    sleepers.woken += woken;
    (0..woken).for_each(|_| wakes.notify_one());
    woken as usize
}
