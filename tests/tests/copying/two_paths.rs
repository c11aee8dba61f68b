//! An object that two workers come to by two paths is one object afterwards: what is written on one path is read on the other, and
//! its destructor runs once.
//!
//! Two arrays, each an object of its own, hold the same objects in the same order. Copying an object takes long enough for the
//! worker on the other array to come to it meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};

use gc_core::{Collect, Gc, GcCell, Mutator, Root, Trace};
use gc_tests::heaps::under;

const OBJECTS: usize = 2048;
const ROUNDS: usize = 10;

/// Counts its drops where nothing is freed: a destructor that ran twice is a number here, and no crash.
#[derive(Trace)]
#[trace(leaf)]
struct Counts(&'static AtomicUsize);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Trace)]
struct Shared {
    written: GcCell<u64>,
    _counts: Option<Counts>,
    body: [u64; 500],
}

/// Both arrays.
type Paths = [Root<Gc<'static, [Gc<'static, Shared>]>>; 2];

fn paths(m: &Mutator, counts: Option<&'static AtomicUsize>) -> Paths {
    let shared: Vec<Gc<Shared>> = (0..OBJECTS)
        .map(|n| m.alloc(Shared { written: GcCell::new(0), _counts: counts.map(Counts), body: [n as u64; 500] }))
        .collect();
    [(); 2].map(|()| m.root(m.alloc_slice_copy(&shared)))
}

/// Makes two paths to the same objects, collects, and has `check` look at them, again and again.
fn copy(profile: &str, counts: Option<&'static AtomicUsize>, check: impl Fn(&Mutator, &Paths)) {
    let heap = under(profile).chunk_bytes(1 << 20).nursery_bytes(64 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    for _ in 0..ROUNDS {
        let paths = paths(&m, counts);
        for _ in 0..2 {
            m.collect(Collect::Young);
            check(&m, &paths);
        }
    }
    assert!(heap.stats().bytes_by_helpers > 0, "nobody helped");
}

#[test]
fn what_is_written_on_one_path_is_read_on_the_other() {
    for profile in ["workers=2", "workers=3,promote-always"] {
        copy(profile, None, |m, [one, other]| {
            for (n, (one, other)) in one.get(m).iter().zip(other.get(m).iter()).enumerate() {
                let before = other.written.get(m);
                one.written.set(m, before + 1);
                assert_eq!(other.written.get(m), before + 1, "object {n} is there twice");
                assert!(other.body.iter().all(|&word| word == n as u64));
            }
        });
    }
}

#[test]
fn what_is_reached_on_two_paths_is_dropped_once() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    copy("workers=2", Some(&DROPS), |_, _| ());
    // The heap has ended.
    assert_eq!(DROPS.load(Ordering::Relaxed), ROUNDS * OBJECTS);
}
