//! Graphs by chance, and what they should say by the plainest way to find out.

use super::*;

mod against_brute_force;
mod builder;
mod pictures;
mod shapes;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }
}

/// An edge: where to, field, index and strength.
type PlainEdge = (usize, Option<u32>, Option<u32>, Strength);

/// A graph as a list: nodes, and edges by their sources.
#[derive(Clone, Debug, Default)]
struct Plain {
    nodes: Vec<NewNode>,
    edges: Vec<Vec<PlainEdge>>,
}

const TYPES: [&str; 5] = ["", "demo::Tree", "demo::Leaf<u8>", "other::Tree", "alloc::vec::Vec<demo::Tree>"];
const FIELDS: [&str; 3] = ["left", "items[].right", "next"];

impl Plain {
    /// The virtual root alone.
    fn new() -> Self {
        Self { nodes: vec![NewNode { kind: NodeKind::Other, ..NewNode::default() }], edges: vec![Vec::new()] }
    }

    fn node(&mut self, node: NewNode) -> usize {
        self.nodes.push(node);
        self.edges.push(Vec::new());
        self.nodes.len() - 1
    }

    /// An object of one byte.
    fn object(&mut self) -> usize {
        self.node(NewNode { size: 1, type_: 1, ..NewNode::default() })
    }

    fn edge(&mut self, from: usize, to: usize) {
        self.edges[from].push((to, None, None, Strength::Strong));
    }

    /// Up to `nodes` nodes besides the virtual root, sparse or dense, with all that there may be.
    fn random(random: &mut Random, nodes: u64) -> Self {
        let mut plain = Self::new();
        let nodes = random.below(nodes + 1);
        for _ in 0..nodes {
            let kind = [NodeKind::Rooted, NodeKind::InHeap, NodeKind::InHeap, NodeKind::Native, NodeKind::Other];
            let kind = kind[random.below(5) as usize];
            let (type_, size, owned) = (random.below(5) as u32, random.below(100), random.below(3) * random.below(50));
            let place = (kind == NodeKind::Rooted && random.below(2) == 0).then_some(0);
            plain.node(NewNode { kind, type_, size, owned, id: random.below(30), place });
        }
        let weak = random.below(4);
        for _ in 0..random.below(4 * nodes + 1) {
            let [from, to] = [(); 2].map(|()| random.below(nodes + 1) as usize);
            let strength = if random.below(10) < weak { Strength::Weak } else { Strength::Strong };
            let field = (random.below(2) == 0).then(|| random.below(3) as u32);
            let index = (random.below(2) == 0).then(|| random.draw() as u32);
            plain.edges[from].push((to, field, index, strength));
        }
        plain
    }

    /// With the edges from the virtual root that the builder adds, in front.
    fn led_to_roots(mut self) -> Self {
        let led = |to: usize| self.edges[0].iter().any(|edge| edge.0 == to && edge.3 == Strength::Strong);
        let roots = (0..self.nodes.len()).filter(|&to| self.nodes[to].kind == NodeKind::Rooted && !led(to));
        let mut edges: Vec<_> = roots.map(|to| (to, None, None, Strength::Strong)).collect();
        edges.append(&mut self.edges[0]);
        self.edges[0] = edges;
        self
    }

    /// Through the builder, in one pass or in two.
    fn build(&self, passes: usize) -> Graph {
        let mut builder = match passes {
            1 => GraphBuilder::new(),
            _ => GraphBuilder::with_capacity(self.nodes.len(), self.edges.iter().map(Vec::len).sum()),
        };
        TYPES.iter().enumerate().for_each(|(number, name)| assert_eq!(builder.type_named(name), number as u32));
        FIELDS.iter().enumerate().for_each(|(number, name)| assert_eq!(builder.field_named(name), number as u32));
        assert_eq!(builder.place_named("src/main.rs:10:5"), 0);
        let edges = |builder: &mut GraphBuilder, from: usize| {
            for &(to, field, index, strength) in &self.edges[from] {
                builder.edge(Node::at(to as u32), field, index, strength);
            }
        };
        if passes == 1 {
            edges(&mut builder, 0);
        }
        for (number, &node) in self.nodes.iter().enumerate().skip(1) {
            assert_eq!(builder.node(node).index(), number);
            if passes == 1 {
                edges(&mut builder, number);
            }
        }
        if passes == 2 {
            for from in 0..self.nodes.len() {
                builder.edges_of(Node::at(from as u32));
                edges(&mut builder, from);
            }
        }
        builder.finish().unwrap()
    }

    fn strong(&self, from: usize) -> impl Iterator<Item = usize> + '_ {
        self.edges[from].iter().filter(|edge| edge.3 == Strength::Strong).map(|edge| edge.0)
    }

    /// How far each node is from one, on ways that do not lead through `without`.
    fn distances(&self, from: usize, without: &[usize]) -> Vec<Option<usize>> {
        let mut distances = vec![None; self.nodes.len()];
        let mut ring = if without.contains(&from) { vec![] } else { vec![from] };
        for distance in 0.. {
            ring.retain(|&node| distances[node].is_none());
            if ring.is_empty() {
                break;
            }
            ring.iter().for_each(|&node| distances[node] = Some(distance));
            ring = ring.iter().flat_map(|&node| self.strong(node)).filter(|node| !without.contains(node)).collect();
        }
        distances
    }

    fn bytes(&self, node: usize) -> u64 {
        self.nodes[node].size + self.nodes[node].owned
    }
}
