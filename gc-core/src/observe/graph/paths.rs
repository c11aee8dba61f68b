//! Shortest paths, by breadth-first search over strong edges (Moore 1959).

use core::fmt;

use super::{
    data::Graph,
    names::short,
    node::{Edge, Node, NodeKind},
};

/// No parent yet.
const UNSEEN: u32 = u32::MAX;

/// A path through a graph: why its last node is alive, if it begins at a root.
///
/// It displays types by their last segments; `{:#}` has their whole names.
///
/// ```
/// # use gc_core::observe::{GraphBuilder, NewNode, Node, NodeKind, Strength};
/// # let mut builder = GraphBuilder::new();
/// let [sessions, session, user] = ["Vec<Gc<demo::Session>>", "demo::Session", "demo::User"].map(|name| builder.type_named(name));
/// let place = Some(builder.place_named("src/main.rs:10:5"));
/// let field = builder.field_named("user");
/// builder.node(NewNode { kind: NodeKind::Rooted, type_: sessions, place, ..NewNode::default() });
/// builder.edge(Node::at(2), None, Some(3), Strength::Strong);
/// builder.node(NewNode { type_: session, size: 32, ..NewNode::default() });
/// builder.edge(Node::at(3), Some(field), None, Strength::Strong);
/// builder.node(NewNode { type_: user, size: 16, ..NewNode::default() });
/// let graph = builder.finish()?;
///
/// let path = graph.path_to(Node::at(3)).unwrap();
/// assert_eq!(path.to_string(), "root of Vec<Gc<Session>> made at src/main.rs:10:5 → [3] → Session.user → User");
/// assert_eq!(path.nodes().collect::<Vec<_>>(), [1, 2, 3].map(Node::at));
/// # Ok::<(), gc_core::observe::GraphError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Path<'g> {
    graph: &'g Graph,
    /// One or more.
    steps: Vec<PathStep<'g>>,
}

/// A node on a [`Path`], and the edge by which the path goes on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct PathStep<'g> {
    /// The node.
    pub node: Node,
    /// The edge to the next node; `None` at the end.
    pub edge: Option<Edge<'g>>,
}

impl<'g> Path<'g> {
    fn through(graph: &'g Graph, nodes: &[Node]) -> Self {
        let step = |(at, &node): (usize, &Node)| {
            let next = nodes.get(at + 1);
            PathStep { node, edge: next.and_then(|&next| graph.strong_edge(node, next)) }
        };
        Self { graph, steps: nodes.iter().enumerate().map(step).collect() }
    }

    /// Returns the nodes with the edges between them, from the first node on. There is one at
    /// least.
    #[must_use]
    pub fn steps(&self) -> &[PathStep<'g>] {
        &self.steps
    }

    /// Returns the nodes.
    #[must_use]
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = Node> + DoubleEndedIterator + '_ {
        self.steps.iter().map(|step| step.node)
    }

    /// Returns where it begins.
    #[must_use]
    pub fn first(&self) -> Node {
        self.steps[0].node
    }

    /// Returns where it ends.
    #[must_use]
    pub fn last(&self) -> Node {
        self.steps[self.steps.len() - 1].node
    }

    fn write_node(&self, f: &mut fmt::Formatter<'_>, node: Node) -> fmt::Result {
        let name = self.graph.type_name(node);
        match (node, f.alternate()) {
            (Node::ROOT, _) if name.is_empty() => f.write_str("(roots)"),
            (_, true) => f.write_str(name),
            (_, false) => f.write_str(&short(name)),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, PathStep { node, edge }) in self.steps.iter().enumerate() {
            if at > 0 {
                f.write_str(" → ")?;
            }
            let label = edge.map(|edge| edge.label).filter(|label| !label.is_empty());
            if self.graph.kind(*node) == NodeKind::Rooted {
                f.write_str("root of ")?;
                self.write_node(f, *node)?;
                if let Some(place) = self.graph.place(*node) {
                    write!(f, " made at {place}")?;
                }
                if let Some(label) = label {
                    write!(f, " → {label}")?;
                }
            } else {
                self.write_node(f, *node)?;
                if let Some(label) = label {
                    let dot = if label.field().is_none_or(|field| field.is_empty() || field.starts_with("[]")) {
                        ""
                    } else {
                        "."
                    };
                    write!(f, "{dot}{label}")?;
                }
            }
        }
        Ok(())
    }
}

/// Which way a search goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Forward,
    Backward,
}

impl Graph {
    /// Returns a shortest path from a root to the node; `None` if it is not reachable. Of several,
    /// one that is the same each time.
    ///
    /// The virtual root is not in it, unless it is what was asked for. Breadth-first search: at
    /// worst all that is reachable, with 8 bytes for each node.
    ///
    /// # Panics
    ///
    /// If the graph has no such node.
    #[must_use]
    #[track_caller]
    pub fn path_to(&self, node: Node) -> Option<Path<'_>> {
        assert!(node.index() < self.node_count(), "the graph has {} nodes, and no {node:?}", self.node_count());
        self.path_to_any(|found| found == node)
    }

    /// Returns a shortest path from a root to a node of which `wanted` is true, the nearest; `None`
    /// if there is none.
    ///
    /// Breadth-first search, as [`path_to`](Self::path_to): `wanted` is asked once for each
    /// reachable node, by distance.
    pub fn path_to_any(&self, wanted: impl FnMut(Node) -> bool) -> Option<Path<'_>> {
        self.path_avoiding(|_| false, wanted)
    }

    /// The same, by paths on which there is no node of which `avoided` is true: what else keeps a
    /// node alive, were those not there.
    ///
    /// ```
    /// # use gc_core::observe::{GraphBuilder, NewNode, Node, NodeKind, Strength};
    /// let mut builder = GraphBuilder::new();
    /// for kind in [NodeKind::Rooted, NodeKind::Rooted] {
    ///     builder.node(NewNode { kind, ..NewNode::default() });
    ///     builder.edge(Node::at(3), None, None, Strength::Strong);
    /// }
    /// builder.node(NewNode::default());
    /// let graph = builder.finish()?;
    ///
    /// let shared = Node::at(3);
    /// let first = graph.path_to(shared).unwrap().first();
    /// let second = graph.path_avoiding(|node| node == first, |node| node == shared).unwrap().first();
    /// assert!(first != second && graph.path_avoiding(|node| node == first || node == second, |node| node == shared).is_none());
    /// # Ok::<(), gc_core::observe::GraphError>(())
    /// ```
    pub fn path_avoiding(
        &self,
        avoided: impl FnMut(Node) -> bool,
        wanted: impl FnMut(Node) -> bool,
    ) -> Option<Path<'_>> {
        let chain = self.search(Node::ROOT, Way::Forward, avoided, wanted)?;
        let from = usize::from(chain.len() > 1);
        Some(Path::through(self, &chain[from..]))
    }

    /// Returns a shortest path from `node` to one of which `wanted` is true: `node` itself if it
    /// is. `objgraph` calls it `find_ref_chain`.
    ///
    /// Breadth-first search over strong edges.
    pub fn chain_from(&self, node: Node, wanted: impl FnMut(Node) -> bool) -> Option<Path<'_>> {
        Some(Path::through(self, &self.search(node, Way::Forward, |_| false, wanted)?))
    }

    /// Returns a shortest path to `node` from one of which `wanted` is true: `node` itself if it
    /// is. `objgraph` calls it `find_backref_chain`.
    ///
    /// Breadth-first search over strong edges, backward: what is not reachable is found too. The
    /// first call of a graph sorts its edges, as [`referrers`](Self::referrers) does.
    ///
    /// ```
    /// use gc_core::observe::{GraphBuilder, NewNode, Node, Strength};
    ///
    /// let mut builder = GraphBuilder::new();
    /// let (module, list) = (builder.type_named("lox::Module"), builder.type_named("lox::List"));
    /// let field = builder.field_named("globals[]");
    /// builder.node(NewNode { type_: module, ..NewNode::default() });
    /// builder.edge(Node::at(2), Some(field), Some(7), Strength::Strong);
    /// builder.node(NewNode { type_: list, ..NewNode::default() });
    /// let graph = builder.finish()?;
    ///
    /// let is_module = |node| graph.type_name(node) == "lox::Module";
    /// assert_eq!(graph.chain_to(Node::at(2), is_module).unwrap().to_string(), "Module.globals[7] → List");
    /// # Ok::<(), gc_core::observe::GraphError>(())
    /// ```
    pub fn chain_to(&self, node: Node, wanted: impl FnMut(Node) -> bool) -> Option<Path<'_>> {
        let mut chain = self.search(node, Way::Backward, |_| false, wanted)?;
        chain.reverse();
        Some(Path::through(self, &chain))
    }

    /// The nodes of a shortest way, both ends included.
    fn search(
        &self,
        from: Node,
        way: Way,
        mut avoided: impl FnMut(Node) -> bool,
        mut wanted: impl FnMut(Node) -> bool,
    ) -> Option<Vec<Node>> {
        assert!(from.index() < self.node_count(), "the graph has {} nodes, and no {from:?}", self.node_count());
        if avoided(from) {
            return None;
        }
        let links = if way == Way::Forward { &self.links } else { self.backward() };
        let mut parents = vec![UNSEEN; self.node_count()];
        parents[from.index()] = from.number();
        let mut queue = vec![from.number()];
        let mut next = 0;
        while next < queue.len() {
            let node = queue[next];
            next += 1;
            if wanted(Node::at(node)) {
                return Some(chain(&parents, node));
            }
            for end in links.row(node).iter().filter(|end| end.is_strong()) {
                let to = end.node();
                if parents[to as usize] == UNSEEN {
                    // What is avoided is marked as well, so that it is asked about once; nothing is reached by it.
                    parents[to as usize] = node;
                    if !avoided(Node::at(to)) {
                        queue.push(to);
                    }
                }
            }
        }
        None
    }
}

/// From where the search began to `last`.
fn chain(parents: &[u32], last: u32) -> Vec<Node> {
    let mut chain = vec![Node::at(last)];
    let mut node = last;
    while parents[node as usize] != node {
        node = parents[node as usize];
        chain.push(Node::at(node));
    }
    chain.reverse();
    chain
}
