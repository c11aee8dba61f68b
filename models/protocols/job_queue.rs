//! The end of a heap: `collector::job_queue`, between users that post jobs and drop their handles, and the thread that works
//! until the end.
//!
//! `Heap::touch` stands for using the heap. Its users do so as long as they have a handle; at the end its thread does, which
//! drops everything.

use crate::{Arc, Heap, check, collector::job_queue::Queue, must_fail, sync::mutant, thread};

struct Collector {
    queue: Queue<u32>,
    heap: Heap,
}

/// A handle that keeps a heap alive. The drop of the last one ends the heap's thread.
struct Handle(Arc<Collector>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.queue.end();
    }
}

fn shutdown() {
    check(|| {
        let shared = Arc::new(Collector { queue: Queue::new(), heap: Heap::new() });
        let handle = Arc::new(Handle(shared.clone()));
        let collector = thread::spawn(move || {
            let mut done = 0;
            while let Some(job) = shared.queue.next() {
                done += job;
            }
            shared.heap.touch();
            assert_eq!(done, 11, "a job was lost");
        });
        let other = handle.clone();
        let user = thread::spawn(move || {
            other.0.heap.look();
            other.0.queue.post(1);
        });
        handle.0.heap.look();
        handle.0.queue.post(10);
        drop(handle);
        user.join().unwrap();
        collector.join().unwrap();
    });
}

#[test]
fn the_end_comes_after_every_job_and_every_user() {
    shutdown();
}

#[test]
fn mutant_an_end_that_wakes_nobody_is_found() {
    must_fail("job_queue::mutant_an_end_that_wakes_nobody_is_found", mutant::END_WAKES_NOBODY, shutdown);
}

#[test]
fn mutant_an_end_that_forgets_jobs_is_found() {
    must_fail("job_queue::mutant_an_end_that_forgets_jobs_is_found", mutant::END_FORGETS_JOBS, shutdown);
}
