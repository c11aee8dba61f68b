//! boa_gc: marks and sweeps, of a thread.

pub(super) use boa_gc::{Gc, GcRefCell as Cell};

use crate::{Outcome, workload::sizes};

macro_rules! object {
    ($($item:tt)*) => {
        #[derive(boa_gc::Trace, boa_gc::Finalize)]
        $($item)*
    };
}

macro_rules! leaf {
    ($($item:tt)*) => {
        #[derive(boa_gc::Trace, boa_gc::Finalize)]
        #[boa_gc(unsafe_empty_trace)]
        $($item)*
    };
}

#[path = "cloned.rs"]
#[expect(clippy::duplicate_mod, reason = "it is compiled for each")]
mod cloned;

pub(crate) use cloned::*;

#[derive(boa_gc::Trace, boa_gc::Finalize)]
struct Item {
    value: u64,
    next: Option<Gc<Item>>,
}

pub(crate) fn list(arguments: &[u64]) -> Outcome {
    let [nodes] = sizes(arguments);
    let mut head = None;
    for value in 0..nodes {
        head = Some(Gc::new(Item { value, next: head }));
    }
    let mut sum = 0;
    let mut at = head.as_ref();
    while let Some(node) = at {
        sum += node.value;
        at = node.next.as_ref();
    }
    drop(head);
    Outcome::of(sum)
}

/// It collects when it allocates.
fn poll() {}
