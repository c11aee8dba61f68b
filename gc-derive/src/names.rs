//! Names that the derive introduces. None of them occurs in the user's type.

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{DeriveInput, Lifetime};

use crate::attributes::Container;

/// The lifetimes and the type parameter that the impls introduce while the user's are in scope.
pub struct Names {
    /// The `'a` of `At<'a>`.
    pub collection: Lifetime,
    /// A second lifetime, distinct from the first.
    pub other: Lifetime,
    /// The type parameter of `trace`.
    pub visitor: Ident,
}

impl Names {
    /// Returns names that occur in no token of `input`, from which `container` was read: not as a
    /// lifetime, as a parameter or in the `for<…>` of a bound.
    pub fn beside(input: &DeriveInput, container: &Container) -> Self {
        let mut taken = HashSet::new();
        collect(input.to_token_stream(), &mut taken);
        // The bound is inside a string in `input`.
        collect(container.bound.to_token_stream(), &mut taken);
        let mut fresh = |name: &str| {
            let mut name = name.to_owned();
            while !taken.insert(name.clone()) {
                name.push('_');
            }
            Ident::new(&name, Span::mixed_site())
        };
        let mut lifetime = |name| {
            let name = fresh(name);
            Lifetime { apostrophe: name.span(), ident: name }
        };
        let (collection, other) = (lifetime("collection"), lifetime("other_collection"));
        Self { collection, other, visitor: fresh("__GcVisitor") }
    }
}

/// Collects every name in `tokens`. The token of a lifetime is an apostrophe and an identifier.
fn collect(tokens: TokenStream, names: &mut HashSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(name) => {
                names.insert(name.to_string());
            }
            TokenTree::Group(group) => collect(group.stream(), names),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn names(input: &DeriveInput) -> [String; 3] {
        let Names { collection, other, visitor } = Names::beside(input, &Container::of(input).unwrap());
        [collection.ident.to_string(), other.ident.to_string(), visitor.to_string()]
    }

    #[test]
    fn names_of_the_users_are_left_to_them() {
        assert_eq!(
            names(&parse_quote!(
                struct S<'gc>(Gc<'gc, u8>);
            )),
            ["collection", "other_collection", "__GcVisitor"]
        );
        assert_eq!(
            names(&parse_quote!(
                struct S<'collection, 'collection_, __GcVisitor>(Gc<'collection, __GcVisitor>);
            )),
            ["collection__", "other_collection", "__GcVisitor_"]
        );
        assert_eq!(
            names(&parse_quote!(
                struct S<T: for<'other_collection> Kind<'other_collection>>(T);
            )),
            ["collection", "other_collection_", "__GcVisitor"]
        );
        assert_eq!(
            names(&parse_quote!(
                /// Of the collection.
                #[trace(bound = "T: for<'other_collection> Kind<'other_collection>")]
                struct S<T>(T);
            )),
            ["collection", "other_collection_", "__GcVisitor"]
        );
    }
}
