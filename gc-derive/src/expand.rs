//! The impls. See the crate's documentation for what they prove, and rules D1 to D4.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Data, DeriveInput, Error, Fields, Ident, Lifetime, Member, Path, Result, Type, parse_quote, parse_quote_spanned,
    spanned::Spanned,
};

use crate::{
    acyclic,
    attributes::{self, Container, Marks},
    bounds::{self, Parameters},
    names::Names,
};

/// The expansion of `#[derive(Trace)]` on `input`.
pub fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let container = Container::of(input)?;
    let variants = variants(input, &container)?;
    let path = container.path.clone().unwrap_or_else(|| parse_quote!(::gc_core));
    let private: Path = parse_quote!(#path::__private);
    let names = Names::beside(input, &container);
    let impls = if container.leaf {
        leaf(input, &private, &container, &names)?
    } else {
        traced(input, &private, &container, &names, &variants)?
    };
    // An error here is one by itself: the type is traced all the same.
    let acyclic = container.acyclic.then(|| {
        acyclic::expand(input, &private, &container, &names, &variants).unwrap_or_else(Error::into_compile_error)
    });
    Ok(quote!(const _: () = { #impls #acyclic };))
}

/// The span for code about what stands at `user`: errors show there, but lints know it for a macro's.
pub fn at(user: Span) -> Span {
    Span::mixed_site().located_at(user)
}

/// `path` with errors about it shown at `user`.
pub fn path_at(path: &Path, user: Span) -> TokenStream {
    let tokens = path.to_token_stream().into_iter().map(|mut token| {
        token.set_span(token.span().located_at(user));
        token
    });
    tokens.collect()
}

/// What proves: through the trait that is being implemented, which nothing can stand in for (D1).
fn proofs(private: &Path) -> TokenStream {
    quote!(<Self as #private::Trace>::PROOFS)
}

/// The same, with errors about it shown at `user`.
fn proofs_at(private: &Path, user: Span) -> TokenStream {
    let private = path_at(private, user);
    quote_spanned!(at(user)=> <Self as #private::Trace>::PROOFS)
}

/// The names of the local variables. Only a constant of the user's could meet them, and that would be an error.
pub struct Locals {
    pub this: Ident,
    value: Ident,
    visitor: Ident,
}

impl Locals {
    pub fn new() -> Self {
        let name = |name: &str| Ident::new(name, Span::mixed_site());
        Self { this: name("__gc_this"), value: name("__gc_value"), visitor: name("__gc_visitor") }
    }
}

/// A field, and the variant (or the struct) that it is in.
pub struct FieldOf<'i> {
    member: Member,
    pub ty: &'i Type,
    skipped: bool,
    /// Acyclic by the user's word.
    pub assumed: bool,
    /// Where it is bound in patterns of `Self`, and of `Self::At`.
    pub here: Ident,
    there: Ident,
}

/// How a pattern binds a field.
pub enum Binding<'f> {
    Ignored,
    Ref(&'f Ident),
    RefMut(&'f Ident),
}

/// A variant of an enum, or the whole of a struct.
pub struct VariantOf<'i> {
    name: Option<&'i Ident>,
    pub fields: Vec<FieldOf<'i>>,
}

impl VariantOf<'_> {
    fn traced(&self) -> impl Iterator<Item = &FieldOf<'_>> {
        self.fields.iter().filter(|field| !field.skipped)
    }

    /// A pattern of the type `of` that names every field, and binds as `binding` says.
    pub fn pattern<'f>(&'f self, of: &TokenStream, binding: impl Fn(&'f FieldOf) -> Binding<'f>) -> TokenStream {
        let path = self.name.map(|name| quote!(::#name));
        let fields = self.fields.iter().map(|field| {
            let member = &field.member;
            match binding(field) {
                Binding::Ignored => quote!(#member: _),
                Binding::Ref(name) => quote_spanned!(at(field.ty.span())=> #member: ref #name),
                Binding::RefMut(name) => {
                    quote_spanned!(at(field.ty.span())=> #member: ref mut #name)
                }
            }
        });
        quote!(#of #path { #(#fields),* })
    }
}

fn variants<'i>(input: &'i DeriveInput, container: &Container) -> Result<Vec<VariantOf<'i>>> {
    match &input.data {
        Data::Struct(data) => Ok(vec![VariantOf { name: None, fields: fields(&data.fields, container)? }]),
        Data::Enum(data) => data
            .variants
            .iter()
            .map(|variant| {
                attributes::check_variant(variant)?;
                Ok(VariantOf { name: Some(&variant.ident), fields: fields(&variant.fields, container)? })
            })
            .collect(),
        Data::Union(data) => Err(Error::new(
            data.union_token.span,
            "a union cannot be traced: the collector would not know which field is live; use an enum",
        )),
    }
}

fn fields<'i>(fields: &'i Fields, container: &Container) -> Result<Vec<FieldOf<'i>>> {
    let numbered = fields.iter().zip(fields.members()).enumerate();
    numbered
        .map(|(i, (field, member))| {
            let marks = Marks::of(field, container)?;
            Ok(FieldOf {
                member,
                ty: &field.ty,
                skipped: marks.skip,
                assumed: marks.assume_acyclic,
                here: format_ident!("__gc_here_{i}", span = at(field.ty.span())),
                there: format_ident!("__gc_there_{i}", span = at(field.ty.span())),
            })
        })
        .collect()
}

/// `#[trace(leaf)]`: nothing is traced, and the type itself is proven to be a leaf.
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
    // SAFETY: the where clause and the proofs say that the whole type is a leaf: there is nothing to report.
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

/// A type that is traced field by field.
fn traced(
    input: &DeriveInput,
    private: &Path,
    container: &Container,
    names: &Names,
    variants: &[VariantOf],
) -> Result<TokenStream> {
    let types = |skipped: bool| -> Vec<&Type> {
        variants.iter().flat_map(|v| &v.fields).filter(|f| f.skipped == skipped).map(|f| f.ty).collect()
    };
    let parameters = Parameters::new(input, container, private, names, &types(false), &types(true))?;
    let own = bounds::own_where_clause(&input.generics);
    let clause = match &container.bound {
        None => parameters.where_clause()?,
        Some(bound) => {
            let mut clause = own.clone();
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
    let proofs = proofs(private);
    let trace = trace_arms(private, variants);
    let proof = proof_arms(name, private, variants, lifetime);
    // SAFETY: `trace` reports every field but leaves, each at its place in `this`, which its caller says is a live value; the proofs,
    // made of the places, hold for each field and for `At`, or the compiler refuses the impl.
    Ok(quote! {
        #[automatically_derived]
        unsafe impl #generics #private::Trace for #name #arguments #clause {
            type At<#lifetime> = #at_type;
            type Static = #static_type;
            const HAS_CELL: #private::bool = #has_cell;
            const HAS_GC: #private::bool = #has_gc;

            #[inline]
            unsafe fn trace<#type_of_visitor: #private::Visitor>(#this: *mut Self, #visitor: &mut #type_of_visitor) {
                #proofs.without_drop::<Self, _>();
                let _ = &#visitor;
                let #value: &Self = unsafe { &*#this };
                match *#value { #trace }
            }
        }

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

        #[automatically_derived]
        impl #generics #private::TracedTypeMustNotImplDrop for #name #arguments #own {}
    })
}

/// The OR over the traced fields, each asked by its place.
fn has_cell(private: &Path, variants: &[VariantOf]) -> TokenStream {
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
        let proofs = proofs_at(private, span);
        quote_spanned! {at(span)=>
            #proofs.has_cell(|#this: &Self| match *#this {
                #pattern => #proofs.field(#here),
                #others
            })
        }
    };
    let places = variants.iter().flat_map(|variant| variant.traced().map(move |field| one(variant, field)));
    quote!(false #(|| #places)*)
}

/// The arms of `match *this` in `trace`.
fn trace_arms(private: &Path, variants: &[VariantOf]) -> TokenStream {
    let Locals { this, visitor, .. } = &Locals::new();
    let arms = variants.iter().map(|variant| {
        let pattern = variant.pattern(&quote!(Self), |field| match field.skipped {
            true => Binding::Ignored,
            false => Binding::Ref(&field.here),
        });
        let fields = variant.traced().map(|FieldOf { here, ty, .. }| {
            let proofs = proofs_at(private, ty.span());
            // SAFETY: the field lies in `this`, which the caller of `trace` says is a live value.
            quote_spanned! {at(ty.span())=>
                let #here = #proofs.field(#here);
                unsafe { #proofs.trace(#here, #this, #visitor) };
            }
        });
        quote!(#pattern => { #(#fields)* })
    });
    quote!(#(#arms)*)
}

/// The arms of `match *this` in `proof`: each field beside the same field of `Self::At<'a>`.
fn proof_arms(name: &Ident, private: &Path, variants: &[VariantOf], lifetime: &Lifetime) -> TokenStream {
    let Locals { value, .. } = &Locals::new();
    let others = (variants.len() > 1).then(|| quote!(_ => {}));
    let arms = variants.iter().map(|variant| {
        let here = variant.pattern(&quote!(Self), |field| Binding::RefMut(&field.here));
        let there = variant.pattern(&quote!(#name), |field| Binding::RefMut(&field.there));
        let pairs = variant.fields.iter().map(|FieldOf { here, there, ty, skipped, .. }| {
            let (span, proofs) = (at(ty.span()), proofs_at(private, ty.span()));
            if *skipped {
                quote_spanned!(span=> #proofs.skipped(#here, #there);)
            } else {
                quote_spanned! {span=>
                    let #here = #proofs.field(#here);
                    #proofs.becomes(#here, #there, #proofs.lifetime::<#lifetime>());
                }
            }
        });
        quote!(#here => match *#value { #there => { #(#pairs)* } #others })
    });
    quote!(#(#arms)*)
}
