//! The `#[trace(…)]` attributes, checked: whatever is unknown, repeated or out of place is an error there.

use proc_macro2::Ident;
use syn::{
    Attribute, DeriveInput, Error, Field, LitStr, Path, Result, Token, Variant, WherePredicate,
    ext::IdentExt,
    parenthesized,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
    token,
};

/// `#[trace(…)]` on the type.
#[derive(Default)]
pub struct Container {
    /// `leaf`
    pub leaf: bool,
    /// `leaf(T, …)`
    pub leaf_parameters: Vec<Ident>,
    /// `bound = "…"`
    pub bound: Option<Punctuated<WherePredicate, Token![,]>>,
    /// `crate = path`
    pub path: Option<Path>,
}

impl Container {
    /// Reads the attributes of a type.
    pub fn of(input: &DeriveInput) -> Result<Self> {
        let mut container = Self::default();
        each(&input.attrs, |name, value| match name.to_string().as_str() {
            "leaf" if value.peek(token::Paren) => {
                let names;
                parenthesized!(names in value);
                for name in Punctuated::<Ident, Token![,]>::parse_terminated(&names)? {
                    if !input.generics.type_params().any(|parameter| parameter.ident == name) {
                        return Err(Error::new(name.span(), format!("`{name}` is not a type parameter of this type")));
                    }
                    container.leaf_parameters.push(name);
                }
                Ok(())
            }
            "leaf" if container.leaf => Err(repeated(name)),
            "leaf" => {
                container.leaf = true;
                Ok(())
            }
            "bound" if container.bound.is_some() => Err(repeated(name)),
            "bound" => {
                value.parse::<Token![=]>()?;
                let bound: LitStr = value.parse()?;
                container.bound = Some(bound.parse_with(Punctuated::parse_terminated)?);
                Ok(())
            }
            "crate" if container.path.is_some() => Err(repeated(name)),
            "crate" => {
                value.parse::<Token![=]>()?;
                container.path = Some(value.call(Path::parse_mod_style)?);
                Ok(())
            }
            "acyclic" => Err(Error::new(name.span(), "`#[trace(acyclic)]` is not supported yet")),
            "skip" => Err(Error::new(
                name.span(),
                "`#[trace(skip)]` is for fields; a type without any pointers into the heap is `#[trace(leaf)]`",
            )),
            _ => Err(unknown(name, "on a type: `leaf`, `leaf(T)`, `bound = \"…\"`, `crate = path`")),
        })?;
        Ok(container)
    }
}

/// Whether a field is marked `#[trace(skip)]`.
pub fn is_skipped(field: &Field) -> Result<bool> {
    let mut skip = false;
    each(&field.attrs, |name, _| match name.to_string().as_str() {
        "skip" if skip => Err(repeated(name)),
        "skip" => {
            skip = true;
            Ok(())
        }
        "leaf" => Err(Error::new(name.span(), "`#[trace(leaf)]` is for types; a field is `#[trace(skip)]`")),
        _ => Err(unknown(name, "on a field: `skip`")),
    })?;
    Ok(skip)
}

/// A variant takes no attributes.
pub fn check_variant(variant: &Variant) -> Result<()> {
    each(&variant.attrs, |name, _| {
        Err(Error::new(name.span(), "`#[trace(…)]` is for types and fields: mark the fields of this variant"))
    })
}

/// Calls `read` with each name in each `#[trace(…)]`, and what follows it.
fn each(attributes: &[Attribute], mut read: impl FnMut(&Ident, ParseStream) -> Result<()>) -> Result<()> {
    for attribute in attributes.iter().filter(|a| a.path().is_ident("trace")) {
        let list = attribute.meta.require_list()?;
        let parser = |input: ParseStream| {
            while !input.is_empty() {
                let name = input.call(Ident::parse_any)?;
                read(&name, input)?;
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        parser.parse2(list.tokens.clone())?;
    }
    Ok(())
}

fn repeated(name: &Ident) -> Error {
    Error::new(name.span(), format!("`{name}` is given twice"))
}

fn unknown(name: &Ident, known: &str) -> Error {
    Error::new(name.span(), format!("unknown attribute `{name}`; known {known}"))
}
