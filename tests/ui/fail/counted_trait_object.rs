//! A trait that no type implements has trait objects that do, unless it says otherwise.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::rc::Rc;

use gc_core::{__private::NotInStdCounts, Trace};

#[derive(Trace)]
struct Holder {
    held: Option<Rc<dyn NotInStdCounts>>,
}

fn main() {}
