//! `#[derive(Trace)]`, used as `gc_core::Trace`.
//!
//! # What is written
//!
//! For a type that is traced field by field, three impls:
//!
//! - `Trace`, whose `trace` destructures the value by reference and exhaustively, and traces each field.
//! - `__private::Proof`, whose body compiles only if each field's type under `'a` is its type in `Self::At<'a>`.
//! - `__private::TracedTypeMustNotImplDrop`, which collides with any `impl Drop`.
//!
//! For `#[trace(leaf)]`, one: `Trace` with nothing to trace, where the type is `'static + Send + Sync`.
//!
//! # Rules for the code that is written
//!
//! - **D1** What safety depends on is inferred from a place, never repeated from tokens: see `__private` in `gc-core`.
//! - **D2** Patterns name every field and bind by `ref`, outside `unsafe` blocks: an added field, a misaligned field
//!   and a union are errors.
//! - **D3** Every path starts at the crate; every lifetime and parameter that is introduced is checked against the
//!   user's. No items are defined, so no name of the user's is shadowed.
//! - **D4** No lint attributes: `#[allow]` is an error under `#![forbid]`. Lints do not look into the expansion of a
//!   derive, `unsafe_code` included, as long as no token's span is the user's: hence [`expand::at`].

mod attributes;
mod bounds;
mod expand;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements [`Trace`](trait@gc_core::Trace): tells the collector where the pointers of a type are.
///
/// For structs and enums of every kind, with at most one lifetime parameter: the collection lifetime, which is the
/// `'gc` of the [`Gc`](struct@gc_core::Gc)s inside.
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
/// A parameter `T` of the type has to be traced too (`T: ?Sized` has to be an [`Object`](trait@gc_core::Object)), and
/// whatever bounds the type puts on it must hold under every lifetime; both are added to the impl. A parameter that
/// occurs in skipped fields only is not traced: it has to be `'static + Send + Sync`.
///
/// ```
/// use gc_core::{Gc, Trace};
///
/// #[derive(Trace)]
/// struct Sorted<'gc, T: Ord> {
///     items: Vec<Gc<'gc, T>>,
///     least: Option<T>,
/// }
/// ```
///
/// # Attributes of a field
///
/// `#[trace(skip)]`: the field is a leaf and is not looked at. Its type must be `'static + Send + Sync`, which no
/// type with a pointer into the heap is. What fits that rule is safe to skip: a lock, an `Arc`, a file, a type of
/// another crate. Cost: none.
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
/// `#[trace(leaf)]`: the whole type is a leaf, has no collection lifetime, and must be `'static + Send + Sync`. The
/// only kind of traced type that may implement `Drop`.
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
/// `#[trace(bound = "…")]`: the where clause of the impl, in place of the one that is inferred, for types whose fields
/// need more than bounds on single parameters. Too weak a bound is a compile error, never unsound.
///
/// ```
/// use gc_core::Trace;
///
/// trait Kind {
///     type Payload;
/// }
///
/// #[derive(Trace)]
/// #[trace(bound = "K: Trace + Kind, K::Static: Kind,
///                  for<'x> K::At<'x>: Kind,
///                  K::Payload: for<'x> Trace<At<'x> = <K::At<'x> as Kind>::Payload>")]
/// struct Tagged<K: Kind> {
///     kind: K,
///     payload: K::Payload,
/// }
/// ```
///
/// `#[trace(crate = path)]`: where `gc_core` is, if it goes by another name.
///
/// # Errors
///
/// At the field: its type is not traced, or has another lifetime than the collection lifetime. At the type: it
/// implements `Drop`, is a union, or has two lifetimes.
#[proc_macro_derive(Trace, attributes(trace))]
pub fn derive_trace(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
