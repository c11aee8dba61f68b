//! The child of a fork: its heaps' threads are gone. Alone in its process: only the thread that forks goes on in the child.

#![forbid(unsafe_code)]

use std::{sync::mpsc, time::Duration};

use fork::{Fork, fork, waitpid};
use gc_core::{Counted, Generation};
use gc_tests::heaps::calm;

#[test]
fn a_child_reads_and_lets_go_of_its_heaps() {
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
                    m.collect(Generation::Old);
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
        m.collect(Generation::Old);
        drop(counted);
        assert!(weak.upgrade().is_none());
    }
}
