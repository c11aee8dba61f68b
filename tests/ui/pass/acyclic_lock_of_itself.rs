//! The twin of `fail/acyclic_lock_of_itself.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::{
    borrow::{Borrow, Cow},
    sync::{Arc, Mutex},
};

use gc_core::Acyclic;

struct Text;

type Owned = Mutex<Option<Arc<&'static Text>>>;

impl ToOwned for Text {
    type Owned = Owned;

    fn to_owned(&self) -> Owned {
        Mutex::default()
    }
}

impl Borrow<Text> for Owned {
    fn borrow(&self) -> &Text {
        &Text
    }
}

fn counts<T: Acyclic>() {}

fn main() {
    counts::<Cow<'static, Text>>();
}
