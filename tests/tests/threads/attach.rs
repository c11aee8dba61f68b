//! A thread has one mutator, and who cannot attach is told why.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread,
};

use gc_core::{AttachError, Collect, Heap, Level, Mutator, Trace};
use gc_tests::heaps::{checked, settle};
use parking_lot::Mutex;

fn heap() -> Heap {
    checked().build().unwrap()
}

/// Tries to attach to a heap when it is dropped, and tells what came of it.
#[derive(Trace)]
#[trace(leaf)]
struct Attaches {
    heaps: Vec<Heap>,
    tell: Arc<Mutex<Vec<Result<(), AttachError>>>>,
}

impl Drop for Attaches {
    fn drop(&mut self) {
        for heap in self.heaps.drain(..) {
            self.tell.lock().push(heap.attach().map(drop));
        }
    }
}

#[test]
fn a_second_mutator_on_a_thread_is_refused_and_changes_nothing() {
    let (one, other) = (heap(), heap());
    let mut m = one.attach().unwrap();
    let root = m.root(m.alloc(1_u64));
    for _ in 0..3 {
        assert_eq!(one.attach().unwrap_err(), AttachError::AlreadyAttached);
        assert_eq!(other.attach().unwrap_err(), AttachError::AlreadyAttached);
    }
    m.collect(Collect::Full);
    assert_eq!(*root.get(&m), 1);
    drop(m);
    drop(other.attach().unwrap());
    assert_eq!(*root.get(&one.attach().unwrap()), 1);
}

#[test]
fn a_blocked_thread_is_attached() {
    let (one, other) = (heap(), heap());
    let mut m = one.attach().unwrap();
    m.blocked(|| {
        assert_eq!(one.attach().unwrap_err(), AttachError::AlreadyAttached);
        assert_eq!(other.attach().unwrap_err(), AttachError::AlreadyAttached);
    });
    m.alloc_with(|| assert_eq!(other.attach().unwrap_err(), AttachError::AlreadyAttached));
    m.alloc_slice_with(2, |_| assert_eq!(one.attach().unwrap_err(), AttachError::AlreadyAttached));
}

#[test]
fn the_error_names_the_thread_in_the_way() {
    let heap = heap();
    let (attached, detach) = (mpsc::channel(), mpsc::channel::<()>());
    let theirs = heap.clone();
    let thread = thread::Builder::new().name("in-the-way".into()).spawn(move || {
        let m = theirs.attach().unwrap();
        attached.0.send(()).unwrap();
        detach.1.recv().unwrap();
        drop(m);
    });
    attached.1.recv().unwrap();
    let error = heap.attach_timeout(std::time::Duration::from_millis(20)).unwrap_err();
    assert!(error.to_string().contains("in-the-way"), "{error}");
    detach.0.send(()).unwrap();
    thread.unwrap().join().unwrap();
    drop(heap.attach().unwrap());
}

#[test]
fn destructors_cannot_attach_where_the_collector_runs_them() {
    let (one, other) = (heap(), heap());
    let tell = Arc::default();
    let attaches = || Attaches { heaps: vec![one.clone(), other.clone()], tell: Arc::clone(&tell) };
    let mut m = one.attach().unwrap();
    // Dropped on the background thread, or by `collect` on this one.
    for _ in 0..20 {
        m.alloc(attaches());
        m.collect(Collect::Full);
    }
    settle(&one);
    // Dropped at once on this one.
    drop(m.root(attaches()));
    let told = tell.lock();
    assert_eq!(told.len(), 42);
    let refused =
        |result: &Result<(), _>| matches!(result, Err(AttachError::CollectorThread | AttachError::AlreadyAttached));
    assert!(told.iter().all(refused), "{told:?}");
}

#[test]
fn destructors_at_the_end_of_a_heap_run_on_its_collector() {
    let other = heap();
    let tell = Arc::default();
    let one = heap();
    one.attach().unwrap().alloc(Attaches { heaps: vec![other], tell: Arc::clone(&tell) });
    drop(one);
    assert_eq!(*tell.lock(), [Err(AttachError::CollectorThread)]);
}

#[test]
fn event_hooks_cannot_attach() {
    let (send, receive) = mpsc::channel();
    let send = Mutex::new(send);
    let other = heap();
    let one = checked()
        .on_event(Level::Debug, move |_| {
            let _ = send.lock().send(other.attach().map(drop));
        })
        .build()
        .unwrap();
    one.attach().unwrap().collect(Collect::Young);
    assert_eq!(receive.recv().unwrap(), Err(AttachError::CollectorThread));
}

#[test]
fn a_thread_that_a_destructor_starts_may_attach() {
    #[derive(Trace)]
    #[trace(leaf)]
    struct Starts(Heap);
    impl Drop for Starts {
        fn drop(&mut self) {
            let heap = self.0.clone();
            let collects = move || heap.attach().unwrap().collect(Collect::Full);
            thread::spawn(collects).join().unwrap();
        }
    }
    let (one, other) = (heap(), heap());
    one.attach().unwrap().alloc(Starts(other.clone()));
    drop(one);
    assert_eq!(other.stats().collections.full, 1);
}

#[test]
fn attaching_while_thread_locals_are_destroyed_works_or_says_why() {
    struct AtExit(RefCell<Option<Heap>>, &'static str);
    impl Drop for AtExit {
        fn drop(&mut self) {
            let Some(heap) = self.0.take() else { return };
            match heap.attach() {
                Ok(mut m) => {
                    let root = m.root(m.alloc_str(self.1));
                    m.collect(Collect::Full);
                    assert_eq!(&*root.get(&m), self.1);
                }
                Err(error) => assert_eq!(error, AttachError::AlreadyAttached),
            }
        }
    }
    thread_local! {
        static BEFORE: AtExit = const { AtExit(RefCell::new(None), "before") };
        static ATTACHED: RefCell<Option<Mutator>> = const { RefCell::new(None) };
        static AFTER: AtExit = const { AtExit(RefCell::new(None), "after") };
    }
    for stay in [false, true] {
        let heap = heap();
        let theirs = heap.clone();
        thread::spawn(move || {
            BEFORE.with(|at_exit| at_exit.0.replace(Some(theirs.clone())));
            let m = theirs.attach().unwrap();
            ATTACHED.with(|attached| attached.replace(stay.then_some(m)));
            AFTER.with(|at_exit| at_exit.0.replace(Some(theirs)));
        })
        .join()
        .unwrap();
        drop(heap.attach().expect("the thread is gone and left nothing attached"));
    }
}

#[test]
fn a_panic_detaches_its_thread() {
    let heap = heap();
    for _ in 0..3 {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut m = heap.attach().unwrap();
            let _root = m.root(m.alloc(1));
            m.blocked(|| panic!("with a root and inside `blocked`"))
        }));
        assert!(outcome.is_err());
    }
    let mut m = heap.attach().unwrap();
    m.collect(Collect::Full);
    assert_eq!(heap.stats().old_objects, 0);
}
