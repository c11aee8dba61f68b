//! `#[trace(acyclic)]`: the impl of `Acyclic`. It proves each field by its place, or accepts the
//! user's assumption.
//!
//! Whether a field is traced or skipped does not matter: a field that the collector need not look
//! at may still hold a `Counted`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Error, Path, Result, Type, WhereClause, parse_quote, spanned::Spanned};

use crate::{
    attributes::Container,
    bounds::{self, Parameters, mentions},
    names::Names,
    variants::{Binding, FieldOf, Locals, VariantOf, at, path_at},
};

/// Returns the impl.
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
    // SAFETY: `prove_acyclic` proves for each field what the impl promises of the type, or the compiler rejects the impl.
    Ok(quote! {
        #[automatically_derived]
        unsafe impl #generics #private::Acyclic for #name #arguments #clause {
            fn prove_acyclic(#this: &mut Self) {
                match *#this { #(#arms)* }
            }
        }
    })
}

/// Returns the statement that compiles only if `field` satisfies its rule.
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

/// Returns the where clause of the impl. It has the type's own bounds and those of the `bound`
/// attribute. The attribute replaces no other bounds here, as it is about being traced. A parameter
/// has to be a leaf if it occurs in an assumed field. It has to be acyclic if it occurs in another
/// field or in none. Associated types of parameters have to be acyclic if they occur in fields that
/// are proven.
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
