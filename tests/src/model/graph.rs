//! The oracle: the heap's objects as a plain graph, and which of them a root reaches, by search.

use std::collections::{HashMap, HashSet};

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
    /// Weak references, a weak slot, and ephemerons.
    Scout,
}

impl Kind {
    pub(super) const ALL: [Self; 15] = [
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
        Self::Scout,
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

/// What a weak reference, a watcher or a registration knows of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mark {
    pub(super) target: Id,
    /// The life of the object in which it was made: see [`Object::life`].
    pub(super) life: u32,
}

/// An ephemeron.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) key: Mark,
    pub(super) value: Id,
}

/// An ephemeron of the model: its index in the graph.
pub(super) type PairId = usize;

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
    /// What its weak references lead to.
    pub(super) weaks: Vec<Option<Mark>>,
    pub(super) pairs: Vec<PairId>,
    /// How often it came back, perhaps from the dead: what knew of it before may know it as dead.
    pub(super) life: u32,
}

impl Object {
    /// One that holds nothing.
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            len: 1,
            fixed: vec![],
            slots: vec![],
            chosen: None,
            many: None,
            tokens: vec![],
            weaks: vec![],
            pairs: vec![],
            life: 0,
        }
    }

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

/// Every object and every ephemeron that was ever made.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    pub(super) objects: Vec<Object>,
    pub(super) pairs: Vec<Pair>,
}

/// What lives.
#[derive(Default)]
pub(super) struct Reached {
    pub(super) objects: HashSet<Id>,
    /// Ephemerons that something holds, with a key that is dead, too.
    pub(super) pairs: HashSet<PairId>,
}

impl Graph {
    /// What these objects and ephemerons reach. A value is reached when its key is, if the ephemeron is one to follow.
    pub(super) fn reach(
        &self,
        objects: impl Iterator<Item = Id>,
        pairs: impl Iterator<Item = PairId>,
        follows: impl Fn(Pair) -> bool,
    ) -> Reached {
        let mut reached = Reached::default();
        let (mut todo, mut found): (Vec<Id>, Vec<PairId>) = (objects.collect(), pairs.collect());
        let mut waiting: HashMap<Id, Vec<Id>> = HashMap::new();
        loop {
            while let Some(id) = todo.pop() {
                if reached.objects.insert(id) {
                    todo.extend(self.objects[id].edges());
                    todo.extend(waiting.remove(&id).into_iter().flatten());
                    found.extend(&self.objects[id].pairs);
                }
            }
            let Some(pair) = found.pop() else { return reached };
            let Pair { key, value } = self.pairs[pair];
            if reached.pairs.insert(pair) && follows(self.pairs[pair]) {
                if reached.objects.contains(&key.target) {
                    todo.push(value);
                } else {
                    waiting.entry(key.target).or_default().push(value);
                }
            }
        }
    }

    /// What knows an object as it is now.
    pub(super) fn mark(&self, target: Id) -> Mark {
        Mark { target, life: self.objects[target].life }
    }

    /// Whether a mark's object has come back since.
    pub(super) fn is_stale(&self, mark: Mark) -> bool {
        mark.life < self.objects[mark.target].life
    }

    /// Things come back: what was not reached before and is now may have been found dead, or not.
    pub(super) fn come_back(&mut self, before: &Reached, now: &Reached) {
        for &id in now.objects.difference(&before.objects) {
            self.objects[id].life += 1;
        }
    }
}
