//! Macros that try to fool `#[derive(Trace)]`.

use std::sync::atomic::{AtomicBool, Ordering};

use proc_macro::{TokenStream, TokenTree};

/// Puts `item` in the place of the item that a derive above has seen.
#[proc_macro_attribute]
pub fn instead(item: TokenStream, _seen: TokenStream) -> TokenStream {
    item
}

/// `first | second`: the first type and the second in turn.
#[proc_macro]
pub fn alternating(types: TokenStream) -> TokenStream {
    static SECOND: AtomicBool = AtomicBool::new(false);
    let types: Vec<TokenTree> = types.into_iter().collect();
    let is_bar = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == '|');
    let mut parts = types.split(is_bar);
    let (first, second) = (parts.next().expect("the first type"), parts.next().expect("the second type"));
    // Relaxed: macros are expanded on one thread.
    let is_second = SECOND.fetch_xor(true, Ordering::Relaxed);
    if is_second { second } else { first }.iter().cloned().collect()
}
