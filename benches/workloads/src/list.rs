//! `list`: built, walked, let go.

use bumpalo::Bump;
use gc_core::{Gc, Heap, Trace};

use crate::{
    Outcome, Program,
    peers::{boa, gc_arena},
    workload::sizes,
};

pub(crate) const CONTESTANTS: &[Program] =
    &[("gc-core", collected), ("arena", arena), ("box", boxes), ("gc-arena", gc_arena::list), ("boa_gc", boa::list)];

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn collected(arguments: &[u64]) -> Outcome {
    let [nodes] = sizes(arguments);
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let mut head = m.root(None::<Gc<Node>>);
    for value in 0..nodes {
        let next = head.get(&m);
        head.set(&m, Some(m.alloc(Node { value, next })));
        m.safepoint();
    }
    let mut sum = 0;
    let mut at = head.get(&m);
    while let Some(node) = at {
        sum += node.value;
        at = node.next;
    }
    drop(head);
    Outcome::of(sum)
}

struct BoxNode {
    value: u64,
    next: Option<Box<BoxNode>>,
}

/// Without it dropping a long list would overflow the stack.
impl Drop for BoxNode {
    fn drop(&mut self) {
        let mut at = self.next.take();
        while let Some(mut node) = at {
            at = node.next.take();
        }
    }
}

fn boxes(arguments: &[u64]) -> Outcome {
    let [nodes] = sizes(arguments);
    let mut head = None;
    for value in 0..nodes {
        head = Some(Box::new(BoxNode { value, next: head }));
    }
    let mut sum = 0;
    let mut at = &head;
    while let Some(node) = at {
        sum += node.value;
        at = &node.next;
    }
    drop(head);
    Outcome::of(sum)
}

struct ArenaNode<'a> {
    value: u64,
    next: Option<&'a ArenaNode<'a>>,
}

fn arena(arguments: &[u64]) -> Outcome {
    let [nodes] = sizes(arguments);
    let arena = Bump::new();
    let mut head = None;
    for value in 0..nodes {
        head = Some(&*arena.alloc(ArenaNode { value, next: head }));
    }
    let mut sum = 0;
    let mut at = head;
    while let Some(node) = at {
        sum += node.value;
        at = node.next;
    }
    drop(arena);
    Outcome::of(sum)
}
