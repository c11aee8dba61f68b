//! The impls. See the crate's documentation for what they prove, and rules [derive.places] to
//! [derive.lints].

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    DeriveInput, Error, Ident, Lifetime, Path, Result, Type, ext::IdentExt, parse_quote, parse_quote_spanned,
    spanned::Spanned,
};

use crate::{
    acyclic,
    attributes::Container,
    bounds::{self, Parameters},
    marker::Marker,
    names::Names,
    refused,
    variants::{Binding, FieldOf, Locals, VariantOf, at, path_at, variants},
};

/// Returns the expansion of `#[derive(Trace)]` on `input`.
pub fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let container = Container::of(input)?;
    let mut variants = variants(input, &container)?;
    let path = container.path.clone().unwrap_or_else(|| parse_quote!(::gc_core));
    let private: Path = parse_quote!(#path::__private);
    let names = Names::beside(input, &container);
    let impls = if container.leaf {
        leaf(input, &private, &container, &names)?
    } else {
        traced(input, &private, &container, &names, &mut variants)?
    };
    // This error does not suppress the impl of `Trace`: the type is still traced.
    let acyclic = container.acyclic.then(|| {
        acyclic::expand(input, &private, &container, &names, &variants).unwrap_or_else(Error::into_compile_error)
    });
    Ok(quote!(const _: () = { #impls #acyclic };))
}

/// Returns the value that has the proofs. It belongs to the trait that is being implemented, so no
/// other item can stand in for it ([derive.places]).
fn proofs(private: &Path) -> TokenStream {
    quote!(<Self as #private::Trace>::PROOFS)
}

/// Does the same, with errors about it shown at `user`.
fn proofs_at(private: &Path, user: Span) -> TokenStream {
    let private = path_at(private, user);
    quote_spanned!(at(user)=> <Self as #private::Trace>::PROOFS)
}

/// Returns the impl for `#[trace(leaf)]`: nothing is traced, and the type itself is proven to be a
/// leaf.
fn leaf(input: &DeriveInput, private: &Path, container: &Container, names: &Names) -> Result<TokenStream> {
    if let Some(parameter) = input.generics.lifetimes().next() {
        return Err(Error::new(
            parameter.lifetime.span(),
            "a leaf has no collection lifetime: it holds no pointers into the heap",
        ));
    }
    let name = &input.ident;
    let (generics, arguments, _) = input.generics.split_for_impl();
    let mut clause = bounds::own_where_clause(&input.generics);
    clause.predicates.extend(container.bound.iter().flatten().cloned());
    let (span, private_here) = (at(name.span()), path_at(private, name.span()));
    clause
        .predicates
        .push(parse_quote_spanned!(span=> #name #arguments: 'static + #private_here::Send + #private_here::Sync));
    let Names { collection: fresh, visitor, .. } = names;
    let proofs = proofs(private);
    // SAFETY: the where clause and the proofs ensure that the whole type is a leaf, so there is nothing to report.
    Ok(quote! {
        #[automatically_derived]
        unsafe impl #generics #private::Trace for #name #arguments #clause {
            type At<#fresh> = Self;
            type Static = Self;
            const HAS_CELL: #private::bool = false;
            const HAS_GC: #private::bool = false;

            #[inline(always)]
            unsafe fn trace<#visitor: #private::Visitor>(_: *mut Self, _: &mut #visitor) {
                #proofs.leaf::<Self>();
            }
        }
    })
}

/// Returns the impls for a type that is traced field by field.
fn traced(
    input: &DeriveInput,
    private: &Path,
    container: &Container,
    names: &Names,
    variants: &mut [VariantOf],
) -> Result<TokenStream> {
    let types = |skipped: bool| -> Vec<&Type> {
        variants.iter().flat_map(|v| &v.fields).filter(|f| f.skipped == skipped).map(|f| f.ty).collect()
    };
    let parameters = Parameters::new(input, container, private, names, &types(false), &types(true))?;
    refused::check(types(false).into_iter(), &parameters, container.bound.is_some())?;
    for field in variants.iter_mut().flat_map(|variant| &mut variant.fields).filter(|field| !field.skipped) {
        field.marker = Marker::of(field.ty, &parameters);
    }
    let clause = match &container.bound {
        None => parameters.where_clause()?,
        Some(bound) => {
            let mut clause = bounds::own_where_clause(&input.generics);
            clause.predicates.extend(bound.iter().cloned());
            clause
        }
    };
    let name = &input.ident;
    let Locals { this, value, visitor, .. } = &Locals::new();
    let Names { collection: lifetime, visitor: type_of_visitor, .. } = names;
    let (generics, arguments, _) = input.generics.split_for_impl();
    let (at_type, static_type) =
        (parameters.type_under(lifetime), parameters.type_under(&Lifetime::new("'static", Span::mixed_site())));
    let (has_cell, has_gc) = (has_cell(private, variants), parameters.has_gc());
    let trace = trace_arms(private, variants);
    let proof = proof_arms(name, private, variants, lifetime);
    let without_drop = {
        let (span, proofs) = (at(name.span()), proofs_at(private, name.span()));
        quote_spanned!(span=> #proofs.drop_of::<Self>().has_none(); #proofs.without_drop::<Self>();)
    };
    let answer_of_drop = {
        let (span, private, own) =
            (at(name.span()), path_at(private, name.span()), bounds::own_where_clause(&input.generics));
        quote_spanned! {span=>
            #[automatically_derived]
            impl #generics #private::TracedTypesMayNotImplementDrop for #name #arguments #own {
                type Answer = #private::DoesNotDrop;
            }
        }
    };
    // With parameters the answer depends on them, and `trace` asserts the same for each type that is used.
    let has_parameters =
        input.generics.type_params().next().is_some() || input.generics.const_params().next().is_some();
    let (misplaced, in_place) = if has_parameters {
        (None, None)
    } else {
        let places = asked("misplaces_cell", private, variants);
        let misplaced = quote!(const FIELDS_MISPLACE_CELLS: &'static [#private::bool] = &[#(#places),*];);
        (Some(misplaced), Some(cells_are_in_place(name, &static_type, private, variants)))
    };
    // SAFETY: `trace` reports every field except leaves and markers, each at its place in `this`, which its caller guarantees is a live
    // value. The proofs are made from the places. They hold for each field and for `At`, or the compiler rejects the impl.
    Ok(quote! {
        #in_place

        #[automatically_derived]
        unsafe impl #generics #private::Trace for #name #arguments #clause {
            type At<#lifetime> = #at_type;
            type Static = #static_type;
            const HAS_CELL: #private::bool = #has_cell;
            #misplaced
            const HAS_GC: #private::bool = #has_gc;

            #[inline]
            unsafe fn trace<#type_of_visitor: #private::Visitor>(#this: *mut Self, #visitor: &mut #type_of_visitor) {
                #without_drop
                let _ = &#visitor;
                // SAFETY: the caller of `trace` guarantees a live value, which may be shared.
                let #value: &Self = unsafe { &*#this };
                match *#value { #trace }
            }
        }

        #answer_of_drop

        #[automatically_derived]
        impl #generics #private::Proof for #name #arguments #clause {
            fn proof<#lifetime>(
                #this: &mut Self,
                #value: &mut <Self as #private::Trace>::At<#lifetime>,
            ) {
                let _ = &#value;
                match *#this { #proof }
            }
        }
    })
}

/// Returns the OR over the traced fields, each of them asked through its place.
fn has_cell(private: &Path, variants: &[VariantOf]) -> TokenStream {
    let places = asked("has_cell", private, variants);
    quote!(false #(|| #places)*)
}

/// Returns items that assert of each traced field of `of`, which is the type at `'static`, that no
/// cell lies where none may. They have no parameters, so that the compiler evaluates them where the
/// type is defined, and also when it only checks.
fn cells_are_in_place(name: &Ident, of: &Type, private: &Path, variants: &[VariantOf]) -> TokenStream {
    let fields = variants.iter().flat_map(|variant| variant.traced().map(move |field| (variant, field)));
    let items = fields.enumerate().map(|(index, (variant, field))| {
        let span = field.ty.span();
        let private = path_at(private, span);
        let message = format!(
            "field `{}` of `{}`: a `Slot` or `GcCell` lies in memory that a container owns (a `Vec`, a `Box`, a map), or \
             in another `GcCell`; write `Gc<'gc, [Slot<'gc, …>]>` for an object of slots, or one cell around a container of \
             pointers, `GcCell<Vec<Gc<'gc, …>>>`",
            variant.name_of(field),
            name.unraw()
        );
        quote_spanned! {at(span)=>
            const _: () = <#of as #private::Trace>::PROOFS.cells_are_in_place::<#of>(#index, #message);
        }
    });
    quote!(#(#items)*)
}

/// Returns calls of `method`, one for each traced field, with the function that finds it.
fn asked(method: &str, private: &Path, variants: &[VariantOf]) -> Vec<TokenStream> {
    let Locals { this, .. } = &Locals::new();
    let proofs_of = proofs(private);
    let others = (variants.len() > 1).then(|| quote!(_ => #proofs_of.other_variant(),));
    let one = |variant: &VariantOf, field: &FieldOf| {
        let here = &field.here;
        let pattern = variant.pattern(&quote!(Self), |other| match other.here == *here {
            true => Binding::Ref(&other.here),
            false => Binding::Ignored,
        });
        let span = field.ty.span();
        let (proofs, method) = (proofs_at(private, span), Ident::new(method, at(span)));
        quote_spanned! {at(span)=>
            #proofs.#method(|#this: &Self| match *#this {
                #pattern => #proofs.field(#here),
                #others
            })
        }
    };
    variants.iter().flat_map(|variant| variant.traced().map(move |field| one(variant, field))).collect()
}

/// Returns the arms of `match *this` in `trace`.
fn trace_arms(private: &Path, variants: &[VariantOf]) -> TokenStream {
    let Locals { this, visitor, .. } = &Locals::new();
    let arms = variants.iter().map(|variant| {
        let pattern = variant.pattern(&quote!(Self), |field| match field.is_traced() {
            true => Binding::Ref(&field.here),
            false => Binding::Ignored,
        });
        let fields = variant.traced().map(|field| {
            let FieldOf { here, ty, .. } = field;
            let (proofs, name) = (proofs_at(private, ty.span()), variant.name_of(field));
            // SAFETY: the field lies in `this`, which the caller of `trace` guarantees is a live value.
            quote_spanned! {at(ty.span())=>
                let #here = #proofs.field(#here);
                unsafe { #proofs.trace(#name, #here, #this, #visitor) };
            }
        });
        quote!(#pattern => { #(#fields)* })
    });
    quote!(#(#arms)*)
}

/// Returns the arms of `match *this` in `proof`, which pair each field with the same field of
/// `Self::At<'a>`.
fn proof_arms(name: &Ident, private: &Path, variants: &[VariantOf], lifetime: &Lifetime) -> TokenStream {
    let Locals { value, .. } = &Locals::new();
    let others = (variants.len() > 1).then(|| quote!(_ => {}));
    let arms = variants.iter().map(|variant| {
        let here = variant.pattern(&quote!(Self), |field| Binding::RefMut(&field.here));
        let there = variant.pattern(&quote!(#name), |field| Binding::RefMut(&field.there));
        let pairs = variant.fields.iter().map(|FieldOf { here, there, ty, skipped, marker, .. }| {
            let (span, proofs) = (at(ty.span()), proofs_at(private, ty.span()));
            let lifetime = quote_spanned!(span=> #proofs.lifetime::<#lifetime>());
            match marker {
                _ if *skipped => quote_spanned!(span=> #proofs.skipped(#here, #there);),
                Some(Marker::Function) => quote_spanned!(span=> #proofs.follows(#here, #there, #lifetime);),
                Some(Marker::Constant) => quote_spanned!(span=> #proofs.stays(#here, #there);),
                None => quote_spanned! {span=>
                    let #here = #proofs.field(#here);
                    #proofs.becomes(#here, #there, #lifetime);
                },
            }
        });
        quote!(#here => match *#value { #there => { #(#pairs)* } #others })
    });
    quote!(#(#arms)*)
}
