//! Types of fields that are never traced, known by their form. They are refused here for the
//! message alone, which says what to write instead: without this file the proofs refuse them.
//!
//! The derive looks into a type only as far as it knows the names of the containers. What a type of
//! the user's makes of its arguments is not known.

use quote::ToTokens;
use syn::{
    Error, GenericArgument, Lifetime, Path, Result, Type, TypeBareFn, TypePath, TypeReference,
    visit_mut::{self, VisitMut},
};

use crate::{
    bounds::{Parameters, Role, arguments, has_lifetime, is_named, mentions},
    marker,
};

/// Checks the types of the fields that are traced.
pub fn check<'f>(types: impl Iterator<Item = &'f Type>, parameters: &Parameters, has_bound: bool) -> Result<()> {
    let mut forms = Forms { parameters, lifetime: parameters.lifetime, in_marker: false, error: None };
    for ty in types {
        // With bounds of the user's, a parameter may have a size.
        if let Some(of_a_size) = without_size(ty, parameters, has_bound) {
            forms.refuse(ty, &of_a_size);
        } else {
            forms.check_generic_function(ty);
            forms.visit_type_mut(&mut ty.clone());
        }
    }
    forms.error.map_or(Ok(()), Err)
}

/// Returns what to write for a type that has no size.
fn without_size(ty: &Type, parameters: &Parameters, has_bound: bool) -> Option<String> {
    match ty {
        Type::Slice(slice) => {
            let element = slice.elem.to_token_stream();
            Some(format!("a traced type has a size; for a slice, write `Gc<'gc, [{element}]>`, or `Box<[{element}]>`"))
        }
        Type::Path(TypePath { qself: None, path }) if path.is_ident("str") => {
            Some("a traced type has a size; for text, write `Gc<'gc, str>`, or `Box<str>`".to_owned())
        }
        Type::Path(TypePath { qself: None, path }) if !has_bound => {
            let name = path.get_ident()?;
            (parameters.role(name) == Some(Role::Object)).then(|| {
                format!(
                    "a traced type has a size, and `{name}: ?Sized` may have none; write `Gc<'gc, {name}>` and the bound \
                     `{name}: Object + ?Sized`, or take away `?Sized`"
                )
            })
        }
        _ => None,
    }
}

/// Finds the forms that are refused, and what to write for them.
struct Forms<'p> {
    parameters: &'p Parameters<'p>,
    lifetime: Option<&'p Lifetime>,
    /// The type stands inside of a `PhantomData`.
    in_marker: bool,
    error: Option<Error>,
}

impl Forms<'_> {
    fn refuse(&mut self, tokens: &impl ToTokens, message: &str) {
        let error = Error::new_spanned(tokens, message);
        match &mut self.error {
            None => self.error = Some(error),
            Some(errors) => errors.combine(error),
        }
    }

    /// Returns whether a type has the collection lifetime.
    fn is_of_collection(&self, ty: &Type) -> bool {
        self.lifetime.is_some_and(|lifetime| has_lifetime(ty, lifetime))
    }

    /// Returns whether a type has a parameter that becomes another under another lifetime.
    fn follows(&self, ty: &Type) -> bool {
        self.parameters.followers().any(|name| mentions(ty, name))
    }

    /// Refuses a function pointer that is generic over a lifetime, if it is the field, or what an
    /// `Option` there may have.
    fn check_generic_function(&mut self, ty: &Type) {
        match ty {
            Type::BareFn(function) if !self.is_of_collection(ty) && is_generic(function) => {
                self.refuse(
                    ty,
                    "a function pointer that is generic over a lifetime is a leaf, but has no impl of `Trace`: mark the field \
                     `#[trace(skip)]`",
                );
            }
            Type::Path(TypePath { qself: None, path }) if is_named(path, &["Option"]) => {
                types(path).for_each(|argument| self.check_generic_function(argument));
            }
            _ => {}
        }
    }
}

impl VisitMut for Forms<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::BareFn(_) if !self.in_marker => {
                if self.is_of_collection(ty) {
                    self.refuse(
                        ty,
                        "a function pointer cannot follow the collection lifetime: give it lifetimes of its own, as in \
                         `for<'a> fn(&'a Mutator, Gc<'a, str>)`, and mark the field `#[trace(skip)]`",
                    );
                }
            }
            Type::TraitObject(_) => {
                if self.is_of_collection(ty) {
                    self.refuse(
                        ty,
                        "the collector cannot look into a trait object: write an enum of the types that it may be; or give its \
                         trait no lifetime, pass the pointers to its methods, and mark the field \
                         `#[trace(skip)] Box<dyn … + Send + Sync>`",
                    );
                }
            }
            Type::Reference(reference)
                if reference.lifetime.is_some() && reference.lifetime.as_ref() == self.lifetime =>
            {
                let (lifetime, target) = (reference.lifetime.to_token_stream(), reference.elem.to_token_stream());
                let message = if self.in_marker {
                    format!(
                        "a reference cannot follow the collection lifetime: write `PhantomData<Gc<{lifetime}, {target}>>`"
                    )
                } else {
                    format!("a reference dangles when the collector moves the object: write `Gc<{lifetime}, …>`")
                };
                self.refuse(reference, &message);
            }
            Type::Ptr(pointer)
                if self.in_marker && (self.is_of_collection(&pointer.elem) || self.follows(&pointer.elem)) =>
            {
                let target = pointer.elem.to_token_stream();
                self.refuse(
                    pointer,
                    &format!(
                        "a marker of a raw pointer says that a value is not sent, and the values of a heap are used on all \
                         its threads: write `PhantomData<fn() -> {target}>`"
                    ),
                );
            }
            Type::Path(TypePath { qself: None, path }) if is_named(path, CONTAINERS) => {
                let in_marker = marker::is_marker(path);
                let outer = self.in_marker;
                self.in_marker |= in_marker;
                visit_mut::visit_path_mut(self, path);
                self.in_marker = outer;
            }
            Type::Path(_) | Type::Macro(_) => {}
            _ => visit_mut::visit_type_mut(self, ty),
        }
    }
}

/// Returns whether a function pointer names lifetimes of its own, or leaves them out.
fn is_generic(function: &TypeBareFn) -> bool {
    struct LeftOut(bool);
    impl VisitMut for LeftOut {
        fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
            self.0 |= reference.lifetime.is_none();
            visit_mut::visit_type_reference_mut(self, reference);
        }

        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            self.0 |= lifetime.ident == "_";
        }
    }
    let mut left_out = LeftOut(function.lifetimes.as_ref().is_some_and(|bound| !bound.lifetimes.is_empty()));
    function.clone().inputs.iter_mut().for_each(|input| left_out.visit_type_mut(&mut input.ty));
    left_out.0
}

/// Returns the types among the arguments of a path.
fn types(path: &Path) -> impl Iterator<Item = &Type> {
    arguments(path).filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The types whose arguments are looked into, too.
const CONTAINERS: &[&str] = &[
    "Arc",
    "BTreeMap",
    "Box",
    "Counted",
    "Gc",
    "GcCell",
    "HashMap",
    "Later",
    "LinkedList",
    "Mutex",
    "Option",
    "PhantomData",
    "Pin",
    "Result",
    "RwLock",
    "Slot",
    "Vec",
    "VecDeque",
    "Weak",
    "WeakSlot",
];
