//! What a mutator owns and what outlives it: roots, and what they hold in the graph.

use std::{
    collections::{HashMap, HashSet},
    ops::RangeInclusive,
};

use gc_core::{Gc, Heap, Mutator, Root};

use super::{
    super::{
        compare::compare,
        deaths::Deaths,
        graph::{Graph, Held, Id, Mark, Pair, PairId, Reached},
        objects::{Item, Owner, Ref, SlotOf, Small, State},
        weak::{PairOf, WeakOf},
    },
    Making,
};
use crate::ledger::Ledger;

/// A root of the heap and what it holds in the graph.
pub(in crate::model) struct Rooted {
    pub(in crate::model) root: RootOf,
    pub(in crate::model) held: Held,
}

/// A root of one of several types.
pub(in crate::model) enum RootOf {
    Small(Root<Gc<'static, Small<'static>>>),
    Owner(Root<Gc<'static, Owner<'static>>>),
    Row(Root<Gc<'static, [Item<'static>]>>),
    Text(Root<Gc<'static, str>>),
    Any(Root<Ref<'static>>),
    State(Root<State<'static>>),
}

/// Roots, and the graph of what they hold.
pub(in crate::model) struct Estate {
    pub(in crate::model) roots: Vec<Rooted>,
    /// What the roots hold that other threads have for a while, by ticket.
    lent: HashMap<usize, Held>,
    tickets: usize,
    /// Roots of weak references, and of ephemerons.
    pub(in crate::model) weaks: Vec<(Root<WeakOf<'static>>, Mark)>,
    pub(in crate::model) pairs: Vec<(Root<PairOf<'static>>, PairId)>,
    pub(in crate::model) deaths: Deaths,
    /// The identities that were asked for.
    pub(in crate::model) ids: HashMap<Id, u64>,
    pub(in crate::model) graph: Graph,
    pub(in crate::model) ledger: Ledger,
}

/// A root that goes to another thread and comes back.
pub(in crate::model) struct Lent {
    ticket: usize,
    root: RootOf,
    ids: Vec<Id>,
}

/// No program makes so many objects.
const IDS: Id = 1 << 24;

impl Estate {
    /// Nothing yet, of a heap.
    pub(in crate::model) fn new(heap: &Heap) -> Self {
        Self {
            roots: vec![],
            lent: HashMap::new(),
            tickets: 0,
            weaks: vec![],
            pairs: vec![],
            deaths: Deaths::new(heap),
            ids: HashMap::new(),
            graph: Graph::default(),
            ledger: Ledger::default(),
        }
    }

    /// Panics at the first difference between what the roots hold and the graph.
    pub(in crate::model) fn compare(&mut self, m: &Mutator) {
        self.ids = compare(m, self).ids;
        let certain = self.certain();
        self.deaths.hear(&self.graph, &certain);
        self.ledger.assert_none_twice();
    }

    /// What new objects are made with.
    pub(super) fn making(&mut self) -> Making<'_> {
        Making { roots: &mut self.roots, graph: &mut self.graph, ledger: &self.ledger }
    }

    /// Drops all roots.
    pub(super) fn forget(&mut self) {
        self.roots.clear();
        self.weaks.clear();
        self.pairs.clear();
    }

    fn held(&self) -> impl Iterator<Item = &Held> {
        self.roots.iter().map(|rooted| &rooted.held).chain(self.lent.values())
    }

    fn reach(&self, others: impl Iterator<Item = Id>, follows: impl Fn(Pair) -> bool) -> Reached {
        let pairs = self.pairs.iter().map(|&(_, pair)| pair);
        self.graph.reach(self.held().flat_map(Held::edges).chain(others), pairs, follows)
    }

    /// What the roots certainly reach: not through ephemerons whose keys came back since, and which may have been cleared before.
    pub(in crate::model) fn certain(&self) -> Reached {
        self.reach([].into_iter(), |pair| !self.graph.is_stale(pair.key))
    }

    /// What the roots and these objects may reach.
    fn possible(&self, others: impl Iterator<Item = Id>) -> Reached {
        self.reach(others, |_| true)
    }

    /// An object is in hand that something else than the roots may have led to.
    pub(in crate::model) fn comes_back(&mut self, id: Id) {
        let (before, now) = (self.certain(), self.possible([id].into_iter()));
        self.graph.come_back(&before, &now);
    }

    /// After a full collection, and once the dead were dropped: panics unless what certainly died was dropped and is known to be dead, and
    /// what certainly lives is there: without finalization and ephemerons, that is all there is. How many objects live, of the heap's
    /// own, too.
    pub(in crate::model) fn check_deaths(&mut self, m: &Mutator) -> RangeInclusive<usize> {
        // What is to be finalized lives, with all that it reaches. Before, ephemerons are cleared whose keys are not reached otherwise.
        let certain = self.certain();
        let follows = |pair: Pair| !self.graph.is_stale(pair.key) && certain.objects.contains(&pair.key.target);
        let least = self.reach(self.deaths.registered(), follows);
        let most = self.possible(self.deaths.registered());
        let tokens = |live: &Reached| -> HashSet<usize> {
            let tokens = live.objects.iter().flat_map(|&id| self.graph.objects[id].tokens.iter().copied());
            tokens.chain(self.held().filter_map(|held| held.token)).collect()
        };
        self.ledger.assert_between(&tokens(&least), &tokens(&most));
        let met = compare(m, self);
        let first = self.finalized_first();
        let is_dead = |id: Id| first.contains(&id) || !most.objects.contains(&id);
        for (weak, mark) in met.weaks {
            assert!(!is_dead(mark.target) || weak.is_dead(m), "{mark:?} is dead");
        }
        for (found, pair) in met.pairs {
            assert!(!is_dead(self.graph.pairs[pair].key.target) || found.is_dead(m), "the key of {pair} is dead");
        }
        self.deaths.hear(&self.graph, &certain);
        self.deaths.check(&self.graph, &certain, first.len(), is_dead);
        // A target has one weak cell in each of its lives, perhaps the same one.
        let marks = |live: &Reached| -> HashSet<Mark> {
            let held = live.objects.iter().flat_map(|&id| self.graph.objects[id].weaks.iter().flatten().copied());
            held.chain(self.weaks.iter().map(|&(_, mark)| mark)).collect()
        };
        let targets: HashSet<Id> = marks(&least).iter().map(|mark| mark.target).collect();
        let objects = |live: &Reached| live.objects.len() + live.pairs.len();
        objects(&least) + targets.len()..=objects(&most) + marks(&most).len()
    }

    /// What a full collection hands over whatever else there is. What another object reaches that is to be finalized, too, may be old when
    /// that is young: then it is alive until that was taken.
    fn finalized_first(&self) -> HashSet<Id> {
        let reached = self.possible([].into_iter());
        let dead: HashSet<Id> = self.deaths.registered().filter(|id| !reached.objects.contains(id)).collect();
        let others = |id: Id| self.possible(dead.iter().copied().filter(move |&other| other != id));
        let is_first = |&id: &Id| self.deaths.is_registered_once(&self.graph, id) && !others(id).objects.contains(&id);
        dead.iter().copied().filter(is_first).collect()
    }

    /// Gives a root away. What it holds lives on, and is not compared until it comes home.
    pub(in crate::model) fn lend(&mut self, root: u32) -> Option<Lent> {
        let index = (root as usize).checked_rem(self.roots.len())?;
        let Rooted { root, held } = self.roots.swap_remove(index);
        let ids = held.edges().collect();
        self.tickets += 1;
        self.lent.insert(self.tickets, held);
        Some(Lent { ticket: self.tickets, root, ids })
    }

    /// Takes a root back that was lent.
    pub(in crate::model) fn come_home(&mut self, Lent { ticket, root, .. }: Lent) {
        let held = self.lent.remove(&ticket).expect("lent once, and come home once");
        self.roots.push(Rooted { root, held });
    }

    /// Whether no root is away.
    pub(in crate::model) fn is_complete(&self) -> bool {
        self.lent.is_empty()
    }
}

impl Lent {
    /// Looks at what the root holds, on whatever thread. That changes through the root alone; what it points to, the owner may
    /// be writing. Cells are left out: the owner forgets guards, for which another thread would wait in vain.
    pub(in crate::model) fn look(&self, m: &Mutator) {
        let values = self.root.values(m);
        assert_eq!(values.len(), self.ids.len(), "values of a root that was lent");
        for (value, &id) in values.iter().zip(&self.ids) {
            for found in value.view(id).slots.iter().filter_map(SlotOf::get) {
                // The owner knows which object it is; anybody sees that it is one.
                let id = match found {
                    Ref::Small(object) => object.id,
                    Ref::Owner(object) => object.id,
                    _ => continue,
                };
                assert!(id < IDS, "an object with the id {id:#x}");
            }
        }
    }
}

impl RootOf {
    /// The values, in the order of `Held::edges`.
    pub(in crate::model) fn values<'gc>(&'gc self, m: &'gc Mutator) -> Vec<Ref<'gc>> {
        match self {
            Self::Small(root) => vec![Ref::Small(root.get(m))],
            Self::Owner(root) => vec![Ref::Owner(root.get(m))],
            Self::Row(root) => vec![Ref::Row(root.get(m))],
            Self::Text(root) => vec![Ref::Text(root.get(m))],
            Self::Any(root) => vec![root.get(m)],
            Self::State(root) => {
                let state = root.borrow(m);
                let mut values = state.stack.clone();
                values.extend(state.hot.get().map(Ref::Small));
                values
            }
        }
    }

    /// One of the values.
    pub(in crate::model) fn value<'gc>(&self, m: &'gc Mutator, index: usize) -> Option<Ref<'gc>> {
        match self {
            Self::Small(root) => Some(Ref::Small(root.get(m))),
            Self::Owner(root) => Some(Ref::Owner(root.get(m))),
            Self::Row(root) => Some(Ref::Row(root.get(m))),
            Self::Text(root) => Some(Ref::Text(root.get(m))),
            Self::Any(root) => Some(root.get(m)),
            Self::State(root) => {
                let state = root.borrow(m);
                let found = state.stack.get(index).copied().or_else(|| state.hot.get().map(Ref::Small));
                // A value of a state lives as long as the borrow of its root; a root of its own makes it live as long as any.
                found.map(|found| m.root(found).get(m))
            }
        }
    }

    pub(in crate::model) fn token(&self, m: &Mutator) -> Option<usize> {
        if let Self::State(root) = self { Some(root.borrow(m).token.number()) } else { None }
    }
}
