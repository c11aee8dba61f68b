//! Weak references, ephemerons and identities: the operations of [`paths`](crate::paths) that concern them.

use std::time::{Duration, Instant};

use gc_core::{Collect, Ephemeron, Gc, Heap, Mutator, Weak};

use crate::{
    clock::{sink, sink_word},
    nodes::Leaf32,
    paths::{attached, timed},
};

/// Objects that an operation walks over: they stay in the first cache.
const OBJECTS: u64 = 256;

fn leaf(m: &Mutator, word: u64) -> Gc<'_, Leaf32> {
    m.alloc(Leaf32 { words: [word; 3] })
}

/// Uses a value that is on the stack.
fn sink_value<T>(value: T) {
    sink(&raw const value);
}

/// Runs `step` on what `make` returns for old objects, in turn.
fn on_old<'a, T: Copy>(
    m: &'a mut Mutator,
    count: u64,
    make: impl Fn(&'a Mutator, Gc<'a, Leaf32>) -> T,
    step: impl Fn(&'a Mutator, T),
) -> Duration {
    let objects = m.root(m.alloc_slice_with(OBJECTS as usize, |index| leaf(m, index as u64)));
    m.collect(Collect::Promote);
    let m: &'a Mutator = m;
    let objects: Vec<T> = objects.get(m).iter().map(|&object| make(m, object)).collect();
    timed(count.div_ceil(OBJECTS), |_| objects.iter().for_each(|&object| step(m, object)))
}

/// Upgrades weak references to old objects that live.
pub fn upgrade(count: u64) -> Duration {
    let upgrade = |m, weak: Weak<'_, Leaf32>| sink_word(weak.upgrade(m).map_or(0, |object| object.words[0]));
    on_old(&mut attached(), count, |m, object| Gc::downgrade(object, m), upgrade)
}

/// Makes weak references to old objects that have some.
pub fn downgrade(count: u64) -> Duration {
    let make = |m, object| {
        sink_value(Gc::downgrade(object, m));
        object
    };
    on_old(&mut attached(), count, make, |m, object| sink_value(Gc::downgrade(object, m)))
}

/// Asks old objects for their identities again.
pub fn id(count: u64) -> Duration {
    let make = |m, object| {
        sink_word(Gc::id(object, m));
        object
    };
    on_old(&mut attached(), count, make, |m, object| sink_word(Gc::id(object, m)))
}

/// Reads the values of ephemerons whose keys live.
pub fn ephemeron_value(count: u64) -> Duration {
    let read = |m, pair: Ephemeron<'_, Leaf32, Leaf32>| sink_word(pair.value(m).map_or(0, |object| object.words[0]));
    on_old(&mut attached(), count, |m, object| Ephemeron::new(m, object, object), read)
}

/// Runs `step` on young objects, each once. The time leaves out their allocation and their collection.
fn on_new(count: u64, heap: &Heap, step: impl Fn(&Mutator, Gc<'_, Leaf32>)) -> Duration {
    const AT_ONCE: u64 = 4096;
    let mut m = heap.attach().expect("the only mutator");
    let mut total = Duration::ZERO;
    for begin in (0..count).step_by(AT_ONCE as usize) {
        let objects: Vec<_> = (begin..count.min(begin + AT_ONCE)).map(|word| leaf(&m, word)).collect();
        let start = Instant::now();
        objects.iter().for_each(|&object| step(&m, object));
        total += start.elapsed();
        drop(objects);
        m.safepoint();
    }
    total
}

fn heap() -> Heap {
    Heap::builder().build().expect("a heap")
}

/// Makes the first weak references to young objects.
pub fn downgrade_first(count: u64) -> Duration {
    on_new(count, &heap(), |m, object| sink_value(Gc::downgrade(object, m)))
}

/// Asks young objects for their identities.
pub fn id_first(count: u64) -> Duration {
    on_new(count, &heap(), |m, object| sink_word(Gc::id(object, m)))
}

/// Makes ephemerons of young keys.
pub fn ephemeron_new(count: u64) -> Duration {
    on_new(count, &heap(), |m, object| sink_value(Ephemeron::new(m, object, object)))
}
