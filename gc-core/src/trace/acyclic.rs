//! The [`Acyclic`] contract: types that cannot be part of a cycle of counted references.
//!
//! A counted object is reclaimed with its last handle, and is not traced. Objects that hold handles
//! to each other in a cycle would never be reclaimed, and nothing would look for them. So a counted
//! object has a type of which no cycle can be made.
//!
//! # Words
//!
//! A value *holds* what lies in it, what it owns, and what it keeps alive by a count: the contents
//! of its boxes and containers, and of its `Counted`s and `Arc`s. It does not hold what lives on
//! without it (`&'static T`, statics, thread-locals, what a function pointer reaches). It does not
//! hold what may be gone before it either (the targets of weak handles).
//!
//! A *handle* is a `Counted` or an `Arc`, except for those that lead nowhere
//! ([acyclic.leads-nowhere]).
//!
//! A value is *shared* while there may be a `&` to it. That is always, except while a thread owns
//! the value itself or has a `&mut` to it.
//!
//! # Invariants
//!
//! - **[acyclic.no-new-handles]** While a value of an acyclic type is shared, it comes to hold no
//!   handle that it did not hold before. Handles are put in when the value is made, or through
//!   `&mut`.
//! - **[acyclic.no-pointers]** The value holds no `Gc`, `Slot` or `GcCell`. So reading or dropping
//!   it needs no mutator, and it need not be traced.
//! - **[acyclic.leads-nowhere]** A type is [`LeadsNowhere`] if every type that it holds is. There
//!   are no impls for user types and for trait objects. So no such type has itself among its parts,
//!   or among the parts of what it holds: the proof would be infinite. What a value of the type
//!   holds never leads back to the value. So it may be changed in a lock, where
//!   [acyclic.no-new-handles] would not be enough.
//!
//! The counting types, `Counted` here and `Arc` in std, contribute:
//!
//! - **[acyclic.whole-first]** An object's content is valid before the first strong handle to it
//!   exists, and no strong handle can be made once dropping the content has begun. Weak handles may
//!   exist before and after, and cannot be upgraded then.
//! - **[acyclic.only-handle]** `&mut` to the content is lent through the *only* handle, weak
//!   handles included, which is borrowed mutably meanwhile. If a weak handle is left, `get_mut`
//!   refuses, and `make_mut` moves or clones the content to an object of its own.
//! - **[acyclic.shared-only]** A `&` to a handle or to a weak handle gives only `&` to the content.
//!
//! # Why there is no cycle
//!
//! Take the first step that closes a cycle: object `O` comes to hold a handle to `P`, and `P` is
//! `O` or leads to `O`.
//!
//! 1. `O` is not being made, as nothing leads to it before its content is valid
//!    ([acyclic.whole-first]). For the same reason it is not being dropped.
//! 2. So the handle is written through a `&mut` to the content of `O` ([acyclic.no-new-handles]).
//!    That `&mut` was lent through the only handle to `O`, which is borrowed mutably until the step
//!    is done ([acyclic.only-handle]).
//! 3. If `P` is not `O`, that only handle lies in an object `Q` on the path from `P` to `O`. `Q` is
//!    acyclic, as `O` can hold handles to acyclic objects only, and those in turn lead to acyclic
//!    objects only. A `&mut` to a place in `Q` comes from a `&mut` to the content of `Q`
//!    ([acyclic.no-new-handles], [acyclic.shared-only]), which again was lent through the only
//!    handle to `Q`. The argument repeats up to `P`. The path is finite, as there is no cycle yet.
//! 4. So the only handle to `P` is borrowed mutably while a handle to `P` is written. That handle
//!    would be a second one: a contradiction.
//!
//! # What rests on it
//!
//! Memory safety rests on [acyclic.no-pointers], as the collector does not see into a `Counted`. It
//! does not rest on
//! [acyclic.no-new-handles]: a cycle leaks, as one of `Arc`s does, and nothing worse happens. That is why
//! [`assume_acyclic`](derive@crate::Trace) needs no `unsafe`, and why **no unsafe code may conclude
//! from `Acyclic` that there is no cycle**. [acyclic.no-pointers] also holds of assumed fields,
//! which are proven to be leaves.
//!
//! A program without `unsafe` and `assume_acyclic` makes no cycle of acyclic types. It can leak by
//! other means. One is `mem::forget`. Another is a `Root` that keeps an object alive, if that
//! object holds a `Counted` whose contents hold the `Root`. (No `Root` is acyclic, so the second
//! takes `assume_acyclic`.)

use super::__private::Proofs;

/// A type whose values cannot be part of a cycle of counted references.
///
/// A value of such a type never comes to hold another handle (`Counted`, `Arc`) while it is shared:
/// it has no cell or lock into which a handle could be put. So handles point from newer objects to
/// older ones only, and counting is enough to know when an object can be reclaimed.
///
/// Derive it: `#[derive(Trace)] #[trace(acyclic)]`. Each field is proven to be acyclic.
///
/// ```
/// use gc_core::{Counted, Trace};
/// use std::sync::{Mutex, OnceLock, atomic::AtomicU64};
///
/// #[derive(Trace)]
/// #[trace(acyclic)]
/// enum Expression {
///     Number(f64),
///     Name { name: Counted<str>, uses: AtomicU64, log: Mutex<Vec<String>>, shown: OnceLock<Counted<str>> },
///     Sum(Vec<Counted<Expression>>),
/// }
///
/// let one = Counted::new(Expression::Number(1.0));
/// let two = Counted::new(Expression::Sum(vec![one.clone(), one]));
/// ```
///
/// # Which types are acyclic
///
/// | type | acyclic |
/// |---|---|
/// | numbers, text, paths, times, atomics, `Condvar`, `Barrier`, `Once` | always |
/// | `&'static T`, [`CountedWeak`](crate::CountedWeak), [`sync::Weak`](std::sync::Weak), `PhantomData`, function pointers | always: they do not own what they lead to |
/// | `Option`, `Box`, `Vec`, maps, tuples, …, [`Counted`](crate::Counted), `Arc` | if their parts are |
/// | locks: `Mutex`, `RwLock`, `OnceLock`, `LazyLock` | if their content is made of the types above only, without a type of yours |
/// | a trait object | if `Acyclic` is a supertrait of its trait |
/// | [`Gc`](crate::Gc), [`Slot`](crate::Slot), [`GcCell`](crate::GcCell), [`Root`](crate::Root), [`Heap`](crate::Heap) | never |
/// | `Cell`, `RefCell`, `Rc`, channels, raw pointers, closures | never |
///
/// A function pointer that is generic over a lifetime has to be
/// [assumed](derive@crate::Trace#fields-of-acyclic-types), as the compiler finds no impl for it.
///
/// The compiler cannot exclude that a type of yours in a lock holds a handle: see
/// [`assume_acyclic`](derive@crate::Trace#fields-of-acyclic-types).
///
/// A lock around a handle could close a cycle:
///
/// ```compile_fail,E0277
/// # use gc_core::Trace;
/// # use gc_core::Counted;
/// use std::sync::OnceLock;
///
/// #[derive(Trace)]
/// #[trace(acyclic)]
/// struct Node {
///     next: OnceLock<Counted<Node>>, // node.next.set(node.clone())
/// }
/// ```
///
/// A lock around a weak handle cannot:
///
/// ```
/// # use gc_core::Trace;
/// # use gc_core::{Counted, CountedWeak};
/// use std::sync::Mutex;
///
/// #[derive(Trace)]
/// #[trace(acyclic)]
/// struct Element {
///     parent: Mutex<CountedWeak<Element>>,
///     children: Vec<Counted<Element>>,
/// }
/// ```
///
/// # Safety
///
/// - A value holds no pointer into a collected heap, under any name: it is read and dropped without
///   a mutator, and never traced. Memory safety rests on this.
/// - While a value is shared, it comes to hold no handle that it did not hold before. That is, no
///   part of the value, or of what it keeps alive, is both changed through `&` and able to hold a
///   `Counted` or an `Arc` that could lead back to the value. Memory safety does not rest on this
///   and must not be made to: if it fails, memory leaks.
#[diagnostic::on_unimplemented(
    message = "`{Self}` could be part of a cycle of counted references",
    label = "`{Self}` does not implement `Acyclic`",
    note = "an acyclic type holds no `Gc`, `Slot`, `GcCell` or `Root`, and nothing into which a `Counted` could be put while it \
            is shared: no `Cell`, no lock around what may hold one, no channel, closure or trait object",
    note = "a type of yours is acyclic by `#[derive(Trace)]` with `#[trace(acyclic)]`; for a field of which you know that no \
            cycle comes of it, say so: `#[trace(assume_acyclic)]`"
)]
pub unsafe trait Acyclic: 'static {
    /// Returns the proofs that the derive uses. The derive reaches them through the trait that is
    /// being implemented, so no other item can stand in for them.
    #[doc(hidden)]
    fn acyclic_proofs() -> Proofs
    where
        Self: Sized,
    {
        Proofs
    }

    /// Holds the derive's proof. The compiler checks the body, which is never called.
    #[doc(hidden)]
    fn prove_acyclic(_this: &mut Self)
    where
        Self: Sized,
    {
    }
}

/// Types of which no value leads back to where it is put. An acyclic type may have them in a lock.
///
/// User types have no impl, as they can contain themselves.
///
/// # Safety
///
/// [acyclic.leads-nowhere].
#[diagnostic::on_unimplemented(
    message = "`{Self}` could lead back to the lock that it is put in: a cycle of counted references",
    label = "not known to lead nowhere",
    note = "in an acyclic type, what lies in a `Mutex`, `RwLock`, `OnceLock` or `LazyLock` is made of numbers, text, weak \
            handles, and containers of such; for a field of which you know that no cycle comes of it, say so: \
            `#[trace(assume_acyclic)]`"
)]
pub unsafe trait LeadsNowhere: Acyclic {
    /// A trait with a constant has no trait objects. If it had, `trait Any: LeadsNowhere {}` could
    /// be implemented for `Mutex<Option<Arc<dyn Any>>>`, which contains itself.
    const NOT_BEHIND_TRAIT_OBJECTS: () = ();
}
