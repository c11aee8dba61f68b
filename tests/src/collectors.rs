//! Mutators that do nothing but collect while a test goes on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use gc_core::{Collect, Heap};

/// Threads that collect one heap without a break, until they are ended.
#[derive(Debug)]
pub struct Collectors {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Collectors {
    /// So many of them.
    pub fn start(heap: &Heap, count: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let thread = |_| {
            let (heap, over) = (heap.clone(), over.clone());
            thread::spawn(move || {
                let mut m = heap.attach().unwrap();
                while !over.load(Ordering::Relaxed) {
                    m.collect(Collect::Young);
                }
            })
        };
        Self { threads: (0..count).map(thread).collect(), over }
    }

    /// Ends them, and waits: without a mutator of that heap, or in `blocked`. What one panicked with, the caller does.
    #[track_caller]
    pub fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        // All are waited for, also where the first one panicked.
        let ended: Vec<_> = self.threads.into_iter().map(JoinHandle::join).collect();
        ended.into_iter().for_each(|result| result.unwrap());
    }
}
