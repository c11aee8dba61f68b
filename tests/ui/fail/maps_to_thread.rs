//! A map of pointers on another thread.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::collections::HashMap;

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let map = HashMap::from([(1, m.alloc(1_u64))]);
    std::thread::scope(|scope| {
        scope.spawn(|| map.len());
    });
    assert!(map.is_whole());
}
