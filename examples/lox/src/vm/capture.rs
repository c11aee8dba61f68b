//! Captured variables: closures that capture them, and what becomes of them when their frames end.
//!
//! - **U1** `open` lists the captured variables that are still on the stack, with their slots, in ascending order, each
//!   slot once.

use gc_core::{Gc, GcCell, Mutator, Trace};

use crate::chunk::Capture;
use crate::function::{Closure, Function, Upvalue, Variable};
use crate::value::Value;

/// A captured variable that is still on the stack.
#[derive(Clone, Copy, Trace)]
pub(super) struct OpenUpvalue<'gc> {
    pub(super) slot: usize,
    upvalue: Gc<'gc, Upvalue<'gc>>,
}

/// A closure of `function`, made in a frame that begins at `base` and runs `around`.
#[inline(never)]
pub(super) fn make_closure<'gc>(
    m: &'gc Mutator,
    function: Gc<'gc, Function<'gc>>,
    around: Gc<'gc, Closure<'gc>>,
    open: &mut Vec<OpenUpvalue<'gc>>,
    base: usize,
) -> Gc<'gc, Closure<'gc>> {
    let captures = Gc::as_ref(function.captures);
    let upvalues = m.alloc_slice_with(captures.len(), |i| match captures[i] {
        Capture::Local(slot) => capture(m, open, base + usize::from(slot)),
        Capture::Upvalue(index) => around.upvalues[usize::from(index)],
    });
    m.alloc(Closure { function, upvalues })
}

/// The upvalue of a variable on the stack: all closures that capture it share one.
fn capture<'gc>(m: &'gc Mutator, open: &mut Vec<OpenUpvalue<'gc>>, slot: usize) -> Gc<'gc, Upvalue<'gc>> {
    let behind = open.iter().rposition(|known| known.slot <= slot).map_or(0, |at| at + 1);
    if let Some(known) = behind.checked_sub(1).map(|at| &open[at])
        && known.slot == slot
    {
        return known.upvalue;
    }
    let place = u32::try_from(slot).expect("64 frames of at most 65536 slots");
    let upvalue = m.alloc(Upvalue { variable: GcCell::new(Variable::Open(place)) });
    open.insert(behind, OpenUpvalue { slot, upvalue });
    upvalue
}

/// Gives the captured variables from slot `from` on a place of their own, before their slots are gone.
#[inline(never)]
pub(super) fn close<'gc>(m: &'gc Mutator, open: &mut Vec<OpenUpvalue<'gc>>, stack: &[Value<'gc>], from: usize) {
    while let Some(last) = open.pop_if(|last| last.slot >= from) {
        last.upvalue.variable.set(m, Variable::Closed(stack[last.slot]));
    }
}
