//! A value survives collections: of every generation, as an object and as a rooted value, its pointers rewritten.

use gc_core::{Collect, Gc, Heap, Mutator, Trace};

/// Makes values of type `T`, roots them, collects, and checks them after each collection.
///
/// The heap verifies itself at each collection. What died is written over, so a pointer that was missed shows.
pub fn survives<T: Trace<Static = T> + 'static>(
    make: impl for<'gc> Fn(&'gc Mutator) -> T::At<'gc>,
    check: impl for<'gc> Fn(&'gc T::At<'gc>, &'gc Mutator),
) {
    let heap = Heap::builder().stress("verify".parse().expect("a stress setting")).build().expect("a heap");
    let mut m = heap.attach().expect("a mutator");
    let object = m.root(m.alloc(make(&m)));
    let state = m.root(make(&m));
    for generation in [Collect::Young, Collect::Young, Collect::Promote, Collect::Full, Collect::Young] {
        // Dies at once, and leaves gaps.
        drop(m.root(m.alloc(make(&m))));
        m.collect(generation);
        for filler in 0..1000_u64 {
            m.alloc([filler; 4]);
        }
        check(Gc::as_ref(object.get(&m)), &m);
        check(state.borrow(&m), &m);
    }
    drop(object);
    drop(state);
    m.collect(Collect::Full);
}
