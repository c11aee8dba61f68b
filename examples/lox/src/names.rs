//! Names: every identifier of the program text as a dense number.
//!
//! Variables, fields, methods and functions are looked up by number, never by text. A name is never forgotten; there
//! are as many as different identifiers were typed, however long the program runs.

use std::collections::HashMap;
use std::sync::Arc;

use gc_core::Trace;

/// An interned identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Trace)]
pub(crate) struct Symbol(u32);

impl Symbol {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Default)]
pub(crate) struct Names {
    texts: Vec<Arc<str>>,
    symbols: HashMap<Arc<str>, Symbol>,
}

impl Names {
    pub(crate) fn intern(&mut self, text: &str) -> Symbol {
        if let Some(&symbol) = self.symbols.get(text) {
            return symbol;
        }
        let symbol = Symbol(u32::try_from(self.texts.len()).expect("a program has fewer than 2^32 names"));
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.symbols.insert(text, symbol);
        symbol
    }

    pub(crate) fn text(&self, symbol: Symbol) -> &str {
        &self.texts[symbol.index()]
    }

    /// The text of the symbol with this number.
    pub(crate) fn at(&self, index: usize) -> &str {
        &self.texts[index]
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_symbol() {
        let mut names = Names::default();
        let (a, b) = (names.intern("a"), names.intern("b"));
        assert_eq!(names.intern("a"), a);
        assert_ne!(a, b);
        assert_eq!((names.text(a), names.text(b), names.len()), ("a", "b", 2));
    }
}
