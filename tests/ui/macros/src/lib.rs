//! Macros that try to fool `#[derive(Trace)]`: attributes that change a type after the derive has seen it, and a macro
//! that is another type each time.

use std::sync::atomic::{AtomicBool, Ordering};

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

/// Leaves the item as it is.
#[proc_macro_attribute]
pub fn keep(_: TokenStream, item: TokenStream) -> TokenStream {
    item
}

/// Makes the item `repr(packed)`.
#[proc_macro_attribute]
pub fn pack(_: TokenStream, item: TokenStream) -> TokenStream {
    let mut packed: TokenStream = "#[repr(C, packed)]".parse().expect("an attribute");
    packed.extend(item);
    packed
}

/// Adds a field `added: gc_core::Slot<'gc, u64>`.
#[proc_macro_attribute]
pub fn add_field(_: TokenStream, item: TokenStream) -> TokenStream {
    append(item, "added: gc_core::Slot<'gc, u64>")
}

/// Adds a variant `Added(gc_core::Gc<'gc, u64>)`.
#[proc_macro_attribute]
pub fn add_variant(_: TokenStream, item: TokenStream) -> TokenStream {
    append(item, "Added(gc_core::Gc<'gc, u64>)")
}

/// Of two types, the first and the second in turn.
#[proc_macro]
pub fn alternating(types: TokenStream) -> TokenStream {
    static SECOND: AtomicBool = AtomicBool::new(false);
    // Relaxed: macros are expanded on one thread.
    let second = SECOND.fetch_xor(true, Ordering::Relaxed);
    let mut depth = 0;
    let (mut before, mut after) = (TokenStream::new(), TokenStream::new());
    let mut found = false;
    for token in types {
        if let TokenTree::Punct(punct) = &token {
            match punct.as_char() {
                '<' => depth += 1,
                '>' => depth -= 1,
                ',' if depth == 0 => {
                    found = true;
                    continue;
                }
                _ => {}
            }
        }
        if found { after.extend([token]) } else { before.extend([token]) }
    }
    if second { after } else { before }
}

/// Appends `text` to the last pair of braces in the item.
fn append(item: TokenStream, text: &str) -> TokenStream {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    for token in tokens.iter_mut().rev() {
        if let TokenTree::Group(group) = token
            && group.delimiter() == Delimiter::Brace
        {
            let mut inside: TokenStream = group.stream();
            inside.extend(text.parse::<TokenStream>().expect("tokens"));
            *token = TokenTree::Group(Group::new(Delimiter::Brace, inside));
            break;
        }
    }
    tokens.into_iter().collect()
}
