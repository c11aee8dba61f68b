//! `#[derive(Trace)]`, used as `gc_core::Trace`.
//!
//! # What is generated
//!
//! For a type that is traced field by field, three impls:
//!
//! - `Trace`, whose `trace` destructures the value by reference and exhaustively, and traces each
//!   field. It compiles only if the answer of the next is that of this crate.
//! - `__private::TracedTypesMayNotImplementDrop`, which collides with that of every type that has
//!   an impl of `Drop`. Its bounds are those of the type and no others.
//! - `__private::Proof`, whose body compiles only if each field's type under `'a` is its type in
//!   `Self::At<'a>`.
//!
//! If it has no parameters, an assertion for each field that no cell in it lies where none may. It
//! is evaluated also when the program is only checked, and says the field's name. The containers
//! assert the same when the program is built.
//!
//! For `#[trace(leaf)]`, one: `Trace` with nothing to trace. It compiles only if the type is
//! `'static + Send + Sync`.
//!
//! With `#[trace(acyclic)]`, one more: `Acyclic`, whose body compiles only if each field is
//! acyclic, or is a leaf and assumed to be acyclic.
//!
//! # Rules for the generated code
//!
//! - **[derive.places]** Everything that safety depends on is inferred from a place, never repeated
//!   from tokens: see `__private` in `gc-core`.
//! - **[derive.patterns]** Patterns name every field and bind by `ref`, outside `unsafe` blocks. So
//!   an added field, a misaligned field and a union are errors.
//! - **[derive.names]** No name is trusted, not even `::gc_core`, which a program can point at a
//!   crate of its own. Proofs are inherent methods of `<Self as Trace>::PROOFS`, which belongs to
//!   the trait that is implemented, whatever its path. (For `Acyclic` they are methods of `<Self as
//!   Acyclic>::acyclic_proofs()`, as a trait with constants has no trait objects.) No items are
//!   defined, so no name of the user's is shadowed. New lifetimes and parameters have names that
//!   occur nowhere in the type (`names`).
//! - **[derive.lints]** There are no lint attributes, as `#[allow]` is an error under `#![forbid]`.
//!   Lints, `unsafe_code` included, do not look into the expansion of a derive if no token's span
//!   is the user's. `variants::at` ensures that.

mod acyclic;
mod attributes;
mod bounds;
mod expand;
mod marker;
mod names;
mod refused;
mod variants;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `Trace`, which reports to the collector where the pointers of a type are.
///
/// For structs and enums of every kind, with at most one lifetime parameter. That one is the
/// collection lifetime, the `'gc` of the `Gc`s inside.
///
/// ```
/// use gc_core::{Gc, Slot, Trace};
///
/// #[derive(Trace)]
/// struct Node<'gc> {
///     value: u64,
///     next: Slot<'gc, Node<'gc>>,
///     name: Gc<'gc, str>,
/// }
///
/// #[derive(Trace, Clone, Copy)]
/// enum Value<'gc> {
///     Nil,
///     Int(i64),
///     Node { node: Gc<'gc, Node<'gc>> },
/// }
/// ```
///
/// # Type parameters
///
/// A parameter `T` of the type has to be traced too (`T: ?Sized` has to be an `Object`); the derive
/// adds that bound. A field may have an associated type of a parameter, which follows its parameter
/// to another lifetime. A parameter that occurs in skipped fields only is not traced: it has to be
/// `'static + Send + Sync`.
///
/// ```
/// use gc_core::{Gc, Slot, Trace};
///
/// #[derive(Trace)]
/// struct Entry<'gc, T> {
///     value: T,
///     next: Slot<'gc, Entry<'gc, T>>,
/// }
/// ```
///
/// Bounds that the type itself states must hold under every lifetime, and the impl repeats them
/// under every lifetime. It is better to state them where they are used. A function that is generic
/// over `T: Traced<'gc>` cannot use a type with bounds of its own on `T`, because rustc takes
/// `T::At<'x>` for `T` there, whatever `'x` is.
///
/// ```
/// # use gc_core::{Gc, Mutator, Slot, Trace, Traced};
/// # #[derive(Trace)]
/// # struct Entry<'gc, T> {
/// #     value: T,
/// #     next: Slot<'gc, Entry<'gc, T>>,
/// # }
/// fn push_greater<'gc, T>(m: &'gc Mutator, top: Gc<'gc, Entry<'gc, T>>, value: T) -> Gc<'gc, Entry<'gc, T>>
/// where
///     T: Traced<'gc> + Ord,
/// {
///     if value <= top.value { top } else { m.alloc(Entry { value, next: top.into() }) }
/// }
/// ```
///
/// The bound `Trace`, `Object` or `Referent` on a parameter is taken for the trait of `gc_core`, and
/// not repeated. A trait of your own with such a name is written with its path:
///
/// ```
/// mod render {
///     pub trait Object {
///         fn draw(&self);
///     }
/// }
///
/// #[derive(gc_core::Trace)]
/// struct Scene<'gc, T: render::Object + gc_core::Object + ?Sized>(gc_core::Gc<'gc, T>);
/// ```
///
/// # Markers
///
/// A `PhantomData` of a traced type follows it to another lifetime, as does a `PhantomData` of a
/// function of traced types. A parameter that occurs in markers only has to be traced like every
/// other, or be marked `#[trace(leaf(T))]`. Any other type in a `PhantomData` has to be `'static +
/// Send + Sync`, since the values of a heap are used on all its threads.
///
/// ```
/// use std::marker::PhantomData;
///
/// use gc_core::{Gc, Trace};
///
/// struct Meters;
///
/// #[derive(Trace)]
/// struct Field<'gc, T> {
///     name: Gc<'gc, str>,
///     offset: u32,
///     unit: PhantomData<Meters>,
///     content: PhantomData<fn() -> T>,
///     heap: PhantomData<Gc<'gc, ()>>, // and not `&'gc ()`, as a reference is not traced
/// }
/// ```
///
/// # Attributes of a field
///
/// `#[trace(skip)]`: the field is a leaf and is not traced. Its type must be `'static + Send +
/// Sync`, which no type with a pointer into the heap is. Every type that meets this rule is safe to
/// skip: a lock, an `Arc`, a file, a type of another crate. Skipping costs nothing.
///
/// ```
/// use gc_core::{Slot, Trace};
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Trace)]
/// struct Task<'gc> {
///     parent: Slot<'gc, Task<'gc>>,
///     #[trace(skip)]
///     log: Arc<Mutex<Vec<std::process::ExitStatus>>>,
/// }
/// ```
///
/// # Attributes of the type
///
/// `#[trace(leaf)]`: the whole type is a leaf. It has no collection lifetime and must be `'static +
/// Send + Sync`. This is the only kind of traced type that may implement `Drop`.
///
/// ```
/// use gc_core::Trace;
///
/// #[derive(Trace)]
/// #[trace(leaf)]
/// struct Connection(std::net::TcpStream);
///
/// impl Drop for Connection {
///     fn drop(&mut self) {
///         let _ = self.0.shutdown(std::net::Shutdown::Both);
///     }
/// }
/// ```
///
/// `#[trace(acyclic)]`: also implements `Acyclic`, so that values can be reference-counted: no
/// cycle of counted references can be made of them. See below, and `Acyclic` for the types that are
/// acyclic.
///
/// `#[trace(leaf(K, …))]`: these type parameters are leaves although they occur in fields that are
/// traced. It is meant for the keys and hashers of maps. The parameters have to be `'static + Send +
/// Sync`.
///
/// ```
/// use gc_core::{Gc, Trace, collections::HashMap};
///
/// #[derive(Trace)]
/// #[trace(leaf(K))]
/// struct Table<'gc, K> {
///     rows: HashMap<K, Gc<'gc, str>>,
/// }
/// ```
///
/// `#[trace(bound = "…")]`: replaces the inferred bounds of the impl, for the rare type that needs
/// others. Too weak a bound is a compile error, never unsound. The impl of `Acyclic` has these
/// bounds in addition to its own.
///
/// ```
/// use gc_core::{Gc, Trace};
///
/// #[derive(Trace)]
/// #[trace(bound = "T: Trace, T::Static: Clone, for<'x> T::At<'x>: Clone")]
/// struct Copies<'gc, T: Clone>(Vec<T>, Gc<'gc, T>);
/// ```
///
/// `#[trace(crate = path)]`: the path of `gc_core`, if the crate has another name.
///
/// # Fields of acyclic types
///
/// Each field of a `#[trace(acyclic)]` type is proven to be `Acyclic`. That includes skipped
/// fields: the collector need not look at a lock, for example, but a counted reference may be put
/// into it later. Type parameters have to be `Acyclic`. The type has no collection lifetime.
///
/// ```
/// use gc_core::{Acyclic, Counted, Trace};
///
/// #[derive(Trace)]
/// #[trace(acyclic)]
/// struct Text {
///     start: Option<Counted<Text>>,
///     piece: Box<str>,
/// }
///
/// #[derive(Trace)]
/// #[trace(acyclic)]
/// enum Tree<T> {
///     Empty,
///     Node(T, Box<[Tree<T>; 2]>),
/// }
///
/// fn is_acyclic<T: Acyclic>() {}
/// is_acyclic::<Tree<Text>>();
/// ```
///
/// `#[trace(assume_acyclic)]` on a field asserts that the field never comes to hold a counted
/// reference that leads back to the value. It is for types of other crates, which do not implement
/// `Acyclic`, and for locks around types of your own. The field still has to be a leaf. If the
/// assertion is wrong, the objects in the cycle are never freed; nothing worse happens.
///
/// ```
/// use gc_core::Trace;
/// use std::{process::ExitStatus, sync::Mutex};
///
/// #[derive(Default)]
/// struct Profile {
///     calls: u64,
/// }
///
/// #[derive(Trace)]
/// #[trace(acyclic)]
/// struct Code {
///     instructions: Box<[u8]>,
///     #[trace(assume_acyclic)] // a lock is traced, as a leaf
///     profile: Mutex<Profile>,
///     #[trace(skip, assume_acyclic)] // this is not
///     last: ExitStatus,
/// }
/// ```
///
/// With `#[trace(leaf, acyclic)]` nothing is traced, and the type may implement `Drop`. A type that
/// is generic over what it *counts* has to be a leaf: a `Counted` is the same under every lifetime,
/// and so is its parameter.
///
/// ```
/// use gc_core::{Acyclic, Counted, Trace};
///
/// #[derive(Trace)]
/// #[trace(leaf, acyclic)]
/// struct List<T: Acyclic> {
///     value: T,
///     next: Option<Counted<List<T>>>,
/// }
/// ```
///
/// # Errors
///
/// At the field, if its type is not traced or has another lifetime than the collection lifetime, or
/// if a `Slot` or `GcCell` in it lies in memory that a container owns or in another cell. (If the
/// type has parameters, the latter is an error where a value is allocated.) In an acyclic type also
/// if the field may be part of a cycle. At the type, if it implements `Drop`, is a union, has two
/// lifetimes, or has one although it is acyclic.
#[proc_macro_derive(Trace, attributes(trace))]
pub fn derive_trace(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
