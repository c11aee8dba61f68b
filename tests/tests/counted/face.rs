//! `Counted`: its face, and when objects go.

use std::{
    borrow::Borrow,
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    marker::PhantomData,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use gc_core::{Acyclic, Collect, Counted, CountedWeak, Gc, Mutator, Trace};
use gc_tests::{
    heaps::{calm, settle, wait_until},
    ledger::{Ledger, Token},
    neither_send_nor_sync,
};
use parking_lot::Mutex;

#[test]
fn handles_are_one_word_and_know_null() {
    assert_eq!(size_of::<Counted<str>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<Counted<str>>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<Counted<[u64]>>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<CountedWeak<u64>>>(), size_of::<usize>());
}

#[test]
fn handles_cross_threads_if_their_contents_do() {
    fn send_and_sync<T: Send + Sync + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    send_and_sync::<Counted<str>>();
    send_and_sync::<Counted<Vec<u64>>>();
    send_and_sync::<CountedWeak<[String]>>();

    neither_send_nor_sync!(Counted<(PhantomData<*mut ()>, u64)>, CountedWeak<(PhantomData<*mut ()>, u64)>);
    // It works on one thread all the same, in and out of a mutator.
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let one = Counted::new((PhantomData::<*mut ()>, 1_u64));
    let weak = Counted::downgrade(&one);
    m.blocked(move || drop(one));
    assert!(weak.upgrade().is_none());
}

#[test]
fn contents_speak_through() {
    let (one, two) = (Counted::new(1), Counted::new(2));
    assert!(one < two && one == Counted::new(1) && one.cmp(&two).is_lt());
    assert_eq!(format!("{one} {one:?}"), "1 1");
    let text: Counted<str> = "text".into();
    assert_eq!(format!("{text} {text:?}"), "text \"text\"");
    assert_eq!(AsRef::<str>::as_ref(&text), Borrow::<str>::borrow(&text));
    let by_name: HashMap<Counted<str>, u64> = [("one".into(), 1), ("two".into(), 2)].into();
    assert_eq!(by_name.get("two"), Some(&2));
    let sorted: BTreeMap<Counted<str>, u64> = by_name.into_iter().collect();
    assert_eq!(sorted.keys().map(|key| &**key).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(format!("{:p}", one), format!("{:p}", Counted::as_ptr(&one)));
}

#[test]
fn conversions_keep_the_contents() {
    let ledger = Ledger::default();
    let tokens: Counted<[Token]> = vec![ledger.token(), ledger.token()].into();
    assert_eq!((tokens.len(), ledger.dropped()), (2, 0));
    drop(tokens);
    ledger.assert_all_once();
    let collected: Counted<[Token]> = (0..100).map(|_| ledger.token()).collect();
    assert_eq!(collected.len(), 100);
    drop(collected);
    ledger.assert_all_once();
    assert_eq!(&*Counted::<[u64]>::from([1, 2, 3]), [1, 2, 3]);
    assert_eq!(&*Counted::<[u64]>::from(&[1, 2][..]), [1, 2]);
    assert_eq!(&*Counted::<[u64]>::from(vec![1].into_boxed_slice()), [1]);
    assert_eq!((Counted::<[u64]>::default().len(), Counted::<str>::default().len()), (0, 0));
    assert_eq!(*Counted::<String>::default(), "");
    assert_eq!(&*Counted::<str>::from(String::from("owned")), "owned");
    assert_eq!(&*Counted::<str>::from(String::from("boxed").into_boxed_str()), "boxed");
    assert_eq!(*Counted::from(5_u8), 5);
}

#[test]
fn who_has_the_only_handle_may_write() {
    let heap = calm().build().unwrap();
    for attached in [false, true] {
        let _m = attached.then(|| heap.attach().unwrap());
        let mut one = Counted::new(String::from("a"));
        Counted::get_mut(&mut one).unwrap().push('b');
        let two = one.clone();
        assert!(Counted::get_mut(&mut one).is_none());
        assert_eq!((Counted::strong_count(&one), Counted::weak_count(&one)), (2, 0));
        Counted::make_mut(&mut one).push('c');
        assert_eq!((&**one, &**two), ("abc", "ab"));
        // Weak handles only: the contents move, and the weak handle finds nothing.
        let weak = Counted::downgrade(&one);
        assert!(Counted::get_mut(&mut one).is_none());
        let before = Counted::as_ptr(&one);
        Counted::make_mut(&mut one).push('d');
        assert!(weak.upgrade().is_none() && Counted::as_ptr(&one) != before);
        drop(weak);
        assert_eq!(Counted::try_unwrap(one).unwrap(), "abcd");
        let three = two.clone();
        let two = Counted::try_unwrap(two).unwrap_err();
        assert_eq!(Counted::unwrap_or_clone(two), "ab");
        let weak = Counted::downgrade(&three);
        assert_eq!(Counted::into_inner(three).as_deref(), Some("ab"));
        assert!(weak.upgrade().is_none());
        assert_eq!(weak.strong_count(), 0);

        let mut text: Counted<str> = "text".into();
        let other = text.clone();
        Counted::make_mut(&mut text).make_ascii_uppercase();
        assert_eq!((&*text, &*other), ("TEXT", "text"));
        let mut words: Counted<[String]> = vec![String::from("x")].into();
        let weak = Counted::downgrade(&words);
        Counted::make_mut(&mut words)[0].push('y');
        assert!(weak.upgrade().is_none());
        assert_eq!(*words, ["xy"]);
    }
}

#[test]
fn weak_handles_do_not_keep_the_contents() {
    let ledger = Ledger::default();
    let one = Counted::new(ledger.token());
    let weak = Counted::downgrade(&one);
    let again = weak.clone();
    assert_eq!(Counted::weak_count(&one), 2);
    assert!(weak.ptr_eq(&again) && Counted::ptr_eq(&weak.upgrade().unwrap(), &one));
    drop(one);
    ledger.assert_all_once();
    assert!(weak.upgrade().is_none() && again.upgrade().is_none());
    let none = CountedWeak::<Token>::default();
    assert!(none.upgrade().is_none() && none.ptr_eq(&none.clone()) && !none.ptr_eq(&weak));
    assert_eq!(none.strong_count(), 0);
}

#[test]
fn immortals_are_never_dropped() {
    let ledger = Ledger::default();
    let heap = calm().build().unwrap();
    for attached in [false, true] {
        let _m = attached.then(|| heap.attach().unwrap());
        let mut one = Counted::immortal(ledger.token());
        for _ in 0..100 {
            drop(one.clone());
        }
        assert_eq!(Counted::strong_count(&one), usize::MAX);
        assert!(Counted::get_mut(&mut one).is_none());
        let one = Counted::try_unwrap(one).unwrap_err();
        let weak = Counted::downgrade(&one);
        drop(one);
        assert!(weak.clone().upgrade().is_some());
        drop(weak);
        assert_eq!(&*Counted::immortal_str("name"), "name");
    }
    assert_eq!(ledger.dropped(), 0);
}

/// What another thread drops last goes at the maker's next safepoint, on the heap's thread.
#[test]
fn the_last_reference_dropped_elsewhere_drops_the_object() {
    let ledger = Ledger::default();
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let one = Counted::new(ledger.token());
    thread::spawn(move || drop(one)).join().unwrap();
    assert_eq!(ledger.dropped(), 0);
    assert!(m.safepoint_pending(), "the owner is asked");
    m.safepoint();
    settle(&heap);
    ledger.assert_all_once();
    assert_eq!(heap.stats().drops_run, 1);
    assert!(!m.safepoint_pending());
}

/// The same, when the maker is in `blocked`, has gone into it, or is gone: at once, there.
#[test]
fn the_last_reference_dropped_elsewhere_while_the_owner_is_away() {
    let ledger = Ledger::default();
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let one = Counted::new(ledger.token());
    m.blocked(|| thread::spawn(move || drop(one)).join().unwrap());
    ledger.assert_all_once();

    let one = Counted::new(ledger.token());
    let (kept, asked) = (Counted::new(ledger.token()), ledger.token());
    thread::spawn(move || drop((one, asked))).join().unwrap();
    assert_eq!(ledger.dropped(), 2);
    m.blocked(|| settle(&heap));
    assert_eq!(ledger.dropped(), 3, "on the way into `blocked`");

    drop(m);
    thread::spawn(move || drop(kept)).join().unwrap();
    ledger.assert_all_once();
}

#[test]
fn what_a_thread_was_asked_for_goes_when_it_detaches() {
    let ledger = Ledger::default();
    let heap = calm().build().unwrap();
    let m = heap.attach().unwrap();
    let one = Counted::new(ledger.token());
    thread::spawn(move || drop(one)).join().unwrap();
    assert_eq!(ledger.dropped(), 0);
    drop(m);
    settle(&heap);
    ledger.assert_all_once();
}

/// A collection merges, too: whoever stops the world, the owner looks before it goes on, or on its way out.
#[test]
fn a_collection_is_a_safepoint() {
    let ledger = Ledger::default();
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let one = Counted::new(ledger.token());
    thread::spawn(move || drop(one)).join().unwrap();
    m.collect(Collect::Young);
    settle(&heap);
    ledger.assert_all_once();
}

/// Elsewhere than on the owner, nobody knows whether a reference is the only one, until the counts are merged.
#[test]
fn the_only_reference_elsewhere_waits_for_an_owner_that_runs() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let one = Counted::new(1);
    let one = thread::spawn(move || {
        let mut one = one;
        assert!(Counted::get_mut(&mut one).is_none(), "the owner runs");
        assert_eq!(Counted::strong_count(&one), 1);
        let mut one = Counted::try_unwrap(one).unwrap_err();
        *Counted::make_mut(&mut one) += 1;
        one
    })
    .join()
    .unwrap();
    assert_eq!(*one, 2);

    let (one, two) = (Counted::new(1), Counted::new(5));
    m.blocked(|| {
        thread::spawn(move || {
            let mut one = one;
            *Counted::get_mut(&mut one).unwrap() += 1;
            let two_again = two.clone();
            assert_eq!(Counted::strong_count(&two), 2);
            drop(two_again);
            assert_eq!(Counted::try_unwrap(two), Ok(5));
            assert_eq!(Counted::try_unwrap(one), Ok(2));
        })
        .join()
        .unwrap();
    });

    let one = Counted::new(1);
    drop(m);
    assert_eq!(thread::spawn(move || Counted::into_inner(one)).join().unwrap(), Some(1));
}

#[test]
fn one_of_many_gets_the_contents() {
    for _ in 0..200 {
        let one = Counted::new(Box::new(1));
        let two = one.clone();
        let start = Barrier::new(2);
        let into_inner = |one| {
            start.wait();
            Counted::into_inner(one)
        };
        let got = thread::scope(|scope| {
            let other = scope.spawn(|| into_inner(two));
            [into_inner(one), other.join().unwrap()]
        });
        assert_eq!(got.iter().flatten().count(), 1);
    }
}

/// An object that waits for its owner may be brought back by a weak handle.
#[test]
fn a_weak_handle_brings_back_what_waits() {
    let ledger = Ledger::default();
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let one = Counted::new(ledger.token());
    let weak = Counted::downgrade(&one);
    thread::spawn(move || drop(one)).join().unwrap();
    let one = weak.upgrade().expect("it waits");
    m.safepoint();
    settle(&heap);
    assert_eq!(ledger.dropped(), 0);
    assert_eq!(Counted::strong_count(&one), 1);
    drop(one);
    ledger.assert_all_once();
    assert!(weak.upgrade().is_none());
}

#[derive(Trace)]
struct Holder<'gc> {
    name: Counted<str>,
    next: Option<Gc<'gc, Holder<'gc>>>,
    cache: CountedWeak<str>,
}

/// A `Counted` in an object of a heap moves with it, and is dropped after it.
#[test]
fn in_objects_it_is_a_leaf() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let name: Counted<str> = "shared".into();
    fn holder<'gc>(m: &'gc Mutator, name: &Counted<str>, next: Option<Gc<'gc, Holder<'gc>>>) -> Gc<'gc, Holder<'gc>> {
        m.alloc(Holder { name: name.clone(), next, cache: Counted::downgrade(name) })
    }
    let root = m.root(holder(&m, &name, None));
    for _ in 0..100 {
        let next = holder(&m, &name, Some(root.get(&m)));
        assert_eq!(&*next.name, "shared");
        m.safepoint();
    }
    m.collect(Collect::Full);
    settle(&heap);
    m.safepoint();
    assert_eq!(Counted::strong_count(&name), 2);
    assert_eq!(&*root.get(&m).cache.upgrade().unwrap(), "shared");
    assert!(root.get(&m).next.is_none());
    drop(root);
    m.collect(Collect::Full);
    settle(&heap);
    m.safepoint();
    assert_eq!((Counted::strong_count(&name), Counted::weak_count(&name)), (1, 0));
}

/// A list as programs write it.
#[derive(Trace)]
#[trace(acyclic)]
struct Cons {
    value: u64,
    next: Option<Counted<Cons>>,
}

fn list(length: u64) -> Option<Counted<Cons>> {
    (0..length).fold(None, |next, value| Some(Counted::new(Cons { value, next })))
}

#[test]
fn a_long_chain_takes_no_deep_stack() {
    let heap = calm().build().unwrap();
    let length = if cfg!(debug_assertions) { 1_000_000 } else { 10_000_000 };
    // On a stack that would not hold a thousandth of it.
    let small = |run: Box<dyn FnOnce() + Send>| {
        thread::Builder::new().stack_size(128 << 10).spawn(run).unwrap().join().unwrap();
    };
    let attach = heap.clone();
    small(Box::new(move || {
        let _m = attach.attach().unwrap();
        let chain = list(length).unwrap();
        assert_eq!(chain.value, length - 1);
        let other = chain.clone();
        drop(chain);
        assert_eq!(other.next.as_ref().unwrap().value, length - 2);
    }));
    small(Box::new(move || drop(list(length))));
    // Dropped elsewhere, on the thread of the heap, by the one who merges.
    let ledger = Ledger::default();
    let mut m = heap.attach().unwrap();
    let chain = Counted::new((ledger.token(), list(length)));
    thread::spawn(move || drop(chain)).join().unwrap();
    m.safepoint();
    settle(&heap);
    ledger.assert_all_once();
}

thread_local! {
    static LAST: RefCell<Vec<Counted<Token>>> = const { RefCell::new(Vec::new()) };
}

static EVER: Mutex<Vec<Counted<str>>> = Mutex::new(Vec::new());

#[test]
fn statics_and_thread_locals_may_hold_them() {
    let ledger = Ledger::default();
    let heap = calm().build().unwrap();
    let there = ledger.clone();
    thread::spawn(move || {
        let m = heap.attach().unwrap();
        LAST.with_borrow_mut(|last| last.push(Counted::new(there.token())));
        EVER.lock().push("ever".into());
        drop((m, heap));
        LAST.with_borrow_mut(|last| last.push(Counted::new(there.token())));
    })
    .join()
    .unwrap();
    ledger.assert_all_once();
    let ever = EVER.lock().last().unwrap().clone();
    assert_eq!(&*ever, "ever");
}

/// Threads that clone and drop what others made, with mutators that come and go.
#[test]
fn threads_hand_them_around() {
    let ledger = Ledger::default();
    let heap = calm().build().unwrap();
    let board: Mutex<Vec<Counted<(u64, Token)>>> = Mutex::default();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for id in 0..4_u64 {
            let (heap, ledger, board, stop) = (&heap, &ledger, &board, &stop);
            scope.spawn(move || {
                let mut own = Vec::new();
                for turn in 0..300_u64 {
                    let mut m = (id != 3).then(|| heap.attach().unwrap());
                    let one = Counted::new((id, ledger.token()));
                    own.push(one.clone());
                    board.lock().push(one);
                    if turn % 3 == 0 {
                        own.clear();
                    }
                    let taken = {
                        let mut board = board.lock();
                        let index = turn as usize * 7 % board.len();
                        if turn % 2 == 0 { Some(board.swap_remove(index)) } else { board.get(index).cloned() }
                    };
                    if let Some(m) = &mut m {
                        m.safepoint();
                        m.blocked(|| drop(taken));
                        m.safepoint();
                    }
                }
                stop.store(true, Ordering::Relaxed);
            });
        }
    });
    board.lock().clear();
    drop(heap);
    wait_until("everything is dropped", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
}

#[test]
fn generic_code_bounds_by_acyclic() {
    fn pair<T: Acyclic>(value: T) -> Counted<(Counted<T>, Counted<T>)> {
        let one = Counted::new(value);
        Counted::new((one.clone(), one))
    }
    let pair = pair(String::from("x"));
    assert!(Counted::ptr_eq(&pair.0, &pair.1));
}
