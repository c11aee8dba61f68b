//! What a type of pointers may name, asked where the pointer is written down.

/// What the type of a pointer may name: `Sized` types, slices, and `str`, each by an impl that is
/// here. An object is of such a type and [`Object`](crate::Object) besides, which says more and is
/// the bound for generic code; this one is asked of each signature and field that names a
/// [`Gc`](crate::Gc), a [`Slot`](crate::Slot) or a weak pointer, so that a pointer to a trait
/// object is refused there, and not where its first method is called.
///
/// ```
/// use gc_core::{Gc, Object};
///
/// struct Named<'gc, T: Object + ?Sized> {
///     name: Gc<'gc, str>,
///     what: Gc<'gc, T>,
/// }
/// # let heap = gc_core::Heap::builder().build()?;
/// # let m = heap.attach()?;
/// let odd = Named { name: m.alloc_str("odd"), what: m.alloc_slice_with(2, |n| 2 * n + 1) };
/// assert_eq!((&*odd.name, &*odd.what), ("odd", &[1, 3][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It promises nothing: a type for which it is implemented by hand has no objects.
#[diagnostic::on_unimplemented(
    message = "a pointer into the heap cannot point to `{Self}`",
    label = "no object is a `{Self}`",
    note = "for one of several types, write an enum of them, or of pointers to them: the collector cannot look into a trait object",
    note = "a trait object without pointers into the heap that is `'static + Send + Sync` is boxed, in a field that is `#[trace(skip)]`",
    note = "a type parameter that may be a slice or a `str` needs the bound `T: Object + ?Sized`"
)]
pub trait Referent {}

#[diagnostic::do_not_recommend]
impl<T> Referent for T {}

#[diagnostic::do_not_recommend]
impl<T> Referent for [T] {}

#[diagnostic::do_not_recommend]
impl Referent for str {}
