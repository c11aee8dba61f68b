//! Publication of new objects through a pointer slot: `object::pointer_slot`.
//!
//! `Heap::touch` stands for writing the header and values of a new object, `Heap::look` for reading them through the pointer.

use core::{ptr, sync::atomic::Ordering};

use crate::{Arc, Heap, check, object::PointerSlot, thread};
#[cfg(not(gc_shuttle))]
use crate::{must_fail, sync::mutant};

struct Collector {
    slot: PointerSlot,
    objects: [Heap; 2],
}

/// Returns the address that stands for an object.
fn address(object: usize) -> *mut u8 {
    ptr::without_provenance_mut(16 * (object + 1))
}

fn read(shared: &Collector, found: *mut u8) {
    if !found.is_null() {
        shared.objects[found.addr() / 16 - 1].look();
    }
}

fn shared() -> Arc<Collector> {
    Arc::new(Collector { slot: PointerSlot::new(ptr::null_mut()), objects: [Heap::new(), Heap::new()] })
}

fn a_store() {
    check(|| {
        let here = shared();
        let there = here.clone();
        let writer = thread::spawn(move || {
            for object in 0..2 {
                there.objects[object].touch();
                there.slot.publish(address(object));
            }
        });
        read(&here, here.slot.get());
        read(&here, here.slot.get());
        writer.join().unwrap();
    });
}

fn swaps() {
    check(|| {
        let here = shared();
        let there = here.clone();
        let other = thread::spawn(move || {
            there.objects[0].touch();
            read(&there, there.slot.swap(address(0)));
        });
        here.objects[1].touch();
        let mut seen = here.slot.load(Ordering::Acquire);
        while let Err(found) = here.slot.compare_exchange(seen, address(1)) {
            seen = found;
        }
        read(&here, seen);
        other.join().unwrap();
    });
}

#[test]
fn what_a_store_publishes_is_whole() {
    a_store();
}

#[test]
fn what_swaps_and_exchanges_publish_is_whole() {
    swaps();
}

/// Shuttle runs one thread at a time, so it cannot see what only the order of memory accesses shows.
#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_relaxed_store_is_found() {
    must_fail("pointer_slot::mutant_a_relaxed_store_is_found", mutant::RELAXED_PUBLISH, a_store);
}
