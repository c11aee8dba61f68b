//! Jobs and the end of a heap: `collector::job_queue`, between users that post jobs and drop their handles, and the threads that work
//! until the end: one, or several.
//!
//! `Heap::touch` stands for using the heap. Its users do so as long as they have a handle; at the end its thread does, which
//! drops everything.

use crate::{
    Arc, Heap, check,
    collector::job_queue::{Next, Queue},
    must_fail,
    sync::{
        Mutex,
        mutant::{self, Mutant},
    },
    thread,
    workers::on_demand::OnDemand,
};

/// A job is posted again without what keeps the heap alive.
const POSTED_AGAIN_WITHOUT_THE_HEAP: Mutant = Mutant::of_model("posted_again_without_the_heap");

/// The thread that drops the last value does not tell the one that waits for it.
const LAST_WAKES_NOBODY: Mutant = Mutant::of_model("last_wakes_nobody");

/// The last thread leaves, and what is counted next is not watched anew.
const LEAVES_WATCHED: Mutant = Mutant::of_model("leaves_watched");
/// A thread counts as gone before it has released the heap.
const RELEASES_LATE: Mutant = Mutant::of_model("releases_late");

/// A queue whose threads are there.
fn queue<J>() -> Queue<J> {
    Queue::new(OnDemand::of_others())
}

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
        let shared = Arc::new(Collector { queue: queue(), heap: Heap::new() });
        let handle = Arc::new(Handle(shared.clone()));
        let collector = thread::spawn(move || {
            let mut done = 0;
            while let Next::Job(job) = shared.queue.next(None, || false) {
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

/// Roots, which keep the heap alive.
struct Roots {
    heap: Option<Arc<Handle<()>>>,
    tried: bool,
}

/// What `posted_again` is about, shared by its threads.
struct World {
    collector: Arc<Collector<()>>,
    dead: Queue<Roots>,
    registry: Mutex<()>,
    pending: Mutex<u32>,
}

impl World {
    /// Drops the values of roots. They are posted again if a leader has the lock, as in `nested_roots`.
    fn run(&self, Roots { mut heap, tried }: Roots) {
        // The lock is free one day: the job is posted again only once, or the model would not end.
        let registry = if tried { Some(self.registry.lock()) } else { self.registry.try_lock() };
        if registry.is_none() {
            if POSTED_AGAIN_WITHOUT_THE_HEAP.is_planted() {
                heap = None;
            }
            self.dead.post(Roots { heap, tried: true });
            return;
        }
        self.collector.heap.look();
        drop(registry);
        // The heap may end here, and waits for the values.
        drop(heap);
        let mut pending = self.pending.lock();
        *pending -= 1;
        let wakes = *pending == 0 && !LAST_WAKES_NOBODY.is_planted();
        drop(pending);
        if wakes {
            self.collector.queue.post(());
        }
    }
}

/// A job that cannot be done while a leader has the registry lock, between the background thread and one that runs destructors.
fn posted_again() {
    check(|| {
        let collector = Arc::new(Collector { queue: queue(), heap: Heap::new() });
        let heap = Arc::new(Handle(collector.clone()));
        let dead = queue();
        dead.enter();
        dead.post(Roots { heap: Some(heap.clone()), tried: false });
        let (registry, pending) = (Mutex::new(()), Mutex::new(1));
        let world = Arc::new(World { collector, dead, registry, pending });
        let (background, destructors) = (world.clone(), world.clone());
        let background = thread::spawn(move || {
            while let Next::Job(()) = background.collector.queue.next(None, || false) {}
            // What is left in the heap is posted.
            background.collector.heap.touch();
            while *background.pending.lock() > 0 {
                let _ = background.collector.queue.next(None, || false);
            }
            background.dead.end();
        });
        let destructors = thread::spawn(move || {
            while let Some(roots) = destructors.dead.next_of_several(|| false) {
                destructors.run(roots);
            }
        });
        drop(heap);
        let registry = world.registry.lock();
        assert!(*world.pending.lock() <= 1);
        drop(registry);
        destructors.join().unwrap();
        background.join().unwrap();
        assert_eq!(*world.pending.lock(), 0, "a job was lost");
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
fn mutant_a_last_value_that_wakes_nobody_is_found() {
    must_fail("job_queue::mutant_a_last_value_that_wakes_nobody_is_found", LAST_WAKES_NOBODY, posted_again);
}

/// Two threads that take jobs, one of which leaves when it finds none.
fn several() {
    check(|| {
        let queue = Arc::new(queue());
        let done = Arc::new(Mutex::new(0));
        let threads = [(); 2].map(|()| {
            let (queue, done) = (queue.clone(), done.clone());
            queue.enter();
            thread::spawn(move || {
                while let Some(job) = queue.next_of_several(|| false) {
                    *done.lock() += job;
                }
            })
        });
        queue.post(1);
        queue.post_joined(10, |last, job| {
            *last += job;
            None
        });
        queue.end();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*done.lock(), 11, "a job was lost, or done twice");
    });
}

#[test]
fn one_of_several_stays_for_the_jobs_to_come() {
    several();
}

#[test]
fn mutant_threads_that_all_stay_are_found() {
    must_fail("job_queue::mutant_threads_that_all_stay_are_found", mutant::ALL_STAY, several);
}

#[test]
fn mutant_threads_of_which_none_stays_are_found() {
    must_fail("job_queue::mutant_threads_of_which_none_stays_are_found", mutant::NONE_STAYS, several);
}

#[test]
fn mutant_an_end_that_wakes_nobody_is_found() {
    must_fail("job_queue::mutant_an_end_that_wakes_nobody_is_found", mutant::END_WAKES_NOBODY, shutdown);
}

#[test]
fn mutant_an_end_that_forgets_jobs_is_found() {
    must_fail("job_queue::mutant_an_end_that_forgets_jobs_is_found", mutant::END_FORGETS_JOBS, shutdown);
}

/// Takes jobs until there is none, and leaves. Returns their sum.
fn serve(queue: &Queue<u32>, release: impl Fn()) -> u32 {
    let mut done = 0;
    loop {
        match queue.next(None, || true) {
            Next::Job(job) => done += job,
            Next::Rest if queue.leave(&release) => return done,
            Next::Rest | Next::Nothing => {}
            Next::Ended => unreachable!("the queue does not end"),
        }
    }
}

/// The thread of a queue leaves while a job is posted.
fn posted_while_it_leaves() {
    check(|| {
        let (started, is_there) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(false)));
        let (start, there) = (started.clone(), is_there.clone());
        let queue = Arc::new(Queue::new(OnDemand::new(Box::new(move || {
            *start.lock() += 1;
            assert!(!core::mem::replace(&mut *there.lock(), true), "two threads of one queue");
            true
        }))));
        queue.post(1);
        let (own, there) = (queue.clone(), is_there.clone());
        let thread = thread::spawn(move || serve(&own, || *there.lock() = false));
        queue.post(10);
        let mut done = thread.join().unwrap();
        if *started.lock() > 1 {
            done += serve(&queue, || *is_there.lock() = false);
        }
        assert_eq!(done, 11, "a job was lost");
    });
}

#[test]
fn a_job_is_done_though_the_thread_was_leaving() {
    posted_while_it_leaves();
}

#[test]
fn mutant_a_thread_that_leaves_without_looking_is_found() {
    let test = "job_queue::mutant_a_thread_that_leaves_without_looking_is_found";
    must_fail(test, mutant::LEAVE_WITHOUT_LOOKING, posted_while_it_leaves);
}

/// The thread of a queue leaves while the heap ends.
fn ends_while_it_leaves() {
    check(|| {
        let queue = Arc::new(Queue::<u32>::new(OnDemand::new(Box::new(|| true))));
        let heap = Arc::new(Heap::new());
        queue.post(1);
        let (own, there) = (heap.clone(), queue.clone());
        let thread = thread::spawn(move || {
            let mut own = Some(own);
            loop {
                match there.next(None, || true) {
                    Next::Job(_) => own.as_ref().expect("not released").touch(),
                    Next::Rest => {
                        let release = || {
                            if !RELEASES_LATE.is_planted() {
                                own = None;
                            }
                        };
                        if there.leave(release) {
                            // Others may run before the thread has ended. Shuttle changes threads at no drop of an `Arc`.
                            thread::yield_now();
                            return;
                        }
                    }
                    Next::Nothing => {}
                    Next::Ended => return,
                }
            }
        });
        if queue.end() {
            thread.join().unwrap();
        } else {
            let Ok(heap) = Arc::try_unwrap(heap) else { panic!("a thread that has left has the heap") };
            heap.touch();
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_thread_that_has_left_has_released_the_heap() {
    ends_while_it_leaves();
}

#[test]
fn mutant_a_thread_that_releases_late_is_found() {
    must_fail("job_queue::mutant_a_thread_that_releases_late_is_found", RELEASES_LATE, ends_while_it_leaves);
}

/// The values that are counted, and whether they are watched: a thread looks how many serve.
type Counted = Mutex<(u32, bool)>;

/// The last of several threads leaves while a value is counted, and then posted. Another one was dropped not long before.
fn counted_while_all_leave() {
    check(|| {
        let (queue, pending) = (Arc::new(queue()), Arc::new(Counted::new((0, true))));
        let serve = |queue: &Queue<u32>, pending: &Counted| {
            let may_leave = || {
                let (values, is_watched) = &mut *pending.lock();
                *is_watched &= *values > 0 || LEAVES_WATCHED.is_planted();
                *values == 0
            };
            let mut done = 0;
            while let Some(value) = queue.next_of_several(may_leave) {
                done += value;
                pending.lock().0 -= 1;
            }
            done
        };
        queue.enter();
        let (there, counted) = (queue.clone(), pending.clone());
        let thread = thread::spawn(move || serve(&there, &counted));
        let to_watch = {
            let (values, is_watched) = &mut *pending.lock();
            *values += 1;
            !core::mem::replace(is_watched, true)
        };
        let starts = to_watch && queue.serving() == 0;
        if starts {
            queue.enter();
        }
        queue.post(1);
        let mut done = 0;
        if starts {
            done += serve(&queue, &pending);
        }
        done += thread.join().unwrap();
        assert_eq!(done, 1, "nobody drops the value");
    });
}

#[test]
fn what_is_counted_is_dropped_though_all_were_leaving() {
    counted_while_all_leave();
}

#[test]
fn mutant_leaving_what_is_watched_is_found() {
    must_fail("job_queue::mutant_leaving_what_is_watched_is_found", LEAVES_WATCHED, counted_while_all_leave);
}

#[test]
fn mutant_leaving_and_then_telling_is_found() {
    let test = "job_queue::mutant_leaving_and_then_telling_is_found";
    must_fail(test, mutant::LEAVE_WITHOUT_LOOKING, counted_while_all_leave);
}
