//! Destructors that are slower than a program which keeps little, near its limit: the program waits for them.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use gc_core::{ExternalBytes, Heap, Mutator, Trace};
use gc_tests::{heaps::calm, sizes::scaled};
use parking_lot::Mutex;

/// What holds bytes elsewhere until `end` has ended.
#[derive(Trace)]
struct Held {
    #[trace(skip)]
    end: End,
    #[trace(skip)]
    held: ExternalBytes,
}

struct End(Arc<dyn Fn() + Send + Sync>);

impl Drop for End {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn heap() -> Heap {
    calm().hard_limit(24 << 20).build().unwrap()
}

/// Makes garbage that holds far more elsewhere than the limit, a part of it between two safepoints. `alloc` makes an object of the heap.
fn churn(m: &mut Mutator, end: impl Fn() + Send + Sync + 'static, mut alloc: impl FnMut(&Mutator, Held)) {
    let end: Arc<dyn Fn() + Send + Sync> = Arc::new(end);
    for _ in 0..scaled(20_000) {
        alloc(m, Held { end: End(end.clone()), held: m.external_bytes(15 << 10) });
        m.safepoint();
    }
}

/// Each destructor takes longer than the program takes for the next object.
#[test]
fn who_is_faster_than_destructors_is_not_refused() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let slow = || thread::sleep(Duration::from_micros(20));
    churn(&mut m, slow, |m, held| {
        m.alloc(held);
        for _ in 0..4 {
            m.try_alloc([1_u64; 50]).unwrap();
        }
    });
}

/// A destructor waits for the program's thread, as if that had a lock: what is behind it may take all the room, and the program is refused
/// memory, but goes on.
#[test]
fn a_destructor_that_waits_for_the_program_does_not_stop_it() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let (opens, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let waits = move || {
        let _ = gate.lock().recv();
    };
    m.alloc(Held { end: End(Arc::new(waits)), held: m.external_bytes(14 << 20) });
    churn(&mut m, || {}, |m, held| drop(m.try_alloc(held)));
    drop(opens);
    m.drain_drops(Duration::from_secs(60)).unwrap();
}
