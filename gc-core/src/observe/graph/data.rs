//! The graph itself: columns for nodes, rows for edges, and what is computed of them once.
//!
//! - **[graph.valid]** Every number in it names something: edges lead to nodes that are there,
//!   nodes and labels have types, fields and places that are there. The builder checks that, and a
//!   graph does not change.

use core::fmt;
use std::sync::{Arc, OnceLock};

use super::{
    links::{End, Links},
    node::{Edge, Label, Node, NodeKind, PackedLabel},
};

/// The picture of a heap at one moment: nodes, edges, types, names of fields. It is owned data and
/// leads to no heap.
///
/// It takes 37 bytes for each node and 12 for each edge, and the names. What it computes once, when
/// first asked: who leads to a node ([`referrers`](Self::referrers), 8 bytes for each node and 4
/// for each edge) and what is reachable (a bit for each node).
///
/// Methods that take a node panic if the graph has none of that number, which only a node of
/// another graph can be.
///
/// ```
/// use gc_core::observe::{GraphBuilder, NewNode, Node, NodeKind, Strength};
///
/// let mut builder = GraphBuilder::new();
/// let (cache, entry) = (builder.type_named("Root<Cache>"), builder.type_named("demo::Entry"));
/// let entries = builder.field_named("entries[]");
/// let root = builder.node(NewNode { kind: NodeKind::Rooted, type_: cache, ..NewNode::default() });
/// builder.edge(Node::at(2), Some(entries), Some(5), Strength::Strong);
/// builder.node(NewNode { type_: entry, size: 48, owned: 100, ..NewNode::default() });
/// let graph = builder.finish()?;
///
/// let entry = graph.instances("Entry").next().unwrap();
/// assert_eq!(graph.edges(root).next().unwrap().label.to_string(), "entries[5]");
/// assert_eq!(graph.path_to(entry).unwrap().to_string(), "root of Root<Cache> → entries[5] → Entry");
/// assert_eq!(graph.dominators().retained(entry), 148);
/// # Ok::<(), gc_core::observe::GraphError>(())
/// ```
#[derive(Clone)]
pub struct Graph {
    pub(super) types: Vec<Arc<str>>,
    pub(super) fields: Vec<Arc<str>>,
    pub(super) places: Vec<Arc<str>>,
    pub(super) kinds: Vec<NodeKind>,
    pub(super) node_types: Vec<u32>,
    pub(super) sizes: Vec<u64>,
    pub(super) owned: Vec<u64>,
    pub(super) ids: Vec<u64>,
    /// Of the roots that have one, in the order of nodes.
    pub(super) root_places: Vec<(Node, u32)>,
    pub(super) links: Links,
    pub(super) labels: Vec<PackedLabel>,
    pub(super) backward: OnceLock<Links>,
    pub(super) reachable: OnceLock<Vec<u64>>,
}

impl Graph {
    /// Returns how many nodes there are, the virtual root among them.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.kinds.len()
    }

    /// Returns how many edges there are.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.labels.len()
    }

    /// Returns all nodes in the order in which they were added; [`Node::ROOT`] is the first.
    #[must_use]
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = Node> + DoubleEndedIterator + use<> {
        (0..self.kinds.len() as u32).map(Node::at)
    }

    /// Returns the node of a number, if there is one.
    #[must_use]
    pub fn node(&self, index: usize) -> Option<Node> {
        (index < self.node_count()).then(|| Node::at(index as u32))
    }

    /// Returns the node that has this [`id`](Self::id), the first if several have it. Linear in the
    /// nodes.
    #[must_use]
    pub fn node_with_id(&self, id: u64) -> Option<Node> {
        self.nodes().find(|&node| self.id(node) == id)
    }

    /// Returns the nodes of kind [`Root`](NodeKind::Rooted). Linear in the nodes.
    pub fn roots(&self) -> impl Iterator<Item = Node> + '_ {
        self.nodes().filter(|&node| self.kind(node) == NodeKind::Rooted)
    }

    /// Returns what the node stands for.
    #[must_use]
    pub fn kind(&self, node: Node) -> NodeKind {
        self.kinds[node.index()]
    }

    /// Returns the name of the node's type; of a root, that of what is rooted.
    #[must_use]
    pub fn type_name(&self, node: Node) -> &str {
        &self.types[self.node_types[node.index()] as usize]
    }

    /// Returns the bytes of the node itself.
    #[must_use]
    pub fn size(&self, node: Node) -> u64 {
        self.sizes[node.index()]
    }

    /// Returns the bytes that the node owns elsewhere: the buffer of a `Vec` or a `String`, a
    /// `Counted`.
    #[must_use]
    pub fn owned(&self, node: Node) -> u64 {
        self.owned[node.index()]
    }

    /// Returns the number that the node was given when it was added.
    #[must_use]
    pub fn id(&self, node: Node) -> u64 {
        self.ids[node.index()]
    }

    /// Returns where a root was made, if that is known.
    #[must_use]
    pub fn place(&self, node: Node) -> Option<&str> {
        let at = self.root_places.binary_search_by_key(&node, |&(node, _)| node).ok()?;
        Some(&self.places[self.root_places[at].1 as usize])
    }

    /// Returns the edges that begin at a node, in the order in which they were added.
    #[must_use]
    pub fn edges(&self, node: Node) -> impl ExactSizeIterator<Item = Edge<'_>> + DoubleEndedIterator {
        self.links.range(node.number()).map(move |at| self.edge_at(node, at))
    }

    pub(super) fn edge_at(&self, from: Node, at: usize) -> Edge<'_> {
        let (end, label) = (self.links.ends[at], self.labels[at]);
        let label = Label::new(label.field().map(|field| &*self.fields[field]), label.index());
        Edge { from, to: Node::at(end.node()), label, strength: end.strength() }
    }

    /// Returns the first strong edge from one node to another.
    pub(super) fn strong_edge(&self, from: Node, to: Node) -> Option<Edge<'_>> {
        let leads = |end: &End| end.is_strong() && end.node() == to.number();
        let at = self.links.row(from.number()).iter().position(leads)?;
        Some(self.edge_at(from, self.links.range(from.number()).start + at))
    }

    /// Returns the nodes that edges of a node lead to, weak ones too, each once and in ascending
    /// order.
    ///
    /// It sorts the edges of the node.
    #[must_use]
    pub fn referents(&self, node: Node) -> Vec<Node> {
        let mut ends: Vec<_> = self.links.row(node.number()).iter().map(|end| Node::at(end.node())).collect();
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    /// Returns the nodes that have edges to a node, weak ones too, each once and in ascending
    /// order.
    ///
    /// The first call of a graph sorts all its edges by their ends, which is linear. From then on
    /// it costs what it returns. Which edges they are: [`edges_to`](Self::edges_to).
    ///
    /// ```
    /// use gc_core::observe::{GraphBuilder, NewNode, Node, Strength};
    ///
    /// let mut builder = GraphBuilder::new();
    /// let pair = builder.field_named("pair[]");
    /// builder.node(NewNode::default());
    /// (0..2).for_each(|index| builder.edge(Node::at(2), Some(pair), Some(index), Strength::Strong));
    /// builder.node(NewNode::default());
    /// let graph = builder.finish()?;
    ///
    /// let [source, shared] = [1, 2].map(Node::at);
    /// assert_eq!(graph.referents(source), [shared]);
    /// assert_eq!(graph.referrers(shared).collect::<Vec<_>>(), [source]);
    /// let labels: Vec<_> = graph.edges_to(shared).map(|edge| edge.label.to_string()).collect();
    /// assert_eq!(labels, ["pair[0]", "pair[1]"]);
    /// # Ok::<(), gc_core::observe::GraphError>(())
    /// ```
    pub fn referrers(&self, node: Node) -> impl Iterator<Item = Node> + '_ {
        let row = self.backward().row(node.number());
        let first_of_its_node = move |&(at, end): &(usize, &End)| at == 0 || row[at - 1].node() != end.node();
        row.iter().enumerate().filter(first_of_its_node).map(|(_, end)| Node::at(end.node()))
    }

    /// Returns the edges that lead to a node: by their sources, and of each in order.
    ///
    /// It looks at all edges of the [`referrers`](Self::referrers).
    pub fn edges_to(&self, node: Node) -> impl Iterator<Item = Edge<'_>> + '_ {
        self.referrers(node).flat_map(|from| self.edges(from)).filter(move |edge| edge.to == node)
    }

    /// The edges by their ends, computed once.
    pub(super) fn backward(&self) -> &Links {
        self.backward.get_or_init(|| self.links.reversed())
    }

    /// Whether strong edges lead from the virtual root to the node. [`Node::ROOT`] is reachable.
    ///
    /// The first call of a graph visits all that is reachable; from then on it is constant.
    ///
    /// # Panics
    ///
    /// If the graph has no such node.
    #[must_use]
    #[track_caller]
    pub fn is_reachable(&self, node: Node) -> bool {
        assert!(node.index() < self.node_count(), "the graph has {} nodes, and no {node:?}", self.node_count());
        let bits = self.reachable.get_or_init(|| self.reachable_bits());
        bits[node.index() / 64] >> (node.index() % 64) & 1 != 0
    }

    fn reachable_bits(&self) -> Vec<u64> {
        let mut bits = vec![0_u64; self.node_count().div_ceil(64)];
        let mut pending = vec![0_u32];
        bits[0] = 1;
        while let Some(node) = pending.pop() {
            for end in self.links.row(node).iter().filter(|end| end.is_strong()) {
                let (word, bit) = (end.node() as usize / 64, 1 << (end.node() % 64));
                if bits[word] & bit == 0 {
                    bits[word] |= bit;
                    pending.push(end.node());
                }
            }
        }
        bits
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nodes, edges) = (self.node_count(), self.edge_count());
        f.debug_struct("Graph").field("nodes", &nodes).field("edges", &edges).finish_non_exhaustive()
    }
}
