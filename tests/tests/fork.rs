//! The child of a fork: its heaps' threads are gone. Alone in its process: only the thread that forks goes on in the child.

#![forbid(unsafe_code)]

use std::{sync::mpsc, time::Duration};

use fork::{Fork, fork, waitpid};
use gc_core::{Collect, Counted, Level};
use gc_tests::{heaps::calm, runs::Runs};

/// One test forks at a time.
static TURN: parking_lot::Mutex<()> = parking_lot::Mutex::new(());

#[test]
fn a_child_reads_and_lets_go_of_its_heaps() {
    let _turn = TURN.lock();
    for busy in [false, true] {
        let heap = calm().build().unwrap();
        let mut m = heap.attach().unwrap();
        let roots: Vec<_> = (0..100_000_u64).map(|n| m.root(m.alloc(n))).collect();
        let other = busy.then(|| {
            // Another thread collects at the moment of the fork: locks may be held.
            let heap = heap.clone();
            std::thread::spawn(move || {
                let mut m = heap.attach().unwrap();
                for _ in 0..50 {
                    m.collect(Collect::Full);
                }
            })
        });
        m.safepoint();
        let counted = Counted::new(String::from("made before"));
        let weak = Counted::downgrade(&counted);
        let fine = std::env::temp_dir().join(format!("gc-core fork {} {busy}", std::process::id()));
        match fork().unwrap() {
            Fork::Child => {
                assert_eq!(*roots[7].get(&m), 7);
                drop(counted.clone());
                drop(m);
                // Its maker is neither running nor gone: what it counted is kept.
                drop(counted.clone());
                assert_eq!(weak.upgrade().as_deref(), Some(&*counted));
                drop((counted, Counted::new(1)));
                drop(roots);
                drop(heap);
                std::fs::write(fine, "").unwrap();
                std::process::exit(0);
            }
            Fork::Parent(child) => {
                let (ended, wait) = mpsc::channel();
                std::thread::spawn(move || ended.send(waitpid(child)));
                let ended = m.blocked(|| wait.recv_timeout(Duration::from_secs(60)));
                ended.expect("the child hangs").unwrap();
                std::fs::remove_file(fine).expect("the child says that all is fine");
            }
        }
        if let Some(other) = other {
            m.blocked(|| other.join().unwrap());
        }
        m.collect(Collect::Full);
        drop(counted);
        assert!(weak.upgrade().is_none());
    }
}

/// The maker of the objects is a thread that exists in the parent only, and is not at a safepoint at the moment of the fork.
#[test]
fn a_child_drops_what_waits_for_a_thread_of_its_parent() {
    let _turn = TURN.lock();
    let heap = calm().on_event(Level::Warning, |_| ()).build().unwrap();
    let (send, receive) = mpsc::channel::<Vec<Counted<Vec<Counted<String>>>>>();
    let (go, wait) = mpsc::channel::<()>();
    let there = heap.clone();
    let maker = std::thread::spawn(move || {
        let mut m = there.attach().unwrap();
        let object = |n: usize| Counted::new(vec![Counted::new(n.to_string())]);
        let _ = send.send((0..20_000).map(object).collect());
        let _ = wait.recv();
        m.safepoint();
    });
    let objects = receive.recv().unwrap();
    let fine = std::env::temp_dir().join(format!("gc-core fork waiting {}", std::process::id()));
    match fork().unwrap() {
        Fork::Child => {
            let kept = objects[0].clone();
            drop(objects);
            // Of the first one no more references were dropped than made.
            assert_eq!(heap.stats().counted_waiting, 19_999);
            assert_eq!(*kept[0], "0");
            std::fs::write(fine, "").unwrap();
            std::process::exit(0);
        }
        Fork::Parent(child) => {
            let (ended, wait) = mpsc::channel();
            std::thread::spawn(move || ended.send(waitpid(child)));
            wait.recv_timeout(Duration::from_secs(60)).expect("the child hangs").unwrap();
            std::fs::remove_file(fine).expect("the child says that all is fine");
        }
    }
    let weak = Counted::downgrade(&objects[0]);
    drop(objects);
    assert_eq!(heap.stats().counted_waiting, 20_000);
    drop(go);
    maker.join().unwrap();
    gc_tests::heaps::settle(&heap);
    assert!(weak.upgrade().is_none());
}

#[test]
fn a_child_lets_go_of_mutators_that_are_kept_lent_and_parked() {
    let _turn = TURN.lock();
    for round in 0..6 {
        let (heap, other) = (calm().build().unwrap(), calm().build().unwrap());
        let root = heap.with(|m| m.root(m.alloc(1_u64))).unwrap();
        let parked = other.attach().unwrap().park();
        other.with(|m| *m.alloc(2_u64)).unwrap();
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (there, stopped) = (heap.clone(), stop.clone());
        // Another thread collects at the moment of the fork: the world may be stopped, and locks may be held.
        let collects = heap.spawn(move |m| {
            while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                m.collect([Collect::Young, Collect::Full][round % 2]);
            }
            drop(there);
        });
        let fine = std::env::temp_dir().join(format!("gc-core fork kept {} {round}", std::process::id()));
        // Within `with`, which ends in both processes.
        let forked = heap
            .with(|m| {
                m.safepoint();
                let forked = fork().unwrap();
                assert_eq!(*root.get(m), 1);
                forked
            })
            .unwrap();
        match forked {
            Fork::Child => {
                let ends = fine.clone();
                // Its thread-locals go, and with them what it keeps.
                drop((parked, root));
                drop((heap, other));
                std::fs::write(ends, "").unwrap();
                std::process::exit(0);
            }
            Fork::Parent(child) => {
                let (ended, wait) = mpsc::channel();
                std::thread::spawn(move || ended.send(waitpid(child)));
                wait.recv_timeout(Duration::from_secs(60)).expect("the child hangs").unwrap();
                std::fs::remove_file(fine).expect("the child says that all is fine");
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
                collects.unwrap().join().unwrap();
                assert_eq!(heap.with(|m| *root.get(m)), Ok(1));
                drop(parked);
            }
        }
    }
}

/// The child has the thread that ran the destructor, and no other one of the heap.
#[test]
fn a_destructor_may_fork() {
    let _turn = TURN.lock();
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let (send, ended) = mpsc::channel();
    let here = heap.clone();
    m.alloc(Runs::new(move || match fork().unwrap() {
        Fork::Child => {
            // No heap ends here.
            drop(here);
            std::process::exit(0);
        }
        Fork::Parent(child) => send.send(waitpid(child)).unwrap(),
    }));
    m.collect(Collect::Full);
    let ended = m.blocked(|| ended.recv_timeout(Duration::from_secs(60)));
    ended.expect("the child hangs").unwrap();
    m.drain_drops(Duration::from_secs(60)).unwrap();
}

/// Chunks of roots are freed one by one by the thread that drops the last root of each. Another thread does the same at the moment
/// of the fork: a lock may be held. Whether it is, is a matter of chance: some 20 forks are needed.
#[test]
fn a_child_drops_roots_while_its_mutator_runs() {
    let _turn = TURN.lock();
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (there, stopped) = (heap.clone(), stop.clone());
    let other = std::thread::spawn(move || {
        let mut m = there.attach().unwrap();
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            let roots: Vec<_> = (0..60_000_u64).map(|n| m.root(n)).collect();
            // Settles them.
            m.collect(Collect::Promote);
            drop(roots);
        }
    });
    for round in 0..40 {
        let roots: Vec<_> = (0..50_000_u64).map(|n| m.root(n)).collect();
        m.collect(Collect::Promote);
        match fork().unwrap() {
            Fork::Child => {
                drop(roots);
                drop(m);
                drop(heap);
                std::process::exit(0);
            }
            Fork::Parent(child) => {
                let (ended, wait) = mpsc::channel();
                std::thread::spawn(move || ended.send(waitpid(child)));
                let ended = m.blocked(|| wait.recv_timeout(Duration::from_secs(60)));
                if ended.is_err() {
                    let _ = std::process::Command::new("kill").args(["-9", &child.to_string()]).status();
                    panic!("child {child}, of round {round}, hangs");
                }
                ended.unwrap().unwrap();
            }
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    m.blocked(|| other.join().unwrap());
}
