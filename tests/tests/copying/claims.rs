//! Many places of the same few objects, so that workers copy the same object at once: each is copied once, whatever it is (sized,
//! slice, string, aligned, large), every place has the same new address, and every value is dropped once.

use gc_core::{Collect, Gc, GcCell, Mutator, Root, Slot, Trace};
use gc_tests::{
    heaps::under,
    ledger::{Ledger, Token},
};

#[derive(Trace)]
#[repr(align(64))]
struct Aligned<'gc> {
    value: u64,
    back: Slot<'gc, Shared<'gc>>,
}

#[derive(Trace)]
struct Dropped<'gc> {
    token: Token,
    back: Slot<'gc, Shared<'gc>>,
    owned: Vec<Gc<'gc, u64>>,
}

#[derive(Trace)]
struct Shared<'gc> {
    number: u64,
    aligned: Gc<'gc, Aligned<'gc>>,
    dropped: Gc<'gc, Dropped<'gc>>,
    text: Gc<'gc, str>,
    none: Gc<'gc, [()]>,
    large: Gc<'gc, [Slot<'gc, Shared<'gc>>]>,
    tokens: Gc<'gc, [Token]>,
    cell: GcCell<Vec<Gc<'gc, Dropped<'gc>>>>,
}

fn shared<'gc>(m: &'gc Mutator, ledger: &Ledger, number: u64, large: usize) -> Gc<'gc, Shared<'gc>> {
    let dropped = m.alloc(Dropped { token: ledger.token(), back: Slot::null(), owned: vec![m.alloc(number); 4] });
    let made = m.alloc(Shared {
        number,
        aligned: m.alloc(Aligned { value: !number, back: Slot::null() }),
        dropped,
        text: m.alloc_str(&number.to_string()),
        none: m.alloc_slice_with(3, |_| ()),
        large: m.alloc_slice_with(large, |_| Slot::null()),
        tokens: m.alloc_slice_with(3, |_| ledger.token()),
        cell: GcCell::new(vec![dropped; 3]),
    });
    made.aligned.back.set(m, Some(made));
    dropped.back.set(m, Some(made));
    made.large.iter().for_each(|slot| slot.set(m, Some(made)));
    made
}

fn check<'gc>(m: &'gc Mutator, all: Gc<'gc, [Slot<'gc, Shared<'gc>>]>, few: usize) {
    let firsts: Vec<_> = (0..few).map(|n| all[n].get().unwrap()).collect();
    for (n, slot) in all.iter().enumerate() {
        let (object, first) = (slot.get().unwrap(), firsts[n % few]);
        assert!(Gc::ptr_eq(object, first));
        assert_eq!(object.number, (n % few) as u64);
    }
    for first in firsts {
        assert_eq!(first.aligned.value, !first.number);
        assert!(std::ptr::from_ref(&*first.aligned).addr().is_multiple_of(64));
        assert!(Gc::ptr_eq(first.aligned.back.get().unwrap(), first));
        assert!(Gc::ptr_eq(first.dropped.back.get().unwrap(), first));
        assert!(first.dropped.owned.iter().all(|&n| *n == first.number && Gc::ptr_eq(n, first.dropped.owned[0])));
        assert_eq!(*first.text, *first.number.to_string());
        assert_eq!((first.none.len(), first.tokens.len()), (3, 3));
        assert!(first.large.iter().all(|slot| Gc::ptr_eq(slot.get().unwrap(), first)));
        assert!(first.cell.borrow(m).iter().all(|&dropped| Gc::ptr_eq(dropped, first.dropped)));
        let _ = &first.dropped.token;
    }
}

fn claim(profile: &str) {
    const FEW: usize = 7;
    let rounds = if cfg!(debug_assertions) { 3 } else { 40 };
    let heap = under(profile).chunk_bytes(64 << 10).nursery_bytes(1 << 20).build().unwrap();
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    for round in 0..rounds {
        // Every other one large: over 8 KiB.
        let roots: Vec<Root<Gc<[Slot<Shared>]>>> = {
            let few: Vec<_> =
                (0..FEW).map(|n| shared(&m, &ledger, n as u64, if n % 2 == 0 { 1500 } else { 9 })).collect();
            [40, 900, 3000]
                .iter()
                .map(|&len| m.root(m.alloc_slice_with(len, |n| Slot::new(Some(few[n % FEW])))))
                .collect()
        };
        for _ in 0..3 {
            m.collect(if round % 3 == 0 { Collect::Promote } else { Collect::Young });
            roots.iter().for_each(|root| check(&m, root.get(&m), FEW));
            let firsts: Vec<_> = roots.iter().map(|root| root.get(&m)[0].get().unwrap()).collect();
            assert!(firsts.iter().all(|&first| Gc::ptr_eq(first, firsts[0])));
            ledger.assert_none_twice();
        }
    }
    m.collect(Collect::Full);
    drop((m, heap));
    ledger.assert_all_once();
}

#[test]
fn objects_in_many_places_are_copied_once_by_age() {
    claim("workers=4,verify");
}

#[test]
fn objects_in_many_places_are_copied_once_whatever_is_promoted() {
    claim("workers=3,promote-random,to-space-full=2,full-every=6,verify");
}

#[test]
fn objects_in_many_places_are_copied_once_where_all_stays_young() {
    claim("workers=5,promote-never,verify");
}
