//! Regions of shared chunks: mutators that come and go, that panic, and that leave rests of every size leave chunks that can be walked,
//! and objects that nobody else's objects overlap.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    sync::{Barrier, mpsc},
    thread,
};

use gc_core::{Collect, Gc, Heap, Mutator, Slot, Trace, blocking};
use gc_tests::{
    heaps::{settle, under},
    ledger::{Ledger, Token},
    random::{Random, mix},
    sizes::{part, scaled},
};

macro_rules! aligned {
    ($($name:ident $align:literal),*) => {$(
        #[derive(Trace, Clone, Copy)]
        #[repr(align($align))]
        struct $name([u64; 1 + $align / 64]);

        impl $name {
            fn new(n: u64) -> Self {
                Self([n; 1 + $align / 64])
            }

            fn check(&self, n: u64) {
                assert_eq!(std::ptr::from_ref(self).addr() % $align, 0);
                assert!(self.0.iter().all(|&found| found == n));
            }
        }
    )*};
}

aligned!(A16 16, A64 64, A512 512, A4096 4096);

#[derive(Trace)]
struct Any<'gc> {
    n: u64,
    a16: Option<Gc<'gc, A16>>,
    a64: Option<Gc<'gc, [A64]>>,
    a512: Option<Gc<'gc, A512>>,
    a4096: Option<Gc<'gc, A4096>>,
    pages: Option<Gc<'gc, [A4096]>>,
    bytes: Option<Gc<'gc, [u8]>>,
    token: Option<Gc<'gc, Token>>,
}

fn any<'gc>(m: &'gc Mutator, random: &mut Random, ledger: &Ledger) -> Gc<'gc, Any<'gc>> {
    let n = random.draw();
    let mut wants = |chance| random.below(chance) == 0;
    let a16 = wants(2).then(|| m.alloc(A16::new(n)));
    let a64 = wants(3).then(|| m.alloc_slice_with(n as usize % 20, |i| A64::new(n + i as u64)));
    let a512 = wants(4).then(|| m.alloc(A512::new(n)));
    let a4096 = wants(6).then(|| m.alloc(A4096::new(n)));
    let pages = wants(12).then(|| m.alloc_slice_with(n as usize % 3, |i| A4096::new(n + i as u64)));
    let bytes = wants(2).then(|| m.alloc_slice_with(n as usize % 9000, |i| (n as usize + i) as u8));
    let token = wants(3).then(|| m.alloc(ledger.token()));
    // The closure allocates while the object is under construction.
    m.alloc_with(|| {
        m.alloc(n);
        Any { n, a16, a64, a512, a4096, pages, bytes, token }
    })
}

fn check(any: &Any<'_>) {
    let n = any.n;
    any.a16.iter().for_each(|a| a.check(n));
    any.a512.iter().for_each(|a| a.check(n));
    any.a4096.iter().for_each(|a| a.check(n));
    any.a64.iter().for_each(|s| s.iter().zip(0..).for_each(|(a, i)| a.check(n + i)));
    any.pages.iter().for_each(|s| s.iter().zip(0..).for_each(|(a, i)| a.check(n + i)));
    any.bytes.iter().for_each(|s| s.iter().enumerate().for_each(|(i, &b)| assert_eq!(b, (n as usize + i) as u8)));
}

/// Panics in constructors: of a value, of a slice that is half made, with allocations inside.
fn panics(m: &Mutator, random: &mut Random, ledger: &Ledger) {
    let len = random.below(900) as usize;
    let stop = random.below(900) as usize;
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        m.alloc_slice_with(len, |i| {
            if i == stop {
                panic::resume_unwind(Box::new(()));
            }
            m.alloc([i; 3]);
            ledger.token()
        });
        m.alloc_with(|| -> A4096 {
            m.alloc(A512::new(1));
            panic::resume_unwind(Box::new(()))
        });
    }));
    assert!(outcome.is_err());
}

fn come_and_go(heap: &Heap, seed: u64) {
    const KEPT: usize = 64;
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    let kept = m.root(m.alloc_slice_with(KEPT, |_| Slot::<Any<'_>>::null()));
    blocking::scope(&mut m, |scope| {
        for thread in 0..4 {
            let (heap, kept, ledger) = (&heap, &kept, &ledger);
            scope.spawn(move || {
                let mut random = Random::new(mix(seed) + thread);
                for _ in 0..scaled(20) {
                    let unwinds = random.below(4) == 0;
                    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
                        let mut m = heap.attach().unwrap();
                        for _ in 0..random.below(12) {
                            for _ in 0..random.below(4) {
                                let at = random.below(KEPT as u64) as usize;
                                let made = any(&m, &mut random, ledger);
                                kept.get(&m)[at].set(&m, Some(made));
                            }
                            match random.below(8) {
                                0 => panics(&m, &mut random, ledger),
                                1 => m.blocked(thread::yield_now),
                                2..5 => m.safepoint(),
                                _ => {}
                            }
                            let at = random.below(KEPT as u64) as usize;
                            kept.get(&m)[at].get().iter().for_each(|any| check(any));
                        }
                        if unwinds {
                            panic::resume_unwind(Box::new(()));
                        }
                    }));
                    assert_eq!(outcome.is_err(), unwinds);
                }
            });
        }
    });
    m.collect(Collect::Full);
    kept.get(&m).iter().filter_map(|slot| slot.get()).for_each(|any| check(&any));
    drop(kept);
    m.collect(Collect::Full);
    drop(m);
    settle(heap);
    ledger.assert_all_once();
}

#[test]
fn objects_of_every_alignment_in_regions_that_change_hands() {
    for seed in part(0..6) {
        come_and_go(&under(&format!("random={seed}")).build().unwrap(), seed);
    }
}

#[test]
fn regions_of_the_smallest_chunks_change_hands() {
    for seed in part(0..2) {
        come_and_go(&under("tiny-nursery,verify,promote-random").build().unwrap(), seed);
        come_and_go(&under("verify,every-allocation=7,to-space-full=5").chunk_bytes(16 << 10).build().unwrap(), seed);
        come_and_go(&under("verify,every-safepoint=2,workers=3").chunk_bytes(32 << 10).build().unwrap(), seed);
    }
}

/// Rests of 0, 8, 16 … bytes: those that are handed out again, and those that are not.
#[test]
fn rests_of_every_size_are_fillers() {
    let heap = under("verify").build().unwrap();
    for rest in (0..3000).step_by(72) {
        let (attached, is_attached) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let mut m = heap.attach().unwrap();
        m.alloc(rest);
        let there = heap.clone();
        // Another region above, so that what is left of the first one is not just the end of the chunk.
        let above = thread::spawn(move || {
            let mut m = there.attach().unwrap();
            let kept = m.root(m.alloc(A64::new(rest as u64)));
            attached.send(()).unwrap();
            let _ = blocking::recv(&mut m, &ends);
            kept.get(&m).check(rest as u64);
        });
        blocking::recv(&mut m, &is_attached).unwrap();
        // Uses the region up, but for `rest` bytes (16 KiB, of which the first object takes 16 and each other a header).
        m.alloc_slice_copy(&vec![1_u8; 8000]);
        let left = (16 << 10) - 16 - 8016 - rest as usize;
        (left > 8200).then(|| m.alloc_slice_copy(&vec![2_u8; 1000]));
        m.alloc_slice_copy(&vec![3_u8; (left - if left > 8200 { 1016 } else { 0 }) & !7][16..]);
        drop(m);
        let mut next = heap.attach().unwrap();
        let kept = next.root(next.alloc_slice_copy(&vec![4_u8; rest as usize / 2]));
        next.alloc(A512::new(7)).check(7);
        if rest % 5 == 0 {
            next.collect(Collect::Young);
        }
        assert!(kept.get(&next).iter().all(|&b| b == 4));
        drop(end);
        blocking::join(&mut next, above).unwrap();
    }
}

thread_local! {
    static KEPT: RefCell<Option<Mutator>> = const { RefCell::new(None) };
}

/// Mutators that end in thread-local destructors leave their regions to others, in the same chunk.
#[test]
fn regions_of_mutators_in_thread_locals_change_hands() {
    let heap = under("verify").build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept = m.root(m.alloc_slice_with(8, |_| Slot::<Any<'_>>::null()));
    let ledger = Ledger::default();
    for round in 0..scaled(20) {
        let together = Barrier::new(4);
        blocking::scope(&mut m, |scope| {
            for thread in 0..4_u64 {
                let (heap, kept, ledger, together) = (&heap, &kept, &ledger, &together);
                scope.spawn(move || {
                    let mut random = Random::new(round * 4 + thread);
                    KEPT.set(Some(heap.attach().unwrap()));
                    KEPT.with_borrow_mut(|m| m.as_mut().unwrap().blocked(|| _ = together.wait()));
                    KEPT.with_borrow(|m| {
                        let m = m.as_ref().unwrap();
                        kept.get(m)[thread as usize * 2].set(m, Some(any(m, &mut random, ledger)));
                        panics(m, &mut random, ledger);
                    });
                });
            }
        });
        let m = &mut m;
        if round % 3 == 0 {
            m.collect(Collect::Young);
        }
        kept.get(m).iter().filter_map(|slot| slot.get()).for_each(|any| check(&any));
    }
    drop((kept, m));
}
