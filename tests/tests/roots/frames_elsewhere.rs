//! Frames of roots where their mutator is lent, blocked, leaked or at its end, and where the heap is being marked.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use gc_core::{Collect, Gc, Heap, Kept, Mutator, Slot, Trace};
use gc_tests::{
    heaps::{checked, under},
    process::assert_exits,
    random::Random,
    sizes::{part, scaled},
};

type Number = Gc<'static, u64>;

#[derive(Trace)]
struct Place<'gc> {
    number: Slot<'gc, Boxed<'gc>>,
}

/// Two objects deep, so that what is freed too early is found.
#[derive(Trace)]
struct Boxed<'gc> {
    number: Gc<'gc, [u64; 3]>,
}

fn boxed(m: &Mutator, number: u64) -> Gc<'_, Boxed<'_>> {
    m.alloc(Boxed { number: m.alloc([number; 3]) })
}

/// A thread that collects as often as it is told to, and answers.
struct Collecting<'a> {
    tell: &'a Sender<u64>,
    done: &'a Receiver<()>,
}

impl Collecting<'_> {
    fn collect(&self, times: u64) {
        self.tell.send(times).unwrap();
        self.done.recv().unwrap();
    }
}

/// Enters frames in a mutator and in what it is lent as while it is blocked, for others to collect meanwhile, until it is dormant and afterwards.
fn descend(
    heap: &Heap,
    m: &mut Mutator,
    random: &mut Random,
    others: &Collecting<'_>,
    depth: u64,
    all: &[(Kept<'_, Number>, &Cell<u64>)],
) {
    let own = Cell::new(depth);
    m.frame(|m, [number]| {
        let number = number.keep(m, m.alloc(depth));
        let mut all = all.to_vec();
        all.push((number, &own));
        for step in 0..4 {
            // Some frame, of this alias or of another: also far below.
            let (kept, value) = all[random.below(all.len() as u64) as usize];
            value.set(1000 * depth + step);
            kept.set(m, m.alloc(value.get()));
            match random.below(8) {
                0 => m.blocked(|| others.collect(1)),
                1 => m.blocked(|| others.collect(9)),
                2 => drop(m.collect(Collect::Young)),
                3 => drop(m.collect(Collect::Promote)),
                4 if depth < 12 => m
                    .blocked(|| {
                        heap.with(|m| {
                            others_while_blocked(m, others, random.below(10));
                            descend(heap, m, random, others, depth + 1, &all);
                        })
                    })
                    .unwrap(),
                5 if depth < 12 => {
                    let unwinds = catch_unwind(AssertUnwindSafe(|| {
                        m.blocked(|| {
                            heap.with(|m| {
                                descend(heap, m, random, others, depth + 1, &all);
                                std::panic::resume_unwind(Box::new(()));
                            })
                        })
                    }));
                    assert!(unwinds.is_err());
                }
                _ => m.safepoint(),
            }
            for (kept, value) in &all {
                assert_eq!(*kept.get(m), value.get());
            }
        }
    });
}

fn others_while_blocked(m: &mut Mutator, others: &Collecting<'_>, times: u64) {
    m.blocked(|| others.collect(times));
}

#[test]
fn frames_of_all_aliases_of_a_mutator_are_one_stack() {
    for seed in part(0..8) {
        let profile = ["verify", "verify,promote-random,workers=2"][seed as usize % 2];
        let heap = under(profile).auto(false).build().unwrap();
        let (tell, told) = channel();
        let (did, done) = channel();
        thread::scope(|scope| {
            let heap = &heap;
            scope.spawn(move || {
                let mut m = heap.attach().unwrap();
                while let Ok(times) = m.blocked(|| told.recv()) {
                    for round in 0..times {
                        m.alloc_slice_with(50, |n| n);
                        m.collect(if round == 8 { Collect::Full } else { Collect::Young });
                    }
                    if times == 9 {
                        m.compact();
                    }
                    did.send(()).unwrap();
                }
            });
            let others = Collecting { tell: &tell, done: &done };
            let random = &mut Random::new(seed);
            for _ in 0..scaled(6) {
                heap.with(|m| descend(heap, m, random, &others, 0, &[])).unwrap();
            }
            drop(tell);
        });
    }
}

/// What is moved from a slot into a frame was in the snapshot, or is logged; what is taken out of a frame was marked when marking began.
#[test]
fn what_moves_between_slots_and_frames_survives_marking() {
    const PLACES: u64 = 32;
    for profile in ["verify", "verify,promote-always", "verify,promote-random"] {
        let heap = under(profile).nursery_bytes(256 << 10).build().unwrap();
        let ended = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut m = heap.attach().unwrap();
                while !ended.load(Ordering::Acquire) {
                    m.collect(Collect::Full);
                }
            });
            let mut m = heap.attach().unwrap();
            m.frame(|m, [places, one, two, three]| {
                let places = places.keep(
                    m,
                    m.alloc_slice_with(PLACES as usize, |n| Place { number: Slot::new(Some(boxed(m, n as u64))) }),
                );
                let held = [one, two, three].map(|vacant| vacant.keep(m, None::<Gc<'_, Boxed<'_>>>));
                let mut is = [None::<u64>; 3];
                let mut has: Vec<Option<u64>> = (0..PLACES).map(Some).collect();
                let mut random = Random::new(7);
                let mut step = 0;
                // Until cycles have begun and ended.
                while heap.stats().collections.full < scaled(10).max(3) {
                    step += 1;
                    let (at, with) = (random.below(PLACES) as usize, random.below(3) as usize);
                    let slot = &places.get(m)[at].number;
                    let (from_slot, from_frame) = (slot.get(), held[with].get(m));
                    slot.set(m, from_frame);
                    held[with].set(m, from_slot);
                    core::mem::swap(&mut is[with], &mut has[at]);
                    if random.below(200) == 0 {
                        has[at] = Some(step);
                        places.get(m)[at].number.set(m, Some(boxed(m, step)));
                    }
                    if random.below(16) == 0 {
                        m.safepoint();
                    }
                    assert_eq!(held[with].get(m).map(|boxed| boxed.number[2]), is[with]);
                }
                for (place, value) in places.get(m).iter().zip(&has) {
                    assert_eq!(place.number.get().map(|boxed| boxed.number[1]), *value);
                }
            });
            ended.store(true, Ordering::Release);
        });
    }
}

thread_local! {
    static LEAKED: Cell<Option<&'static mut Mutator>> = const { Cell::new(None) };
}

/// A mutator that is borrowed for ever leaves the closure of its frame, and is used while the frame unwinds, and after it.
#[test]
fn a_mutator_that_leaves_the_closure_of_its_frame_finds_all_others() {
    /// Enters a frame while another one unwinds, and collects in it.
    struct Unwinds;
    impl Drop for Unwinds {
        fn drop(&mut self) {
            let mut m = LEAKED.take().unwrap();
            m.frame(|m, [number]| {
                let number = number.keep(m, m.alloc(3_u64));
                m.collect(Collect::Promote);
                assert_eq!(*number.get(m), 3);
            });
            m = catch_unwind(AssertUnwindSafe(|| {
                m.collect(Collect::Full);
                m
            }))
            .unwrap();
            LEAKED.set(Some(m));
        }
    }
    let heap = checked().auto(false).build().unwrap();
    let thread = thread::spawn(move || {
        // The thread has it for ever: nobody collects after this.
        let m: &'static mut Mutator = Box::leak(Box::new(heap.attach().unwrap()));
        let result = catch_unwind(AssertUnwindSafe(move || {
            let m = m;
            m.frame(move |m, [number]| {
                let number = number.keep(m, m.alloc(1_u64));
                let _unwinds = Unwinds;
                m.collect(Collect::Young);
                assert_eq!(*number.get(m), 1);
                LEAKED.set(Some(m));
                let m = LEAKED.take().unwrap();
                m.collect(Collect::Young);
                assert_eq!(*number.get(m), 1);
                LEAKED.set(Some(m));
                std::panic::resume_unwind(Box::new(()));
            })
        }));
        assert!(result.is_err());
        let m = LEAKED.take().unwrap();
        for _ in 0..5 {
            m.collect(Collect::Young);
        }
        m.collect(Collect::Full);
        m.compact();
        // Its last frame has been left.
        m.frame(|m, [number]| assert_eq!(*number.keep(m, m.alloc(1_u64)).get(m), 1));
    });
    thread.join().unwrap();
}

thread_local! {
    static OWN: std::cell::RefCell<Option<Mutator>> = const { std::cell::RefCell::new(None) };
}

/// The destructors of thread-locals run while the frames are there, and so does the rest of the process.
#[test]
fn a_process_exits_inside_of_a_frame() {
    const ALONE: &str = "GC_EXITS_IN_A_FRAME";
    let name = "frames_elsewhere::a_process_exits_inside_of_a_frame";
    let Some(how) = std::env::var_os(ALONE) else {
        return ["own", "blocked", "lent", "parked"].into_iter().for_each(|how| assert_exits(name, ALONE, how));
    };
    fn exit(m: &mut Mutator, blocks: bool) {
        m.frame(|m, [number]| {
            let _number = number.keep(m, m.alloc(1_u64));
            if blocks {
                m.blocked(|| std::process::exit(7));
            }
            std::process::exit(7)
        })
    }
    let heap = checked().build().unwrap();
    let other = heap.clone();
    thread::spawn(move || {
        let mut m = other.attach().unwrap();
        loop {
            m.alloc_slice_with(100, |n| n);
            m.collect(Collect::Young);
        }
    });
    match how.to_str().unwrap() {
        "lent" => heap.with(|m| exit(m, true)).unwrap(),
        "parked" => heap.attach().unwrap().park().with(|m| exit(m, true)).unwrap(),
        own => OWN.with_borrow_mut(|place| exit(place.insert(heap.attach().unwrap()), own == "blocked")),
    }
}
