//! Random programs with weak references and identities, beside a model that knows what is reachable.

use gc_core::{Collect, Gc, Heap, Mutator, Root, Slot, Trace, Weak, WeakSlot};
use gc_tests::{heaps, random::Random, sizes::scaled};

#[derive(Trace)]
struct Node<'gc> {
    number: usize,
    strong: [Slot<'gc, Node<'gc>>; 2],
    weak: WeakSlot<'gc, Node<'gc>>,
    first: Weak<'gc, Node<'gc>>,
}

/// What the model knows of a node.
#[derive(Clone, Default)]
struct Known {
    strong: [Option<usize>; 2],
    weak: Option<usize>,
    first: Option<usize>,
    id: Option<u64>,
}

const ROOTS: usize = 12;

type Strong = Root<Option<Gc<'static, Node<'static>>>>;

struct Program<'h> {
    heap: &'h Heap,
    nodes: Vec<Known>,
    /// With the number of the node in each.
    roots: Vec<(Strong, Option<usize>)>,
    weaks: Vec<(Root<Weak<'static, Node<'static>>>, Option<usize>)>,
    random: Random,
}

impl Program<'_> {
    fn reachable(&self) -> Vec<bool> {
        let mut reachable = vec![false; self.nodes.len()];
        let mut work: Vec<usize> = self.roots.iter().filter_map(|root| root.1).collect();
        while let Some(node) = work.pop() {
            if !core::mem::replace(&mut reachable[node], true) {
                work.extend(self.nodes[node].strong.into_iter().flatten());
            }
        }
        reachable
    }

    fn pick(&mut self, below: usize) -> usize {
        self.random.below(below as u64) as usize
    }

    /// Returns a node that can be reached from a random root in a few steps.
    fn walk<'gc>(&mut self, m: &'gc Mutator) -> Option<Gc<'gc, Node<'gc>>> {
        let root = self.pick(ROOTS);
        let mut node = self.roots[root].0.get(m)?;
        for _ in 0..self.pick(4) {
            let side = self.pick(2);
            node = node.strong[side].get().unwrap_or(node);
        }
        Some(node)
    }

    fn step(&mut self, m: &mut Mutator) {
        match self.pick(12) {
            0..3 => {
                let number = self.nodes.len();
                let [strong, first] = [(); 2].map(|()| self.walk(m));
                let weak = first.map_or(Weak::dangling(), |first| Gc::downgrade(first, m));
                let node = m.alloc(Node {
                    number,
                    strong: [Slot::new(strong), Slot::null()],
                    weak: WeakSlot::dangling(),
                    first: weak,
                });
                self.nodes.push(Known {
                    strong: [strong.map(|node| node.number), None],
                    first: first.map(|node| node.number),
                    ..Known::default()
                });
                let root = self.pick(ROOTS);
                self.roots[root].0.set(m, Some(node));
                self.roots[root].1 = Some(number);
            }
            3..5 => {
                if let (Some(a), b, side) = (self.walk(m), self.walk(m), self.pick(2)) {
                    a.strong[side].set(m, b);
                    self.nodes[a.number].strong[side] = b.map(|node| node.number);
                }
            }
            5 => {
                if let (Some(a), Some(b)) = (self.walk(m), self.walk(m)) {
                    a.weak.set(m, Gc::downgrade(b, m));
                    self.nodes[a.number].weak = Some(b.number);
                }
            }
            6 => {
                if let Some(node) = self.walk(m) {
                    let place = self.pick(ROOTS);
                    self.weaks[place].0.set(m, Gc::downgrade(node, m));
                    self.weaks[place].1 = Some(node.number);
                }
            }
            7 => {
                let root = self.pick(ROOTS);
                self.roots[root].0.set(m, None);
                self.roots[root].1 = None;
            }
            8 => {
                if let Some(node) = self.walk(m) {
                    let id = Gc::id(node, m);
                    assert_eq!(*self.nodes[node.number].id.get_or_insert(id), id);
                }
            }
            9 => {
                // What is dead or alive by now is kept, if it is alive.
                let (place, root) = (self.pick(ROOTS), self.pick(ROOTS));
                if let Some(node) = self.weaks[place].0.get(m).upgrade(m) {
                    assert_eq!(Some(node.number), self.weaks[place].1);
                    self.roots[root].0.set(m, Some(node));
                    self.roots[root].1 = Some(node.number);
                }
            }
            10 => m.safepoint(),
            _ => {
                let generation = match self.pick(8) {
                    0 => Collect::Full,
                    1..4 => Collect::Promote,
                    _ => Collect::Young,
                };
                m.collect(generation);
            }
        }
        if self.pick(16) == 0 {
            self.check(m);
        }
    }

    /// Everything that is reachable is found by every weak reference to it.
    fn check(&mut self, m: &Mutator) {
        let reachable = self.reachable();
        let check = |weak: Weak<'_, Node<'_>>, known: Option<usize>| match (known, weak.id()) {
            (None, id) => assert_eq!(id, None),
            (Some(number), Some(id)) => {
                let found = weak.upgrade(m);
                assert!(found.is_some() || !reachable[number], "node {number} is reachable");
                assert!(found.is_none_or(|node| node.number == number));
                assert_eq!(found.is_none(), weak.is_dead(m));
                assert_eq!(self.nodes[number].id.unwrap_or(id), id, "node {number}");
            }
            (Some(number), None) => panic!("a weak reference to {number} dangles"),
        };
        for (weak, known) in &self.weaks {
            check(weak.get(m), *known);
        }
        let mut seen = vec![false; self.nodes.len()];
        let mut work: Vec<_> = self.roots.iter().filter_map(|root| root.0.get(m)).collect();
        while let Some(node) = work.pop() {
            if !core::mem::replace(&mut seen[node.number], true) {
                check(node.first, self.nodes[node.number].first);
                check(node.weak.get(), self.nodes[node.number].weak);
                work.extend(node.strong.iter().filter_map(Slot::get));
            }
        }
        assert_eq!(seen, reachable);
    }

    /// After a full collection exactly what is reachable is alive.
    fn check_exactly(&mut self, m: &mut Mutator) {
        m.collect(Collect::Full);
        self.check(m);
        let reachable = self.reachable();
        for (weak, known) in &self.weaks {
            assert_eq!(weak.get(m).is_dead(m), known.is_none_or(|number| !reachable[number]));
        }
    }
}

fn run(profile: &str, seed: u64) {
    let heap = heaps::under(profile).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut program = Program {
        heap: &heap,
        nodes: Vec::new(),
        roots: (0..ROOTS).map(|_| (m.root(None::<Gc<'_, Node<'_>>>), None)).collect(),
        weaks: (0..ROOTS).map(|_| (m.root(Weak::<Node<'_>>::dangling()), None)).collect(),
        random: Random::new(seed),
    };
    for _ in 0..scaled(3000) {
        program.step(&mut m);
    }
    program.check_exactly(&mut m);
    program.roots.clear();
    program.weaks.clear();
    m.collect(Collect::Full);
    assert_eq!(program.heap.stats().registered, 0);
}

#[test]
fn agrees() {
    (0..4).for_each(|seed| run("verify", seed));
}

#[test]
fn agrees_while_marking() {
    (0..2).for_each(|seed| run("verify,slow-marker=2", seed));
    (0..2).for_each(|seed| run("verify,stopped", seed));
}

#[test]
fn agrees_while_blocks_are_evacuated() {
    (0..2).for_each(|seed| run("verify,compact-always", seed));
    (0..2).for_each(|seed| run("verify,compact-random,promote-always", seed));
    (0..2).for_each(|seed| run("verify,compact-all=7", seed));
}

#[test]
fn agrees_whatever_is_promoted() {
    (0..2).for_each(|seed| run("verify,promote-always", seed));
    (0..2).for_each(|seed| run("verify,promote-random", seed));
    (0..2).for_each(|seed| run("verify,to-space-full=3", seed));
}
