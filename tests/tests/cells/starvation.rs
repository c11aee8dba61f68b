//! A writer among readers whose guards are all short.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use gc_core::{GcCell, Heap, blocking};

#[test]
fn a_writer_gets_its_turn_among_readers() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let cell = m.root(m.alloc(GcCell::new(0_u64)));
    let done = AtomicBool::new(false);
    let (heap, cell, done) = (&heap, &cell, &done);
    struct Set<'a>(&'a AtomicBool);
    impl Drop for Set<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    blocking::scope(&mut m, |scope| {
        for _ in 0..6 {
            scope.spawn(move || {
                let mut m = heap.attach().unwrap();
                while !done.load(Ordering::Relaxed) {
                    let object = cell.get(&m);
                    let guard = object.borrow(&m);
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_micros(200) {
                        std::hint::black_box(*guard);
                    }
                    drop(guard);
                    m.safepoint();
                }
            });
        }
        scope.spawn(move || {
            let m = heap.attach().unwrap();
            let _end = Set(done);
            std::thread::sleep(Duration::from_millis(50));
            let start = Instant::now();
            cell.get(&m).set(&m, 1);
            eprintln!("the writer waited {:?}", start.elapsed());
        });
    });
    assert_eq!(cell.get(&m).get(&m), 1);
}
