//! What a graph consists of: nodes, edges, and the labels on edges.

use core::fmt;

/// A node of one [`Graph`](super::Graph): its number there, from 0 on.
///
/// It is a number and nothing else: with another graph it names another node, or none.
///
/// ```
/// use gc_core::observe::Node;
///
/// assert_eq!(Node::at(3).index(), 3);
/// assert!(Node::ROOT < Node::at(1));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Node(u32);

impl Node {
    /// The virtual root, from which edges lead to the roots. Every graph has it.
    pub const ROOT: Self = Self(0);

    /// Returns the node of this number, which a graph may have or not
    /// ([`Graph::node`](super::Graph::node)).
    ///
    /// A builder's edges may lead to nodes that are added later, which are named by this.
    #[must_use]
    pub const fn at(index: u32) -> Self {
        Self(index)
    }

    /// Returns the number of the node.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn number(self) -> u32 {
        self.0
    }
}

/// What a node stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[non_exhaustive]
#[repr(u8)]
pub enum NodeKind {
    /// A root of the program. Its type is the type of what is rooted; its edges lead to objects.
    Rooted,
    /// An object of the heap.
    #[default]
    InHeap,
    /// Memory that an object owns elsewhere, where it is drawn as a node of its own.
    Native,
    /// The virtual root, and whatever the files of other programs have besides.
    Other,
}

/// Whether an edge keeps alive what it leads to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Strength {
    /// It does.
    #[default]
    Strong,
    /// It does not: reachability, paths and dominators do not see it.
    Weak,
}

/// An edge: a pointer of one node to another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Edge<'g> {
    /// The node that has the pointer.
    pub from: Node,
    /// The node it leads to.
    pub to: Node,
    /// The field, the index, or both.
    pub label: Label<'g>,
    /// Whether it keeps `to` alive.
    pub strength: Strength,
}

/// Where in its source an edge is: a field's name, in which `[]` stands for an index, an index, or
/// both.
///
/// It is displayed as one would write it: the index goes into the last `[]` of the pattern, and
/// behind a pattern that has none.
///
/// ```
/// use gc_core::observe::Label;
///
/// assert_eq!(Label::new(Some("items[].left"), Some(3)).to_string(), "items[3].left");
/// assert_eq!(Label::new(Some("rows[][]"), Some(3)).to_string(), "rows[][3]");
/// assert_eq!(Label::new(Some("next"), None).to_string(), "next");
/// assert_eq!(Label::new(Some("next"), Some(1)).to_string(), "next[1]");
/// assert_eq!(Label::new(None, Some(7)).to_string(), "[7]");
/// assert_eq!(Label::new(None, None).to_string(), "");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Label<'g> {
    field: Option<&'g str>,
    index: Option<u32>,
}

impl<'g> Label<'g> {
    /// A label of these parts.
    #[must_use]
    pub const fn new(field: Option<&'g str>, index: Option<u32>) -> Self {
        Self { field, index }
    }

    /// Returns the pattern, such as `items[].left`.
    #[must_use]
    pub const fn field(self) -> Option<&'g str> {
        self.field
    }

    /// Returns the index.
    #[must_use]
    pub const fn index(self) -> Option<u32> {
        self.index
    }

    /// Whether it says nothing.
    pub fn is_empty(self) -> bool {
        self.index.is_none() && self.field.is_none_or(str::is_empty)
    }
}

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field.unwrap_or_default();
        let Some(index) = self.index else { return f.write_str(field) };
        match field.rsplit_once("[]") {
            Some((before, after)) => write!(f, "{before}[{index}]{after}"),
            None => write!(f, "{field}[{index}]"),
        }
    }
}

/// A label as a graph keeps it: the number of the pattern, and the index, in two words.
#[derive(Clone, Copy)]
pub(crate) struct PackedLabel {
    /// The number of the pattern or [`NO_FIELD`], and [`INDEXED`].
    field: u32,
    index: u32,
}

/// Set if there is an index, which may be any number.
const INDEXED: u32 = 1 << 31;
/// Patterns have numbers below this.
pub(crate) const NO_FIELD: u32 = INDEXED - 1;

impl PackedLabel {
    /// `field` is below [`NO_FIELD`].
    pub(crate) fn new(field: Option<u32>, index: Option<u32>) -> Self {
        let indexed = if index.is_some() { INDEXED } else { 0 };
        Self { field: field.unwrap_or(NO_FIELD) | indexed, index: index.unwrap_or(0) }
    }

    pub(crate) fn field(self) -> Option<usize> {
        let field = self.field & !INDEXED;
        (field != NO_FIELD).then_some(field as usize)
    }

    pub(crate) fn index(self) -> Option<u32> {
        (self.field & INDEXED != 0).then_some(self.index)
    }
}
