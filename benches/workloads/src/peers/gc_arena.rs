//! gc-arena: incremental, of a thread; collects between calls of `mutate`, where the debt of allocation is paid.

use std::{collections::HashMap, time::Instant};

use gc_arena::{Arena, Collect, Gc, Lock, Mutation, RefLock, Rootable};
use gc_benches::{
    churn::STEP,
    clock::{Steps, sink},
    random::Random,
};

use crate::{
    Outcome, binary_trees, gcbench,
    splay::{self, ARRAY, DEPTH},
    workload::sizes,
};

#[derive(Collect)]
#[collect(no_drop)]
struct Tree<'gc> {
    children: Option<(Gc<'gc, Tree<'gc>>, Gc<'gc, Tree<'gc>>)>,
}

pub(crate) fn binary_trees(arguments: &[u64]) -> Outcome {
    fn grow<'gc>(mc: &Mutation<'gc>, depth: u64) -> Gc<'gc, Tree<'gc>> {
        let children = if depth == 0 { None } else { Some((grow(mc, depth - 1), grow(mc, depth - 1))) };
        Gc::new(mc, Tree { children })
    }
    fn count(tree: &Tree) -> u64 {
        1 + tree.children.map_or(0, |(left, right)| count(&left) + count(&right))
    }
    let arena = std::cell::RefCell::new(Arena::<Rootable![Option<Gc<'_, Tree<'_>>>]>::new(|_| None));
    let counted = |depth| {
        let mut arena = arena.borrow_mut();
        let nodes = arena.mutate(|mc, _| count(&grow(mc, depth)));
        arena.collect_debt();
        nodes
    };
    let long = |depth| arena.borrow_mut().mutate_root(|mc, root| *root = Some(grow(mc, depth)));
    binary_trees::play(arguments, counted, long, |()| {
        arena.borrow().mutate(|_, root| root.map_or(0, |long| count(&long)))
    })
}

#[derive(Collect)]
#[collect(no_drop)]
struct Fork<'gc> {
    left: Lock<Option<Gc<'gc, Fork<'gc>>>>,
    right: Lock<Option<Gc<'gc, Fork<'gc>>>>,
    numbers: [u32; 2],
}

pub(crate) fn gcbench(arguments: &[u64]) -> Outcome {
    type Below<'gc> = Option<Gc<'gc, Fork<'gc>>>;
    fn new<'gc>(mc: &Mutation<'gc>, left: Below<'gc>, right: Below<'gc>) -> Gc<'gc, Fork<'gc>> {
        Gc::new(mc, Fork { left: Lock::new(left), right: Lock::new(right), numbers: [0; 2] })
    }
    fn make<'gc>(mc: &Mutation<'gc>, depth: u64) -> Gc<'gc, Fork<'gc>> {
        if depth == 0 {
            return new(mc, None, None);
        }
        let left = make(mc, depth - 1);
        new(mc, Some(left), Some(make(mc, depth - 1)))
    }
    fn populate<'gc>(mc: &Mutation<'gc>, depth: u64, at: Gc<'gc, Fork<'gc>>) {
        if depth > 0 {
            let (left, right) = (new(mc, None, None), new(mc, None, None));
            let fields = Gc::write(mc, at);
            gc_arena::barrier::field!(fields, Fork, left).unlock().set(Some(left));
            gc_arena::barrier::field!(fields, Fork, right).unlock().set(Some(right));
            populate(mc, depth - 1, left);
            populate(mc, depth - 1, right);
        }
    }
    fn top_down<'gc>(mc: &Mutation<'gc>, depth: u64) -> Gc<'gc, Fork<'gc>> {
        let tree = new(mc, None, None);
        populate(mc, depth, tree);
        tree
    }
    fn count(at: &Fork) -> u64 {
        let below = |link: &Lock<Below>| link.get().map_or(0, |below| count(&below));
        1 + u64::from(at.numbers[0]) + below(&at.left) + below(&at.right)
    }
    type Make = for<'gc> fn(&Mutation<'gc>, u64) -> Gc<'gc, Fork<'gc>>;
    let arena = std::cell::RefCell::new(Arena::<Rootable![Option<Gc<'_, Fork<'_>>>]>::new(|_| None));
    let counted = |depth, make: Make| {
        let mut arena = arena.borrow_mut();
        let nodes = arena.mutate(|mc, _| count(&make(mc, depth)));
        arena.collect_debt();
        nodes
    };
    let long = |depth| arena.borrow_mut().mutate_root(|mc, root| *root = Some(top_down(mc, depth)));
    gcbench::play(
        arguments,
        |depth| counted(depth, make),
        |depth| counted(depth, top_down),
        long,
        |()| arena.borrow().mutate(|_, root| root.map_or(0, |long| count(&long))),
    )
}

#[derive(Collect)]
#[collect(require_static)]
struct Payload {
    words: [u64; 3],
}

/// Objects are made between two collections so many at a time: a call of `mutate` for each would cost more than the object.
const BATCH: u64 = 1000;

pub(crate) fn allocate_and_die(arguments: &[u64]) -> Outcome {
    let [count] = sizes(arguments);
    let mut arena = Arena::<Rootable![()]>::new(|_| ());
    let mut sum = 0;
    for batch in (0..count).step_by(BATCH as usize) {
        arena.mutate(|mc, _| {
            for index in batch..count.min(batch + BATCH) {
                let new = Gc::new(mc, Payload { words: [index; 3] });
                sink(&raw const *new);
                sum += new.words[1];
            }
        });
        arena.collect_debt();
    }
    Outcome::of(sum)
}

pub(crate) fn ring(arguments: &[u64]) -> Outcome {
    let [count, places] = sizes(arguments);
    let mut arena = Arena::<Rootable![Vec<Option<Gc<'_, Payload>>>]>::new(|_| vec![None; places as usize]);
    let (mut sum, mut at) = (0, 0);
    for batch in (0..count).step_by(BATCH as usize) {
        arena.mutate_root(|mc, ring| {
            for index in batch..count.min(batch + BATCH) {
                let new = Gc::new(mc, Payload { words: [index; 3] });
                sink(&raw const *new);
                if index % 10 == 0 {
                    sum += ring[at].replace(new).map_or(0, |old| old.words[1]);
                    at = (at + 1) % places as usize;
                }
            }
        });
        arena.collect_debt();
    }
    Outcome::of(sum)
}

#[derive(Collect)]
#[collect(no_drop)]
struct Node<'gc> {
    value: u64,
    edges: RefLock<[Option<Gc<'gc, Node<'gc>>>; 4]>,
}

impl<'gc> Node<'gc> {
    fn make(mc: &Mutation<'gc>, value: u64) -> Gc<'gc, Self> {
        Gc::new(mc, Self { value, edges: RefLock::new([None; 4]) })
    }

    fn edges(mc: &Mutation<'gc>, node: Gc<'gc, Self>) -> std::cell::RefMut<'gc, [Option<Gc<'gc, Self>>; 4]> {
        gc_arena::barrier::field!(Gc::write(mc, node), Node, edges).unlock().borrow_mut()
    }
}

#[derive(Collect)]
#[collect(no_drop)]
struct Graph<'gc> {
    table: Vec<Gc<'gc, Node<'gc>>>,
    replaced: Vec<Option<Gc<'gc, Node<'gc>>>>,
}

pub(crate) fn graph_churn(arguments: &[u64]) -> Outcome {
    let [live, replacements, lag] = sizes(arguments);
    let (live, lag) = (live as usize, lag as usize);
    let mut arena = Arena::<Rootable![Graph<'_>]>::new(|mc| Graph {
        table: (0..live as u64).map(|value| Node::make(mc, value)).collect(),
        replaced: vec![None; lag],
    });
    let mut random = Random::new(5);
    let mut steps = Steps::with_capacity((replacements / STEP) as usize + 1);
    let mut sum = 0;
    for step in 0..replacements / STEP {
        let start = Instant::now();
        arena.mutate_root(|mc, Graph { table, replaced }| {
            for index in 0..STEP {
                let number = step * STEP + index;
                let place = random.below(live);
                let new = Node::make(mc, number);
                let mut old = Some(std::mem::replace(&mut table[place], new));
                sum += old.map_or(0, |old| old.value);
                if lag > 0 {
                    old = std::mem::replace(&mut replaced[number as usize % lag], old);
                }
                if let Some(old) = old {
                    *Node::edges(mc, old) = [None; 4];
                }
                for edge in 0..4 {
                    Node::edges(mc, new)[edge] = Some(table[random.below(live)]);
                    let source = table[random.below(live)];
                    Node::edges(mc, source)[random.below(4)] = Some(new);
                }
            }
        });
        arena.collect_debt();
        steps.push(start.elapsed());
    }
    Outcome::with_steps(sum, steps)
}

#[derive(Collect)]
#[collect(require_static)]
struct Message {
    bytes: [u8; 1024],
}

pub(crate) fn message_window(arguments: &[u64]) -> Outcome {
    let [window, pushes] = sizes(arguments);
    let mut arena = Arena::<Rootable![HashMap<u64, Gc<'_, Message>>]>::new(|_| HashMap::new());
    let mut steps = Steps::with_capacity(pushes as usize);
    let mut sum = 0;
    for number in 0..pushes {
        let start = Instant::now();
        arena.mutate_root(|mc, messages| {
            messages.insert(number, Gc::new(mc, Message { bytes: [number as u8; 1024] }));
            if number >= window {
                let old = messages.remove(&(number - window)).expect("a message of the window");
                sum += u64::from(old.bytes[17]);
            }
        });
        arena.collect_debt();
        steps.push(start.elapsed());
    }
    let entries = arena.mutate(|_, messages| messages.len() as u64);
    Outcome::with_steps(sum + entries, steps)
}

#[derive(Collect)]
#[collect(no_drop)]
struct Item<'gc> {
    value: u64,
    next: Option<Gc<'gc, Item<'gc>>>,
}

pub(crate) fn list(arguments: &[u64]) -> Outcome {
    let [nodes] = sizes(arguments);
    let mut arena = Arena::<Rootable![Option<Gc<'_, Item<'_>>>]>::new(|_| None);
    for batch in (0..nodes).step_by(BATCH as usize) {
        arena.mutate_root(|mc, head| {
            for value in batch..nodes.min(batch + BATCH) {
                *head = Some(Gc::new(mc, Item { value, next: *head }));
            }
        });
        arena.collect_debt();
    }
    let sum = arena.mutate_root(|_, head| {
        let mut sum = 0;
        let mut at = head.take();
        while let Some(node) = at {
            sum += node.value;
            at = node.next;
        }
        sum
    });
    Outcome::of(sum)
}

#[derive(Collect)]
#[collect(no_drop)]
struct Version<'gc> {
    key: u64,
    value: u64,
    left: Option<Gc<'gc, Version<'gc>>>,
    right: Option<Gc<'gc, Version<'gc>>>,
}

#[derive(Collect)]
#[collect(no_drop)]
struct Versions<'gc> {
    tree: Option<Gc<'gc, Version<'gc>>>,
    kept: Vec<Gc<'gc, Version<'gc>>>,
}

pub(crate) fn persistent_map(arguments: &[u64]) -> Outcome {
    type Tree<'gc> = Option<Gc<'gc, Version<'gc>>>;
    fn insert<'gc>(mc: &Mutation<'gc>, tree: Tree<'gc>, key: u64, value: u64) -> Gc<'gc, Version<'gc>> {
        let Some(node) = tree else { return Gc::new(mc, Version { key, value, left: None, right: None }) };
        let (left, right) = if key < node.key {
            (Some(insert(mc, node.left, key, value)), node.right)
        } else {
            (node.left, Some(insert(mc, node.right, key, value)))
        };
        Gc::new(mc, Version { key: node.key, value: node.value, left, right })
    }
    fn sum(tree: Tree) -> u64 {
        tree.map_or(0, |node| node.value + sum(node.left) + sum(node.right))
    }
    let [inserts, keep_every] = sizes(arguments);
    let mut random = Random::new(3);
    let mut arena = Arena::<Rootable![Versions<'_>]>::new(|_| Versions { tree: None, kept: Vec::new() });
    for value in 0..inserts {
        arena.mutate_root(|mc, versions| {
            let new = insert(mc, versions.tree, u64::from(random.next_u32() >> 1), value);
            if value % keep_every == 0 {
                versions.kept.push(new);
            }
            versions.tree = Some(new);
        });
        arena.collect_debt();
    }
    Outcome::of(
        arena.mutate(|_, versions| {
            sum(versions.tree) + versions.kept.iter().map(|version| version.key & 1).sum::<u64>()
        }),
    )
}

#[derive(Collect)]
#[collect(no_drop)]
struct Splayed<'gc> {
    key: u64,
    payload: Option<Inner<'gc>>,
    left: Lock<Link<'gc>>,
    right: Lock<Link<'gc>>,
}

type Link<'gc> = Option<Gc<'gc, Splayed<'gc>>>;

#[derive(Collect, Clone, Copy)]
#[collect(no_drop)]
enum Inner<'gc> {
    Branch(Gc<'gc, [Inner<'gc>; 2]>),
    Leaf(Gc<'gc, Leaf>),
}

#[derive(Collect)]
#[collect(require_static)]
struct Leaf {
    array: [u64; 10],
    string: String,
}

impl<'gc> Inner<'gc> {
    fn make(mc: &Mutation<'gc>, depth: u32, text: &str) -> Self {
        if depth > 0 {
            let left = Self::make(mc, depth - 1, text);
            return Self::Branch(Gc::new(mc, [left, Self::make(mc, depth - 1, text)]));
        }
        let string = format!("String for key {text} in leaf node");
        Self::Leaf(Gc::new(mc, Leaf { array: ARRAY, string }))
    }

    fn leftmost(self) -> usize {
        match self {
            Self::Branch(below) => below[0].leftmost(),
            Self::Leaf(leaf) => leaf.string.len() + leaf.array[0] as usize,
        }
    }
}

impl<'gc> Splayed<'gc> {
    fn make(mc: &Mutation<'gc>, key: u64, payload: Option<Inner<'gc>>) -> Gc<'gc, Self> {
        Gc::new(mc, Self { key, payload, left: Lock::new(None), right: Lock::new(None) })
    }
}

fn set_left<'gc>(mc: &Mutation<'gc>, node: Gc<'gc, Splayed<'gc>>, to: Link<'gc>) {
    gc_arena::barrier::field!(Gc::write(mc, node), Splayed, left).unlock().set(to);
}

fn set_right<'gc>(mc: &Mutation<'gc>, node: Gc<'gc, Splayed<'gc>>, to: Link<'gc>) {
    gc_arena::barrier::field!(Gc::write(mc, node), Splayed, right).unlock().set(to);
}

/// As gc-core's contestant does.
fn splay<'gc>(mc: &Mutation<'gc>, root: Link<'gc>, key: u64) -> Link<'gc> {
    let mut current = root?;
    let dummy = Splayed::make(mc, 0, None);
    let (mut left, mut right) = (dummy, dummy);
    loop {
        if key < current.key {
            let Some(mut below) = current.left.get() else { break };
            if key < below.key {
                set_left(mc, current, below.right.get());
                set_right(mc, below, Some(current));
                current = below;
                let Some(next) = current.left.get() else { break };
                below = next;
            }
            set_left(mc, right, Some(current));
            right = current;
            current = below;
        } else if key > current.key {
            let Some(mut below) = current.right.get() else { break };
            if key > below.key {
                set_right(mc, current, below.left.get());
                set_left(mc, below, Some(current));
                current = below;
                let Some(next) = current.right.get() else { break };
                below = next;
            }
            set_right(mc, left, Some(current));
            left = current;
            current = below;
        } else {
            break;
        }
    }
    set_right(mc, left, current.left.get());
    set_left(mc, right, current.right.get());
    set_left(mc, current, dummy.right.get());
    set_right(mc, current, dummy.left.get());
    Some(current)
}

struct SplayTree {
    arena: Arena<Rootable![Link<'_>]>,
}

impl splay::Tree for SplayTree {
    fn has(&mut self, key: u64) -> bool {
        self.arena.mutate_root(|mc, root| {
            *root = splay(mc, *root, key);
            root.is_some_and(|root| root.key == key)
        })
    }

    fn insert(&mut self, key: u64, text: &str) {
        self.arena.mutate_root(|mc, root| {
            let new = Splayed::make(mc, key, Some(Inner::make(mc, DEPTH, text)));
            if let Some(root) = splay(mc, *root, key) {
                if key > root.key {
                    set_right(mc, new, root.right.get());
                    set_right(mc, root, None);
                    set_left(mc, new, Some(root));
                } else {
                    set_left(mc, new, root.left.get());
                    set_left(mc, root, None);
                    set_right(mc, new, Some(root));
                }
            }
            *root = Some(new);
        });
    }

    fn greatest_less_than(&mut self, key: u64) -> Option<u64> {
        self.arena.mutate_root(|mc, root| {
            *root = splay(mc, *root, key);
            let root = (*root)?;
            if root.key < key {
                return Some(root.key);
            }
            let mut at = root.left.get()?;
            while let Some(right) = at.right.get() {
                at = right;
            }
            Some(at.key)
        })
    }

    fn remove(&mut self, key: u64) {
        self.arena.mutate_root(|mc, root| {
            let old = splay(mc, *root, key).expect("the tree is not empty");
            assert_eq!(old.key, key, "a key that is there");
            *root = match old.left.get() {
                None => old.right.get(),
                left => {
                    let left = splay(mc, left, key);
                    set_right(mc, left.expect("it was not empty"), old.right.get());
                    left
                }
            };
        });
    }

    fn pause(&mut self) {
        self.arena.collect_debt();
    }

    fn each(&self, visit: &mut impl FnMut(u64, usize)) {
        fn walk(at: Link, visit: &mut impl FnMut(u64, usize)) {
            let Some(node) = at else { return };
            walk(node.left.get(), visit);
            visit(node.key, node.payload.map_or(0, Inner::leftmost));
            walk(node.right.get(), visit);
        }
        self.arena.mutate(|_, root| walk(*root, visit));
    }
}

pub(crate) fn splay_tree(arguments: &[u64]) -> Outcome {
    splay::play(SplayTree { arena: Arena::new(|_| None) }, arguments)
}
