//! The end of objects: contents dropped, memory freed, deep chains without deep recursion.
//!
//! Dropping an object's contents may end objects that it alone refers to. That recurses up to a depth; what dies below waits until the
//! outermost one is done, which then ends what waits, one after the other. So a chain takes a stack of a few frames, whatever its
//! length, and a wide object no memory at all.
//!
//! - **[reclaim.once]** Every dead object is ended once: dropped and freed, or on this thread's list of those that wait. The list is empty when no object
//!   is being ended.
//! - **[reclaim.panics]** A destructor that panics loses nothing: its object's memory is freed, what it referred to waits and is ended, and then the panic
//!   goes on, the first if there are several. (Where the thread unwound before, it aborts, as everywhere.)
//!
//! The thread-locals need no destructor, and so are there in the destructors of others.

use core::{
    any::Any,
    cell::Cell,
    mem::{ManuallyDrop, needs_drop},
    ptr::NonNull,
};
use std::{panic, thread};

use super::{
    contents::{Contents, free},
    count::Count,
    owners::{Kind, Object},
};

/// Objects that are being ended on this thread, each by the destructor of the one before.
const DEEP: u32 = 32;

/// In `DEPTH`, beside how many.
const COUNT: u32 = 255;
/// What waits is being ended.
const ENDING: u32 = 256;
/// The thread unwound before the outermost one was ended: a destructor that panics aborts, as everywhere, and so nothing has to wait for it.
const UNWINDS: u32 = 512;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static WAITING: ManuallyDrop<Cell<Vec<Object>>> = const { ManuallyDrop::new(Cell::new(Vec::new())) };
    /// Whether there is something in `WAITING`.
    static ANY_WAITS: Cell<bool> = const { Cell::new(false) };
}

/// What `Object`s of a type are ended by.
pub(super) struct KindOf<T: ?Sized>(core::marker::PhantomData<T>);

impl<T: Contents + ?Sized> KindOf<T> {
    pub(super) const KIND: &'static Kind =
        &Kind { reclaim: reclaim::<T>, free: free::<T>, name: core::any::type_name::<T> };
}

/// Ends a dead object.
///
/// # Safety
///
/// It is of this type, dead, and the caller's to end.
#[inline]
pub(super) unsafe fn reclaim<T: Contents + ?Sized>(object: NonNull<Count>) {
    if !needs_drop::<T>() {
        // SAFETY: the caller's; nothing to drop.
        unsafe { release_memory::<T>(object) };
        return;
    }
    let depth = DEPTH.get();
    // In the unwinding of a destructor that panicked, a second panic would abort: what that one lets go of waits.
    if depth & COUNT == DEEP || (depth & COUNT > 0 && depth & UNWINDS == 0 && thread::panicking()) {
        wait(Object { count: object, kind: KindOf::<T>::KIND });
        return;
    }
    let unwinds = if depth == 0 && thread::panicking() { UNWINDS } else { 0 };
    DEPTH.set((depth | unwinds) + 1);
    // Both run when the destructor has returned or panicked: the memory is freed, and then, on the way out, what waits is ended.
    let _leave = Leave { depth };
    let _memory = Memory::<T> { object, kind: core::marker::PhantomData };
    // SAFETY: the caller's: nobody else has a reference, nor gets one.
    unsafe { T::at(object.cast()).drop_in_place() };
}

/// Frees the memory of an object whose contents are gone, unless there are weak handles.
///
/// # Safety
///
/// The object was of this type, dead, and the caller's to end.
#[inline]
pub(super) unsafe fn release_memory<T: Contents + ?Sized>(object: NonNull<Count>) {
    // SAFETY: not freed yet.
    if unsafe { object.as_ref() }.release_memory() {
        // SAFETY: the caller's; there is no handle of any kind.
        unsafe { free::<T>(object) };
    }
}

struct Memory<T: Contents + ?Sized> {
    object: NonNull<Count>,
    kind: core::marker::PhantomData<fn(&T)>,
}

impl<T: Contents + ?Sized> Drop for Memory<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: made in `reclaim` only, of an object whose contents have been dropped by now.
        unsafe { release_memory::<T>(self.object) };
    }
}

struct Leave {
    depth: u32,
}

impl Drop for Leave {
    #[inline]
    fn drop(&mut self) {
        let unwinds = DEPTH.replace(self.depth) & UNWINDS;
        if self.depth == 0 && ANY_WAITS.get() {
            end_what_waits(unwinds);
        }
    }
}

#[cold]
#[inline(never)]
fn wait(object: Object) {
    let mut waiting = WAITING.with(|waiting| waiting.take());
    waiting.push(object);
    WAITING.with(|list| list.set(waiting));
    ANY_WAITS.set(true);
}

/// Ends what waits, and what comes to wait meanwhile ([reclaim.once], [reclaim.panics]).
#[cold]
#[inline(never)]
fn end_what_waits(unwinds: u32) {
    let mut panicked = None;
    DEPTH.set(ENDING | unwinds);
    while let Some(object) = next() {
        if let Err(payload) = end(object) {
            match panicked {
                None => panicked = Some(payload),
                // Its destructor is user code too: what panics twice leaks.
                Some(_) => core::mem::forget(payload),
            }
        }
    }
    DEPTH.set(0);
    match panicked {
        // A panic is under way already, and one that leaves a destructor meanwhile aborts. The panic hook has told of this one.
        Some(payload) if thread::panicking() => core::mem::forget(payload),
        Some(payload) => panic::resume_unwind(payload),
        None => {}
    }
}

fn next() -> Option<Object> {
    WAITING.with(|list| {
        let mut waiting = list.take();
        let object = waiting.pop();
        // An empty list has no memory: the thread may end.
        ANY_WAITS.set(!waiting.is_empty());
        if !waiting.is_empty() {
            list.set(waiting);
        }
        object
    })
}

/// Ends a dead object, which is the caller's to end. A panic of its destructor is caught.
pub(crate) fn end(object: Object) -> Result<(), Box<dyn Any + Send>> {
    // It is nobody's, so no broken state is seen if it panics.
    panic::catch_unwind(panic::AssertUnwindSafe(|| {
        // SAFETY: the caller's.
        unsafe { (object.kind.reclaim)(object.count) };
    }))
}
