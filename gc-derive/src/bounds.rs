//! The generics of the impl: which parameters are traced, what they become under another lifetime,
//! and which bounds this needs.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    DeriveInput, Error, GenericArgument, GenericParam, Generics, Ident, Lifetime, LifetimeParam, Path, PathArguments,
    PredicateType, Result, Token, TraitBoundModifier, Type, TypeParam, TypeParamBound, TypePath, WhereClause,
    WherePredicate, parse_quote,
    punctuated::Punctuated,
    visit_mut::{self, VisitMut},
};

use crate::{attributes::Container, names::Names};

/// The way the derive treats a type parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `T: Trace`; becomes `T::At<'a>`.
    Traced,
    /// `T: Object + ?Sized`; becomes `T::At<'a>`. An `Object` has no `HAS_GC`.
    Object,
    /// Marked as a leaf, or occurs in skipped fields only: `T: 'static + Send + Sync`; stays as it
    /// is.
    Leaf,
}

/// The type parameters and the collection lifetime of a type.
pub struct Parameters<'i> {
    input: &'i DeriveInput,
    private: &'i Path,
    names: &'i Names,
    /// The collection lifetime.
    pub lifetime: Option<&'i Lifetime>,
    types: Vec<(&'i Ident, Role)>,
    /// The types of the fields that are traced.
    traced: Vec<Type>,
}

impl<'i> Parameters<'i> {
    /// Assigns a role to each parameter of `input`. `traced` and `skipped` are the types of its
    /// fields.
    pub fn new(
        input: &'i DeriveInput,
        container: &Container,
        private: &'i Path,
        names: &'i Names,
        traced: &[&Type],
        skipped: &[&Type],
    ) -> Result<Self> {
        let mut lifetimes = input.generics.lifetimes();
        let lifetime = lifetimes.next().map(|parameter| &parameter.lifetime);
        if let Some(second) = lifetimes.next() {
            return Err(Error::new(
                second.lifetime.span(),
                "a traced type has one lifetime at most, the collection lifetime: all its pointers are of one heap",
            ));
        }
        let role = |parameter: &'i TypeParam| {
            let name = &parameter.ident;
            let occurs_in = |types: &[&Type]| types.iter().any(|ty| mentions(ty, name));
            let role = if container.leaf_parameters.contains(name) || (!occurs_in(traced) && occurs_in(skipped)) {
                Role::Leaf
            } else if bounds_on(&input.generics, name).any(is_maybe) {
                Role::Object
            } else {
                Role::Traced
            };
            (name, role)
        };
        let types = input.generics.type_params().map(role).collect();
        Ok(Self { input, private, names, lifetime, types, traced: traced.iter().map(|ty| (*ty).clone()).collect() })
    }

    /// Returns the type under `lifetime`: `Node<'a, <T as Trace>::At<'a>>`.
    pub fn type_under(&self, lifetime: &Lifetime) -> Type {
        let name = &self.input.ident;
        if self.input.generics.params.is_empty() {
            return parse_quote!(#name);
        }
        let arguments = self.input.generics.params.iter().map(|parameter| match parameter {
            GenericParam::Lifetime(_) => lifetime.to_token_stream(),
            GenericParam::Type(parameter) => match self.under(&parameter.ident, lifetime) {
                Some(ty) => ty.into_token_stream(),
                None => parameter.ident.to_token_stream(),
            },
            GenericParam::Const(parameter) => parameter.ident.to_token_stream(),
        });
        parse_quote!(#name<#(#arguments),*>)
    }

    /// Returns the value of `HAS_GC`: true with a collection lifetime, and otherwise the OR over
    /// the type parameters. It does not ask the fields, as that would be a cycle for recursive
    /// types. The result is the same. Without a collection lifetime, and with parameters that are
    /// the same under every lifetime, each field is the same under every lifetime, as the proof
    /// checks. So no field has pointers.
    pub fn has_gc(&self) -> TokenStream {
        if self.lifetime.is_some() || self.types.iter().any(|(_, role)| *role == Role::Object) {
            return quote!(true);
        }
        let private = self.private;
        let traced = self.types.iter().filter(|(_, role)| *role == Role::Traced).map(|(name, _)| name);
        quote!(false #(|| <#traced as #private::Trace>::HAS_GC)*)
    }

    /// Returns the where clause of the impl. It has the type's own bounds, and the bounds of the
    /// parameters by role. It repeats each bound of the type under every other lifetime, as the
    /// type could not be named there without it. It states that associated types of parameters, if
    /// fields have them, follow their parameter to another lifetime.
    pub fn where_clause(&self) -> Result<WhereClause> {
        let mut clause = own_where_clause(&self.input.generics);
        let private = self.private;
        for (name, role) in &self.types {
            clause.predicates.push(match role {
                Role::Traced => parse_quote!(#name: #private::Trace),
                Role::Object => parse_quote!(#name: #private::Object),
                Role::Leaf => parse_quote!(#name: 'static + #private::Send + #private::Sync),
            });
        }
        let Names { collection: every, other, .. } = self.names;
        let forever = Lifetime::new("'static", Span::mixed_site());
        for predicate in self.own_predicates()? {
            if let Some(predicate) = self.predicate_under(&predicate, every) {
                clause.predicates.extend(for_every(every, &predicate).map(WherePredicate::Type));
            }
            clause.predicates.extend(self.predicate_under(&predicate, &forever).map(WherePredicate::Type));
        }
        for ty in self.projections()? {
            let under = |lifetime| self.type_of_field_under(&ty, lifetime);
            let (at_every, at_other, at_forever) = (under(every), under(other), under(&forever));
            let becomes: TypeParamBound = parse_quote!(#private::Trace<At<#every> = #at_every, Static = #at_forever>);
            // That of a leaf differs in the lifetime only, so the last bound includes the others, and would be ambiguous beside them.
            if self.followers().any(|name| mentions(&ty, name)) {
                clause.predicates.push(parse_quote!(for<#every> #ty: #becomes));
                clause.predicates.push(parse_quote!(for<#every> #at_forever: #becomes));
            }
            clause.predicates.push(parse_quote!(for<#every, #other> #at_other: #becomes));
        }
        Ok(clause)
    }

    /// Returns every bound on types that the definition of the type states.
    fn own_predicates(&self) -> Result<Vec<PredicateType>> {
        let parameters = self.input.generics.type_params().filter(|parameter| !parameter.bounds.is_empty());
        let inline = parameters.map(|TypeParam { ident, bounds, .. }| parse_quote!(#ident: #bounds));
        let clause = self.input.generics.where_clause.iter().flat_map(|clause| clause.predicates.iter().cloned());
        let types = inline.chain(clause).filter_map(|predicate| match predicate {
            WherePredicate::Type(predicate) => Some(predicate),
            _ => None,
        });
        types
            .map(|mut predicate| {
                self.qualified(|qualify| qualify.visit_predicate_type_mut(&mut predicate)).map(|()| predicate)
            })
            .collect()
    }

    /// Returns `predicate` with everything that has a collection lifetime put under `lifetime`, or
    /// `None` if that adds nothing.
    fn predicate_under(&self, predicate: &PredicateType, lifetime: &Lifetime) -> Option<PredicateType> {
        let mut predicate = predicate.clone();
        // `?Sized` is stated already. Being traced and outliving the collection lifetime are part of `Trace::At`. Repeating them
        // would be true, but rustc cannot prove them in generic code.
        let traced_as = match &predicate.bounded_ty {
            Type::Path(TypePath { qself: None, path }) => path.get_ident().and_then(|name| self.trait_of(name)),
            _ => None,
        };
        let is_said = |bound: &TypeParamBound| match bound {
            TypeParamBound::Trait(of) => {
                let is_ours = |name| self.is_ours(&of.path, name) || self.is_ours(&of.path, "Referent");
                is_maybe(bound) || traced_as.is_some_and(is_ours)
            }
            TypeParamBound::Lifetime(outlived) => Some(outlived) == self.lifetime,
            _ => false,
        };
        predicate.bounds = predicate.bounds.into_iter().filter(|bound| !is_said(bound)).collect();
        if predicate.bounds.is_empty() || mentions(&predicate, &Ident::new("Self", Span::call_site())) {
            return None;
        }
        let before = predicate.to_token_stream().to_string();
        Under { parameters: self, lifetime }.visit_predicate_type_mut(&mut predicate);
        (predicate.to_token_stream().to_string() != before).then_some(predicate)
    }

    /// Returns the associated types of traced parameters that occur in fields, each once.
    pub fn projections(&self) -> Result<Vec<Type>> {
        let mut found = Projections { parameters: self, types: Vec::new() };
        for ty in &self.traced {
            let mut ty = ty.clone();
            self.qualified(|qualify| qualify.visit_type_mut(&mut ty))?;
            found.visit_type_mut(&mut ty);
        }
        Ok(found.types)
    }

    /// Returns the type of a field under `lifetime`.
    fn type_of_field_under(&self, ty: &Type, lifetime: &Lifetime) -> Type {
        let mut ty = ty.clone();
        Under { parameters: self, lifetime }.visit_type_mut(&mut ty);
        ty
    }

    /// Runs `visit` with the visitor that writes `T::Payload` as `<T as Kind>::Payload`.
    fn qualified(&self, visit: impl FnOnce(&mut Qualify)) -> Result<()> {
        let mut qualify = Qualify { parameters: self, error: None };
        visit(&mut qualify);
        qualify.error.map_or(Ok(()), Err)
    }

    /// Returns the trait that the type's bounds give the parameter `name`, if it is the only one
    /// apart from the trait for being traced.
    fn only_trait(&self, name: &Ident) -> Option<&Path> {
        let mut traits = bounds_on(&self.input.generics, name).filter_map(|bound| match bound {
            TypeParamBound::Trait(bound) if bound.lifetimes.is_none() => Some(&bound.path),
            _ => None,
        });
        let ours = self.trait_of(name)?;
        let is_ours = |path: &Path| self.is_ours(path, ours);
        let only = traits.by_ref().find(|path| !is_ours(path))?;
        traits.all(is_ours).then_some(only)
    }

    /// Returns whether `path` is that of the trait `name` of `gc_core`. It is taken for that by its
    /// name alone, or by the path of the crate. A trait of the user's with this name is told apart
    /// by any other path.
    fn is_ours(&self, path: &Path, name: &str) -> bool {
        let mut before: Vec<_> = path.segments.iter().map(|segment| &segment.ident).collect();
        if before.pop().is_none_or(|last| last != name) {
            return false;
        }
        // Without `__private` at its end, it is the path of the crate.
        let crate_path = self.private.segments.iter().map(|segment| &segment.ident).rev().skip(1).rev();
        before.is_empty() || before == ["gc_core"] || before.iter().copied().eq(crate_path)
    }

    /// Returns the role of the parameter `name`.
    pub fn role(&self, name: &Ident) -> Option<Role> {
        self.types.iter().find(|(parameter, _)| *parameter == name).map(|(_, role)| *role)
    }

    /// Returns the parameters that become others under another lifetime.
    pub fn followers(&self) -> impl Iterator<Item = &Ident> {
        self.types.iter().filter(|(_, role)| *role != Role::Leaf).map(|(name, _)| *name)
    }

    /// Returns the trait by which the parameter `name` is traced, or `None` if it is not traced.
    fn trait_of(&self, name: &Ident) -> Option<&'static str> {
        match self.role(name)? {
            Role::Traced => Some("Trace"),
            Role::Object => Some("Object"),
            Role::Leaf => None,
        }
    }

    /// Returns the type of the parameter `name` under `lifetime`, or `None` if it is not traced.
    fn under(&self, name: &Ident, lifetime: &Lifetime) -> Option<Type> {
        let private = self.private;
        let as_trait = Ident::new(self.trait_of(name)?, Span::mixed_site());
        let as_trait = quote!(#private::#as_trait);
        Some(if lifetime.ident == "static" {
            parse_quote!(<#name as #as_trait>::Static)
        } else {
            parse_quote!(<#name as #as_trait>::At<#lifetime>)
        })
    }
}

/// Returns `predicate` for every lifetime `every`. It is one predicate for each bound, as the
/// binders of a bound and of a predicate cannot be nested.
fn for_every(every: &Lifetime, predicate: &PredicateType) -> impl Iterator<Item = PredicateType> {
    predicate.bounds.iter().map(move |bound| {
        let mut predicate = PredicateType { bounds: Punctuated::from_iter([bound.clone()]), ..predicate.clone() };
        let own = match &mut predicate.bounds[0] {
            TypeParamBound::Trait(bound) => bound.lifetimes.take(),
            _ => None,
        };
        let binder = predicate.lifetimes.get_or_insert_with(|| parse_quote!(for<>));
        binder.lifetimes.insert(0, GenericParam::Lifetime(LifetimeParam::new(every.clone())));
        binder.lifetimes.extend(own.into_iter().flat_map(|own| own.lifetimes));
        predicate
    })
}

/// Returns the where clause of the type's definition.
pub fn own_where_clause(generics: &Generics) -> WhereClause {
    generics
        .where_clause
        .clone()
        .unwrap_or_else(|| WhereClause { where_token: <Token![where]>::default(), predicates: Punctuated::new() })
}

/// Puts parameters and the collection lifetime under another lifetime.
struct Under<'a, 'i> {
    parameters: &'a Parameters<'i>,
    lifetime: &'a Lifetime,
}

impl VisitMut for Under<'_, '_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::Path(TypePath { qself: None, path }) = ty
            && let Some(name) = path.get_ident()
            && let Some(under) = self.parameters.under(name, self.lifetime)
        {
            *ty = under;
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if Some(&*lifetime) == self.parameters.lifetime {
            *lifetime = self.lifetime.clone();
        }
    }
}

/// Writes `T::Payload`, which has a meaning only for parameters, as `<T as Kind>::Payload`, which
/// has a meaning for all types.
struct Qualify<'a, 'i> {
    parameters: &'a Parameters<'i>,
    error: Option<Error>,
}

impl VisitMut for Qualify<'_, '_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        visit_mut::visit_type_mut(self, ty);
        let Type::Path(TypePath { qself: None, path }) = ty else {
            return;
        };
        let Some(first) = path.segments.first().filter(|_| path.leading_colon.is_none() && path.segments.len() == 2)
        else {
            return;
        };
        if self.parameters.trait_of(&first.ident).is_none() {
            return;
        }
        let (name, associated) = (&first.ident, &path.segments[1]);
        match self.parameters.only_trait(name) {
            Some(kind) => *ty = parse_quote!(<#name as #kind>::#associated),
            None => {
                let message = format!(
                    "write `<{name} as …>::{}`, for the derive cannot tell of which trait it is",
                    associated.ident
                );
                self.error.get_or_insert(Error::new(name.span(), message));
            }
        }
    }
}

/// Finds associated types of parameters that follow the collection lifetime.
struct Projections<'a, 'i> {
    parameters: &'a Parameters<'i>,
    types: Vec<Type>,
}

impl VisitMut for Projections<'_, '_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        let is_projection = match &*ty {
            // That of a leaf may have the collection lifetime: `<F as Family<'gc>>::Member`.
            Type::Path(TypePath { qself: Some(of), .. }) => {
                let has_lifetime = self.parameters.lifetime.is_some_and(|lifetime| has_lifetime(ty, lifetime));
                let follows = |role: Role| role != Role::Leaf || has_lifetime;
                self.parameters.types.iter().any(|(name, role)| follows(*role) && mentions(&of.ty, name))
            }
            _ => false,
        };
        if !is_projection {
            visit_mut::visit_type_mut(self, ty);
        } else if !self.types.contains(ty) {
            self.types.push(ty.clone());
        }
    }
}

/// Returns the bounds that the definition of the type puts on the parameter `name`.
fn bounds_on<'g>(generics: &'g Generics, name: &Ident) -> impl Iterator<Item = &'g TypeParamBound> {
    let inline = generics.type_params().filter(move |parameter| parameter.ident == *name).flat_map(|p| &p.bounds);
    let predicates = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let clause = predicates.filter_map(move |predicate| match predicate {
        WherePredicate::Type(PredicateType { bounded_ty: Type::Path(ty), bounds, lifetimes: None, .. })
            if ty.path.is_ident(name) =>
        {
            Some(bounds)
        }
        _ => None,
    });
    inline.chain(clause.flatten())
}

fn is_maybe(bound: &TypeParamBound) -> bool {
    matches!(bound, TypeParamBound::Trait(bound) if matches!(bound.modifier, TraitBoundModifier::Maybe(_)))
}

/// Returns whether the tokens contain `name`. It decides about bounds only, where a wrong answer is
/// a compile error.
pub fn mentions(tokens: &impl ToTokens, name: &Ident) -> bool {
    fn search(tokens: TokenStream, name: &Ident) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == *name,
            TokenTree::Group(group) => search(group.stream(), name),
            _ => false,
        })
    }
    search(tokens.to_token_stream(), name)
}

/// Returns whether a type has `lifetime`, outside of macros.
pub fn has_lifetime(ty: &Type, lifetime: &Lifetime) -> bool {
    struct Search<'l>(&'l Lifetime, bool);
    impl VisitMut for Search<'_> {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            self.1 |= lifetime == self.0;
        }
    }
    let mut search = Search(lifetime, false);
    search.visit_type_mut(&mut ty.clone());
    search.1
}

/// Returns whether the last name of a path is one of these.
pub fn is_named(path: &Path, names: &[&str]) -> bool {
    path.segments.last().is_some_and(|last| names.iter().any(|name| last.ident == name))
}

/// Returns the generic arguments of the last name of a path.
pub fn arguments(path: &Path) -> impl Iterator<Item = &GenericArgument> {
    let arguments = match path.segments.last().map(|last| &last.arguments) {
        Some(PathArguments::AngleBracketed(arguments)) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten()
}
