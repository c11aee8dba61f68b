//! A future that holds a pointer stays on its thread.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Heap;

fn send(_: impl Future + Send) {}

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    send(async {
        std::future::ready(()).await;
        assert_eq!(*value, 1);
    });
}
