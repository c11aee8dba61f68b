//! What is young can always be promoted: also zero-sized objects of alignment 16, which take more old memory than young.

use gc_core::{Collect, Gc, Heap, Trace};
use gc_tests::sizes::scaled;

type Zst = [u128; 0];

#[derive(Trace)]
struct Chain<'gc> {
    zsts: [Gc<'gc, Zst>; 64],
    next: Option<Gc<'gc, Chain<'gc>>>,
}

#[derive(Trace)]
struct First<'gc> {
    texts: [Gc<'gc, str>; 64],
    chain: Option<Gc<'gc, Chain<'gc>>>,
}

#[test]
fn promoting_many_aligned_zero_sized_objects_has_memory() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut kept = m.root(Vec::<Gc<Zst>>::new());
    for _ in 0..2_000_000 {
        let zst = m.alloc([0_u128; 0]);
        kept.get_mut(&m).push(zst);
    }
    m.collect(Collect::Promote);
    assert_eq!(kept.borrow(&m).len(), 2_000_000);
}

/// What the panic in the pause leads to.
#[test]
fn what_is_live_stays_whole_though_promotion_takes_more_than_was_young() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut chain = None;
    for _ in 0..40_000 {
        chain = Some(m.alloc(Chain { zsts: core::array::from_fn(|_| m.alloc([0_u128; 0])), next: chain }));
    }
    let texts = core::array::from_fn(|i| m.alloc_str(&format!("text {i}")));
    let root = m.root(m.alloc(First { texts, chain }));
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        m.collect(Collect::Promote);
    }));
    for _ in 0..2 {
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            m.collect(Collect::Promote);
        }));
        for i in 0..scaled(2_000_000) {
            m.alloc([u64::MAX - i; 4]);
        }
    }
    for (i, text) in root.get(&m).texts.iter().enumerate() {
        assert_eq!(&**text, format!("text {i}"));
    }
}
