//! Containers of more elements than there are bytes.

use std::{collections::VecDeque, marker::PhantomData, sync::mpsc, thread};

use gc_core::{Collect, Gc, GcCell, Trace};
use gc_tests::{
    Tested,
    heaps::{TIMEOUT, checked},
};

#[derive(Trace, Clone, Copy)]
struct Nothing<'gc>(PhantomData<Gc<'gc, u8>>, [PhantomData<u8>; 0]);

#[derive(Trace)]
struct Many<'gc> {
    vec: GcCell<Vec<PhantomData<u8>>>,
    deque: GcCell<VecDeque<PhantomData<u8>>>,
    boxed: Box<[PhantomData<u8>]>,
    array: ([PhantomData<u8>; usize::MAX], Gc<'gc, u64>),
    own: Vec<Nothing<'gc>>,
}

/// What has no size holds no pointer. Each element was gone through, where nothing was optimized away: a pause took centuries.
#[test]
fn any_number_of_elements_of_no_size_is_no_work() -> Tested {
    static MANY: [PhantomData<u8>; usize::MAX] = [PhantomData; usize::MAX];
    let (done, wait) = mpsc::channel();
    let thread = thread::spawn(move || {
        let heap = checked().build().expect("a heap");
        let mut m = heap.attach().expect("a free thread");
        let root = m.root(m.alloc(Many {
            vec: GcCell::new(MANY.to_vec()),
            deque: GcCell::new(MANY.to_vec().into()),
            boxed: Box::from(&MANY[..]),
            array: (MANY, m.alloc(7)),
            own: vec![Nothing(PhantomData, []); 5],
        }));
        let kept = m.root(MANY.to_vec());
        for generation in [Collect::Young, Collect::Full, Collect::Promote] {
            m.collect(generation);
            let many = root.get(&m);
            assert_eq!((many.vec.borrow(&m).len(), many.deque.borrow(&m).len()), (usize::MAX, usize::MAX));
            many.vec.borrow_mut(&m).pop();
            many.vec.borrow_mut(&m).push(PhantomData);
            assert_eq!(
                (many.boxed.len(), *many.array.1, many.own.len(), kept.borrow(&m).len()),
                (usize::MAX, 7, 5, usize::MAX)
            );
        }
        done.send(()).expect("somebody waits");
    });
    wait.recv_timeout(TIMEOUT)?;
    thread.join().expect("no panic");
    Ok(())
}
