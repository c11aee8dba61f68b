//! The process exits in the strangest places, with a mutator in a thread-local, while other threads collect: nothing hangs and
//! nothing aborts.

use std::{cell::RefCell, process::exit, thread, time::Duration};

use gc_core::{Collect, Gc, GcCell, Heap, Level, Mutator, Root, Trace};
use gc_tests::{
    heaps::{calm, wait_until},
    process::assert_exits,
};

/// Exits when it is dropped.
#[derive(Trace)]
#[trace(leaf)]
struct Exits;

impl Drop for Exits {
    fn drop(&mut self) {
        exit(7);
    }
}

thread_local! {
    static ROOT: RefCell<Option<Root<Gc<'static, u64>>>> = const { RefCell::new(None) };
    static MUTATOR: RefCell<Option<Mutator>> = const { RefCell::new(None) };
}

fn others(heap: &Heap) {
    for _ in 0..2 {
        let heap = heap.clone();
        thread::spawn(move || {
            let mut m = heap.attach().unwrap();
            loop {
                m.alloc([1_u64; 20]);
                m.collect(Collect::Young);
            }
        });
    }
}

const PLACES: [&str; 10] =
    ["blocked", "dormant", "running", "guard", "make", "drops", "background", "hook", "root", "end"];

fn child(place: &str) {
    let hooked = place == "hook";
    let heap = calm()
        .nursery_bytes(256 << 10)
        .on_event(Level::Debug, move |_| {
            if hooked {
                exit(7)
            }
        })
        .build()
        .unwrap();
    MUTATOR.set(Some(heap.attach().unwrap()));
    MUTATOR.with_borrow_mut(|m| {
        let m = m.as_mut().unwrap();
        ROOT.set(Some(m.root(m.alloc(1_u64))));
        if place == "end" {
            m.alloc(Exits);
            return;
        }
        m.blocked(|| others(&heap));
        match place {
            "blocked" => m.blocked(|| exit(7)),
            "dormant" => m.blocked(|| {
                let now = heap.stats().collections.young;
                wait_until("others collect", || heap.stats().collections.young > now + 5);
                exit(7)
            }),
            "running" => {
                m.alloc(5);
                exit(7)
            }
            "guard" => {
                let cell = m.alloc(GcCell::new(vec![m.alloc(1)]));
                cell.borrow_mut(m).retain(|_| exit(7));
            }
            "make" => {
                m.alloc_slice_with(10_000, |n| if n == 7000 { exit(7) } else { n });
            }
            "drops" => {
                for _ in 0..1000 {
                    m.alloc(Exits);
                    m.collect(Collect::Full);
                }
            }
            "background" => {
                m.alloc(Exits);
                m.blocked(|| thread::sleep(Duration::from_secs(60)));
            }
            "root" => drop(m.root(Exits)),
            _ => loop {
                m.collect(Collect::Young);
            },
        }
    });
    if place == "end" {
        drop(heap);
        ROOT.set(None);
        MUTATOR.set(None);
    }
}

#[test]
fn a_process_may_exit_anywhere() {
    if let Ok(place) = std::env::var("GC_TESTS_EXIT_PLACE") {
        child(&place);
        unreachable!("the child goes on");
    }
    for place in PLACES {
        assert_exits("exit::a_process_may_exit_anywhere", "GC_TESTS_EXIT_PLACE", place);
    }
}
