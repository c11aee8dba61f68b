//! Waiting for destructors.

use core::{fmt, time::Duration};
use std::{thread, time::Instant};

use crate::{
    collector::{Collector, pending::Left},
    registered::Removals,
};

use super::Mutator;

/// What was still to be dropped when [`Mutator::drain_drops`] gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DropsLeft {
    /// How many values: of those that were dead when the call began, and of what these own; or, if
    /// none is left, how many entries of weak tables.
    pub values: usize,
    /// How long the oldest of them have been dead.
    pub oldest: Duration,
    /// The types of those whose destructors are running. Empty if no thread has begun to drop them.
    pub running: Vec<&'static str>,
}

impl std::error::Error for DropsLeft {}

impl fmt::Display for DropsLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { values, oldest, running } = self;
        write!(
            f,
            "expected everything dead to be dropped in time, found {values} values left, for {oldest:?}; running: "
        )?;
        match running.as_slice() {
            [] => f.write_str("none"),
            types => f.write_str(&types.join(", ")),
        }
    }
}

impl Mutator {
    /// Waits until the heap's threads have dropped every value that collections had found dead when
    /// this was called, with the values of roots that these own, and until dead entries have left
    /// their [weak tables](crate::Interner). For tests, and for programs that want what destructors
    /// do, such as closing files, at a known moment.
    ///
    /// This thread is [blocked](Self::blocked) meanwhile. It runs no destructor itself, and does
    /// not wait for what dies later. What is unreachable is dead when a collection has found it:
    /// call [`collect`](Self::collect) first.
    ///
    /// Destructors also run while the [event hook](crate::HeapBuilder::on_event) does. If both wait
    /// for long, the ones behind wait, too.
    ///
    /// # Errors
    ///
    /// If they are not all dropped after `timeout`: how many are left, for how long, and the types
    /// whose destructors are running. With a timeout of zero this only asks.
    ///
    /// ```
    /// # use gc_core::{Collect, Heap};
    /// # use std::{sync::Arc, time::Duration};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let shared = Arc::new(());
    /// m.alloc(gc_core::Leaf(shared.clone()));
    /// m.collect(Collect::Full);
    /// m.drain_drops(Duration::from_secs(60))?;
    /// assert_eq!(Arc::strong_count(&shared), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn drain_drops(&mut self, timeout: Duration) -> Result<(), DropsLeft> {
        let collector = self.local().collector.clone();
        // [on-demand.refused].
        collector.background.call_again();
        self.blocked(|| drain(&collector, timeout))
    }
}

/// Waits for the drops, and until the dead entries of weak tables have been removed that there are
/// now.
fn drain(collector: &Collector, timeout: Duration) -> Result<(), DropsLeft> {
    let (background, queues) = (&collector.background, &collector.registered.queues);
    let start = Instant::now();
    let (last, entries) = (background.pending.last(), queues.handed_over());
    let left = |Left { values, oldest, running }| DropsLeft { values, oldest, running };
    background.pending.drain(last, timeout).map_err(left)?;
    // In the child of a fork in which the heap was given up nobody removes them.
    while !collector.is_elsewhere() {
        let values = queues.entries_left(entries);
        if values == 0 {
            break;
        }
        if start.elapsed() >= timeout {
            return Err(DropsLeft { values, oldest: start.elapsed(), running: Vec::new() });
        }
        // A removal may have run out of time, or have found no way in.
        background.look_after(queues, Removals::All);
        thread::sleep(NAP);
    }
    Ok(())
}

/// How long the wait is before the next look.
const NAP: Duration = Duration::from_micros(100);
