//! Counting references: `Counted` beside `Rc`, `Arc` and other crates' biased or hybrid counts. Timed by `src/bin/counted.rs`.
//!
//! Each function runs an operation `count` times and says how long that took. `Counted`'s own thread is one that runs a mutator.

use std::{
    hint::black_box,
    ops::Deref,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use gc_core::Counted;

use crate::{clock::sink, random::Random};

/// What a pointer refers to here.
pub type Value = [u64; 2];

/// A counted pointer.
pub trait Pointer: Clone + Deref<Target = Value> {
    /// Makes an object.
    fn make(value: Value) -> Self;
}

/// Counted pointers from one crate each.
macro_rules! pointers {
    ($($t:ty => $make:path),* $(,)?) => { $(
        impl Pointer for $t {
            #[inline(always)]
            fn make(value: Value) -> Self {
                $make(value)
            }
        }
    )* };
}

pointers! {
    Counted<Value> => Counted::new,
    std::rc::Rc<Value> => std::rc::Rc::new,
    std::sync::Arc<Value> => std::sync::Arc::new,
    hybrid_rc::Rc<Value> => hybrid_rc::Rc::new,
    biasedrc::Brc<Value> => biasedrc::Brc::new,
    trc::Trc<Value> => trc::Trc::new,
}

/// A clone and its drop, of one object, one after the other.
#[inline(never)]
pub fn clone_drop<P: Pointer>(count: u64) -> Duration {
    let pointer = P::make([1; 2]);
    clone_drop_of(&pointer, count)
}

/// The same, of an object that is there.
#[inline(never)]
pub fn clone_drop_of<P: Clone>(pointer: &P, count: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..count {
        let clone = pointer.clone();
        sink(&raw const clone);
        drop(clone);
    }
    start.elapsed()
}

/// Clones of 64 objects in turn, then their drops: what one costs where it does not wait for the one before.
#[inline(never)]
pub fn clone_drop_many<P: Pointer>(count: u64) -> Duration {
    let pointers: Vec<P> = (0..64).map(|i| P::make([i; 2])).collect();
    let mut clones = Vec::with_capacity(64);
    let start = Instant::now();
    for _ in 0..count / 64 {
        clones.extend(pointers.iter().cloned());
        sink(clones.as_ptr());
        clones.clear();
    }
    start.elapsed()
}

/// As [`clone_drop`], on another thread than the one that made the object, and waits.
#[inline(never)]
pub fn clone_drop_elsewhere<P: Pointer + Send + Sync>(count: u64) -> Duration {
    let pointer = P::make([1; 2]);
    let result = thread::scope(|scope| scope.spawn(|| clone_drop_of(&pointer, count)).join());
    result.expect("it does not panic")
}

/// Objects made and dropped at once.
#[inline(never)]
pub fn make_drop<P: Pointer>(count: u64) -> Duration {
    let start = Instant::now();
    for i in 0..count {
        let pointer = P::make([i; 2]);
        sink(&raw const pointer);
        drop(pointer);
    }
    start.elapsed()
}

/// Objects made, a thousand at a time, and then dropped.
#[inline(never)]
pub fn make_drop_many<P: Pointer>(count: u64) -> Duration {
    let mut pointers = Vec::with_capacity(1000);
    let start = Instant::now();
    for _ in 0..count / 1000 {
        pointers.extend((0..1000).map(|i| P::make([i; 2])));
        sink(pointers.as_ptr());
        pointers.clear();
    }
    start.elapsed()
}

/// Two threads on the same `objects` at once: the one that made them does four of five clones and drops, the other one of five.
#[inline(never)]
pub fn mixed<P: Pointer + Send + Sync>(count: u64, objects: usize) -> Duration {
    let pointers: Vec<P> = (0..objects).map(|i| P::make([i as u64; 2])).collect();
    let start = Barrier::new(2);
    let work = |count: u64, seed: u32| {
        let mut random = Random::new(seed);
        start.wait();
        let begin = Instant::now();
        for _ in 0..count {
            let pointer = &pointers[random.below(objects)];
            let clone = pointer.clone();
            black_box(clone[0]);
            drop(clone);
        }
        begin.elapsed()
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| work(count / 5, 2));
        let own = work(count / 5 * 4, 1);
        own.max(other.join().expect("it does not panic"))
    })
}
