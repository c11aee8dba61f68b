//! What a mutator owns and what outlives it: roots, and what they hold in the graph.

use std::collections::HashMap;

use gc_core::{Gc, Mutator, Root};

use super::super::{
    compare::compare,
    graph::{Graph, Held, Id},
    objects::{Item, Owner, Ref, SlotOf, Small, State},
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
#[derive(Default)]
pub(in crate::model) struct Estate {
    pub(in crate::model) roots: Vec<Rooted>,
    /// What the roots hold that other threads have for a while, by ticket.
    lent: HashMap<usize, Held>,
    tickets: usize,
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
    /// Panics at the first difference between what the roots hold and the graph.
    pub(in crate::model) fn compare(&self, m: &Mutator) {
        compare(m, &self.roots, &self.graph);
        self.ledger.assert_none_twice();
    }

    /// After a full collection, and once the dead were dropped: panics unless exactly those were. How many objects live.
    pub(in crate::model) fn check_deaths(&self) -> usize {
        let held = || self.roots.iter().map(|rooted| &rooted.held).chain(self.lent.values());
        let live = self.graph.reachable(held());
        let mut tokens: Vec<usize> = live.iter().flat_map(|&id| self.graph.objects[id].tokens.clone()).collect();
        tokens.extend(held().filter_map(|held| held.token));
        tokens.sort_unstable();
        self.ledger.assert_live(|token| tokens.binary_search(&token).is_ok());
        live.len()
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
