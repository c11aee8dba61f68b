//! The end of a heap: `collector::job_queue`, between users that post jobs and drop their handles, and the thread that works
//! until the end.
//!
//! `Heap::touch` stands for using the heap. Its users do so as long as they have a handle; at the end its thread does, which
//! drops everything.

use crate::{
    Arc, Heap, check,
    collector::job_queue::Queue,
    must_fail,
    sync::{
        Mutex,
        mutant::{self, Mutant},
    },
    thread,
};

/// A job is posted again without what keeps the heap alive.
const POSTED_AGAIN_WITHOUT_THE_HEAP: Mutant = Mutant::of_model("posted_again_without_the_heap");

struct Collector<J = u32> {
    queue: Queue<J>,
    heap: Heap,
}

/// A handle that keeps a heap alive. The drop of the last one ends the heap's thread.
struct Handle<J = u32>(Arc<Collector<J>>);

impl<J> Drop for Handle<J> {
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

enum Job {
    /// A leader reports a straggler.
    Report,
    /// Roots, which keep the heap alive.
    Roots { heap: Option<Arc<Handle<Job>>>, tried: bool },
}

/// What `posted_again` is about, shared by its threads.
struct World {
    collector: Arc<Collector<Job>>,
    registry: Mutex<()>,
    done: Mutex<u32>,
}

impl World {
    /// Runs a job. One of roots is posted again if a leader has the lock, as in `nested_roots`.
    fn run(&self, job: Job) {
        let Job::Roots { mut heap, tried } = job else {
            *self.done.lock() += 1;
            return;
        };
        // The lock is free one day: the job is posted again only once, or the model would not end.
        let registry = if tried { Some(self.registry.lock()) } else { self.registry.try_lock() };
        if registry.is_none() {
            if POSTED_AGAIN_WITHOUT_THE_HEAP.is_planted() {
                heap = None;
            }
            self.collector.queue.post(Job::Roots { heap, tried: true });
            return;
        }
        drop(registry);
        self.collector.heap.look();
        *self.done.lock() += 10;
    }
}

/// A job that cannot be done while a leader has the registry lock, between the background thread and one that runs the drops that
/// wait.
fn posted_again() {
    check(|| {
        let collector = Arc::new(Collector { queue: Queue::new(), heap: Heap::new() });
        let heap = Arc::new(Handle(collector.clone()));
        collector.queue.post(Job::Roots { heap: Some(heap.clone()), tried: false });
        let world = Arc::new(World { collector, registry: Mutex::new(()), done: Mutex::new(0) });
        let (background, destructors) = (world.clone(), world.clone());
        let background = thread::spawn(move || {
            while let Some(job) = background.collector.queue.next() {
                background.run(job);
            }
            background.collector.heap.touch();
            assert_eq!(*background.done.lock(), 11, "a job was lost");
        });
        let destructors = thread::spawn(move || {
            if let Some(job) = destructors.collector.queue.take(|job| matches!(job, Job::Roots { .. })) {
                destructors.run(job);
            }
        });
        let registry = world.registry.lock();
        world.collector.queue.post(Job::Report);
        drop(registry);
        drop(heap);
        destructors.join().unwrap();
        background.join().unwrap();
    });
}

#[test]
fn a_job_that_is_posted_again_comes_before_the_end() {
    posted_again();
}

#[test]
fn mutant_a_job_that_is_posted_again_without_the_heap_is_found() {
    must_fail(
        "job_queue::mutant_a_job_that_is_posted_again_without_the_heap_is_found",
        POSTED_AGAIN_WITHOUT_THE_HEAP,
        posted_again,
    );
}

#[test]
fn mutant_an_end_that_wakes_nobody_is_found() {
    must_fail("job_queue::mutant_an_end_that_wakes_nobody_is_found", mutant::END_WAKES_NOBODY, shutdown);
}

#[test]
fn mutant_an_end_that_forgets_jobs_is_found() {
    must_fail("job_queue::mutant_an_end_that_forgets_jobs_is_found", mutant::END_FORGETS_JOBS, shutdown);
}
