//! A type of std that contains itself, by way of an associated type of the user's.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::{
    borrow::{Borrow, Cow},
    sync::{Arc, Mutex},
};

use gc_core::Acyclic;

struct Text;

type Owned = Mutex<Option<Arc<Cow<'static, Text>>>>;

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
