//! By gc-core.

use std::fmt::Write;

use gc_core::{Gc, Heap, Mutator, Root, Slot, Trace};

use super::{ARRAY, DEPTH, Tree, play};
use crate::Outcome;

#[derive(Trace)]
struct Node<'gc> {
    key: u64,
    payload: Option<Payload<'gc>>,
    left: Slot<'gc, Node<'gc>>,
    right: Slot<'gc, Node<'gc>>,
}

#[derive(Trace, Clone, Copy)]
enum Payload<'gc> {
    Branch(Gc<'gc, [Payload<'gc>; 2]>),
    Leaf(Gc<'gc, Leaf<'gc>>),
}

#[derive(Trace)]
struct Leaf<'gc> {
    _array: [u64; 10],
    string: Gc<'gc, str>,
}

impl<'gc> Payload<'gc> {
    fn new(m: &'gc Mutator, depth: u32, text: &str, buffer: &mut String) -> Self {
        if depth > 0 {
            let left = Self::new(m, depth - 1, text, buffer);
            return Payload::Branch(m.alloc([left, Self::new(m, depth - 1, text, buffer)]));
        }
        buffer.clear();
        write!(buffer, "String for key {text} in leaf node").expect("a string takes what is written to it");
        Payload::Leaf(m.alloc(Leaf { _array: ARRAY, string: m.alloc_str(buffer) }))
    }

    fn leftmost(self) -> Gc<'gc, Leaf<'gc>> {
        match self {
            Payload::Branch(below) => below[0].leftmost(),
            Payload::Leaf(leaf) => leaf,
        }
    }
}

type Link<'gc> = Option<Gc<'gc, Node<'gc>>>;

fn node<'gc>(m: &'gc Mutator, key: u64, payload: Option<Payload<'gc>>) -> Gc<'gc, Node<'gc>> {
    m.alloc(Node { key, payload, left: Slot::null(), right: Slot::null() })
}

/// Brings the node of the key, or the last on the way to it, to the root (Sleator, Tarjan: top-down).
fn splay<'gc>(m: &'gc Mutator, root: Link<'gc>, key: u64) -> Link<'gc> {
    let mut current = root?;
    // What is less than the key hangs on the right of it, what is greater on the left.
    let dummy = node(m, 0, None);
    let (mut left, mut right) = (dummy, dummy);
    loop {
        if key < current.key {
            let Some(mut below) = current.left.get() else { break };
            if key < below.key {
                current.left.set(m, below.right.get());
                below.right.set(m, Some(current));
                current = below;
                let Some(next) = current.left.get() else { break };
                below = next;
            }
            right.left.set(m, Some(current));
            right = current;
            current = below;
        } else if key > current.key {
            let Some(mut below) = current.right.get() else { break };
            if key > below.key {
                current.right.set(m, below.left.get());
                below.left.set(m, Some(current));
                current = below;
                let Some(next) = current.right.get() else { break };
                below = next;
            }
            left.right.set(m, Some(current));
            left = current;
            current = below;
        } else {
            break;
        }
    }
    left.right.set(m, current.left.get());
    right.left.set(m, current.right.get());
    current.left.set(m, dummy.right.get());
    current.right.set(m, dummy.left.get());
    Some(current)
}

struct Collected<'a> {
    m: &'a mut Mutator,
    root: Root<Link<'static>>,
    buffer: String,
}

impl Collected<'_> {
    fn splay(&mut self, key: u64) -> Link<'_> {
        let root = splay(self.m, self.root.get(self.m), key);
        self.root.set(self.m, root);
        root
    }
}

impl Tree for Collected<'_> {
    fn has(&mut self, key: u64) -> bool {
        self.splay(key).is_some_and(|root| root.key == key)
    }

    fn insert(&mut self, key: u64, text: &str) {
        let m = &*self.m;
        let new = node(m, key, Some(Payload::new(m, DEPTH, text, &mut self.buffer)));
        if let Some(root) = splay(m, self.root.get(m), key) {
            if key > root.key {
                new.left.set(m, Some(root));
                new.right.set(m, root.right.take(m));
            } else {
                new.right.set(m, Some(root));
                new.left.set(m, root.left.take(m));
            }
        }
        self.root.set(m, Some(new));
    }

    fn greatest_less_than(&mut self, key: u64) -> Option<u64> {
        let root = self.splay(key)?;
        if root.key < key {
            return Some(root.key);
        }
        let mut at = root.left.get()?;
        while let Some(right) = at.right.get() {
            at = right;
        }
        Some(at.key)
    }

    fn remove(&mut self, key: u64) {
        let m = &*self.m;
        let root = splay(m, self.root.get(m), key).expect("the tree is not empty");
        assert_eq!(root.key, key, "a key that is there");
        let root = match root.left.get() {
            None => root.right.get(),
            Some(left) => {
                let left = splay(m, Some(left), key);
                left.expect("it was not empty").right.set(m, root.right.get());
                left
            }
        };
        self.root.set(m, root);
    }

    fn pause(&mut self) {
        self.m.safepoint();
    }

    fn each(&self, visit: &mut impl FnMut(u64, usize)) {
        fn walk(at: Link, visit: &mut impl FnMut(u64, usize)) {
            let Some(node) = at else { return };
            walk(node.left.get(), visit);
            visit(node.key, node.payload.map_or(0, |payload| payload.leftmost().string.len()));
            walk(node.right.get(), visit);
        }
        walk(self.root.get(self.m), visit);
    }
}

pub(super) fn run(arguments: &[u64]) -> Outcome {
    let heap = Heap::builder().build().expect("a heap");
    let m = &mut heap.attach().expect("the only mutator");
    let root = m.root(None::<Gc<Node>>);
    play(Collected { m, root, buffer: String::new() }, arguments)
}
