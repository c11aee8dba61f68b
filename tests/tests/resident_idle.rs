//! A heap in which nothing happens any more gives back what a spike took, without a request, and rests then. Alone in its process: its
//! memory and its threads are measured.

#![forbid(unsafe_code)]

use std::{fs, thread, time::Duration};

use gc_core::{Gc, Mutator, Root};
use gc_tests::{
    heaps::{calm, wait_until},
    process::{anonymous_bytes, assert_backed},
    random::Random,
};

type Kept = Root<Vec<Gc<'static, [u64]>>>;

/// So many MiB of objects of many sizes, of which one in fourteen is kept, at random.
fn spike(m: &mut Mutator, kept: &mut Kept, mebibytes: usize) {
    let mut all: Kept = m.root(Vec::<Gc<[u64]>>::new());
    let (mut random, mut bytes) = (Random::new(9), 0);
    while bytes < mebibytes << 20 {
        let words = 1 + random.below(200) as usize;
        let new = m.alloc_slice_with(words, |_| words as u64);
        all.get_mut(m).push(new);
        if random.below(14) == 0 {
            kept.get_mut(m).push(new);
        }
        m.safepoint();
        bytes += 8 * words + 16;
    }
}

/// How often the threads of heaps were switched to another thread.
fn switches() -> u64 {
    let mut sum = 0;
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let folder = task.unwrap().path();
        // A thread may have ended meanwhile.
        let read = |file| fs::read_to_string(folder.join(file)).unwrap_or_default();
        if read("comm").starts_with("gc-core") {
            let status = read("status");
            let counts = status.lines().filter_map(|line| line.split_once("ctxt_switches:"));
            sum += counts.map(|(_, count)| count.trim().parse::<u64>().unwrap()).sum::<u64>();
        }
    }
    sum
}

#[test]
fn an_idle_heap_shrinks_by_itself_and_rests() {
    let before = anonymous_bytes();
    let heap = calm().idle_after(Duration::from_millis(400)).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut kept: Kept = m.root(Vec::<Gc<[u64]>>::new());
    spike(&mut m, &mut kept, 580);
    m.blocked(|| {
        assert_backed(before, 64 << 20, "about 40 MiB live");
        // Longer than it takes to find out twice that the heap is idle.
        wait_until("its threads rest", || {
            let before = switches();
            thread::sleep(Duration::from_secs(2));
            switches() == before
        });
    });
    for slice in kept.borrow(&m) {
        assert!(slice.iter().all(|&word| word == slice.len() as u64), "a slice of {} is damaged", slice.len());
    }
    // It goes on as before. When it is idle again, it waits for longer, by how long marking took.
    let collections = heap.stats().collections.total();
    spike(&mut m, &mut kept, 16);
    assert!(heap.stats().collections.total() > collections);
}
