//! The workloads by a pointer `Gc` that is cloned, and a mutable place `Cell`. `object` and `leaf` declare what is collected; `poll` is
//! called where the program could collect.

use std::{collections::HashMap, time::Instant};

use gc_benches::{
    clock::{Steps, sink},
    random::Random,
};

use super::{Cell, Gc, poll};
use crate::{
    Outcome, binary_trees, gcbench, graph_churn,
    splay::{self, ARRAY, DEPTH},
    workload::sizes,
};

object! {
    struct Tree {
        children: Option<(Gc<Tree>, Gc<Tree>)>,
    }
}

pub(crate) fn binary_trees(arguments: &[u64]) -> Outcome {
    fn grow(depth: u64) -> Gc<Tree> {
        let children = if depth == 0 { None } else { Some((grow(depth - 1), grow(depth - 1))) };
        Gc::new(Tree { children })
    }
    fn count(tree: &Tree) -> u64 {
        1 + tree.children.as_ref().map_or(0, |(left, right)| count(left) + count(right))
    }
    let counted = |depth| {
        let nodes = count(&grow(depth));
        poll();
        nodes
    };
    binary_trees::play(arguments, counted, grow, |long| count(long))
}

object! {
    struct Fork {
        left: Cell<Option<Gc<Fork>>>,
        right: Cell<Option<Gc<Fork>>>,
        numbers: (u32, u32),
    }
}

pub(crate) fn gcbench(arguments: &[u64]) -> Outcome {
    fn new(left: Option<Gc<Fork>>, right: Option<Gc<Fork>>) -> Gc<Fork> {
        Gc::new(Fork { left: Cell::new(left), right: Cell::new(right), numbers: (0, 0) })
    }
    fn make(depth: u64) -> Gc<Fork> {
        if depth == 0 {
            return new(None, None);
        }
        let left = make(depth - 1);
        new(Some(left), Some(make(depth - 1)))
    }
    fn populate(depth: u64, at: &Fork) {
        if depth > 0 {
            let (left, right) = (new(None, None), new(None, None));
            *at.left.borrow_mut() = Some(left.clone());
            *at.right.borrow_mut() = Some(right.clone());
            populate(depth - 1, &left);
            populate(depth - 1, &right);
        }
    }
    fn count(at: &Fork) -> u64 {
        let below = |link: &Cell<Option<Gc<Fork>>>| link.borrow().as_ref().map_or(0, |below| count(below));
        1 + u64::from(at.numbers.0) + below(&at.left) + below(&at.right)
    }
    let top_down = |depth| {
        let tree = new(None, None);
        populate(depth, &tree);
        tree
    };
    let counted = |tree: Gc<Fork>| {
        let nodes = count(&tree);
        drop(tree);
        poll();
        nodes
    };
    gcbench::play(
        arguments,
        |depth| counted(make(depth)),
        |depth| counted(top_down(depth)),
        top_down,
        |long| count(long),
    )
}

leaf! {
    struct Payload {
        words: [u64; 3],
    }
}

pub(crate) fn allocate_and_die(arguments: &[u64]) -> Outcome {
    let [count] = sizes(arguments);
    let mut sum = 0;
    for index in 0..count {
        let new = Gc::new(Payload { words: [index; 3] });
        sink(&raw const *new);
        sum += new.words[1];
    }
    Outcome::of(sum)
}

pub(crate) fn ring(arguments: &[u64]) -> Outcome {
    let [count, places] = sizes(arguments);
    let mut ring: Vec<Option<Gc<Payload>>> = (0..places).map(|_| None).collect();
    let (mut sum, mut at) = (0, 0);
    for index in 0..count {
        let new = Gc::new(Payload { words: [index; 3] });
        sink(&raw const *new);
        if index % 10 == 0 {
            let old = ring[at].replace(new);
            sum += old.map_or(0, |old| old.words[1]);
            at = (at + 1) % places as usize;
        }
    }
    Outcome::of(sum)
}

type Edge = Cell<Option<Gc<Node>>>;

object! {
    struct Node {
        value: u64,
        edges: (Edge, Edge, Edge, Edge),
    }
}

impl Node {
    fn make(value: u64) -> Gc<Self> {
        let edge = || Cell::new(None);
        Gc::new(Self { value, edges: (edge(), edge(), edge(), edge()) })
    }

    fn edge(&self, index: usize) -> &Edge {
        match index {
            0 => &self.edges.0,
            1 => &self.edges.1,
            2 => &self.edges.2,
            _ => &self.edges.3,
        }
    }
}

impl graph_churn::Node for Gc<Node> {
    fn new(value: u64) -> Self {
        Node::make(value)
    }

    fn value(&self) -> u64 {
        self.value
    }

    fn set(&self, edge: usize, to: Self) {
        let before = self.edge(edge).borrow_mut().replace(to);
        drop(before);
    }

    fn cut(&self) {
        for edge in 0..4 {
            let before = std::mem::take(&mut *self.edge(edge).borrow_mut());
            drop(before);
        }
    }
}

pub(crate) fn graph_churn(arguments: &[u64]) -> Outcome {
    graph_churn::counted::<Gc<Node>>(arguments, poll)
}

leaf! {
    struct Message {
        bytes: [u8; 1024],
    }
}

pub(crate) fn message_window(arguments: &[u64]) -> Outcome {
    let [window, pushes] = sizes(arguments);
    let mut messages: HashMap<u64, Gc<Message>> = HashMap::new();
    let mut steps = Steps::with_capacity(pushes as usize);
    let mut sum = 0;
    for number in 0..pushes {
        let start = Instant::now();
        messages.insert(number, Gc::new(Message { bytes: [number as u8; 1024] }));
        if number >= window {
            let old = messages.remove(&(number - window)).expect("a message of the window");
            sum += u64::from(old.bytes[17]);
        }
        steps.push(start.elapsed());
    }
    Outcome::with_steps(sum + messages.len() as u64, steps)
}

object! {
    struct Version {
        key: u64,
        value: u64,
        left: Option<Gc<Version>>,
        right: Option<Gc<Version>>,
    }
}

pub(crate) fn persistent_map(arguments: &[u64]) -> Outcome {
    fn insert(tree: Option<&Gc<Version>>, key: u64, value: u64) -> Gc<Version> {
        let Some(node) = tree else { return Gc::new(Version { key, value, left: None, right: None }) };
        let (left, right) = if key < node.key {
            (Some(insert(node.left.as_ref(), key, value)), node.right.clone())
        } else {
            (node.left.clone(), Some(insert(node.right.as_ref(), key, value)))
        };
        Gc::new(Version { key: node.key, value: node.value, left, right })
    }
    fn sum(tree: Option<&Gc<Version>>) -> u64 {
        tree.map_or(0, |node| node.value + sum(node.left.as_ref()) + sum(node.right.as_ref()))
    }
    let [inserts, keep_every] = sizes(arguments);
    let mut random = Random::new(3);
    let mut tree: Option<Gc<Version>> = None;
    let mut kept = Vec::new();
    for value in 0..inserts {
        let new = insert(tree.as_ref(), u64::from(random.next_u32() >> 1), value);
        if value % keep_every == 0 {
            kept.push(new.clone());
        }
        tree = Some(new);
        poll();
    }
    Outcome::of(sum(tree.as_ref()) + kept.iter().map(|version| version.key & 1).sum::<u64>())
}

type Link = Cell<Option<Gc<Splayed>>>;

object! {
    struct Splayed {
        key: u64,
        payload: Option<Gc<Inner>>,
        left: Link,
        right: Link,
    }
}

object! {
    struct Inner {
        below: Option<(Gc<Inner>, Gc<Inner>)>,
        leaf: Option<Gc<Leaf>>,
    }
}

leaf! {
    struct Leaf {
        array: [u64; 10],
        string: String,
    }
}

impl Inner {
    fn make(depth: u32, text: &str) -> Gc<Self> {
        if depth > 0 {
            let left = Self::make(depth - 1, text);
            return Gc::new(Self { below: Some((left, Self::make(depth - 1, text))), leaf: None });
        }
        let string = format!("String for key {text} in leaf node");
        Gc::new(Self { below: None, leaf: Some(Gc::new(Leaf { array: ARRAY, string })) })
    }

    fn leftmost(&self) -> usize {
        match (&self.below, &self.leaf) {
            (Some((left, _)), _) => left.leftmost(),
            (None, Some(leaf)) => leaf.string.len() + leaf.array[0] as usize,
            (None, None) => 0,
        }
    }
}

fn splayed(key: u64, payload: Option<Gc<Inner>>) -> Gc<Splayed> {
    Gc::new(Splayed { key, payload, left: Cell::new(None), right: Cell::new(None) })
}

fn of(link: &Link) -> Option<Gc<Splayed>> {
    link.borrow().clone()
}

fn put(link: &Link, to: Option<Gc<Splayed>>) {
    let before = std::mem::replace(&mut *link.borrow_mut(), to);
    drop(before);
}

/// As `splay::collected` does.
fn splay(root: Option<Gc<Splayed>>, key: u64) -> Option<Gc<Splayed>> {
    let mut current = root?;
    let dummy = splayed(0, None);
    let (mut left, mut right) = (dummy.clone(), dummy.clone());
    loop {
        if key < current.key {
            let Some(mut below) = of(&current.left) else { break };
            if key < below.key {
                put(&current.left, of(&below.right));
                put(&below.right, Some(current));
                current = below;
                let Some(next) = of(&current.left) else { break };
                below = next;
            }
            put(&right.left, Some(current.clone()));
            right = current;
            current = below;
        } else if key > current.key {
            let Some(mut below) = of(&current.right) else { break };
            if key > below.key {
                put(&current.right, of(&below.left));
                put(&below.left, Some(current));
                current = below;
                let Some(next) = of(&current.right) else { break };
                below = next;
            }
            put(&left.right, Some(current.clone()));
            left = current;
            current = below;
        } else {
            break;
        }
    }
    put(&left.right, of(&current.left));
    put(&right.left, of(&current.right));
    put(&current.left, of(&dummy.right));
    put(&current.right, of(&dummy.left));
    Some(current)
}

struct SplayTree {
    root: Option<Gc<Splayed>>,
}

impl splay::Tree for SplayTree {
    fn has(&mut self, key: u64) -> bool {
        self.root = splay(self.root.take(), key);
        self.root.as_ref().is_some_and(|root| root.key == key)
    }

    fn insert(&mut self, key: u64, text: &str) {
        let new = splayed(key, Some(Inner::make(DEPTH, text)));
        if let Some(root) = splay(self.root.take(), key) {
            if key > root.key {
                put(&new.right, of(&root.right));
                put(&root.right, None);
                put(&new.left, Some(root));
            } else {
                put(&new.left, of(&root.left));
                put(&root.left, None);
                put(&new.right, Some(root));
            }
        }
        self.root = Some(new);
    }

    fn greatest_less_than(&mut self, key: u64) -> Option<u64> {
        self.root = splay(self.root.take(), key);
        let root = self.root.as_ref()?;
        if root.key < key {
            return Some(root.key);
        }
        let mut at = of(&root.left)?;
        loop {
            let Some(right) = of(&at.right) else { return Some(at.key) };
            at = right;
        }
    }

    fn remove(&mut self, key: u64) {
        let root = splay(self.root.take(), key).expect("the tree is not empty");
        assert_eq!(root.key, key, "a key that is there");
        self.root = match of(&root.left) {
            None => of(&root.right),
            Some(left) => {
                let left = splay(Some(left), key).expect("it was not empty");
                put(&left.right, of(&root.right));
                Some(left)
            }
        };
    }

    fn pause(&mut self) {
        poll();
    }

    fn each(&self, visit: &mut impl FnMut(u64, usize)) {
        fn walk(at: Option<Gc<Splayed>>, visit: &mut impl FnMut(u64, usize)) {
            let Some(node) = at else { return };
            walk(of(&node.left), visit);
            visit(node.key, node.payload.as_ref().map_or(0, |payload| payload.leftmost()));
            walk(of(&node.right), visit);
        }
        walk(self.root.clone(), visit);
    }
}

pub(crate) fn splay_tree(arguments: &[u64]) -> Outcome {
    splay::play(SplayTree { root: None }, arguments)
}
