//! Ephemerons in graphs by chance, against a search that knows nothing of the collector: after a full collection exactly those keys, values
//! and ephemerons are there that the search reaches.

use std::collections::HashSet;

use gc_core::{Collect, Ephemeron, Gc, GcCell, Mutator, Root, Trace};
use gc_tests::{
    heaps::{settle, under},
    ledger::{Ledger, Token},
    random::Random,
    sizes::scaled,
};

#[derive(Trace)]
struct Node<'gc> {
    token: Token,
    edges: GcCell<Vec<Gc<'gc, Node<'gc>>>>,
    pairs: GcCell<Vec<(usize, Pair<'gc>)>>,
}

type Pair<'gc> = Ephemeron<'gc, Node<'gc>, Node<'gc>>;
type NodeRoot = Root<Gc<'static, Node<'static>>>;

/// What the search knows.
#[derive(Default)]
struct Model {
    edges: Vec<Vec<usize>>,
    /// The ephemerons that a node holds.
    held: Vec<Vec<usize>>,
    /// Key and value of each ephemeron.
    pairs: Vec<(usize, usize)>,
}

impl Model {
    /// The nodes, and the ephemerons, that these nodes reach: again and again until nothing is found.
    fn reach(&self, from: impl Iterator<Item = usize>) -> (HashSet<usize>, HashSet<usize>) {
        let (mut nodes, mut pairs) = (HashSet::new(), HashSet::new());
        let mut stack: Vec<_> = from.collect();
        loop {
            while let Some(node) = stack.pop() {
                if nodes.insert(node) {
                    stack.extend(&self.edges[node]);
                    pairs.extend(&self.held[node]);
                }
            }
            let values = pairs.iter().map(|&pair: &usize| self.pairs[pair]).filter(|(key, _)| nodes.contains(key));
            stack.extend(values.map(|(_, value)| value).filter(|value| !nodes.contains(value)));
            if stack.is_empty() {
                return (nodes, pairs);
            }
        }
    }
}

struct World {
    model: Model,
    roots: Vec<(usize, NodeRoot)>,
    ledger: Ledger,
    random: Random,
}

impl World {
    fn node(&mut self, m: &Mutator) {
        let token = self.ledger.token();
        let number = token.number();
        let node = m.alloc(Node { token, edges: GcCell::default(), pairs: GcCell::default() });
        self.roots.push((number, m.root(node)));
        self.model.edges.push(Vec::new());
        self.model.held.push(Vec::new());
    }

    /// A root by chance.
    fn pick(&mut self) -> usize {
        self.random.below(self.roots.len() as u64) as usize
    }

    fn step(&mut self, m: &mut Mutator) {
        if self.roots.len() < 4 {
            return self.node(m);
        }
        let [a, b, c] = [(); 3].map(|()| self.pick());
        let numbers = [a, b, c].map(|n| self.roots[n].0);
        match self.random.below(16) {
            0..4 => self.node(m),
            4..6 => {
                let to = self.roots[b].1.get(m);
                self.roots[a].1.get(m).edges.borrow_mut(m).push(to);
                self.model.edges[numbers[0]].push(numbers[1]);
            }
            6 => {
                self.roots[a].1.get(m).edges.borrow_mut(m).clear();
                self.model.edges[numbers[0]].clear();
            }
            7..11 => {
                let pair = Ephemeron::new(m, self.roots[b].1.get(m), self.roots[c].1.get(m));
                let number = self.model.pairs.len();
                self.roots[a].1.get(m).pairs.borrow_mut(m).push((number, pair));
                self.model.pairs.push((numbers[1], numbers[2]));
                self.model.held[numbers[0]].push(number);
            }
            11 => {
                self.roots[a].1.get(m).pairs.borrow_mut(m).pop();
                self.model.held[numbers[0]].pop();
            }
            12..15 => drop(self.roots.swap_remove(a)),
            _ => match self.random.below(8) {
                0 => _ = m.collect(Collect::Promote),
                1..4 => _ = m.collect(Collect::Young),
                _ => m.safepoint(),
            },
        }
    }

    /// After a full collection.
    fn check(&self, m: &Mutator, seed: u64) {
        let (nodes, _) = self.model.reach(self.roots.iter().map(|&(number, _)| number));
        self.ledger.assert_live(|number| nodes.contains(&number));
        let mut seen = HashSet::new();
        let mut stack: Vec<_> = self.roots.iter().map(|(_, root)| root.get(m)).collect();
        while let Some(node) = stack.pop() {
            if !seen.insert(node.token.number()) {
                continue;
            }
            stack.extend(node.edges.borrow(m).iter());
            for &(number, pair) in node.pairs.borrow(m).iter() {
                let (key, value) = self.model.pairs[number];
                let found = pair.get(m).map(|(key, value)| (key.token.number(), value.token.number()));
                assert_eq!(found, nodes.contains(&key).then_some((key, value)), "ephemeron {number}, seed {seed}");
                stack.extend(pair.value(m));
            }
        }
        assert_eq!(seen, nodes, "seed {seed}");
    }
}

fn run(profile: &str, seed: u64, steps: u64) {
    let heap = under(profile).auto(false).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut world =
        World { model: Model::default(), roots: Vec::new(), ledger: Ledger::default(), random: Random::new(seed) };
    for _ in 0..4 {
        for _ in 0..steps {
            world.step(&mut m);
        }
        m.collect(Collect::Full);
        settle(&heap);
        world.check(&m, seed);
    }
    world.roots.clear();
    m.collect(Collect::Full);
    settle(&heap);
    world.ledger.assert_all_once();
}

#[test]
fn what_a_search_reaches_is_there_and_nothing_else() {
    for seed in 0..scaled(60) {
        run("verify", seed, 150);
    }
}

#[test]
fn so_it_is_whatever_is_promoted_copied_and_moved() {
    let profiles = [
        "verify,promote-always",
        "verify,promote-never",
        "verify,promote-random,to-space-full=2",
        "verify,workers=3,promote-random",
        "verify,compact-always",
        "verify,compact-random,stopped",
        "verify,compact-all=2,full-every=5",
    ];
    for profile in profiles {
        for seed in 0..scaled(12) {
            run(&format!("{profile},seed={seed}"), seed, 150);
        }
    }
}

/// The full collection begins among the steps, and ends somewhere among the next ones.
#[test]
fn so_it_is_while_marking_goes_on() {
    for profile in [
        "verify,slow-marker=1,every-safepoint=3,full-every=2",
        "verify,slow-marker=2,compact-always,every-safepoint=2,full-every=3",
        "verify,slow-marker=1,workers=3,promote-random,every-safepoint=3,full-every=2",
    ] {
        for seed in 0..scaled(10) {
            run(&format!("{profile},seed={seed}"), seed, 300);
        }
    }
}
