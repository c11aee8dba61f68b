//! The comparison: from each root, the heap and the graph are the same, object by object.

use std::collections::HashMap;

use gc_core::Mutator;

use super::{
    graph::{Chosen, Graph, Id},
    machine::Rooted,
    objects::{Choice, Ref},
};

/// Panics at the first difference.
pub(super) fn compare<'gc>(m: &'gc Mutator, roots: &'gc [Rooted], graph: &Graph) {
    let mut comparison = Comparison { m, graph, known: HashMap::new(), todo: Vec::new() };
    for (number, rooted) in roots.iter().enumerate() {
        let found = rooted.root.values(m);
        let expected: Vec<_> = rooted.held.edges().collect();
        assert_eq!(found.len(), expected.len(), "values of root {number}");
        for (found, expected) in found.into_iter().zip(expected) {
            comparison.same(found, expected);
        }
        assert_eq!(rooted.root.token(m), rooted.held.token, "token of root {number}");
    }
    while let Some((object, id)) = comparison.todo.pop() {
        comparison.object(object, id);
    }
    comparison.distinct();
}

struct Comparison<'gc, 'g> {
    m: &'gc Mutator,
    graph: &'g Graph,
    known: HashMap<Id, Ref<'gc>>,
    todo: Vec<(Ref<'gc>, Id)>,
}

impl<'gc> Comparison<'gc, '_> {
    /// A pointer that is expected to lead to object `id`.
    fn same(&mut self, found: Ref<'gc>, id: Id) {
        match self.known.get(&id) {
            Some(&known) => assert!(known.is(found), "two pointers to object {id} differ"),
            None => {
                self.known.insert(id, found);
                self.todo.push((found, id));
            }
        }
    }

    fn maybe_same(&mut self, found: Option<Ref<'gc>>, expected: Option<Id>, what: &str) {
        assert_eq!(found.is_some(), expected.is_some(), "{what} has a pointer");
        if let (Some(found), Some(id)) = (found, expected) {
            self.same(found, id);
        }
    }

    fn object(&mut self, found: Ref<'gc>, id: Id) {
        let expected = &self.graph.objects[id];
        assert_eq!(found.kind(), expected.kind, "the kind of object {id}");
        let view = found.view(id);
        assert_eq!(view.len, expected.len, "the length of object {id}");
        assert_eq!(view.tokens, expected.tokens, "the tokens of object {id}");
        assert_eq!(view.fixed.len(), expected.fixed.len(), "the fields of object {id}");
        for (index, (&found, &expected)) in view.fixed.iter().zip(&expected.fixed).enumerate() {
            self.maybe_same(found, expected, &format!("field {index} of object {id}"));
        }
        assert_eq!(view.slots.len(), expected.slots.len(), "the slots of object {id}");
        for (index, (found, &expected)) in view.slots.iter().zip(&expected.slots).enumerate() {
            let found = found.get();
            // Long rows of empty slots are common.
            if found.is_some() || expected.is_some() {
                self.maybe_same(found, expected, &format!("slot {index} of object {id}"));
            }
        }
        match (view.any.map(|any| any.get(self.m)), expected.chosen) {
            (None, None) | (Some(Choice::Nothing), Some(Chosen::Nothing)) => {}
            (Some(Choice::Number(found)), Some(Chosen::Number(expected))) => assert_eq!(found, expected, "object {id}"),
            (Some(Choice::One(found)), Some(Chosen::One(expected))) => self.same(found, expected),
            (Some(Choice::Two { a, b }), Some(Chosen::Two(x, y))) => {
                self.same(a, x);
                self.same(b, y);
            }
            (_, expected) => panic!("object {id} has chosen something else than {expected:?}"),
        }
        let many = view.many.map(|many| many.borrow(self.m));
        assert_eq!(many.as_ref().map(|m| m.len()), expected.many.as_ref().map(Vec::len), "many of object {id}");
        for (&found, &expected) in many.iter().flat_map(|many| many.iter()).zip(expected.many.iter().flatten()) {
            self.same(found, expected);
        }
    }

    /// Objects without an id of their own are still objects of their own.
    fn distinct(&self) {
        let nameless = |id: &&Id| matches!(**id, id if self.graph.objects[id].len == 0 || self.known[&id].is_unit());
        let nameless: Vec<_> = self.known.keys().filter(nameless).collect();
        for (index, a) in nameless.iter().enumerate() {
            for b in &nameless[..index] {
                assert!(!self.known[a].is(self.known[b]), "objects {a} and {b} are one");
            }
        }
    }
}

impl Ref<'_> {
    fn is_unit(self) -> bool {
        matches!(self, Self::Unit(_) | Self::FarUnit(_))
    }
}
