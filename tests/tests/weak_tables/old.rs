//! What an old weak table costs a minor collection: what was put in since the last one, however much there is.

use gc_core::{Collect, Gc, Interner, Mutator, Root, Slot};
use gc_tests::{
    heaps::{MinorCost, calm, minor_cost},
    sizes::scaled,
};

type Texts = Root<Gc<'static, [Slot<'static, str>]>>;

#[test]
fn an_old_interner_of_a_million_texts_costs_a_minor_collection_what_was_put_in() {
    const NEW: u64 = 100;
    /// More than a text with its entry, and what a write may leave beside it.
    const BYTES: u64 = 300;
    let heap = calm().auto(false).build().unwrap();
    let mut m = heap.attach().unwrap();
    let entries = scaled(1_000_000);
    let names: Root<Interner<'static, str>> = m.root(Interner::<str>::new(&m));
    // All texts are kept, so that all entries stay.
    let kept: Texts = m.root(m.alloc_slice_with((entries + NEW) as usize, |_| Slot::<str>::null()));
    let put_in = |m: &Mutator, number: u64| {
        let text = names.get(m).intern(m, &format!("text {number}"));
        kept.get(m)[number as usize].set(m, Some(text));
    };
    for thousand in 0..entries.div_ceil(1000) {
        (thousand * 1000..entries.min((thousand + 1) * 1000)).for_each(|number| put_in(&m, number));
        if thousand % 16 == 0 {
            m.collect(Collect::Promote);
        }
    }
    m.collect(Collect::Full);
    assert_eq!(names.get(&m).len() as u64, entries);

    let mut minor = |work: &dyn Fn(&Mutator)| minor_cost(&heap, &mut m, work);
    // The last move to another table may have left something to be done.
    minor(&|_| {});
    assert_eq!(minor(&|_| {}), MinorCost::default());
    let reads = minor(&|m| {
        for number in 0..entries {
            let text = names.get(m).get(m, &*format!("text {number}")).expect("it is kept");
            assert!(Gc::ptr_eq(text, kept.get(m)[number as usize].get().expect("it was put in")));
        }
    });
    assert_eq!(reads, MinorCost::default());
    let MinorCost { bytes, allocated, remembered: slots, looks } =
        minor(&|m| (entries..entries + NEW).for_each(|number| put_in(m, number)));
    assert!((NEW..NEW * BYTES).contains(&bytes), "{bytes} bytes");
    assert!(allocated < NEW * BYTES, "{allocated} bytes were allocated");
    assert!((NEW..NEW * 4).contains(&slots), "{slots} slots");
    assert!(looks <= NEW * 2, "{looks} looks at entries");
}
