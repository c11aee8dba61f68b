//! The comparison: from each root, the heap and the graph are the same, object by object.

use std::collections::{HashMap, HashSet};

use gc_core::{Mutator, Weak};

use super::{
    graph::{Chosen, Graph, Id, Mark, Pair, PairId},
    machine::Estate,
    objects::{Choice, Ref},
    weak::{PairOf, WeakOf},
};

/// Panics at the first difference. Returns what was met that may be dead.
pub(super) fn compare<'gc>(m: &'gc Mutator, estate: &'gc Estate) -> Met<'gc> {
    let graph = &estate.graph;
    let mut comparison = Comparison { m, graph, known: HashMap::new(), todo: Vec::new(), met: Met::default() };
    comparison.met.ids.clone_from(&estate.ids);
    comparison.met.weaks.extend(estate.weaks.iter().map(|(root, mark)| (root.get(m), *mark)));
    comparison.met.pairs.extend(estate.pairs.iter().map(|(root, pair)| (root.get(m), *pair)));
    for (number, rooted) in estate.roots.iter().enumerate() {
        let found = rooted.root.values(m);
        let expected: Vec<_> = rooted.held.edges().collect();
        assert_eq!(found.len(), expected.len(), "values of root {number}");
        for (found, expected) in found.into_iter().zip(expected) {
            comparison.same(found, expected);
        }
        assert_eq!(rooted.root.token(m), rooted.held.token, "token of root {number}");
    }
    while comparison.objects() || comparison.values() {}
    comparison.distinct();
    comparison.weaks();
    comparison.met
}

/// Weak references and ephemerons that the roots reach.
#[derive(Default)]
pub(super) struct Met<'gc> {
    pub(super) weaks: Vec<(WeakOf<'gc>, Mark)>,
    pub(super) pairs: Vec<(PairOf<'gc>, PairId)>,
    /// The identities that were told so far.
    pub(super) ids: HashMap<Id, u64>,
}

struct Comparison<'gc, 'g> {
    m: &'gc Mutator,
    graph: &'g Graph,
    known: HashMap<Id, Ref<'gc>>,
    todo: Vec<(Ref<'gc>, Id)>,
    met: Met<'gc>,
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

    /// Looks at what was found. Whether there was something.
    fn objects(&mut self) -> bool {
        let any = !self.todo.is_empty();
        while let Some((object, id)) = self.todo.pop() {
            self.object(object, id);
        }
        any
    }

    /// The values of ephemerons whose keys are known, which are there. Whether one was new.
    fn values(&mut self) -> bool {
        for index in 0..self.met.pairs.len() {
            let (found, pair) = self.met.pairs[index];
            let Pair { key, value } = self.graph.pairs[pair];
            if self.known.contains_key(&key.target) && !self.known.contains_key(&value) {
                match found.get(self.m) {
                    Some((_, found)) => self.same(found, value),
                    None => assert!(self.graph.is_stale(key), "the key {key:?} of ephemeron {pair} is alive"),
                }
            }
        }
        !self.todo.is_empty()
    }

    /// A weak reference gives its object for as long as something else leads to it, and nothing else ever. So do ephemerons.
    fn weaks(&mut self) {
        let mut same = HashMap::new();
        for &(weak, mark) in &self.met.weaks {
            let (target, known) = (mark.target, self.known.get(&mark.target));
            // Who upgrades keeps alive: half of them are only looked at.
            let found = if known.is_some() || target.is_multiple_of(2) { weak.upgrade(self.m) } else { None };
            if let Some(found) = found {
                found.view(target);
                assert!(!weak.is_dead(self.m) && known.is_none_or(|known| known.is(found)), "{mark:?} gives another");
            } else {
                assert!(known.is_none() || self.graph.is_stale(mark), "{mark:?} is alive");
            }
            // An identity that was told stays. So most are not asked for.
            if target.is_multiple_of(3) {
                let id = weak.id().expect("it never dangles");
                assert_eq!(*self.met.ids.entry(target).or_insert(id), id, "the identity of {mark:?}");
            }
            assert_eq!(*same.entry(mark).or_insert(weak), weak, "weak references to {mark:?}");
        }
        let distinct: HashSet<u64> = self.met.ids.values().copied().collect();
        assert_eq!(distinct.len(), self.met.ids.len(), "two objects have one identity");
        for &(found, pair) in &self.met.pairs {
            let Pair { key, value } = self.graph.pairs[pair];
            let known = self.known.get(&key.target);
            let found = if known.is_some() || pair.is_multiple_of(2) { found.get(self.m) } else { None };
            if let Some((of_key, of_value)) = found {
                of_key.view(key.target);
                of_value.view(value);
                assert!(known.is_none_or(|known| known.is(of_key)), "the key of ephemeron {pair}");
                assert!(known.is_none() || self.known[&value].is(of_value), "the value of ephemeron {pair}");
            } else {
                assert!(known.is_none() || self.graph.is_stale(key), "the key {key:?} of ephemeron {pair} is alive");
            }
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
        if let Some(scout) = view.scout {
            let slot = scout.slot.get();
            let weaks = [scout.weak, (slot != Weak::dangling()).then_some(WeakOf::Small(slot))];
            assert_eq!(weaks.map(|weak| weak.is_some()), [0, 1].map(|n| expected.weaks[n].is_some()), "scout {id}");
            let marks = expected.weaks.iter().flatten().copied();
            self.met.weaks.extend(weaks.into_iter().flatten().zip(marks));
            let pairs = scout.pairs.borrow(self.m);
            assert_eq!(pairs.len(), expected.pairs.len(), "ephemerons of {id}");
            self.met.pairs.extend(pairs.iter().copied().zip(expected.pairs.iter().copied()));
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
