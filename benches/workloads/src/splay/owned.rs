//! By `Box`: links are taken out of nodes and put into others.

use super::{ARRAY, DEPTH, Tree, play};
use crate::Outcome;

struct Node {
    key: u64,
    payload: Payload,
    left: Link,
    right: Link,
}

type Link = Option<Box<Node>>;

enum Payload {
    Branch(Box<[Payload; 2]>),
    Leaf(Box<Leaf>),
}

struct Leaf {
    _array: [u64; 10],
    string: Box<str>,
}

impl Payload {
    fn new(depth: u32, text: &str) -> Self {
        if depth > 0 {
            let left = Self::new(depth - 1, text);
            return Self::Branch(Box::new([left, Self::new(depth - 1, text)]));
        }
        let string = format!("String for key {text} in leaf node").into();
        Self::Leaf(Box::new(Leaf { _array: ARRAY, string }))
    }

    fn leftmost(&self) -> &Leaf {
        match self {
            Self::Branch(below) => below[0].leftmost(),
            Self::Leaf(leaf) => leaf,
        }
    }
}

/// Brings the node of the key, or the last on the way to it, to the root (Sleator, Tarjan: top-down).
fn splay(root: Link, key: u64) -> Link {
    let mut current = root?;
    let (mut less, mut greater) = (None, None);
    let (mut less_end, mut greater_end) = (&mut less, &mut greater);
    loop {
        if key < current.key {
            let Some(mut below) = current.left.take() else { break };
            if key < below.key {
                current.left = below.right.take();
                below.right = Some(current);
                let Some(next) = below.left.take() else {
                    current = below;
                    break;
                };
                current = std::mem::replace(&mut below, next);
            }
            greater_end = &mut greater_end.insert(current).left;
            current = below;
        } else if key > current.key {
            let Some(mut below) = current.right.take() else { break };
            if key > below.key {
                current.right = below.left.take();
                below.left = Some(current);
                let Some(next) = below.right.take() else {
                    current = below;
                    break;
                };
                current = std::mem::replace(&mut below, next);
            }
            less_end = &mut less_end.insert(current).right;
            current = below;
        } else {
            break;
        }
    }
    *less_end = current.left.take();
    *greater_end = current.right.take();
    current.left = less;
    current.right = greater;
    Some(current)
}

struct Owned {
    root: Link,
}

impl Owned {
    fn splay(&mut self, key: u64) -> Option<&Node> {
        self.root = splay(self.root.take(), key);
        self.root.as_deref()
    }
}

impl Tree for Owned {
    fn has(&mut self, key: u64) -> bool {
        self.splay(key).is_some_and(|root| root.key == key)
    }

    fn insert(&mut self, key: u64, text: &str) {
        let mut new = Box::new(Node { key, payload: Payload::new(DEPTH, text), left: None, right: None });
        if let Some(mut root) = splay(self.root.take(), key) {
            if key > root.key {
                new.right = root.right.take();
                new.left = Some(root);
            } else {
                new.left = root.left.take();
                new.right = Some(root);
            }
        }
        self.root = Some(new);
    }

    fn greatest_less_than(&mut self, key: u64) -> Option<u64> {
        let root = self.splay(key)?;
        if root.key < key {
            return Some(root.key);
        }
        let mut at = root.left.as_deref()?;
        while let Some(right) = at.right.as_deref() {
            at = right;
        }
        Some(at.key)
    }

    fn remove(&mut self, key: u64) {
        let mut root = splay(self.root.take(), key).expect("the tree is not empty");
        assert_eq!(root.key, key, "a key that is there");
        self.root = match root.left.take() {
            None => root.right.take(),
            left => {
                let mut left = splay(left, key).expect("it was not empty");
                left.right = root.right.take();
                Some(left)
            }
        };
    }

    fn each(&self, visit: &mut impl FnMut(u64, usize)) {
        fn walk(at: &Link, visit: &mut impl FnMut(u64, usize)) {
            let Some(node) = at else { return };
            walk(&node.left, visit);
            visit(node.key, node.payload.leftmost().string.len());
            walk(&node.right, visit);
        }
        walk(&self.root, visit);
    }
}

pub(super) fn run(arguments: &[u64]) -> Outcome {
    play(Owned { root: None }, arguments)
}
