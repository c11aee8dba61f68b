//! Chrome's `.heapsnapshot`: as gc-core writes it, and as V8 does.
//!
//! A snapshot is kept as columns of numbers and one text for all strings: some 25 bytes a node, 9 an edge. Its fields are found by the
//! names that the file's own `meta` gives, so their order and their number may be other than gc-core's.
//!
//! - **[heapsnapshot.checked]** What a [`Snapshot`] holds has been checked: each edge leads to a node, each name is a string that is there,
//!   and the edges of the nodes are all edges. Nothing else here needs to look again.

mod columns;
mod header;
mod read;

use columns::{Edges, Nodes, Strings};

/// What a node is, of the kinds that V8 names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NodeKind {
    /// An object; its name is that of its type.
    Object,
    /// Memory outside of the heap that an object owns.
    Native,
    /// A root, or a group of roots; no object of the program.
    Synthetic,
    /// A slice, or V8's own arrays.
    Array,
    /// A string. In V8's files its name is its text.
    String,
    /// A function of JavaScript.
    Closure,
    /// Something of V8's own.
    Hidden,
    /// Machine code or bytecode.
    Code,
    /// A regular expression.
    RegExp,
    /// A number that lies in the heap.
    Number,
    /// A string made of two others.
    ConcatenatedString,
    /// A part of another string.
    SlicedString,
    /// A symbol of JavaScript.
    Symbol,
    /// An integer of any size.
    BigInt,
    /// The layout of objects, as V8 keeps it.
    ObjectShape,
    /// An object of WebAssembly.
    WasmObject,
    /// A kind that this reader does not know.
    Other,
}

impl NodeKind {
    const NAMES: [(&'static str, Self); 16] = [
        ("object", Self::Object),
        ("native", Self::Native),
        ("synthetic", Self::Synthetic),
        ("array", Self::Array),
        ("string", Self::String),
        ("closure", Self::Closure),
        ("hidden", Self::Hidden),
        ("code", Self::Code),
        ("regexp", Self::RegExp),
        ("number", Self::Number),
        ("concatenated string", Self::ConcatenatedString),
        ("sliced string", Self::SlicedString),
        ("symbol", Self::Symbol),
        ("bigint", Self::BigInt),
        ("object shape", Self::ObjectShape),
        ("wasm object", Self::WasmObject),
    ];

    fn named(name: &str) -> Self {
        Self::NAMES.iter().find(|(known, _)| *known == name).map_or(Self::Other, |&(_, kind)| kind)
    }
}

/// What an edge is, of the kinds that V8 names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EdgeKind {
    /// A field.
    Property,
    /// An element, by its index.
    Element,
    /// A variable that a function captured.
    Context,
    /// Something that the program does not see, by name.
    Internal,
    /// Something that the program does not see, by number.
    Hidden,
    /// A way around; it keeps nothing alive, except from the root.
    Shortcut,
    /// A weak reference: it keeps nothing alive.
    Weak,
    /// A kind that this reader does not know: it is taken for one that keeps alive.
    Other,
}

impl EdgeKind {
    const NAMES: [(&'static str, Self); 7] = [
        ("property", Self::Property),
        ("element", Self::Element),
        ("context", Self::Context),
        ("internal", Self::Internal),
        ("hidden", Self::Hidden),
        ("shortcut", Self::Shortcut),
        ("weak", Self::Weak),
    ];

    fn named(name: &str) -> Self {
        Self::NAMES.iter().find(|(known, _)| *known == name).map_or(Self::Other, |&(_, kind)| kind)
    }

    /// Its second field is a number, not a string.
    fn has_index(self) -> bool {
        matches!(self, Self::Element | Self::Hidden)
    }
}

/// What an edge is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Label<'s> {
    /// The name of a field.
    Name(&'s str),
    /// The index of an element.
    Index(u32),
}

/// A node of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node<'s> {
    /// What it is.
    pub kind: NodeKind,
    /// Its name: for most kinds that of its type.
    pub name: &'s str,
    /// Its identity, the same in all snapshots of a process if its writer sees to that.
    pub id: u64,
    /// Bytes of itself.
    pub size: u64,
}

impl<'s> Node<'s> {
    /// The name that it is counted by, which is that of DevTools' column *Constructor*: of objects, of native memory, of roots, and of
    /// arrays that have one, their own; of others their kind's, in parentheses.
    ///
    /// ```
    /// use gc_inspect::heapsnapshot::{Node, NodeKind};
    ///
    /// let node = Node { kind: NodeKind::Object, name: "demo::Tree", id: 3, size: 24 };
    /// assert_eq!(node.type_name(), "demo::Tree");
    /// assert_eq!(Node { kind: NodeKind::String, name: "a text of the program's", ..node }.type_name(), "(string)");
    /// ```
    pub fn type_name(&self) -> &'s str {
        match self.kind {
            NodeKind::Array if self.name.is_empty() => "(array)",
            NodeKind::Object | NodeKind::Native | NodeKind::Synthetic | NodeKind::Array => self.name,
            NodeKind::Closure => "Function",
            NodeKind::RegExp => "RegExp",
            NodeKind::Hidden => "(system)",
            NodeKind::Code => "(compiled code)",
            NodeKind::String => "(string)",
            NodeKind::Number => "(number)",
            NodeKind::ConcatenatedString => "(concatenated string)",
            NodeKind::SlicedString => "(sliced string)",
            NodeKind::Symbol => "(symbol)",
            NodeKind::BigInt => "(bigint)",
            NodeKind::ObjectShape => "(object shape)",
            NodeKind::WasmObject => "(wasm object)",
            NodeKind::Other => "(unknown kind)",
        }
    }
}

/// An edge of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge<'s> {
    /// What it is.
    pub kind: EdgeKind,
    /// Its field or index.
    pub label: Label<'s>,
    /// The node that it leads to, by its place in the file.
    pub to: usize,
}

/// A heap snapshot, checked ([heapsnapshot.checked]).
///
/// ```
/// # fn main() -> Result<(), gc_inspect::ReadError> {
/// use gc_inspect::Snapshot;
///
/// let file = br#"{"snapshot":{"meta":{
///         "node_fields":["type","name","id","self_size","edge_count"],
///         "node_types":[["object","synthetic"],"string","number","number","number"],
///         "edge_fields":["type","name_or_index","to_node"],
///         "edge_types":[["element","property"],"string_or_number","node"]},
///     "node_count":2,"edge_count":1},
///     "nodes":[1,0,1,0,1, 0,1,3,24,0],
///     "edges":[0,0,5],
///     "strings":["","demo::Tree"]}"#;
/// let snapshot = Snapshot::from_reader(&file[..])?;
/// assert_eq!(snapshot.node(1).name, "demo::Tree");
/// assert_eq!(snapshot.edges(0).next().map(|edge| edge.to), Some(1));
/// assert_eq!(snapshot.total_size(), 24);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Snapshot {
    node_kinds: Vec<NodeKind>,
    edge_kinds: Vec<EdgeKind>,
    nodes: Nodes,
    edges: Edges,
    strings: Strings,
}

impl Snapshot {
    /// The number of nodes, that of the root among them.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The number of edges.
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// Bytes of all nodes.
    pub fn total_size(&self) -> u64 {
        self.nodes.sizes.iter().sum()
    }

    /// A node by its place in the file, from 0, which is the root.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn node(&self, index: usize) -> Node<'_> {
        Node {
            kind: self.node_kinds[usize::from(self.nodes.kinds[index])],
            name: self.strings.at(self.nodes.names[index]),
            id: self.nodes.ids[index],
            size: self.nodes.sizes[index],
        }
    }

    /// The edges of a node, in the file's order.
    ///
    /// # Panics
    ///
    /// If there are not so many nodes.
    pub fn edges(&self, index: usize) -> impl ExactSizeIterator<Item = Edge<'_>> {
        self.edges_with_places(index).map(|(_, edge)| edge)
    }

    /// The same, each with its place among all edges.
    pub(crate) fn edges_with_places(&self, index: usize) -> impl ExactSizeIterator<Item = (usize, Edge<'_>)> {
        let Edges { kinds, names, targets } = &self.edges;
        self.nodes.edges_of(index).map(move |place| {
            let kind = self.edge_kinds[usize::from(kinds[place])];
            let label = match kind.has_index() {
                true => Label::Index(names[place]),
                false => Label::Name(self.strings.at(names[place])),
            };
            (place, Edge { kind, label, to: targets[place] as usize })
        })
    }

    pub(crate) fn string_count(&self) -> usize {
        self.strings.len()
    }

    /// The number of a node's name among the strings.
    pub(crate) fn name_number(&self, index: usize) -> u32 {
        self.nodes.names[index]
    }

    /// The number of an edge's name, if it has one.
    pub(crate) fn label_number(&self, place: usize) -> u32 {
        self.edges.names[place]
    }

    /// Frees what is known of nodes, except which edges they have.
    pub(crate) fn release_nodes(&mut self) {
        let edges_end = std::mem::take(&mut self.nodes.edges_end);
        self.nodes = Nodes { edges_end, ..Nodes::default() };
    }
}
