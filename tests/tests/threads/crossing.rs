//! What crosses threads: handles and roots. What never does: pointers, slots, cells, guards, mutators.

use std::{
    cell::Cell,
    panic::{RefUnwindSafe, UnwindSafe},
};

use gc_core::{
    AllocError, AttachError, BuildError, CallbackThread, CollectReport, EnterError, Event, ExternalBytes,
    FinalizationQueue, Finalizer, Gc, GcCell, GcCellMut, GcCellRef, Heap, HeapBuilder, Mutator, NotEntered, Parked,
    Pressure, ReferenceQueue, Root, Scope, SettingError, Slot, Stats, Stress, Thresholds, WeakHeap, observe::Timeline,
};
use gc_tests::neither_send_nor_sync;

fn send_and_sync<T: Send + Sync>() {}

fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}

/// No panic leaves them in a state that matters: no user code runs while a lock is held.
#[test]
fn handles_are_unwind_safe() {
    unwind_safe::<(Heap, WeakHeap, Pressure, ExternalBytes, CallbackThread, Timeline)>();
    unwind_safe::<(Root<Gc<'static, str>>, Root<Vec<u64>>)>();
    unwind_safe::<(ReferenceQueue<Cell<u64>>, FinalizationQueue<GcCell<u64>>, Finalizer<GcCell<u64>>)>();
}

#[test]
fn handles_roots_and_reports_cross_threads() {
    send_and_sync::<Heap>();
    send_and_sync::<HeapBuilder>();
    send_and_sync::<Root<u64>>();
    send_and_sync::<Root<Gc<'static, u64>>>();
    send_and_sync::<Root<Gc<'static, [Slot<'static, str>]>>>();
    send_and_sync::<Root<Vec<Gc<'static, GcCell<Vec<Gc<'static, str>>>>>>>();
    send_and_sync::<Root<GcCell<u64>>>();
    send_and_sync::<(AttachError, BuildError, CollectReport, Event, SettingError, Stats, Stress, Thresholds)>();
    send_and_sync::<AllocError<u64>>();
    send_and_sync::<(EnterError, Scope<'static, 'static>)>();
}

#[test]
fn pointers_cells_guards_and_mutators_stay_on_their_thread() {
    neither_send_nor_sync!(
        Mutator,
        Parked,
        NotEntered,
        &Mutator,
        Gc<'static, u64>,
        Gc<'static, str>,
        Gc<'static, [u8]>,
        Slot<'static, u64>,
        Slot<'static, str>,
        GcCell<u64>,
        GcCell<Vec<Gc<'static, u64>>>,
        GcCellRef<'static, u64>,
        GcCellMut<'static, u64>,
        Vec<Gc<'static, u64>>,
        AllocError<Gc<'static, u64>>,
    );
}

#[test]
fn pointers_are_one_word_and_know_null() {
    assert_eq!(size_of::<Gc<'static, u64>>(), size_of::<usize>());
    assert_eq!(size_of::<Gc<'static, str>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<Gc<'static, [u64]>>>(), size_of::<usize>());
    assert_eq!(size_of::<Slot<'static, [u64]>>(), size_of::<usize>());
    assert_eq!(size_of::<Root<Vec<u64>>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<Root<u64>>>(), size_of::<usize>());
    assert_eq!(size_of::<Mutator>(), size_of::<usize>());
}
