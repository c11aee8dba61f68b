//! [`Traced`]: the bound of generic code, under one name.

use super::Trace;

/// A [`Trace`] type whose collection lifetime is `'gc`: what generic code allocates, roots and
/// stores.
///
/// It is `Trace<At<'gc> = Self> + 'gc`, which [`Mutator::alloc`](crate::Mutator::alloc) and the
/// like ask for: every pointer in the value is valid for the borrow of the mutator, and no longer.
/// Every type that qualifies implements it; it is not implemented by hand.
///
/// ```
/// use gc_core::{Gc, Heap, Mutator, Slot, Trace, Traced};
///
/// #[derive(Trace)]
/// struct Entry<'gc, T> {
///     value: T,
///     next: Slot<'gc, Entry<'gc, T>>,
/// }
///
/// fn push<'gc, T: Traced<'gc>>(
///     m: &'gc Mutator,
///     value: T,
///     next: Option<Gc<'gc, Entry<'gc, T>>>,
/// ) -> Gc<'gc, Entry<'gc, T>> {
///     m.alloc(Entry { value, next: Slot::new(next) })
/// }
///
/// let heap = Heap::builder().build()?;
/// let m = heap.attach()?;
/// let list = push(&m, m.alloc_str("one"), Some(push(&m, m.alloc_str("two"), None)));
/// assert_eq!(&*list.next.get().unwrap().value, "two");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It is a bound for functions and impls. The definition of a type needs none, as the derive adds
/// its own: [`derive(Trace)`](derive@crate::Trace#type-parameters).
///
/// A type of another lifetime does not qualify:
///
/// ```compile_fail,E0521
/// # use gc_core::{Gc, Mutator, Slot, Traced};
/// fn alloc<'gc, T: Traced<'gc>>(m: &'gc Mutator, value: T) -> Gc<'gc, T> {
///     m.alloc(value)
/// }
/// fn lie(m: &Mutator) {
///     alloc(m, Slot::<'static, u64>::null());
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not known to be traced with the lifetime of this mutator",
    label = "`Traced` is not implemented for `{Self}`",
    note = "in generic code, write the bound `T: Traced<'gc>`, where `'gc` is the borrow of the mutator, as in `m: &'gc Mutator`",
    note = "a type of yours needs `#[derive(Trace)]`; one of another crate, without pointers into the heap, is wrapped in \
            `gc_core::Leaf`"
)]
pub trait Traced<'gc>: Trace<At<'gc> = Self> + Sized + 'gc {}

#[diagnostic::do_not_recommend]
impl<'gc, T: Trace<At<'gc> = T> + 'gc> Traced<'gc> for T {}
