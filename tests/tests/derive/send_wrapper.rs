//! A pointer behind another crate's word that it may be sent.

use std::{thread, time::Duration};

use gc_core::{AttachError, Collect, Gc, Heap, Mutator, Trace};
use gc_tests::Tested;
use send_wrapper::SendWrapper;

/// `'static + Send + Sync`, and so a leaf, though a pointer is in it.
#[derive(Trace)]
struct Hidden {
    #[trace(skip)]
    pointer: SendWrapper<Gc<'static, u64>>,
}

/// A `Gc<'static, _>` needs a mutator that is leaked, which no collection passes by: what the collector does not see stays for ever.
#[test]
fn what_hides_a_pointer_hides_one_that_lives_for_ever() -> Tested {
    let heap = Heap::builder().late_after(Duration::from_millis(10)).build()?;
    let leak = heap.clone();
    let leaker = thread::spawn(move || {
        let m: &'static Mutator = Box::leak(Box::new(leak.attach().expect("a free thread")));
        let hidden = m.alloc(Hidden { pointer: SendWrapper::new(m.alloc(7)) });
        for _ in 0..100_000 {
            m.alloc([0_u64; 16]);
        }
        assert_eq!((**hidden.pointer, hidden.pointer.valid()), (7, true));
        **hidden.pointer
    });
    assert_eq!(leaker.join().expect("no panic"), 7);
    // Nobody collects any more, and nobody attaches who could ask for it.
    assert!(matches!(heap.attach_timeout(Duration::from_millis(50)), Err(AttachError::TimedOut { .. })));
    Ok(())
}

/// With another lifetime it is no leaf: see `ui/fail/send_wrapper.rs`.
#[test]
fn what_hides_a_pointer_may_be_rooted_and_dropped_elsewhere() -> Tested {
    let heap = Heap::builder().build()?;
    let leak = heap.clone();
    let root = thread::spawn(move || {
        let m: &'static Mutator = Box::leak(Box::new(leak.attach().expect("a free thread")));
        m.root(Hidden { pointer: SendWrapper::new(m.alloc(7)) })
    });
    drop(root.join().expect("no panic"));
    // The other heap goes on.
    let other = Heap::builder().build()?;
    let mut m = other.attach()?;
    m.collect(Collect::Full);
    Ok(())
}
