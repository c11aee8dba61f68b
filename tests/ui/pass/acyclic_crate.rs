//! The twin of `fail/acyclic_crate.rs`: compiles.

#![allow(dead_code, unused_imports)]

use std::sync::{Arc, OnceLock};

mod forged {
    pub mod __private {
        pub use gc_core::__private::{Acyclic, Send, Sync, Visitor, bool};

        pub struct Proofs;
        impl Proofs {
            pub fn acyclic<F>(self, _: &mut F) {}
            pub fn assumed<F>(self, _: &mut F) {}
            pub fn leaf<T>(self) {}
        }
        pub unsafe trait Trace {
            type At<'a>;
            type Static;
            const HAS_CELL: bool;
            const HAS_GC: bool;
            const PROOFS: Proofs = Proofs;
            unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V);
            fn acyclic_proofs() -> Proofs {
                Proofs
            }
        }
    }
}
use forged::__private::Trace as _;
use gc_core::Trace;

#[derive(Trace)]
#[trace(leaf, acyclic, crate = forged)]
struct Node {
    next: OnceLock<u64>,
}

fn main() {}
