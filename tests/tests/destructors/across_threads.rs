//! Destructors that the collector runs, on its own thread, in `collect` and at the end of a heap, drop roots and handles of this
//! heap and of others, start threads that attach, collect there and wait for them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use gc_core::{Collect, Gc, Heap, Level, Root, Trace};
use gc_tests::heaps::{checked, settle};
use parking_lot::Mutex;

type Any = Root<Gc<'static, Load<'static>>>;

/// Lets go of what it holds when it is dropped, after using it on another thread.
#[derive(Trace)]
#[trace(leaf)]
struct Holds {
    roots: Vec<Any>,
    heaps: Vec<Heap>,
    uses: bool,
    count: Arc<AtomicUsize>,
}

#[derive(Trace)]
struct Load<'gc> {
    holds: Holds,
    next: Option<Gc<'gc, Load<'gc>>>,
}

impl Drop for Holds {
    fn drop(&mut self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let (roots, heaps) = (std::mem::take(&mut self.roots), std::mem::take(&mut self.heaps));
        if self.uses {
            let work = move || {
                for heap in &heaps {
                    let mut m = heap.attach().unwrap();
                    m.collect(Collect::Full);
                }
                drop(heaps);
                drop(roots);
            };
            thread::spawn(work).join().unwrap();
        }
    }
}

#[test]
fn destructors_let_go_of_roots_and_heaps_everywhere() {
    let count = Arc::new(AtomicUsize::new(0));
    let mut made = 0;
    for round in 0..24_u32 {
        let (here, there) = (checked().build().unwrap(), checked().build().unwrap());
        let mut m = here.attach().unwrap();
        let mut roots: Vec<Any> = Vec::new();
        for n in 0..8 {
            made += 1;
            // Roots of this very heap, inside its own objects, that die before the end.
            let mine = if n % 2 == 0 { roots.pop().into_iter().collect() } else { Vec::new() };
            let heaps = if n % 4 == 1 { vec![there.clone(), checked().build().unwrap()] } else { Vec::new() };
            let holds = Holds { roots: mine, heaps, uses: (n + round) % 3 == 0, count: count.clone() };
            roots.push(m.root(m.alloc(Load { holds, next: roots.last().map(|root| root.get(&m)) })));
        }
        // Boxed roots too.
        made += 1;
        let holds = Holds { roots: Vec::new(), heaps: vec![there], uses: true, count: count.clone() };
        let state = m.root(Load { holds, next: None });
        if round % 2 == 0 {
            m.blocked(|| drop(state));
        } else {
            m.blocked(|| thread::spawn(move || drop(state)).join().unwrap());
        }
        drop(roots);
        // Each collection frees the roots in what the last one found dead.
        for _ in 0..8 {
            m.collect(Collect::Full);
            m.blocked(|| settle(&here));
        }
        drop(here);
        drop(m);
    }
    assert_eq!(count.load(Ordering::Relaxed), made);
}

#[test]
fn a_hook_may_hold_the_last_handle_and_let_go_of_it() {
    for round in 0..20 {
        let held: Arc<Mutex<Vec<Heap>>> = Arc::default();
        let hooked = held.clone();
        let (done, is_done) = std::sync::mpsc::channel();
        let done = Mutex::new(done);
        let heap = checked()
            .workers(3)
            .on_event(Level::Debug, move |_| {
                let last = std::mem::take(&mut *hooked.lock());
                if !last.is_empty() {
                    drop(last);
                    done.lock().send(()).unwrap();
                }
            })
            .build()
            .unwrap();
        let other = checked().build().unwrap();
        let mut m = heap.attach().unwrap();
        held.lock().extend([heap, other]);
        m.alloc(round);
        m.collect(Collect::Full);
        drop(m);
        is_done.recv().unwrap();
    }
}
