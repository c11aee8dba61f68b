//! The functions that are part of the machine, and the finalizers that a program gives to its instances.
//!
//! A finalizer is a function of the program. An instance keeps its own in a field whose name no program can write, so the
//! finalizer lives as long as the instance and may capture it. In a table of the machine it would be reached from the root, and
//! keep what it captures alive for ever. The collector does not know it: the instance is registered with the machine's queue, and
//! comes out of there when nothing else leads to it.

use std::time::Instant;

use gc_core::{FinalizationQueue, Gc, Heap, Mutator};

use super::fault::Fault;
use crate::class::{ClassIds, Instance};
use crate::function::Closure;
use crate::names::{Names, Symbol};
use crate::value::{Native, Value};

/// What native functions work on.
pub(super) struct Natives {
    start: Instant,
    /// Instances that nothing leads to any more and that have a finalizer. Each machine has its own: several may share a heap.
    dead: FinalizationQueue<Instance<'static>>,
    /// The name of the field with the finalizer.
    finalizer: Symbol,
}

impl Natives {
    pub(super) fn new(heap: &Heap, names: &mut Names) -> Self {
        let finalizer = names.intern("the finalizer");
        Self { start: Instant::now(), dead: FinalizationQueue::new(heap), finalizer }
    }

    /// Calls a function, except for what needs a safepoint, which is the caller's.
    #[inline(never)]
    pub(super) fn call<'gc>(
        &self,
        native: Native,
        m: &'gc Mutator,
        arguments: &[Value<'gc>],
        ids: &mut ClassIds,
    ) -> Result<Value<'gc>, Fault> {
        match (native, arguments) {
            // As in the book, whatever the arguments.
            (Native::Clock, _) => Ok(Value::number(self.start.elapsed().as_secs_f64())),
            (Native::Collect, []) => Ok(Value::Nil),
            (Native::Id, &[of]) => Ok(Value::number(id(m, of)? as f64)),
            (Native::Weak, &[object]) => Ok(Value::Weak(Gc::downgrade(instance(object)?, m))),
            (Native::Finalize, &[object, finalizer]) => {
                self.finalize(m, instance(object)?, finalizer, ids)?;
                Ok(Value::Nil)
            }
            (native, arguments) => {
                let found = u8::try_from(arguments.len()).expect("the compiler allows 255 arguments");
                Err(Fault::Arity { expected: native.arity(), found })
            }
        }
    }

    /// Gives an instance a finalizer in place of the one that it has, or `nil` for none.
    fn finalize<'gc>(
        &self,
        m: &'gc Mutator,
        object: Gc<'gc, Instance<'gc>>,
        finalizer: Value<'gc>,
        ids: &mut ClassIds,
    ) -> Result<(), Fault> {
        let kept = match finalizer {
            Value::Closure(closure) if closure.function.arity == 1 => {
                self.dead.register(m, object);
                finalizer
            }
            Value::Nil => {
                self.dead.unregister(m, object);
                Value::Absent
            }
            _ => return Err(Fault::NotAFinalizer),
        };
        object.put_field(m, object.class.field_index(m, self.finalizer, ids), kept);
        Ok(())
    }

    /// Takes an instance that has died, and its finalizer, which it has no longer.
    pub(super) fn take_dead<'gc>(&self, m: &'gc Mutator) -> Option<(Gc<'gc, Instance<'gc>>, Gc<'gc, Closure<'gc>>)> {
        // Some have none: the finalizer of another one reached them while they waited, and took theirs away.
        while let Some(object) = self.dead.poll(m) {
            if let Some(index) = object.class.find_field(m, self.finalizer)
                && let Value::Closure(finalizer) = object.field(m, index)
            {
                object.put_field(m, index, Value::Absent);
                return Some((object, finalizer));
            }
        }
        None
    }
}

fn instance(value: Value<'_>) -> Result<Gc<'_, Instance<'_>>, Fault> {
    match value {
        Value::Instance(instance) => Ok(instance),
        _ => Err(Fault::NotAnInstance),
    }
}

/// The identity of what `==` compares by identity.
fn id<'gc>(m: &'gc Mutator, value: Value<'gc>) -> Result<u64, Fault> {
    match value {
        Value::Instance(instance) => Ok(Gc::id(instance, m)),
        Value::Class(class) => Ok(Gc::id(class, m)),
        Value::Closure(closure) => Ok(Gc::id(closure, m)),
        Value::Method(bound) => Ok(Gc::id(bound, m)),
        _ => Err(Fault::NoIdentity),
    }
}
