//! Parts: dead values that one thread drops one after the other, and of which another thread can
//! take the rest.
//!
//! A part is what one arena holds, or one list. Its thread claims each value before it drops it
//! (`claims`). If a destructor runs for long, the rest of the part becomes a part of its own, which
//! shares the memory. So a destructor delays no value but its own, and what lies in the same
//! object: the other fields, or the other elements of a slice.

use core::{cell::Cell, panic::AssertUnwindSafe, ptr::NonNull};
use std::{panic, time::Instant};

use crate::{
    counted::{owners::Object, reclaim},
    object::Header,
    registered::Notice,
    roots::BoxedValue,
    sync::Arc,
};

use super::{
    claims::Claims,
    drops::{Arena, DeadRun, Dropped, drop_object},
};

/// What a part is taken from.
pub(crate) enum Values {
    /// Objects that were moved out.
    Moved(Arena),
    /// The values of roots.
    Boxed(Vec<BoxedValue>),
    /// Runs of dead large objects.
    Large(Vec<DeadRun>),
    /// Dead counted objects.
    Counted(Vec<Object>),
    /// Objects that were left at the end of their heap. They lie where they always did.
    InPlace(Vec<NonNull<u8>>),
    /// What was attached to objects, for queues that are closed.
    Notices(Vec<Cell<Option<Notice>>>),
}

// SAFETY: as for `DropQueue`: any thread may drop the values, and no other code has a pointer to them. Each value is dropped by one
// thread ([claims.once]); what several threads read does not change.
unsafe impl Send for Values {}
// SAFETY: as above.
unsafe impl Sync for Values {}

impl Values {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Moved(arena) => arena.objects,
            Self::Boxed(values) => values.len(),
            Self::Large(runs) => runs.len(),
            Self::Counted(objects) => objects.len(),
            Self::InPlace(objects) => objects.len(),
            Self::Notices(notices) => notices.len(),
        }
    }
}

/// Values that one thread drops, which it claims one by one.
pub(crate) struct Part {
    values: Arc<Values>,
    first: usize,
    end: usize,
    claims: Claims,
    /// The batch that they are counted in (`pending`).
    pub(crate) batch: u64,
}

/// What a part needs of its heap.
pub(crate) trait Run {
    /// Returns the object of a dead run.
    fn large(&self, page: u32) -> *mut u8;

    /// Frees a dead run, whose object was dropped.
    fn free_large(&self, page: u32);

    /// Called after each value, before it counts as dropped.
    fn after(&self, dropped: &mut Dropped);
}

impl Part {
    /// Returns a part with all of these values, which are counted in `batch`.
    pub(crate) fn new(values: Values, batch: u64) -> Self {
        let end = values.len();
        Self { values: Arc::new(values), first: 0, end, claims: Claims::new(0), batch }
    }

    /// Returns how many values are claimed.
    pub(crate) fn claimed(&self) -> usize {
        self.claims.claimed() - self.first
    }

    /// Returns how many values are not claimed.
    pub(crate) fn left(&self) -> usize {
        self.end - self.first - self.claimed()
    }

    /// Returns how many values are dropped ([claims.done]): the last one that is claimed may be
    /// not.
    pub(crate) fn dropped(&self) -> usize {
        self.claimed().saturating_sub(1)
    }

    /// Takes the values that are not claimed yet. From then on, what is claimed is all of this
    /// part.
    pub(crate) fn take_rest(&self) -> Option<Self> {
        let first = self.claims.take_rest();
        let claims = Claims::new(first);
        (first < self.end).then(|| Self {
            values: self.values.clone(),
            first,
            end: self.end,
            claims,
            batch: self.batch,
        })
    }

    /// Returns the type of the value that is claimed last, unless none is.
    pub(crate) fn type_name(&self) -> Option<&'static str> {
        let last = self.claims.claimed().checked_sub(1)?;
        Some(match &*self.values {
            Values::Moved(arena) => (arena.objects().nth(last)?.1.name)(),
            Values::Boxed(values) => (values[last].info.name)(),
            Values::Large(runs) => (runs[last].info.name)(),
            Values::Counted(objects) => (objects[last].kind.name)(),
            Values::Notices(_) => "a value that waited for the death of an object",
            // SAFETY: outside of pauses the header of an object is its type's info. The heap is there as long as parts of it run.
            Values::InPlace(objects) => (unsafe { Header::of(objects[last].as_ptr()).info() }.name)(),
        })
    }

    /// Returns the memory that holds the values of this part and of no other that is left.
    pub(crate) fn into_bytes(self) -> usize {
        match Arc::into_inner(self.values) {
            Some(Values::Moved(arena)) => arena.bytes,
            _ => 0,
        }
    }

    /// Drops the values, as far as they are not taken. Panics are caught, and the remaining values
    /// are dropped. Called once.
    pub(crate) fn run(&self, heap: &impl Run) {
        let mut dropped = Dropped::default();
        match &*self.values {
            Values::Moved(arena) => self.run_moved(arena, heap, &mut dropped),
            Values::Boxed(values) => self.each(heap, &mut dropped, |index, dropped| {
                // SAFETY: its root is gone and unlinked, and it is dropped only here ([claims.once]).
                unsafe { values[index].drop_and_free(dropped) };
            }),
            Values::Large(runs) => self.each(heap, &mut dropped, |index, dropped| {
                let DeadRun { page, info } = runs[index];
                // SAFETY: the object of a dead run, which only this part has, and which is dropped only here ([claims.once]).
                unsafe { drop_object(heap.large(page), info, dropped) };
                heap.free_large(page);
            }),
            Values::Counted(objects) => self.each(heap, &mut dropped, |index, dropped| {
                let object = objects[index];
                dropped.note(reclaim::end(object), object.kind.name);
            }),
            Values::Notices(notices) => self.each(heap, &mut dropped, |index, dropped| {
                let drop = || drop(notices[index].take());
                dropped.note(panic::catch_unwind(AssertUnwindSafe(drop)), core::any::type_name::<Notice>);
            }),
            Values::InPlace(objects) => self.each(heap, &mut dropped, |index, dropped| {
                let address = objects[index].as_ptr();
                // SAFETY: an object, and outside of pauses its header is a type info.
                let info = unsafe { Header::of(address).info() };
                // SAFETY: the heap has ended, so no thread uses the object, and it is dropped only here ([claims.once]).
                unsafe { drop_object(address, info, dropped) };
            }),
        }
    }

    fn each(&self, heap: &impl Run, dropped: &mut Dropped, mut drop: impl FnMut(usize, &mut Dropped)) {
        for index in self.first..self.end {
            if !self.claims.claim(index) {
                return;
            }
            drop(index, dropped);
            heap.after(dropped);
        }
    }

    fn run_moved(&self, arena: &Arena, heap: &impl Run, dropped: &mut Dropped) {
        let mut objects = arena.objects().skip(self.first);
        let mut index = self.first;
        let mut name: fn() -> &'static str = core::any::type_name::<()>;
        let mut more = true;
        while more {
            // One `catch_unwind` for many objects: to enter one costs as much as to drop a small object.
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
                while index < self.end && self.claims.claim(index) {
                    let Some((address, info)) = objects.next() else { break };
                    index += 1;
                    match info.drop {
                        Some(drop) if !info.shape.slice => {
                            name = info.name;
                            // SAFETY: dropped only here ([claims.once]), also if the destructor panics: `index` is behind it.
                            unsafe { drop(address) };
                        }
                        // SAFETY: as above.
                        _ => unsafe { drop_object(address, info, dropped) },
                    }
                    heap.after(dropped);
                }
                more = false;
            }));
            if outcome.is_err() {
                dropped.note(outcome.map(drop), name);
                heap.after(dropped);
            }
        }
    }
}

/// A part that a thread runs, as another thread watches it.
pub(crate) struct Running {
    pub(crate) part: Arc<Part>,
    /// How many values were claimed when this was looked at, and since when.
    seen: usize,
    pub(crate) since: Instant,
    /// Whether the rest was taken: the destructor of the last value that is claimed has been
    /// running for long.
    pub(crate) is_slow: bool,
}

impl Running {
    pub(crate) fn new(part: Arc<Part>) -> Self {
        Self { part, seen: 0, since: Instant::now(), is_slow: false }
    }

    /// Returns whether a destructor has been running for `long`, which is found once.
    pub(crate) fn gets_slow(&mut self, now: Instant, long: core::time::Duration) -> bool {
        let claimed = self.part.claimed();
        if claimed != self.seen {
            (self.seen, self.since) = (claimed, now);
        }
        let found = !self.is_slow && claimed > 0 && now.saturating_duration_since(self.since) >= long;
        self.is_slow |= found;
        found
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::{
        super::{pending::Pending, type_info::TypeInfoOf},
        Arc, DeadRun, Part, Values,
    };

    /// Values that were dropped before the one that hangs, in the same part, counted as waiting.
    #[test]
    fn what_was_dropped_before_a_slow_value_is_not_behind() {
        for (values, left) in [(100, 1), (100, 2), (1, 1)] {
            let pending = Pending::new();
            let batch = pending.expect(None, values, 0).batch;
            let runs = (0..).map(|page| DeadRun { page, info: TypeInfoOf::<u64>::SIZED }).take(values);
            let part = Arc::new(Part::new(Values::Large(runs.collect()), batch));
            pending.begin(part.clone());
            for index in 0..=values - left {
                assert!(part.claims.claim(index));
            }
            assert_eq!(pending.figures(), (left, (values - left) as u64));
            // A destructor is slow at once, and what waits is late when the clock has gone on.
            let behind = loop {
                let look = pending.look(Duration::ZERO);
                assert_eq!(look.held_up, 1);
                if look.to_report.is_some() || left == 1 {
                    break look.to_report;
                }
            };
            assert_eq!(behind.map(|amount| amount.values), (left > 1).then_some(left));
        }
    }
}
