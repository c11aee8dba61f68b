//! The oracle: the heap's objects as a plain graph, and which of them a root reaches, by search.

use std::collections::HashSet;

/// An object of the model: its index in the graph.
pub(super) type Id = usize;

/// The kinds of objects, by what they ask of a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A pointer field, a slot and a cell; no drop glue.
    Small,
    /// Large, with slots at both ends.
    Wide,
    /// Alignment 64.
    Line,
    /// Alignment 4096.
    Page,
    /// Large and of alignment 1024.
    Slab,
    /// Nothing at all.
    Unit,
    /// Nothing at all, at alignment 256.
    FarUnit,
    /// A slice of items with slots: none, some, or a large one.
    Row,
    /// A slice of alignment 64.
    Shelf,
    Text,
    Bytes,
    /// Drop glue, memory of its own.
    Owner,
    /// Drop glue, memory of its own, and large.
    BigOwner,
    /// A slice of elements with drop glue.
    Crowd,
}

impl Kind {
    pub(super) const ALL: [Self; 14] = [
        Self::Small,
        Self::Wide,
        Self::Line,
        Self::Page,
        Self::Slab,
        Self::Unit,
        Self::FarUnit,
        Self::Row,
        Self::Shelf,
        Self::Text,
        Self::Bytes,
        Self::Owner,
        Self::BigOwner,
        Self::Crowd,
    ];

    /// What the slots of such an object point to.
    pub(super) fn slots_hold(self) -> Kind {
        match self {
            Self::Owner | Self::BigOwner => Self::Owner,
            Self::Line => Self::Row,
            _ => Self::Small,
        }
    }
}

/// What a cell for one value holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    Nothing,
    Number(u64),
    One(Id),
    Two(Id, Id),
}

/// One object.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) kind: Kind,
    /// Elements, for slices.
    pub(super) len: usize,
    /// Immutable fields.
    pub(super) fixed: Vec<Option<Id>>,
    pub(super) slots: Vec<Option<Id>>,
    /// The content of a cell for one value, if the kind has one.
    pub(super) chosen: Option<Chosen>,
    /// The content of a cell for many, if the kind has one.
    pub(super) many: Option<Vec<Id>>,
    /// Tokens that it owns.
    pub(super) tokens: Vec<usize>,
}

impl Object {
    /// What it points to, in an order that `objects::View` shares.
    pub(super) fn edges(&self) -> impl Iterator<Item = Id> + '_ {
        let (a, b) = match self.chosen {
            Some(Chosen::One(a)) => (Some(a), None),
            Some(Chosen::Two(a, b)) => (Some(a), Some(b)),
            _ => (None, None),
        };
        let plain = self.fixed.iter().chain(&self.slots).flatten().copied();
        plain.chain(a).chain(b).chain(self.many.iter().flatten().copied())
    }
}

/// What a root holds.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) stack: Vec<Id>,
    /// The slot of a state.
    pub(super) hot: Option<Id>,
    /// The token of a state.
    pub(super) token: Option<usize>,
}

impl Held {
    pub(super) fn one(id: Id) -> Self {
        Self { stack: vec![id], hot: None, token: None }
    }

    pub(super) fn edges(&self) -> impl Iterator<Item = Id> + '_ {
        self.stack.iter().copied().chain(self.hot)
    }
}

/// Every object that was ever made.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    pub(super) objects: Vec<Object>,
}

impl Graph {
    /// What the roots reach.
    pub(super) fn reachable<'a>(&self, roots: impl Iterator<Item = &'a Held>) -> HashSet<Id> {
        let mut todo: Vec<Id> = roots.flat_map(Held::edges).collect();
        let mut reached = HashSet::new();
        while let Some(id) = todo.pop() {
            if reached.insert(id) {
                todo.extend(self.objects[id].edges());
            }
        }
        reached
    }
}
