//! `#[trace(acyclic)]`: the impl of `Acyclic`, which proves each field by its place, or takes the user's word for it.
//!
//! What is traced and what is skipped is not asked: a field that the collector need not look at may hold a `Counted` all the
//! same.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Error, Path, Result, Type, WhereClause, parse_quote, spanned::Spanned};

use crate::{
    attributes::Container,
    bounds::{self, Parameters, mentions},
    names::Names,
    variants::{Binding, FieldOf, Locals, VariantOf, at, path_at},
};

/// The impl.
pub fn expand(
    input: &DeriveInput,
    private: &Path,
    container: &Container,
    names: &Names,
    variants: &[VariantOf],
) -> Result<TokenStream> {
    if let Some(parameter) = input.generics.lifetimes().next() {
        return Err(Error::new(
            parameter.lifetime.span(),
            "an acyclic type has no collection lifetime: what is counted is not traced, and holds no `Gc`, `Slot` or `GcCell`",
        ));
    }
    let name = &input.ident;
    let (generics, arguments, _) = input.generics.split_for_impl();
    let clause = where_clause(input, private, container, names, variants)?;
    let Locals { this, .. } = &Locals::new();
    let arms = variants.iter().map(|variant| {
        let pattern = variant.pattern(&quote!(Self), |field| Binding::RefMut(&field.here));
        let fields = variant.fields.iter().map(|field| proof(private, field));
        quote!(#pattern => { #(#fields)* })
    });
    // SAFETY: what the impl promises of the type, `prove_acyclic` proves of each field, or the compiler refuses it.
    Ok(quote! {
        #[automatically_derived]
        unsafe impl #generics #private::Acyclic for #name #arguments #clause {
            fn prove_acyclic(#this: &mut Self) {
                match *#this { #(#arms)* }
            }
        }
    })
}

/// The statement that compiles if `field` is what it should be.
fn proof(private: &Path, field: &FieldOf) -> TokenStream {
    let (here, span) = (&field.here, field.ty.span());
    let private = path_at(private, span);
    let proofs = quote_spanned!(at(span)=> <Self as #private::Acyclic>::acyclic_proofs());
    if field.assumed {
        quote_spanned!(at(span)=> #proofs.assumed(#here);)
    } else {
        quote_spanned!(at(span)=> #proofs.acyclic(#here);)
    }
}

/// The where clause of the impl: the type's own; `bound`, beside which the rest stays, for it is about being traced; that
/// parameters, and associated types of them that are fields, are acyclic; that those in assumed fields are leaves.
fn where_clause(
    input: &DeriveInput,
    private: &Path,
    container: &Container,
    names: &Names,
    variants: &[VariantOf],
) -> Result<WhereClause> {
    let mut clause = bounds::own_where_clause(&input.generics);
    clause.predicates.extend(container.bound.iter().flatten().cloned());
    let types = |assumed: bool| -> Vec<&Type> {
        variants.iter().flat_map(|v| &v.fields).filter(|f| f.assumed == assumed).map(|f| f.ty).collect()
    };
    let (proven, assumed) = (types(false), types(true));
    for name in input.generics.type_params().map(|parameter| &parameter.ident) {
        let occurs_in = |types: &[&Type]| types.iter().any(|ty| mentions(ty, name));
        if occurs_in(&assumed) {
            clause.predicates.push(parse_quote!(#name: 'static + #private::Send + #private::Sync));
        }
        if occurs_in(&proven) || !occurs_in(&assumed) {
            clause.predicates.push(parse_quote!(#name: #private::Acyclic));
        }
    }
    let parameters = Parameters::new(input, &Container::default(), private, names, &proven, &assumed)?;
    for ty in parameters.projections()? {
        clause.predicates.push(parse_quote!(#ty: #private::Acyclic));
    }
    Ok(clause)
}
