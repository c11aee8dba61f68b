//! Compaction on request.

use core::panic::Location;

use crate::{
    collector::{report::memory_report, request, trim},
    stats::{Collect, CompactReport},
};

use super::Mutator;

impl Mutator {
    /// Collects the whole heap, moves what is left together, and gives the memory that is empty
    /// then back to the system.
    ///
    /// Old objects are moved into as few blocks as hold them, class by class, and these blocks into
    /// as few huge pages as hold them. So it is possible at any fullness, also at the hard limit.
    /// Large objects (over 8 KiB) stay where they are.
    ///
    /// The collection runs beside other mutators. The move is one pause, which takes time in
    /// proportion to what is alive: it visits every pointer of the heap. A program need not call
    /// this: each full collection moves some objects out of sparse blocks
    /// ([`HeapBuilder::compact_bytes`](crate::HeapBuilder::compact_bytes)), and a heap that is
    /// short of memory compacts itself. It is for the moment after a program has released much, and
    /// before it is idle.
    ///
    /// Objects are moved between blocks as in a mark-compact collector with segregated fits (Jones,
    /// Hosking, Moss: *The Garbage Collection Handbook*, chapters 3 and 7).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let kept: Vec<_> = (0..100_000_u64).map(|i| m.root(m.alloc([i; 8]))).step_by(1000).collect();
    /// m.collect(gc_core::Collect::Promote);
    /// let report = m.compact();
    /// assert_eq!(kept[7].get(&m)[0], 7000);
    /// assert!(report.memory_after < report.memory_before);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn compact(&mut self) -> CompactReport {
        self.local().seen_at.set(Location::caller());
        let before = self.collector().stats.stats();
        let memory_before = memory_report(self.collector()).committed;
        let collection = self.collect(Collect::Full);
        let pause = request::compact(self.local()).pause;
        let collector = self.local().collector.clone();
        self.blocked(|| trim::release_all(&collector));
        let after = self.collector().stats.stats();
        CompactReport {
            collection,
            objects_moved: after.objects_moved - before.objects_moved,
            bytes_moved: after.bytes_moved - before.bytes_moved,
            memory_before,
            memory_after: memory_report(self.collector()).committed,
            pause,
        }
    }
}
