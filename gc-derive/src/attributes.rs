//! The `#[trace(…)]` attributes, checked: an attribute that is unknown, repeated or misplaced is an
//! error at its position.

use proc_macro2::Ident;
use syn::{
    Attribute, DeriveInput, Error, Field, LitStr, Meta, Path, Result, Token, Variant, WherePredicate,
    ext::IdentExt,
    parenthesized,
    parse::{Parse, ParseStream, Parser},
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
                let bound: LitStr = value_of(name, value, BOUND)?;
                let read = bound.parse_with(Punctuated::parse_terminated);
                let of_bounds = |error: Error| Error::new(error.span(), format!("{error} in the bounds: {BOUND}"));
                container.bound = Some(read.map_err(of_bounds)?);
                Ok(())
            }
            "crate" if container.path.is_some() => Err(repeated(name)),
            "crate" => {
                let Module(path) = value_of(name, value, CRATE)?;
                container.path = Some(path);
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

/// A path to a module.
struct Module(Path);

impl Parse for Module {
    fn parse(input: ParseStream) -> Result<Self> {
        input.call(Path::parse_mod_style).map(Self)
    }
}

/// Reads what follows `name`: an equals sign and a value. `form` says how the whole is written.
fn value_of<T: Parse>(name: &Ident, input: ParseStream, form: &str) -> Result<T> {
    // At the end of the attribute there is no token to show the error at.
    let here = || if input.is_empty() { name.span() } else { input.span() };
    let at = here();
    input.parse::<Token![=]>().map_err(|_| Error::new(at, form))?;
    let at = here();
    input.parse::<T>().map_err(|_| Error::new(at, form))
}

/// Calls `read` with each name in each `#[trace(…)]`, and the tokens that follow it.
fn each(attributes: &[Attribute], mut read: impl FnMut(&Ident, ParseStream) -> Result<()>) -> Result<()> {
    for attribute in attributes.iter().filter(|a| a.path().is_ident("trace")) {
        let Meta::List(list) = &attribute.meta else {
            return Err(Error::new_spanned(&attribute.meta, "write it in parentheses, such as `#[trace(leaf)]`"));
        };
        let parser = |input: ParseStream| {
            while !input.is_empty() {
                let name = input.call(Ident::parse_any)?;
                read(&name, input)?;
                if !input.is_empty() && !input.peek(Token![,]) {
                    let takes = if name == "bound" || name == "crate" { "no more" } else { "no value" };
                    return Err(input.error(format!("`{name}` takes {takes}: write a comma, or nothing, behind it")));
                }
                input.parse::<Option<Token![,]>>()?;
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

/// The forms of the attributes that have a value.
const BOUND: &str = "write the bounds of the impl in quotation marks, such as `#[trace(bound = \"T: Trace + Clone\")]`";
const CRATE: &str =
    "write a path without quotation marks, such as `#[trace(crate = gc_core)]` or `#[trace(crate = my::renamed)]`";
