//! bacon_rajan_cc: counts references, and looks for cycles when it is told to.

pub(super) use std::cell::RefCell as Cell;

pub(super) use bacon_rajan_cc::Cc as Gc;

macro_rules! object {
    ($visibility:vis struct $name:ident { $($field:ident: $type:ty,)* }) => {
        $visibility struct $name {
            $($field: $type,)*
        }

        impl bacon_rajan_cc::Trace for $name {
            fn trace(&self, tracer: &mut bacon_rajan_cc::Tracer) {
                $(bacon_rajan_cc::Trace::trace(&self.$field, tracer);)*
            }
        }
    };
}

macro_rules! leaf {
    ($visibility:vis struct $name:ident { $($field:ident: $type:ty,)* }) => {
        $visibility struct $name {
            $($field: $type,)*
        }

        impl bacon_rajan_cc::Trace for $name {
            fn trace(&self, _: &mut bacon_rajan_cc::Tracer) {}
        }
    };
}

#[path = "cloned.rs"]
#[expect(clippy::duplicate_mod, reason = "it is compiled for each")]
mod cloned;

pub(crate) use cloned::*;

/// What its documentation advises: cycles are looked for when so many objects may be in one.
fn poll() {
    if bacon_rajan_cc::number_of_roots_buffered() >= 100_000 {
        bacon_rajan_cc::collect_cycles();
    }
}
