//! Attacks on the memory that a pause relies on: limits that change at any time, mixes that shift, objects that are abandoned, and
//! pauses that follow each other with nothing allocated between them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use gc_core::{Collect, ExternalBytes, Gc, GcCell, Heap, Mutator, Root, Slot, Trace};
use gc_tests::{
    heaps::{calm, under},
    random::Random,
    sizes::scaled,
};

#[derive(Trace)]
#[repr(align(64))]
struct Wide([u8; 64]);

#[derive(Trace)]
#[repr(align(4096))]
struct Page([u8; 4096]);

#[derive(Trace)]
struct Node<'gc> {
    bytes: Option<Gc<'gc, [u8]>>,
    wide: Option<Gc<'gc, Wide>>,
    page: Option<Gc<'gc, Page>>,
    next: Slot<'gc, Node<'gc>>,
    text: GcCell<Vec<Gc<'gc, str>>>,
}

#[derive(Trace)]
struct Held {
    #[trace(skip)]
    held: ExternalBytes,
}

type Kept = Vec<Root<Gc<'static, Node<'static>>>>;

fn node(m: &Mutator, random: &mut Random, kept: &Kept) -> Option<Root<Gc<'static, Node<'static>>>> {
    let len = (random.below(8100) >> random.below(10)) as usize;
    let filled = vec![len as u8; len];
    let bytes = Some(m.try_alloc_slice_copy(&filled).ok()?);
    let wide = if random.below(4) == 0 { Some(m.try_alloc(Wide([7; 64])).ok()?) } else { None };
    let page = if random.below(40) == 0 { Some(m.try_alloc(Page([9; 4096])).ok()?) } else { None };
    let next = kept.get(random.below(kept.len().max(1) as u64) as usize).map(|root| root.get(m));
    let text = vec![m.try_alloc_str("a string").ok()?];
    let node =
        Node { bytes, wide, page, next: Slot::new(next.filter(|_| random.below(5) == 0)), text: GcCell::new(text) };
    m.try_alloc(node).ok().map(|node| m.root(node))
}

fn check(m: &Mutator, kept: &Kept) {
    for root in kept {
        let node = root.get(m);
        let bytes = node.bytes.unwrap();
        assert!(bytes.iter().all(|&byte| byte == bytes.len() as u8));
        assert!(node.wide.is_none_or(|wide| wide.0 == [7; 64]));
        assert!(node.page.is_none_or(|page| page.0[..] == [9; 4096]));
        assert_eq!(&*node.text.borrow(m)[0], "a string");
    }
}

/// Allocates until it is refused, lets go, and does the rest of a hostile program.
fn work(m: &mut Mutator, random: &mut Random, steps: u64) {
    let mut kept = Kept::new();
    for step in 0..steps {
        match node(m, random, &kept) {
            Some(root) => kept.push(root),
            None => {
                check(m, &kept);
                let left = kept.len() / 2;
                kept.truncate(if random.below(2) == 0 { 0 } else { left });
            }
        }
        match random.below(400) {
            0 => drop(m.collect(Collect::Young)),
            1 => drop(m.collect(Collect::Promote)),
            2 => drop(m.collect(Collect::Full)),
            3 => m.blocked(|| thread::sleep(Duration::from_micros(100))),
            4..10 => {
                // Abandoned half-made, across several regions.
                let made = AssertUnwindSafe(|| {
                    m.try_alloc_slice_with(800, |n| {
                        let inner = m.try_alloc_slice_copy(&[n as u8; 900]).ok();
                        assert!(n < 600, "abandoned");
                        inner
                    })
                    .is_ok()
                });
                let _ = catch_unwind(made);
            }
            _ => {}
        }
        if step % 3 == 0 {
            m.safepoint();
        }
        if step % 64 == 0 {
            check(m, &kept);
        }
    }
    check(m, &kept);
}

fn storm(heap: &Heap, seed: u64, steps: u64, limits: &[usize]) {
    let done = AtomicBool::new(false);
    std::panic::set_hook(Box::new(|_| {}));
    thread::scope(|scope| {
        let changes = scope.spawn(|| {
            let mut random = Random::new(seed);
            while !done.load(Ordering::Relaxed) && !limits.is_empty() {
                let limit = limits[random.below(limits.len() as u64) as usize];
                heap.set_hard_limit((limit > 0).then_some(limit));
                thread::sleep(Duration::from_micros(random.below(2000)));
            }
        });
        heap.scope(|scope| {
            let workers: Vec<_> = (0..3)
                .map(|id| scope.spawn(move |m| work(m, &mut Random::new(seed + 10 * id), steps)).unwrap())
                .collect();
            let worked: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
            done.store(true, Ordering::Relaxed);
            assert!(worked.iter().all(Result::is_ok), "{worked:?}");
        })
        .unwrap();
        changes.join().unwrap();
    });
    let _ = std::panic::take_hook();
    heap.with(|m| m.collect(Collect::Full)).unwrap();
}

fn small(profile: &str) -> gc_core::HeapBuilder {
    under(profile).chunk_bytes(16 << 10).nursery_bytes(256 << 10)
}

const STEPS: u64 = if cfg!(debug_assertions) { 700 } else { 4000 };

/// The attack: a limit that goes down and up, and away, at any moment.
#[test]
fn limits_that_change_fail_no_pause() {
    for seed in 0..scaled(2) {
        let limits = [0, 3 << 20, 4 << 20, 6 << 20, 12 << 20, 64 << 20, 1];
        storm(&small("workers=3,verify").build().unwrap(), seed, STEPS, &limits);
    }
}

/// The attack: the same, with survivors that stay young for long, or never do, and a to-space that is full.
#[test]
fn limits_that_change_beside_survivors_that_stay() {
    for profile in
        ["workers=3,verify,promote-never", "workers=3,verify,promote-random,to-space-full=3", "verify,full-every=3"]
    {
        storm(&small(profile).build().unwrap(), 7, STEPS / 2, &[0, 3 << 20, 5 << 20, 9 << 20, 1 << 20]);
    }
}

/// The attack: survivors are promoted bit by bit in pauses that follow each other, so that blocks are closed with few cells free.
#[test]
fn pauses_with_nothing_allocated_between_them_find_room() {
    let heap = small("workers=4,promote-random,verify").hard_limit(4 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut random = Random::new(3);
    for _ in 0..scaled(4) {
        let mut kept = Kept::new();
        while let Some(root) = node(&m, &mut random, &kept) {
            kept.push(root);
            if random.below(4) == 0 {
                m.safepoint();
            }
        }
        for _ in 0..40 {
            m.collect(Collect::Young);
        }
        check(&m, &kept);
        m.collect(Collect::Promote);
        check(&m, &kept);
    }
}

/// The attack: all young objects are of one class after the other, with survivors and holes, at the least room.
#[test]
fn classes_that_shift_find_room() {
    let heap = small("workers=4,promote-never,verify").hard_limit(4 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    for round in 0..scaled(20) {
        let mut kept: Vec<Root<Gc<[u8]>>> = Vec::new();
        let len = [1, 9, 24, 40, 100, 130, 200, 500, 1030, 2050, 4100, 8000][round as usize % 12];
        let filled = vec![3_u8; len];
        while let Ok(bytes) = m.try_alloc_slice_copy(&filled) {
            kept.push(m.root(bytes));
            m.safepoint();
            if kept.len() > 20_000 {
                break;
            }
        }
        m.collect(Collect::Young);
        // Holes: one of each few stays.
        let mut n = 0;
        kept.retain(|_| {
            n += 1;
            n % 40 == 0
        });
        m.collect(Collect::Full);
        assert!(kept.iter().all(|root| root.get(&m).len() == len));
    }
}

/// The attack: `alloc` in a program that keeps little, beside large objects and bytes held elsewhere that come and go: it has room,
/// so it is never refused.
#[test]
fn who_keeps_little_is_never_refused() {
    let heap = calm().hard_limit(24 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut random = Random::new(5);
    let mut kept = Kept::new();
    for step in 0..STEPS * 100 {
        kept.extend(node(&m, &mut random, &Kept::new()));
        if kept.len() > 400 {
            kept.swap_remove(random.below(400) as usize);
        }
        match random.below(300) {
            0 => drop(m.alloc_slice_copy(&vec![1_u8; 1 << 20])),
            1 => drop(m.alloc(Held { held: m.external_bytes(300 << 10) })),
            _ => {}
        }
        m.alloc([step; 50]);
        m.safepoint();
    }
    check(&m, &kept);
}
