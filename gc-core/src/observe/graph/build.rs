//! Making a graph: nodes and edges come in, and are checked at the end.
//!
//! - **[build.order]** Edges come in the order of the nodes that they begin at. So they are pushed
//!   where they stay, and nothing is sorted or held twice.
//! - **[build.first-error]** Wrong input does not panic. The first mistake that a call can see is
//!   kept, and `finish` returns it.

use core::fmt;
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use super::{
    data::Graph,
    links::{End, Links, WEAK},
    node::{NO_FIELD, Node, NodeKind, PackedLabel, Strength},
};

/// A node to be added to a [`GraphBuilder`].
///
/// ```
/// use gc_core::observe::{GraphBuilder, NewNode};
///
/// let mut builder = GraphBuilder::new();
/// let type_ = builder.type_named("demo::Tree");
/// builder.node(NewNode { type_, size: 48, ..NewNode::default() });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct NewNode {
    /// What it stands for.
    pub kind: NodeKind,
    /// Its type, by the number that [`GraphBuilder::type_named`] returned. 0 is the type without a
    /// name.
    pub type_: u32,
    /// Its own bytes.
    pub size: u64,
    /// The bytes that it owns elsewhere.
    pub owned: u64,
    /// A number by which it may be found again. The graph does not use it.
    pub id: u64,
    /// Where it was made, if it is a root, by the number that [`GraphBuilder::place_named`]
    /// returned.
    pub place: Option<u32>,
}

/// Takes nodes and edges, in order, and makes a [`Graph`].
///
/// There are two ways. *One pass*: each [`node`](Self::node) is followed by its edges, which may
/// lead to nodes that are not there yet. *Two passes*: all nodes are added first, then
/// [`edges_of`](Self::edges_of) names each node, in ascending order, before its edges. Both push
/// into columns that become the graph's: with [`with_capacity`](Self::with_capacity), nothing is
/// copied.
///
/// Node 0, the virtual root, is there from the start. Edges may be given to it before the first
/// node, or by `edges_of(Node::ROOT)`; to each node of kind [`Root`](NodeKind::Rooted) that it has
/// no strong edge to, [`finish`](Self::finish) adds one.
///
/// ```
/// use gc_core::observe::{GraphBuilder, GraphError, NewNode, Node, NodeKind, Strength};
///
/// let mut builder = GraphBuilder::new();
/// let tree = builder.type_named("Tree");
/// let left = builder.field_named("left");
/// builder.node(NewNode { kind: NodeKind::Rooted, type_: tree, ..NewNode::default() });
/// builder.edge(Node::at(2), None, None, Strength::Strong);
/// builder.node(NewNode { type_: tree, size: 24, ..NewNode::default() });
/// builder.edge(Node::at(4), Some(left), None, Strength::Strong);
/// let error = builder.finish().unwrap_err();
/// assert_eq!(error, GraphError::NoSuchNode { from: Node::at(2), to: Node::at(4), nodes: 3 });
/// ```
pub struct GraphBuilder {
    types: Names,
    fields: Names,
    places: Names,
    graph: Graph,
    /// The node that the next edge begins at.
    current: Node,
    /// The largest numbers that were used, and the node that used each first.
    last_type: (u32, Node),
    last_field: Option<(u32, Node)>,
    last_place: Option<(u32, Node)>,
    error: Option<GraphError>,
    /// How many nodes there may be. Tests set it.
    pub(super) limit: usize,
}

impl Default for GraphBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl GraphBuilder {
    /// A builder with the virtual root: [`Node::ROOT`], of kind [`Other`](NodeKind::Other) and the
    /// type `""`.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(0, 0)
    }

    /// The same, with room for so many nodes and edges.
    #[must_use]
    pub fn with_capacity(nodes: usize, edges: usize) -> Self {
        let nodes = nodes.saturating_add(1).min(WEAK as usize);
        let mut first = Vec::with_capacity(nodes + 1);
        first.push(0);
        let graph = Graph {
            types: Vec::new(),
            fields: Vec::new(),
            places: Vec::new(),
            kinds: Vec::with_capacity(nodes),
            node_types: Vec::with_capacity(nodes),
            sizes: Vec::with_capacity(nodes),
            owned: Vec::with_capacity(nodes),
            ids: Vec::with_capacity(nodes),
            root_places: Vec::new(),
            links: Links { first, ends: Vec::with_capacity(edges) },
            labels: Vec::with_capacity(edges),
            backward: OnceLock::new(),
            reachable: OnceLock::new(),
        };
        let mut builder = Self {
            types: Names::default(),
            fields: Names::default(),
            places: Names::default(),
            graph,
            current: Node::ROOT,
            last_type: (0, Node::ROOT),
            last_field: None,
            last_place: None,
            error: None,
            limit: WEAK as usize,
        };
        builder.types.number("");
        builder.node(NewNode { kind: NodeKind::Other, ..NewNode::default() });
        builder
    }

    /// Returns the number of a type's name: the same for the same name.
    pub fn type_named(&mut self, name: &str) -> u32 {
        self.types.number(name)
    }

    /// Returns the number of a field's name, which is a pattern such as `items[].left`: the same
    /// for the same name.
    pub fn field_named(&mut self, name: &str) -> u32 {
        self.fields.number(name)
    }

    /// Returns the number of a text that says where roots were made, such as `src/main.rs:10:5`:
    /// the same for the same text.
    pub fn place_named(&mut self, place: &str) -> u32 {
        self.places.number(place)
    }

    /// Returns how many nodes there are, the virtual root among them: the number that the next one
    /// will have.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.graph.node_count()
    }

    /// Returns how many edges have been added.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.graph.edge_count()
    }

    /// Adds a node, and returns it. The next edges begin at it.
    ///
    /// Past 2³¹ nodes it adds none, and [`finish`](Self::finish) says so.
    pub fn node(&mut self, new: NewNode) -> Node {
        let graph = &mut self.graph;
        if graph.kinds.len() >= self.limit {
            self.error.get_or_insert(GraphError::TooMany { what: "nodes", limit: self.limit });
            return self.current;
        }
        let node = Node::at(graph.kinds.len() as u32);
        graph.kinds.push(new.kind);
        graph.node_types.push(new.type_);
        graph.sizes.push(new.size);
        graph.owned.push(new.owned);
        graph.ids.push(new.id);
        if new.type_ > self.last_type.0 {
            self.last_type = (new.type_, node);
        }
        if let Some(place) = new.place {
            graph.root_places.push((node, place));
            if self.last_place.is_none_or(|(last, _)| place > last) {
                self.last_place = Some((place, node));
            }
        }
        self.current = node;
        node
    }

    /// Says which node the next edges begin at. It has been added, and no edges of later nodes
    /// have.
    ///
    /// Otherwise [`finish`](Self::finish) returns an error.
    pub fn edges_of(&mut self, node: Node) {
        let (nodes, begun) = (self.graph.node_count(), self.graph.links.first.len() - 1);
        if node.index() >= nodes {
            self.error.get_or_insert(GraphError::NotYetAdded { node, nodes });
        } else if node.index() < begun {
            self.error.get_or_insert(GraphError::OutOfOrder { node, after: Node::at(begun as u32) });
        } else {
            self.current = node;
        }
    }

    /// Adds an edge that begins at the node that was added last, or that
    /// [`edges_of`](Self::edges_of) named.
    ///
    /// `to` may be a node that is not there yet; `field` is what [`field_named`](Self::field_named)
    /// returned. Several edges may lead to the same node, and to the one that they begin at.
    /// Constant.
    #[inline]
    pub fn edge(&mut self, to: Node, field: Option<u32>, index: Option<u32>, strength: Strength) {
        let current = self.current;
        if let Some(field) = field
            && self.last_field.is_none_or(|(last, _)| field > last)
        {
            self.last_field = Some((field, current));
        }
        if to.number() >= WEAK || field.is_some_and(|field| field >= NO_FIELD) {
            return self.cannot_add(to, field);
        }
        let links = &mut self.graph.links;
        while links.first.len() <= current.index() {
            links.first.push(links.ends.len() as u64);
        }
        links.ends.push(End::new(to.number(), strength));
        self.graph.labels.push(PackedLabel::new(field, index));
    }

    #[cold]
    #[inline(never)]
    fn cannot_add(&mut self, to: Node, field: Option<u32>) {
        let (node, nodes) = (self.current, self.graph.node_count());
        let error = match field {
            Some(field) if to.number() < WEAK => GraphError::NoSuchField { node, field, fields: self.fields.len() },
            _ => GraphError::NoSuchNode { from: node, to, nodes },
        };
        self.error.get_or_insert(error);
    }

    /// Checks what was added, and returns the graph. Linear in nodes and edges.
    ///
    /// # Errors
    ///
    /// If something was used that is not there, if edges were not in the order of their nodes, or
    /// if there were too many nodes: see [`GraphError`].
    pub fn finish(mut self) -> Result<Graph, GraphError> {
        self.check()?;
        let mut graph = self.graph;
        graph.links.first.resize(graph.kinds.len() + 1, graph.links.ends.len() as u64);
        if let Some(bad) = graph.links.ends.iter().position(|end| end.node() as usize >= graph.kinds.len()) {
            let (from, to) = (graph.links.row_of(bad), Node::at(graph.links.ends[bad].node()));
            return Err(GraphError::NoSuchNode { from, to, nodes: graph.kinds.len() });
        }
        lead_to_roots(&mut graph);
        (graph.types, graph.fields, graph.places) = (self.types.list, self.fields.list, self.places.list);
        shrink(&mut graph);
        Ok(graph)
    }

    fn check(&mut self) -> Result<(), GraphError> {
        match self.error.take() {
            Some(GraphError::NoSuchNode { from, to, .. }) => {
                return Err(GraphError::NoSuchNode { from, to, nodes: self.node_count() });
            }
            Some(error) => return Err(error),
            None => {}
        }
        let (types, fields, places) = (self.types.len(), self.fields.len(), self.places.len());
        match (self.last_type, self.last_field, self.last_place) {
            ((type_, node), ..) if type_ as usize >= types => Err(GraphError::NoSuchType { node, type_, types }),
            (_, Some((field, node)), _) if field as usize >= fields => {
                Err(GraphError::NoSuchField { node, field, fields })
            }
            (.., Some((place, node))) if place as usize >= places => {
                Err(GraphError::NoSuchPlace { node, place, places })
            }
            _ => Ok(()),
        }
    }
}

/// Adds the edges from the virtual root that are missing, in front of those that it has.
fn lead_to_roots(graph: &mut Graph) {
    let mut led: Vec<_> = graph.links.row(0).iter().filter(|end| end.is_strong()).map(|end| end.node()).collect();
    led.sort_unstable();
    let missing = |node: &Node| led.binary_search(&node.number()).is_err();
    let missing: Vec<_> = graph.roots().filter(missing).map(|node| End::new(node.number(), Strength::Strong)).collect();
    if missing.is_empty() {
        return;
    }
    let count = missing.len();
    graph.links.first[1..].iter_mut().for_each(|first| *first += count as u64);
    graph.links.ends.splice(0..0, missing);
    graph.labels.splice(0..0, std::iter::repeat_n(PackedLabel::new(None, None), count));
}

fn shrink(graph: &mut Graph) {
    graph.kinds.shrink_to_fit();
    graph.node_types.shrink_to_fit();
    graph.sizes.shrink_to_fit();
    graph.owned.shrink_to_fit();
    graph.ids.shrink_to_fit();
    graph.links.first.shrink_to_fit();
    graph.links.ends.shrink_to_fit();
    graph.labels.shrink_to_fit();
}

impl fmt::Debug for GraphBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nodes, edges) = (self.node_count(), self.edge_count());
        f.debug_struct("GraphBuilder").field("nodes", &nodes).field("edges", &edges).finish_non_exhaustive()
    }
}

/// Texts with numbers.
#[derive(Default)]
struct Names {
    list: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let (number, name) = (self.list.len() as u32, Arc::<str>::from(name));
        self.list.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    fn len(&self) -> usize {
        self.list.len()
    }
}

/// What was wrong with the nodes and edges that a [`GraphBuilder`] was given.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum GraphError {
    /// An edge leads to a node that was not added.
    NoSuchNode {
        /// Where the edge begins.
        from: Node,
        /// Where it would lead.
        to: Node,
        /// How many nodes there are.
        nodes: usize,
    },
    /// [`edges_of`](GraphBuilder::edges_of) named a node before it was added.
    NotYetAdded {
        /// The node.
        node: Node,
        /// How many nodes there were.
        nodes: usize,
    },
    /// A node has a type without a name.
    NoSuchType {
        /// The node.
        node: Node,
        /// The number of its type.
        type_: u32,
        /// How many types there are.
        types: usize,
    },
    /// An edge has a field without a name.
    NoSuchField {
        /// Where the edge begins.
        node: Node,
        /// The number of its field.
        field: u32,
        /// How many fields there are.
        fields: usize,
    },
    /// A root was made at a place without a name.
    NoSuchPlace {
        /// The root.
        node: Node,
        /// The number of the place.
        place: u32,
        /// How many places there are.
        places: usize,
    },
    /// Edges of a node came after edges of a later node.
    OutOfOrder {
        /// The node.
        node: Node,
        /// The later one.
        after: Node,
    },
    /// There is more than a graph can number.
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoSuchNode { from, to, nodes } => write!(
                f,
                "an edge of node {} leads to node {}, but there are only {nodes} nodes",
                from.index(),
                to.index()
            ),
            Self::NotYetAdded { node, nodes } => {
                write!(f, "edges of node {} were added when there were only {nodes} nodes", node.index())
            }
            Self::NoSuchType { node, type_, types } => {
                write!(f, "node {} is of type {type_}, but there are only {types} types", node.index())
            }
            Self::NoSuchField { node, field, fields } => {
                write!(f, "an edge of node {} is field {field}, but there are only {fields} fields", node.index())
            }
            Self::NoSuchPlace { node, place, places } => {
                write!(f, "root {} was made at place {place}, but there are only {places} places", node.index())
            }
            Self::OutOfOrder { node, after } => write!(
                f,
                "edges of node {} were added after those of node {}: expected them in the order of the nodes",
                node.index(),
                after.index()
            ),
            Self::TooMany { what, limit } => write!(f, "there are more than {limit} {what}"),
        }
    }
}

impl std::error::Error for GraphError {}
