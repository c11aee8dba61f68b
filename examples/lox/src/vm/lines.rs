//! Which lines of a program have made the instances that are alive: what `tracemalloc` tells of Python programs.
//!
//! The collector tracks places in the source of the machine ([`gc_core::observe::sites`]). The line of the program only the machine
//! knows, and it knows it best where it makes the instance: the frame has the instruction, and the function the line of that. A weak reference to
//! each instance says later whether it is alive. The list has at most twice as many as are alive, and a few more: when it has grown to that, the
//! dead ones leave it.

use std::collections::BTreeMap;

use gc_core::{Gc, Mutator, Trace, Weak};

use crate::class::Instance;

/// The instances that were made since the machine began to track them.
#[derive(Trace)]
pub(super) struct Lines<'gc> {
    made: Vec<(Weak<'gc, Instance<'gc>>, u32)>,
    /// How long the list may become before the dead ones leave it.
    most: usize,
    /// How many each line has made, dead or alive.
    #[trace(skip)]
    totals: BTreeMap<u32, u64>,
}

/// What a line of a program has made, by calls of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineCount {
    /// The line, from 1 on.
    pub line: u32,
    /// How many of its instances are alive.
    pub live: u64,
    /// How many instances it has made.
    pub made: u64,
}

/// A list that is no longer than this is left alone.
const FEW: usize = 1024;

impl<'gc> Lines<'gc> {
    pub(super) fn new() -> Self {
        Self { made: Vec::new(), most: FEW, totals: BTreeMap::new() }
    }

    /// Adds an instance that this line makes.
    #[cold]
    #[inline(never)]
    pub(super) fn add(&mut self, m: &'gc Mutator, instance: Gc<'gc, Instance<'gc>>, line: u32) {
        if self.made.len() >= self.most {
            self.made.retain(|(weak, _)| weak.upgrade(m).is_some());
            self.most = FEW.max(2 * self.made.len());
        }
        self.made.push((Gc::downgrade(instance, m), line));
        *self.totals.entry(line).or_default() += 1;
    }

    /// Returns the lines, those with the most live instances first.
    pub(super) fn counts(&self, m: &'gc Mutator) -> Vec<LineCount> {
        let mut live: BTreeMap<u32, u64> = BTreeMap::new();
        for (_, line) in self.made.iter().filter(|(weak, _)| weak.upgrade(m).is_some()) {
            *live.entry(*line).or_default() += 1;
        }
        let count = |(&line, &made)| LineCount { line, live: live.get(&line).copied().unwrap_or(0), made };
        let mut counts: Vec<_> = self.totals.iter().map(count).collect();
        // Stable: equal ones stay in the order of the lines.
        counts.sort_by_key(|count| std::cmp::Reverse((count.live, count.made)));
        counts
    }
}
