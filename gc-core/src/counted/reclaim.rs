//! Reclaiming dead objects: dropping their contents and freeing their memory, without deep
//! recursion.
//!
//! Dropping an object's contents may make further objects dead, to which it held the last
//! references. Reclaiming these recurses down to a fixed depth. An object that dies below that
//! depth waits until the outermost destructor has returned; the waiting objects are then reclaimed
//! one after the other. So a chain takes a stack of a few frames whatever its length, and a wide
//! object takes no additional memory.
//!
//! - **[reclaim.once]** Every dead object is reclaimed once: it is dropped and freed, or it is on
//!   this thread's list of waiting objects. The list is empty when no object is being reclaimed.
//! - **[reclaim.panics]** A destructor that panics loses nothing. The memory of its object is
//!   freed, and the objects that it referred to wait and are reclaimed. Then the panic is resumed;
//!   of several panics, the first one. (If the thread was unwinding before, such a panic aborts the
//!   process, as it always does.)
//! - **[reclaim.round]** `ROUND` is the round of the object that is being reclaimed, and 0
//!   otherwise: those that its destructor drops have waited for as many safepoints
//!   ([owners.rounds]).
//!
//! The thread-locals here need no destructor, so the destructors of other thread-locals can use
//! them.

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

/// The maximum number of nested destructors on this thread.
const DEEP: u32 = 32;

/// The bits of `DEPTH` that hold the number of nested destructors; the others are flags.
const COUNT: u32 = 255;
/// The waiting objects are being reclaimed.
const ENDING: u32 = 256;
/// The thread was unwinding before the outermost object was reclaimed. A destructor that panics
/// then aborts in any case, so no object has to wait for that.
const UNWINDS: u32 = 512;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static WAITING: ManuallyDrop<Cell<Vec<Object>>> = const { ManuallyDrop::new(Cell::new(Vec::new())) };
    /// Whether `WAITING` has an object.
    static ANY_WAITS: Cell<bool> = const { Cell::new(false) };
    /// [reclaim.round].
    static ROUND: Cell<u32> = const { Cell::new(0) };
}

/// Provides the [`Kind`] of a type.
struct KindOf<T: ?Sized>(core::marker::PhantomData<T>);

impl<T: Contents + ?Sized> KindOf<T> {
    const KIND: &'static Kind = &Kind { reclaim: reclaim::<T>, free: free::<T>, name: core::any::type_name::<T> };
}

/// Returns an object without its type, for a thread that has released a reference to it.
pub(super) fn object<T: Contents + ?Sized>(count: NonNull<Count>) -> Object {
    Object { count, kind: KindOf::<T>::KIND, round: ROUND.get() }
}

/// Reclaims a dead object.
///
/// # Safety
///
/// The object is of this type and dead, and the caller has to reclaim it.
#[inline]
pub(super) unsafe fn reclaim<T: Contents + ?Sized>(object: NonNull<Count>) {
    if !needs_drop::<T>() {
        // SAFETY: the caller guarantees the same, and there is nothing to drop.
        unsafe { release_memory::<T>(object) };
        return;
    }
    let depth = DEPTH.get();
    // While a destructor that panicked unwinds, a second panic would abort, so the objects that it releases wait.
    if depth & COUNT == DEEP || (depth & COUNT > 0 && depth & UNWINDS == 0 && thread::panicking()) {
        wait(self::object::<T>(object));
        return;
    }
    let unwinds = if depth == 0 && thread::panicking() { UNWINDS } else { 0 };
    DEPTH.set((depth | unwinds) + 1);
    // Both guards run when the destructor has returned or panicked: first the memory is freed, and then the waiting objects are
    // reclaimed.
    let _leave = Leave { depth };
    let _memory = Memory::<T> { object, kind: core::marker::PhantomData };
    // SAFETY: the object is dead and the caller's, so no other thread has a reference or can get one, and the contents are valid.
    unsafe { T::at(object.cast()).drop_in_place() };
}

/// Frees the memory of an object whose contents are gone, unless there are weak handles.
///
/// # Safety
///
/// The object was of this type and dead, and the caller had to reclaim it.
#[inline]
pub(super) unsafe fn release_memory<T: Contents + ?Sized>(object: NonNull<Count>) {
    // SAFETY: the memory is not freed yet, as the caller has to release it.
    if unsafe { object.as_ref() }.release_memory() {
        // SAFETY: of this type, by the caller's guarantee, and no handle of any kind is left.
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
        // SAFETY: `reclaim` alone makes this guard, for an object that it has to reclaim. By now its contents have been dropped.
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

/// Reclaims the waiting objects, and those that start to wait meanwhile ([reclaim.once],
/// [reclaim.panics]).
#[cold]
#[inline(never)]
fn end_what_waits(unwinds: u32) {
    let mut panicked = None;
    DEPTH.set(ENDING | unwinds);
    while let Some(object) = next() {
        if let Err(payload) = end(object) {
            match panicked {
                None => panicked = Some(payload),
                // The payload's destructor is user code, which could panic too. So the payload leaks.
                Some(_) => core::mem::forget(payload),
            }
        }
    }
    DEPTH.set(0);
    match panicked {
        // The thread is unwinding already, and a second panic that leaves a destructor aborts. The panic hook has reported this
        // one.
        Some(payload) if thread::panicking() => core::mem::forget(payload),
        Some(payload) => panic::resume_unwind(payload),
        None => {}
    }
}

fn next() -> Option<Object> {
    WAITING.with(|list| {
        let mut waiting = list.take();
        let object = waiting.pop();
        // An empty list has no memory, so nothing leaks when the thread ends.
        ANY_WAITS.set(!waiting.is_empty());
        if !waiting.is_empty() {
            list.set(waiting);
        }
        object
    })
}

/// Reclaims a dead object, which the caller has to reclaim. Catches a panic of its destructor.
pub(crate) fn end(object: Object) -> Result<(), Box<dyn Any + Send>> {
    let before = ROUND.replace(object.round);
    // No thread can reach the object any more, so a panic leaves no broken state to be seen.
    let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        // SAFETY: the object is of this kind and dead, and the caller has to reclaim it.
        unsafe { (object.kind.reclaim)(object.count) };
    }));
    ROUND.set(before);
    outcome
}
