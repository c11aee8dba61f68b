//! The `#[trace(…)]` attributes, checked: an attribute that is unknown, repeated or misplaced is an error at its position.

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
    /// `acyclic`
    pub acyclic: bool,
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
            "acyclic" if container.acyclic => Err(repeated(name)),
            "acyclic" => {
                container.acyclic = true;
                Ok(())
            }
            "assume_acyclic" => Err(Error::new(
                name.span(),
                "`#[trace(assume_acyclic)]` is for fields: mark each field that no `Counted` gets into",
            )),
            "skip" => Err(Error::new(
                name.span(),
                "`#[trace(skip)]` is for fields; a type without any pointers into the heap is `#[trace(leaf)]`",
            )),
            _ => Err(unknown(name, "on a type: `leaf`, `leaf(T)`, `acyclic`, `bound = \"…\"`, `crate = path`")),
        })?;
        Ok(container)
    }
}

/// `#[trace(…)]` on a field.
#[derive(Default)]
pub struct Marks {
    /// `skip`
    pub skip: bool,
    /// `assume_acyclic`
    pub assume_acyclic: bool,
}

impl Marks {
    /// Reads the attributes of a field of a type with the attributes `container`.
    pub fn of(field: &Field, container: &Container) -> Result<Self> {
        let mut marks = Self::default();
        each(&field.attrs, |name, _| match name.to_string().as_str() {
            "skip" if marks.skip => Err(repeated(name)),
            "skip" => {
                marks.skip = true;
                Ok(())
            }
            "assume_acyclic" if marks.assume_acyclic => Err(repeated(name)),
            "assume_acyclic" if !container.acyclic => Err(Error::new(
                name.span(),
                "`#[trace(assume_acyclic)]` is for fields of a type that is `#[trace(acyclic)]`",
            )),
            "assume_acyclic" => {
                marks.assume_acyclic = true;
                Ok(())
            }
            "leaf" => Err(Error::new(name.span(), "`#[trace(leaf)]` is for types; a field is `#[trace(skip)]`")),
            "acyclic" => Err(Error::new(
                name.span(),
                "`#[trace(acyclic)]` is for types, and proves each field; a field whose type does not prove it is \
                 `#[trace(assume_acyclic)]`",
            )),
            _ => Err(unknown(name, "on a field: `skip`, `assume_acyclic`")),
        })?;
        Ok(marks)
    }
}

/// Checks that a variant has no attributes.
pub fn check_variant(variant: &Variant) -> Result<()> {
    each(&variant.attrs, |name, _| {
        Err(Error::new(name.span(), "`#[trace(…)]` is for types and fields: mark the fields of this variant"))
    })
}

/// Calls `read` with each name in each `#[trace(…)]`, and the tokens that follow it.
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
