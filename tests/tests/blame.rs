//! A panic that is the caller's fault names the caller's line, not one of the collector's. Alone in its process: the panic hook is the
//! process's.

use std::panic::{self, AssertUnwindSafe, catch_unwind};

use gc_core::{Collect, FinalizationQueue, Finalizer, Gc, GcCell, Heap, ReferenceQueue};
use gc_tests::Tested;
use parking_lot::Mutex;

static PLACE: Mutex<Option<String>> = Mutex::new(None);

#[track_caller]
fn blames_this_file(what: &str, wrong: impl FnOnce()) {
    *PLACE.lock() = None;
    assert!(catch_unwind(AssertUnwindSafe(wrong)).is_err(), "{what}: expected a panic, found none");
    // The hook takes the lock when the assertion fails.
    let place = PLACE.lock().take();
    assert_eq!(place.as_deref(), Some(file!()), "{what}");
}

#[test]
fn a_panic_names_the_line_that_is_wrong() -> Tested {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        *PLACE.lock() = info.location().map(|place| place.file().to_owned());
        before(info);
    }));
    let (heap, other) = (Heap::builder().build()?, Heap::builder().build()?);
    let m = other.attach()?;
    let mut foreign = m.root(m.alloc(7_u64));
    let finalizer = Finalizer::new(&m, foreign.get(&m), |_| ());
    let (news, dead) = (ReferenceQueue::new(&other), FinalizationQueue::<u64>::new(&other));
    drop(m);

    let m = heap.attach()?;
    let object = m.alloc(8_u64);
    blames_this_file("Root::get", || _ = foreign.get(&m));
    blames_this_file("Root::borrow", || _ = foreign.borrow(&m));
    blames_this_file("Root::get_mut", || _ = foreign.get_mut(&m));
    blames_this_file("Root::set", || foreign.set(&m, object));
    blames_this_file("Root::clone_in", || _ = foreign.clone_in(&m));
    blames_this_file("Root::ptr_eq", || _ = foreign.ptr_eq(&m.root(object), &m));
    blames_this_file("ReferenceQueue::watch", || news.watch(&m, object, ()));
    blames_this_file("ReferenceQueue::unwatch", || _ = news.unwatch(&m, object));
    blames_this_file("FinalizationQueue::register", || _ = dead.register(&m, object));
    blames_this_file("FinalizationQueue::unregister", || _ = dead.unregister(&m, object));
    blames_this_file("FinalizationQueue::is_registered", || _ = dead.is_registered(&m, object));
    blames_this_file("FinalizationQueue::poll", || _ = dead.poll(&m));
    blames_this_file("Finalizer::peek", || _ = finalizer.peek(&m));
    blames_this_file("Finalizer::detach", || _ = finalizer.detach(&m));

    let cell: Gc<GcCell<u64>> = m.alloc(GcCell::new(1));
    let guard = cell.borrow_mut(&m);
    blames_this_file("GcCell::get", || _ = cell.get(&m));
    blames_this_file("GcCell::set", || cell.set(&m, 2));
    blames_this_file("GcCell::replace", || _ = cell.replace(&m, 2));
    blames_this_file("GcCell::take", || _ = cell.take(&m));
    blames_this_file("GcCell::borrow", || _ = GcCell::borrow(&cell, &m));
    blames_this_file("GcCell::borrow_mut", || _ = GcCell::borrow_mut(&cell, &m));
    blames_this_file("Gc::borrow", || _ = cell.borrow(&m));
    blames_this_file("Gc::borrow_mut", || _ = cell.borrow_mut(&m));
    drop(guard);

    let mut held = m.external_bytes(1);
    blames_this_file("Mutator::external_bytes", || _ = m.external_bytes(usize::MAX));
    blames_this_file("Heap::external_bytes", || _ = heap.external_bytes(usize::MAX));
    let _others = m.external_bytes(1);
    blames_this_file("ExternalBytes::set", || held.set(usize::MAX));
    blames_this_file("Collect::generation", || _ = Collect::generation(3));
    Ok(())
}
