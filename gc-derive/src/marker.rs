//! Fields of type `PhantomData`, which hold nothing. A `PhantomData` of a traced type is traced
//! like every other field. These two are not, and are proven in another way:
//!
//! - a function type of traced types, as in `PhantomData<fn() -> T>`, whose parts follow the
//!   collection lifetime;
//! - a leaf, which is the same under every lifetime, traced or not, as in `PhantomData<Meters>`.
//!
//! The tokens only choose the proof. The proof takes the type from the place, which must be a
//! `PhantomData`.

use quote::{ToTokens, format_ident};
use syn::{GenericArgument, Path, Type, TypePath};

use crate::bounds::{Parameters, arguments, has_lifetime, is_named, mentions};

/// The proof for a field of type `PhantomData`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// It marks functions of traced types.
    Function,
    /// It marks a type that has no collection lifetime.
    Constant,
}

impl Marker {
    /// Returns the proof for a field of the type `ty`, unless it is traced like every other.
    pub fn of(ty: &Type, parameters: &Parameters) -> Option<Self> {
        let Type::Path(TypePath { qself: None, path }) = ty else {
            return None;
        };
        let marked = is_marker(path).then(|| marked(path)).flatten()?;
        let changes = parameters.lifetime.is_some_and(|lifetime| has_lifetime(marked, lifetime))
            // It stands for the type with its lifetime and parameters, if it has any.
            || mentions(marked, &format_ident!("Self"))
            || parameters.followers().any(|name| mentions(marked, name));
        match marked {
            Type::BareFn(_) if changes => Some(Self::Function),
            _ if changes || has_macro(marked) => None,
            _ => Some(Self::Constant),
        }
    }
}

/// Returns whether a path is named like the type of std.
pub fn is_marker(path: &Path) -> bool {
    is_named(path, &["PhantomData"])
}

/// Returns the only argument of the type.
fn marked(path: &Path) -> Option<&Type> {
    let mut arguments = arguments(path);
    match (arguments.next(), arguments.next()) {
        (Some(GenericArgument::Type(ty)), None) => Some(ty),
        _ => None,
    }
}

/// Returns whether a macro may stand in the type: it may hide a lifetime.
fn has_macro(ty: &Type) -> bool {
    ty.to_token_stream().to_string().contains('!')
}
