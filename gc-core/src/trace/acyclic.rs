//! Types that cannot be part of a cycle of counted references: the [`Acyclic`] contract.
//!
//! A counted object goes with its last handle. It is not traced: objects that hold handles to each other in a ring would never
//! go, and nobody would look for them. So a counted object is of a type of which no ring can be made.
//!
//! # Words
//!
//! A value *holds* what lies in it, what it owns, and what it keeps alive by a count: the contents of its boxes and
//! containers, of its `Counted`s and `Arc`s. It does not hold what lives on without it (`&'static T`, statics,
//! thread-locals, what a function pointer reaches), nor what may be gone before it (weak handles).
//!
//! A *handle* is a `Counted` or an `Arc`, but for those that lead nowhere ([acyclic.leads-nowhere]).
//!
//! A value is *shared* while there may be a `&` to it: always, but when somebody owns it or has a `&mut` to it.
//!
//! # Invariants
//!
//! - **[acyclic.no-new-handles]** While a value of an acyclic type is shared, it comes to hold no handle that it did not hold before. Handles come
//!   in when it is made, or through `&mut`.
//! - **[acyclic.no-pointers]** It holds no `Gc`, `Slot` or `GcCell`: no mutator is needed to read or to drop it, and nobody need trace it.
//! - **[acyclic.leads-nowhere]** A type is [`LeadsNowhere`] if all that it holds is, and there are no impls for types of the user's and for trait
//!   objects. So none has itself among its parts, or among those of what it holds: to prove it would have no end. From what
//!   a value holds no way leads back to it, and it may be changed in a lock, where [acyclic.no-new-handles] would not be enough.
//!
//! What counts, `Counted` here and `Arc` in std, does its part:
//!
//! - **[acyclic.whole-first]** An object's content is whole before there is a strong handle to it, and no strong handle is to be had any more
//!   when it begins to be dropped. Weak handles may exist before and after, and yield nothing then.
//! - **[acyclic.only-handle]** `&mut` to the content is lent through the *only* handle, weak ones counted, which is borrowed mutably meanwhile.
//!   With a weak handle left, `get_mut` refuses, and `make_mut` moves or clones the content to an object of its own.
//! - **[acyclic.shared-only]** Neither handles nor weak handles give anything but `&` to the content through a `&` to themselves.
//!
//! # Why there is no ring
//!
//! Take the first step that closes one: object `O` comes to hold a handle to `P`, and `P` is `O` or leads to it.
//!
//! 1. `O` is not being made: nothing leads to it before its content is whole ([acyclic.whole-first]). For the same reason it is not being dropped.
//! 2. So the handle is written through a `&mut` to the content of `O` ([acyclic.no-new-handles]), which was lent through the only handle to `O`,
//!    borrowed mutably until the step is done ([acyclic.only-handle]).
//! 3. If `P` is not `O`, that only handle lies in an object `Q` on the way from `P`, and is acyclic, as all is that `O` may
//!    hold and that this may lead to. A `&mut` to a place in `Q` comes from a `&mut` to the content of `Q` ([acyclic.no-new-handles], [acyclic.shared-only]), which
//!    again was lent through the only handle to `Q`. And so on up to `P`: as there is no ring yet, the way is finite.
//! 4. So the only handle to `P` is borrowed mutably while a handle to `P` is written. That would be a second one.
//!
//! # What rests on it
//!
//! [acyclic.no-pointers] is memory safety: the collector does not see into a `Counted`. [acyclic.no-new-handles] is not: a ring leaks, as one of `Arc`s does, no more.
//! That is why [`assume_acyclic`](derive@crate::Trace) needs no `unsafe`, and why **no unsafe code may conclude from
//! `Acyclic` that there is no ring**. [acyclic.no-pointers] holds of assumed fields too, which are proven to be leaves.
//!
//! A program without `unsafe` and `assume_acyclic` makes no ring of acyclic types. It can leak by other means: `mem::forget`;
//! a `Root` that keeps an object alive which holds a `Counted` of what holds the `Root` (no `Root` is acyclic, so this takes
//! `assume_acyclic`).

use super::__private::Proofs;

/// A type whose values cannot be part of a cycle of counted references.
///
/// A value of such a type never comes to hold another handle (`Counted`, `Arc`) while it is shared: it has no cell
/// or lock in which one could be put. So handles point from newer objects to older ones only, and counting is enough to know when
/// an object can go.
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
/// | `&'static T`, [`CountedWeak`](crate::CountedWeak), [`sync::Weak`](std::sync::Weak), `PhantomData`, function pointers | always: what they lead to is not theirs |
/// | `Option`, `Box`, `Vec`, maps, tuples, …, [`Counted`](crate::Counted), `Arc` | if their parts are |
/// | locks: `Mutex`, `RwLock`, `OnceLock`, `LazyLock` | if what is in them is made of the above only, without a type of yours |
/// | a trait object | if `Acyclic` is a supertrait of its trait |
/// | [`Gc`](crate::Gc), [`Slot`](crate::Slot), [`GcCell`](crate::GcCell), [`Root`](crate::Root), [`Heap`](crate::Heap) | never |
/// | `Cell`, `RefCell`, `Rc`, channels, raw pointers, closures | never |
///
/// A function pointer that is generic over a lifetime has to be [assumed](derive@crate::Trace#fields-of-acyclic-types): the
/// compiler finds no impl for it.
///
/// A type of yours in a lock may hold a handle, as far as the compiler can tell: see
/// [`assume_acyclic`](derive@crate::Trace#fields-of-acyclic-types).
///
/// A lock around a handle would close the ring:
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
/// while one around a weak handle does not:
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
/// - A value holds no pointer into a collected heap, under any name: it is read and dropped without a mutator, and never traced.
///   Memory safety rests on this.
/// - While a value is shared, it comes to hold no handle that it did not hold before: nothing in it, or in what it keeps
///   alive, is both changed through `&` and able to hold a `Counted` or an `Arc` of anything that could. Memory safety does
///   not rest on this and must not be made to: where it fails, memory leaks.
#[diagnostic::on_unimplemented(
    message = "`{Self}` could be part of a cycle of counted references",
    label = "`{Self}` does not implement `Acyclic`",
    note = "an acyclic type holds no `Gc`, `Slot`, `GcCell` or `Root`, and nothing into which a `Counted` could be put while it \
            is shared: no `Cell`, no lock around what may hold one, no channel, closure or trait object",
    note = "a type of yours is acyclic by `#[derive(Trace)]` with `#[trace(acyclic)]`; for a field of which you know that no \
            cycle comes of it, say so: `#[trace(assume_acyclic)]`"
)]
pub unsafe trait Acyclic: 'static {
    /// What the derive proves with: reached through the trait that is implemented, so that nothing can stand in for it.
    #[doc(hidden)]
    fn acyclic_proofs() -> Proofs
    where
        Self: Sized,
    {
        Proofs
    }

    /// The derive's proof. The compiler checks the body; nobody calls it.
    #[doc(hidden)]
    fn prove_acyclic(_this: &mut Self)
    where
        Self: Sized,
    {
    }
}

/// Types of which no value leads back to where it is put: what may be in the lock of an acyclic type.
///
/// Not for types of the user's: they can contain themselves.
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
    /// With a constant a trait has no trait objects. If it had, `trait Any: LeadsNowhere {}` could be implemented for
    /// `Mutex<Option<Arc<dyn Any>>>`, which contains itself.
    const NOT_BEHIND_TRAIT_OBJECTS: () = ();
}
