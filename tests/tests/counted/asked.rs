//! What has been asked about: objects that another thread dropped below what it counted, while their owner runs. Meanwhile the owner takes
//! them out, writes them, lets go of them, blocks, ends or leaks, and others drop the rest.

use std::{
    cell::RefCell,
    hint, mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use gc_core::{Counted, CountedWeak, Heap, Mutator, Trace};
use gc_tests::{
    collectors::Collectors,
    heaps::{calm, settle, wait_until},
    ledger::{Ledger, Token},
};

/// Drops it on another thread, to the end.
fn drop_elsewhere<T: Send + 'static>(value: T) {
    thread::spawn(move || drop(value)).join().unwrap();
}

/// An object of the running owner, who was asked about it: one reference is left, which the owner has.
fn asked<T: gc_core::Acyclic + Send + Sync>(value: T) -> Counted<T> {
    let one = Counted::new(value);
    drop_elsewhere(one.clone());
    one
}

#[derive(Trace)]
#[trace(acyclic)]
struct Boxed {
    token: Token,
    text: String,
}

impl Boxed {
    fn new(ledger: &Ledger) -> Self {
        Self { token: ledger.token(), text: "in memory of its own".to_owned() }
    }

    fn is_whole(&self) -> bool {
        self.text == "in memory of its own"
    }
}

/// How the owner goes on.
const ENDS: [fn(Mutator); 5] = [
    |mut m| m.safepoint(),
    |mut m| m.blocked(|| {}),
    |mut m| {
        m.collect(gc_core::Collect::Young);
    },
    drop,
    // On a thread of its own.
    mem::forget,
];

fn on_every_end(test: impl Fn(&Ledger) + Send + Sync + Copy + 'static) {
    for end in ENDS {
        let ledger = Ledger::default();
        let there = ledger.clone();
        thread::spawn(move || {
            let heap = calm().build().unwrap();
            let m = heap.attach().unwrap();
            test(&there);
            end(m);
        })
        .join()
        .unwrap();
        wait_until("everything is dropped", || ledger.dropped() == ledger.made());
        ledger.assert_all_once();
    }
}

#[test]
fn the_contents_are_taken_out_whole() {
    on_every_end(|ledger| {
        assert!(Counted::try_unwrap(asked(Boxed::new(ledger))).ok().unwrap().is_whole());
        assert!(Counted::into_inner(asked(Boxed::new(ledger))).unwrap().is_whole());
        // With weak handles, which live on for a while, or do not.
        for kept in [false, true] {
            let one = asked(Boxed::new(ledger));
            let mut weak = Some(Counted::downgrade(&one));
            let there = weak.clone();
            let value = Counted::try_unwrap(one).ok().unwrap();
            assert!(weak.as_ref().unwrap().upgrade().is_none());
            if !kept {
                weak = None;
            }
            thread::spawn(move || assert!(there.unwrap().upgrade().is_none())).join().unwrap();
            assert!(value.is_whole());
            drop(weak);
        }
    });
}

#[test]
fn the_contents_move_away_from_weak_handles() {
    on_every_end(|ledger| {
        let token = ledger.token();
        let mut many: Counted<[String]> = ["one", "two"].map(String::from).into();
        drop_elsewhere(many.clone());
        let weak = Counted::downgrade(&many);
        Counted::make_mut(&mut many)[0].push('!');
        assert!(weak.upgrade().is_none());
        assert_eq!(*many, ["one!", "two"]);
        // Again: the new one is asked about, too.
        drop_elsewhere((many.clone(), weak.clone()));
        let again = Counted::downgrade(&many);
        Counted::make_mut(&mut many)[1].push('!');
        assert_eq!(*many, ["one!", "two!"]);
        drop((again, weak, many, token));
    });
}

/// The owner writes in place, in `blocked` too, where who asked settles meanwhile.
#[test]
fn what_is_written_while_it_is_settled_stays_written() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    for _ in 0..200 {
        let mut one = Counted::new(String::from("a"));
        let two = one.clone();
        let dropping = thread::spawn(move || drop(two));
        let contents = loop {
            if Counted::get_mut(&mut one).is_some() {
                break Counted::get_mut(&mut one).unwrap();
            }
        };
        contents.push('b');
        m.blocked(|| contents.push('c'));
        contents.push('d');
        assert_eq!(*one, "abcd");
        dropping.join().unwrap();
        assert_eq!(Counted::strong_count(&one), 1);
    }
}

/// The owner has let go of an object that it was asked about. While it comes to a safepoint, the last reference is dropped elsewhere; who
/// drops it must not look at the object afterwards, which may have been freed. (ThreadSanitizer sees it.)
#[test]
fn the_last_one_is_dropped_elsewhere_before_a_safepoint() {
    let ledger = Ledger::default();
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    for _ in 0..200 {
        let one = Counted::new(ledger.token());
        let (dropped, there) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (send, receive) = mpsc::channel();
        let (is_dropped, may_drop) = (dropped.clone(), there.clone());
        drop_elsewhere(one.clone());
        let other = thread::spawn(move || {
            let clones = [one.clone(), one.clone()];
            send.send(clones).unwrap();
            while !may_drop.load(Ordering::Relaxed) {
                hint::spin_loop();
            }
            drop(one);
            // Relaxed, as all: it must not be this that keeps the rest of the drop before the object's end.
            is_dropped.store(true, Ordering::Relaxed);
        });
        drop(receive.recv().unwrap());
        there.store(true, Ordering::Relaxed);
        while !dropped.load(Ordering::Relaxed) {
            hint::spin_loop();
        }
        m.safepoint();
        settle(&heap);
        other.join().unwrap();
    }
    ledger.assert_all_once();
}

/// As above, at the same time: large objects, whose memory goes back to the system.
#[test]
fn the_last_one_is_dropped_elsewhere_during_a_safepoint() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let (send, receive) = mpsc::channel::<Counted<[u8]>>();
    let other = thread::spawn(move || receive.iter().for_each(drop));
    for turn in 0..2000 {
        let one: Counted<[u8]> = vec![1_u8; 200 << 10].into();
        let two = one.clone();
        let back = thread::scope(|scope| {
            scope
                .spawn(|| {
                    drop(two);
                    [one.clone(), one.clone(), one.clone()]
                })
                .join()
                .unwrap()
        });
        let [last, first, second] = back;
        drop((one, first, second));
        send.send(last).unwrap();
        for _ in 0..turn % 64 {
            hint::spin_loop();
        }
        m.safepoint();
    }
    drop(send);
    other.join().unwrap();
    m.safepoint();
    settle(&heap);
}

/// What has been asked about goes at the safepoint, even if its maker drops the last reference before: `When an object goes`.
#[test]
fn the_maker_drops_the_last_one_of_what_it_was_asked_about() {
    let ledger = Ledger::default();
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let one = asked(ledger.token());
    let weak = Counted::downgrade(&one);
    drop(one);
    assert_eq!(ledger.dropped(), 0, "it waits");
    assert!(m.safepoint_pending());
    drop(weak.upgrade().expect("it comes back"));
    m.safepoint();
    settle(&heap);
    ledger.assert_all_once();
    assert!(weak.upgrade().is_none());
}

thread_local! {
    static MUTATOR: RefCell<Option<Mutator>> = const { RefCell::new(None) };
    static OTHER: RefCell<Option<Counted<Restless>>> = const { RefCell::new(None) };
}

/// Whose clone ends the mutator and drops the other reference, and whose destructor attaches again.
#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Restless {
    token: Token,
    ledger: Ledger,
    #[trace(assume_acyclic)]
    heap: Heap,
}

impl Restless {
    fn new(ledger: &Ledger, heap: &Heap) -> Counted<Self> {
        Counted::new(Self { token: ledger.token(), ledger: ledger.clone(), heap: heap.clone() })
    }
}

impl Clone for Restless {
    fn clone(&self) -> Self {
        MUTATOR.take();
        OTHER.take();
        assert_eq!(self.token.number(), 0);
        Self { token: self.ledger.token(), ledger: self.ledger.clone(), heap: self.heap.clone() }
    }
}

impl Drop for Restless {
    fn drop(&mut self) {
        if MUTATOR.with_borrow(Option::is_none) {
            MUTATOR.set(self.heap.attach().ok());
        } else {
            MUTATOR.take();
        }
    }
}

#[test]
fn the_mutator_ends_in_a_clone_or_a_destructor() {
    for ask in [false, true] {
        let ledger = Ledger::default();
        let heap = calm().build().unwrap();
        MUTATOR.set(Some(heap.attach().unwrap()));
        let mut one = Restless::new(&ledger, &heap);
        OTHER.set(Some(one.clone()));
        if ask {
            drop_elsewhere(one.clone());
        }
        Counted::make_mut(&mut one);
        assert_eq!(ledger.dropped(), 1);
        MUTATOR.set(None);
        MUTATOR.set(Some(heap.attach().unwrap()));
        let mut weak = Vec::new();
        for _ in 0..10 {
            // Each destructor ends the mutator that owns its object, or attaches one.
            let own = Restless::new(&ledger, &heap);
            let two = own.clone();
            weak.push(Counted::downgrade(&own));
            drop(own);
            drop(two);
        }
        drop(one);
        MUTATOR.take();
        settle(&heap);
        wait_until("everything is dropped", || ledger.dropped() == ledger.made());
        ledger.assert_all_once();
        assert!(weak.iter().all(|weak| weak.upgrade().is_none()));
    }
}

/// The last handle of a heap goes in a destructor on that heap's thread.
#[test]
fn a_heap_ends_in_what_it_was_asked_about() {
    #[derive(Trace)]
    #[trace(leaf, acyclic)]
    struct Holds {
        _token: Token,
        #[trace(assume_acyclic)]
        _heap: Heap,
        _next: Option<Counted<Holds>>,
    }
    let ledger = Ledger::default();
    for _ in 0..20 {
        let heap = calm().build().unwrap();
        let m = heap.attach().unwrap();
        let next = (0..50).fold(None, |next, _| {
            Some(Counted::new(Holds { _token: ledger.token(), _heap: heap.clone(), _next: next }))
        });
        drop(heap);
        drop_elsewhere(next);
        drop(m);
    }
    wait_until("everything is dropped", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
}

/// Others look how many references there are, which merges, write if they are alone, and upgrade, while the owner goes in and out of
/// `blocked`, counts, and the world is stopped all the time.
#[test]
fn counts_are_right_among_stops_and_holds() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut others = Vec::new();
    let mut senders = Vec::new();
    for other in 0..2 {
        let (send, receive) = mpsc::channel::<(Counted<[u64; 4]>, CountedWeak<[u64; 4]>)>();
        senders.push(send);
        let heap = heap.clone();
        others.push(thread::spawn(move || {
            for (mut one, weak) in receive.iter() {
                assert!(Counted::strong_count(&one) >= 1);
                let again = one.clone();
                assert!(Counted::strong_count(&one) >= 1);
                drop(one);
                one = again;
                if let Some(contents) = Counted::get_mut(&mut one) {
                    contents[other] += 1;
                }
                drop(one);
                drop(weak.upgrade());
            }
            drop(heap);
        }));
    }
    let collector = m.blocked(|| Collectors::start(&heap, 1));
    let turns = if cfg!(debug_assertions) { 5_000 } else { 50_000 };
    for turn in 0..turns {
        let one = Counted::new([0_u64; 4]);
        let weak = Counted::downgrade(&one);
        senders[turn % 2].send((one.clone(), weak)).unwrap();
        m.blocked(|| {});
        let two = one.clone();
        m.blocked(|| drop(two));
        let three = one.clone();
        m.safepoint();
        assert!(Counted::strong_count(&one) >= 2);
        drop((one, three));
    }
    drop(senders);
    m.blocked(|| {
        collector.end();
        for other in others {
            other.join().unwrap();
        }
    });
}
