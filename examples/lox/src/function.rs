//! Functions, closures and the variables they capture.

use std::sync::atomic::{AtomicU64, Ordering};

use gc_core::{Gc, GcCell, Leaf, Mutator, Trace};

use crate::chunk::{Capture, Constant, Proto};
use crate::names::Symbol;
use crate::op::Op;
use crate::strings::Strings;
use crate::value::Value;

/// A compiled function. It lives as long as a closure, a frame or the function around it refers to it.
#[derive(Trace)]
pub(crate) struct Function<'gc> {
    pub(crate) name: Option<Symbol>,
    pub(crate) arity: u8,
    /// Stack slots that a frame needs.
    pub(crate) frame_size: u32,
    pub(crate) code: Gc<'gc, [Op]>,
    pub(crate) lines: Gc<'gc, [u32]>,
    pub(crate) constants: Gc<'gc, [Value<'gc>]>,
    pub(crate) sites: Gc<'gc, [Site]>,
    pub(crate) functions: Gc<'gc, [Gc<'gc, Function<'gc>>]>,
    pub(crate) captures: Gc<'gc, [Capture]>,
}

/// A place in the code that looks up a property, and what it found last: its inline cache.
///
/// The cache holds a class's id and the index at which instances or methods of that class have the property; 0 at
/// first, which is no id. It holds no pointer, so the collector need not know it.
#[derive(Trace)]
pub(crate) struct Site {
    pub(crate) name: Symbol,
    cache: Leaf<AtomicU64>,
}

/// A function together with the variables it has captured.
#[derive(Trace)]
pub(crate) struct Closure<'gc> {
    pub(crate) function: Gc<'gc, Function<'gc>>,
    pub(crate) upvalues: Gc<'gc, [Gc<'gc, Upvalue<'gc>>]>,
}

/// A captured variable, shared by all closures that captured it.
#[derive(Trace)]
pub(crate) struct Upvalue<'gc> {
    pub(crate) variable: GcCell<Variable<'gc>>,
}

#[derive(Clone, Copy, Trace)]
pub(crate) enum Variable<'gc> {
    /// Its block still runs: it is this slot of the stack.
    Open(u32),
    Closed(Value<'gc>),
}

impl<'gc> Function<'gc> {
    /// Puts a compiled function, and all inside it, into the heap.
    pub(crate) fn load(m: &'gc Mutator, proto: &Proto, strings: &mut Strings<'gc>) -> Gc<'gc, Self> {
        let constants: Vec<Value<'gc>> = proto
            .constants
            .iter()
            .map(|constant| match constant {
                Constant::Number(number) => Value::number(*number),
                Constant::Text(text) => Value::Text(strings.intern(m, text)),
            })
            .collect();
        let functions: Vec<Gc<'gc, Self>> = proto.functions.iter().map(|proto| Self::load(m, proto, strings)).collect();
        m.alloc(Self {
            name: proto.name,
            arity: proto.arity,
            frame_size: proto.frame_size,
            code: m.alloc_slice_copy(&proto.code),
            lines: m.alloc_slice_copy(&proto.lines),
            constants: m.alloc_slice_copy(&constants),
            sites: m.alloc_slice_with(proto.sites.len(), |i| Site::new(proto.sites[i])),
            functions: m.alloc_slice_copy(&functions),
            captures: m.alloc_slice_copy(&proto.captures),
        })
    }
}

impl Site {
    fn new(name: Symbol) -> Self {
        Self { name, cache: Leaf(AtomicU64::new(0)) }
    }

    /// The index of the property in a class with this id, if that is what was found here last.
    #[inline(always)]
    pub(crate) fn cached(&self, class: u64) -> Option<usize> {
        // Relaxed: id and index are in one word, and one thread runs the program.
        let cache = self.cache.0.load(Ordering::Relaxed);
        if cache >> INDEX_BITS == class { Some((cache & MAX_INDEX) as usize) } else { None }
    }

    pub(crate) fn remember(&self, class: u64, index: usize) {
        let index = index as u64;
        if index <= MAX_INDEX && class <= u64::MAX >> INDEX_BITS {
            // Relaxed: as in `cached`.
            self.cache.0.store(class << INDEX_BITS | index, Ordering::Relaxed);
        }
    }
}

const INDEX_BITS: u32 = 20;
const MAX_INDEX: u64 = (1 << INDEX_BITS) - 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Names;

    #[test]
    fn a_site_remembers_one_class() {
        let site = Site::new(Names::default().intern("x"));
        assert_eq!(site.cached(1), None);
        site.remember(1, 7);
        assert_eq!((site.cached(1), site.cached(2)), (Some(7), None));
        site.remember(2, MAX_INDEX as usize + 1);
        assert_eq!(site.cached(2), None);
    }
}
