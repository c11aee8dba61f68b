//! The variants and fields of the type that is derived for. Also the names and spans of the
//! bindings that the impls make.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Data, DeriveInput, Error, Fields, Ident, Member, Path, Result, Type, ext::IdentExt, spanned::Spanned};

use crate::{
    attributes::{self, Container, Marks},
    marker::Marker,
};

/// The names of the local variables. Only a constant of the user's could clash with them, which
/// would be a compile error.
pub struct Locals {
    pub this: Ident,
    pub value: Ident,
    pub visitor: Ident,
}

impl Locals {
    pub fn new() -> Self {
        let name = |name: &str| Ident::new(name, Span::mixed_site());
        Self { this: name("__gc_this"), value: name("__gc_value"), visitor: name("__gc_visitor") }
    }
}

/// A field, and the variant (or the struct) that it is in.
pub struct FieldOf<'i> {
    pub member: Member,
    pub ty: &'i Type,
    pub skipped: bool,
    /// The proof for a field that marks, and holds nothing.
    pub marker: Option<Marker>,
    /// Whether the user assumes that the field is acyclic.
    pub assumed: bool,
    /// The names under which patterns of `Self` and of `Self::At` bind the field.
    pub here: Ident,
    pub there: Ident,
}

impl FieldOf<'_> {
    /// Returns whether the collector looks into the field.
    pub fn is_traced(&self) -> bool {
        !self.skipped && self.marker.is_none()
    }
}

/// How a pattern binds a field.
pub enum Binding<'f> {
    Ignored,
    Ref(&'f Ident),
    RefMut(&'f Ident),
}

/// A variant of an enum, or the whole of a struct.
pub struct VariantOf<'i> {
    pub name: Option<&'i Ident>,
    pub fields: Vec<FieldOf<'i>>,
}

impl VariantOf<'_> {
    pub fn traced(&self) -> impl Iterator<Item = &FieldOf<'_>> {
        self.fields.iter().filter(|field| field.is_traced())
    }

    /// Returns the name of a field for who looks inside: with that of its variant, as in
    /// `Branch.left`.
    pub fn name_of(&self, field: &FieldOf<'_>) -> String {
        let member = match &field.member {
            Member::Named(name) => name.unraw().to_string(),
            Member::Unnamed(index) => index.index.to_string(),
        };
        self.name.map_or(member.clone(), |variant| format!("{}.{member}", variant.unraw()))
    }

    /// Returns a pattern of the type `of` that names every field, and binds each as `binding`
    /// returns.
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

/// Returns the variants of a type.
pub fn variants<'i>(input: &'i DeriveInput, container: &Container) -> Result<Vec<VariantOf<'i>>> {
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
                marker: None,
                assumed: marks.assume_acyclic,
                here: format_ident!("__gc_here_{i}", span = at(field.ty.span())),
                there: format_ident!("__gc_there_{i}", span = at(field.ty.span())),
            })
        })
        .collect()
}

/// Returns the span for code about the tokens at `user`. Errors are shown there, but lints take the
/// code for a macro's.
pub fn at(user: Span) -> Span {
    Span::mixed_site().located_at(user)
}

/// Returns `path` with errors about it shown at `user`.
pub fn path_at(path: &Path, user: Span) -> TokenStream {
    let tokens = path.to_token_stream().into_iter().map(|mut token| {
        token.set_span(token.span().located_at(user));
        token
    });
    tokens.collect()
}
