//! Pauses: copying, promoting, marking, sweeping. Each builds its heap, collects, and says how long the world was stopped.

use std::time::Duration;

use gc_core::{Collect, Gc, Heap, Mutator, Root, Slot};

use crate::{
    nodes::{Fork32, Node32, Node64, Slot32},
    random::Random,
};

/// What a pause did.
#[derive(Clone, Copy, Debug)]
pub struct Pause {
    /// How long the world was stopped.
    pub time: Duration,
    /// Bytes of objects that were copied, or of heap that was swept.
    pub bytes: usize,
    /// Objects that were copied or marked.
    pub objects: usize,
    /// Bytes that other threads copied than the one that led.
    pub helped: u64,
}

impl Pause {
    /// Gigabytes a second.
    pub fn gigabytes(&self) -> f64 {
        self.bytes as f64 / self.time.as_nanos() as f64
    }

    /// Million objects a second.
    pub fn mega_objects(&self) -> f64 {
        self.objects as f64 * 1e3 / self.time.as_nanos() as f64
    }

    /// Nanoseconds for each object.
    pub fn each(&self) -> f64 {
        self.time.as_nanos() as f64 / self.objects as f64
    }
}

/// How the objects that survive hang together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A list in the order of allocation, newest first.
    List,
    /// A binary tree.
    Tree,
    /// A binary tree whose nodes were allocated in random order.
    Scattered,
    /// A list in random order: no object is known before the one in front of it is there.
    Shuffled,
}

/// A heap that collects only when told to, on so many threads.
fn manual(workers: usize) -> Mutator {
    let heap = Heap::builder().auto(false).workers(workers).build().expect("a heap");
    heap.attach().expect("the only mutator")
}

/// A root that keeps a graph alive until it is dropped.
enum Survivors {
    Nodes { _root: Root<Gc<'static, Node32<'static>>> },
    Slots { _root: Root<Gc<'static, Slot32<'static>>> },
    Forks { _root: Root<Gc<'static, Fork32<'static>>> },
}

fn tree<'gc>(m: &'gc Mutator, objects: usize) -> Option<Gc<'gc, Node32<'gc>>> {
    if objects == 0 {
        return None;
    }
    let below = objects - 1;
    let left = tree(m, below / 2);
    let right = tree(m, below - below / 2);
    Some(m.alloc(Node32 { value: objects as u64, left, right }))
}

fn build(m: &Mutator, shape: Shape, objects: usize) -> Survivors {
    match shape {
        Shape::List => {
            let mut head = m.alloc(Node32 { value: 0, left: None, right: None });
            for value in 1..objects as u64 {
                head = m.alloc(Node32 { value, left: Some(head), right: None });
            }
            Survivors::Nodes { _root: m.root(head) }
        }
        Shape::Tree => Survivors::Nodes { _root: m.root(tree(m, objects).expect("at least one object")) },
        Shape::Scattered => {
            let nodes: Vec<_> =
                (0..objects as u64).map(|i| m.alloc(Fork32 { word: i, below: [Slot::null(), Slot::null()] })).collect();
            let order = Random::new(1).permutation(objects);
            for at in 0..objects {
                for (side, below) in [2 * at + 1, 2 * at + 2].into_iter().enumerate().filter(|&(_, b)| b < objects) {
                    nodes[order[at]].below[side].set(m, Some(nodes[order[below]]));
                }
            }
            Survivors::Forks { _root: m.root(nodes[order[0]]) }
        }
        Shape::Shuffled => {
            let nodes: Vec<_> =
                (0..objects as u64).map(|i| m.alloc(Slot32 { words: [i; 2], next: Slot::null() })).collect();
            let order = Random::new(1).permutation(objects);
            for pair in order.windows(2) {
                nodes[pair[0]].next.set(m, Some(nodes[pair[1]]));
            }
            Survivors::Slots { _root: m.root(nodes[order[0]]) }
        }
    }
}

/// Copies `objects` objects of 32 bytes within the young generation; the fastest of `rounds`.
pub fn copy(shape: Shape, objects: usize, rounds: usize, workers: usize) -> Pause {
    let mut m = manual(workers);
    fastest(rounds, || {
        let survivors = build(&m, shape, objects);
        let before = m.heap().stats().bytes_by_helpers;
        let time = m.collect(Collect::Young).pause;
        let helped = m.heap().stats().bytes_by_helpers - before;
        drop(survivors);
        // Everything is dead, and gone before the next round.
        m.collect(Collect::Promote);
        Pause { time, bytes: objects * 32, objects, helped }
    })
}

/// Promotes `objects` objects of 32 bytes; the fastest of `rounds`.
pub fn promote(shape: Shape, objects: usize, rounds: usize, workers: usize) -> Pause {
    let mut m = manual(workers);
    fastest(rounds, || {
        let survivors = build(&m, shape, objects);
        let before = m.heap().stats().bytes_by_helpers;
        let time = m.collect(Collect::Promote).pause;
        let helped = m.heap().stats().bytes_by_helpers - before;
        drop(survivors);
        m.collect(Collect::Full);
        Pause { time, bytes: objects * 32, objects, helped }
    })
}

/// Young pauses of a program of which one object in `one_in` survives its first collection, and dies before its second. 4 MiB of
/// generations 0 and 1 together; what survives are 64 lists.
pub fn young_pauses(one_in: u64, rounds: usize, workers: usize) -> Vec<u64> {
    const OBJECTS: u64 = (4 << 20) / 32;
    let mut m = manual(workers);
    let mut pauses = Vec::new();
    for _ in 0..rounds {
        let mut heads: [Option<Gc<Node32>>; 64] = [None; 64];
        for value in 0..OBJECTS {
            let head = &mut heads[(value / one_in) as usize % 64];
            let node = m.alloc(Node32 { value, left: *head, right: None });
            if value % one_in == 0 {
                *head = Some(node);
            }
        }
        let root = m.root(m.alloc(heads));
        pauses.push(m.collect(Collect::Young).pause.as_nanos() as u64);
        drop(root);
    }
    pauses
}

/// Marks `objects` old objects of 64 bytes with two edges each, to neighbours or at random, beside a mutator that waits for it; the
/// fastest of `rounds`, with both pauses.
pub fn mark(local: bool, objects: usize, workers: usize, rounds: usize) -> Pause {
    let mut m = manual(workers);
    let mut random = Random::new(7);
    let nodes: Vec<_> =
        (0..objects as u64).map(|i| m.alloc(Node64 { words: [i; 5], next: [Slot::null(), Slot::null()] })).collect();
    // A cycle through all of them, and one more edge.
    let order = if local { (0..objects).collect() } else { random.permutation(objects) };
    for at in 0..objects {
        let next = order[(at + 1) % objects];
        let other = if local { (at + 1 + random.below(64)) % objects } else { random.below(objects) };
        nodes[order[at]].next[0].set(&m, Some(nodes[next]));
        nodes[order[at]].next[1].set(&m, Some(nodes[order[other]]));
    }
    let root = m.root(nodes[0]);
    drop(nodes);
    m.collect(Collect::Promote);
    let pause = fastest(rounds, || {
        let time = m.collect(Collect::Full).marking;
        Pause { time, bytes: objects * 64, objects, helped: 0 }
    });
    drop(root);
    pause
}

/// Sweeps a heap of `bytes` in objects of 64 bytes, all dead; the fastest of `rounds`.
pub fn sweep(bytes: usize, rounds: usize) -> Pause {
    let mut m = manual(1);
    let objects = bytes / 64;
    fastest(rounds, || {
        let mut head = m.alloc(Node64 { words: [0; 5], next: [Slot::null(), Slot::null()] });
        for i in 1..objects as u64 {
            head = m.alloc(Node64 { words: [i; 5], next: [Slot::new(Some(head)), Slot::null()] });
        }
        let root = m.root(head);
        m.collect(Collect::Promote);
        drop(root);
        let time = m.collect(Collect::Full).sweeping;
        Pause { time, bytes, objects, helped: 0 }
    })
}

/// A collection of an empty heap.
pub fn empty(rounds: usize) -> Pause {
    let mut m = manual(1);
    fastest(rounds, || Pause { time: m.collect(Collect::Young).pause, bytes: 0, objects: 1, helped: 0 })
}

fn fastest(rounds: usize, mut round: impl FnMut() -> Pause) -> Pause {
    (0..rounds).map(|_| round()).min_by_key(|pause| pause.time).expect("at least one round")
}

/// What copying could cost: the same bytes as objects, in order, by a plain loop.
pub fn plain_copy(objects: usize, rounds: usize) -> Pause {
    let from = vec![[1_u64; 4]; objects];
    let mut to = vec![[0_u64; 4]; objects];
    fastest(rounds, || {
        let start = std::time::Instant::now();
        for (from, to) in from.iter().zip(&mut to) {
            *to = *from;
            crate::clock::sink(to);
        }
        Pause { time: start.elapsed(), bytes: objects * 32, objects, helped: 0 }
    })
}
