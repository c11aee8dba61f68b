//! Operations on what knows of an object and does not keep it: weak references, ephemerons, identities, watchers, finalization.

use gc_core::{Gc, Mutator, WeakSlot};

use super::{
    super::{
        graph::{Id, Kind, Pair},
        objects::Ref,
        program::{Beside, Walk},
        weak::{PairOf, WeakOf},
    },
    Machine, Making,
};

/// More roots than this of weak references, or of ephemerons, are never held.
const HELD: usize = 6;

impl Machine {
    pub(super) fn beside(&mut self, op: Beside) {
        let Some(m) = &self.mutator else { return };
        let estate = &mut self.estate;
        let mut making = estate.making();
        match op {
            Beside::Weak(to) => {
                let Some((id, object)) = making.walk(m, to) else { return };
                let Some(weak) = WeakOf::of(m, object) else { return };
                let held = (m.root(weak), making.graph.mark(id));
                put(&mut estate.weaks, held, to.steps);
            }
            Beside::SetWeak { holder, to } => {
                let Some((id, Ref::Scout(scout))) = making.walk_to(m, holder, Kind::Scout) else { return };
                let found = to.and_then(|to| making.walk_to(m, to, Kind::Small));
                let new = found.and_then(|(id, object)| Some((id, WeakOf::of(m, object)?)));
                let slot: &WeakSlot<'_, _> = &Gc::as_ref(scout).slot;
                match new {
                    Some((_, WeakOf::Small(weak))) if id.is_multiple_of(2) => slot.set(m, weak),
                    Some((_, WeakOf::Small(weak))) => drop(slot.swap(m, weak)),
                    _ => slot.set(m, Default::default()),
                }
                let mark = new.map(|(id, _)| making.graph.mark(id));
                making.graph.objects[id].weaks[1] = mark;
            }
            Beside::Upgrade { weak, hold } => {
                let Some((root, mark)) = pick(&estate.weaks, weak) else { return };
                let (found, mark) = (root.get(m).upgrade(m), *mark);
                let Some(object) = found else {
                    let dead = estate.graph.is_stale(mark) || !estate.certain().objects.contains(&mark.target);
                    return assert!(dead, "{mark:?} is alive");
                };
                object.view(mark.target);
                estate.making().hold(m, mark.target, object, hold);
            }
            Beside::Pair { key, value, holder } => {
                let Some((key, value)) = making.key_and_value(m, key, value) else { return };
                let Some((pair, held)) = making.pair(m, key, value) else { return };
                match making.walk_to(m, holder, Kind::Scout) {
                    Some((id, Ref::Scout(scout))) if !holder.steps.is_multiple_of(4) => {
                        scout.pairs.borrow_mut(m).push(held);
                        making.graph.objects[id].pairs.push(pair);
                    }
                    _ => put(&mut estate.pairs, (m.root(held), pair), holder.steps),
                }
            }
            Beside::PairChain { length, hold } => {
                let Some(first) = making.object(m, Kind::Small, 0, [None, None]) else { return };
                let Some((scout, Ref::Scout(holder))) = making.object(m, Kind::Scout, 0, [None, None]) else { return };
                let mut key = first;
                for _ in 0..length {
                    let Some(value) = making.object(m, Kind::Small, 0, [None, None]) else { break };
                    let Some((pair, held)) = making.pair(m, key, value) else { break };
                    // Each is found before its key is.
                    holder.pairs.borrow_mut(m).insert(0, held);
                    making.graph.objects[scout].pairs.insert(0, pair);
                    key = value;
                }
                making.hold(m, scout, Ref::Scout(holder), hold);
                making.hold(m, first.0, first.1, hold);
            }
            Beside::Unpair { holder } => {
                let Some((id, Ref::Scout(scout))) = making.walk_to(m, holder, Kind::Scout) else { return };
                scout.pairs.borrow_mut(m).clear();
                making.graph.objects[id].pairs.clear();
            }
            Beside::Recall { pair, hold } => {
                let Some((root, pair)) = pick(&estate.pairs, pair) else { return };
                let Pair { key: mark, value } = estate.graph.pairs[*pair];
                let key = mark.target;
                let Some((of_key, of_value)) = root.get(m).get(m) else {
                    let dead = estate.graph.is_stale(mark) || !estate.certain().objects.contains(&key);
                    return assert!(dead, "the key {key} is alive");
                };
                of_key.view(key);
                of_value.view(value);
                estate.comes_back(key);
                let mut making = estate.making();
                making.hold(m, value, of_value, hold);
                making.hold(m, key, of_key, hold);
            }
            Beside::Id(walk) => {
                let Some((id, object)) = making.walk(m, walk) else { return };
                if let Some(found) = identity(m, object) {
                    assert_eq!(*estate.ids.entry(id).or_insert(found), found, "the identity of object {id}");
                }
            }
            Beside::Watch(walk) => {
                let Some((id, object)) = making.walk(m, walk) else { return };
                let mark = making.graph.mark(id);
                estate.deaths.watch(m, object, mark);
            }
            Beside::Unwatch(walk) => {
                let Some((id, object)) = making.walk(m, walk) else { return };
                let certain = estate.certain();
                estate.deaths.hear(&estate.graph, &certain);
                estate.deaths.unwatch(m, object, id);
            }
            Beside::Register { what, ends } => {
                let kind = if what.steps.is_multiple_of(2) { Kind::Small } else { Kind::Owner };
                let Some((id, object)) = making.walk_to(m, what, kind) else { return };
                let mark = making.graph.mark(id);
                if ends {
                    estate.deaths.unregister(m, object, mark);
                } else {
                    estate.deaths.register(m, object, mark);
                }
            }
            Beside::Take(hold) => {
                let certain = estate.certain();
                let Some((id, object)) = estate.deaths.take(m, &estate.graph, &certain) else { return };
                // Weak references of before are cleared.
                let now = estate.graph.mark(id);
                let alive = |mark| certain.objects.contains(&id) || estate.graph.is_stale(mark);
                let mut before = estate.weaks.iter().filter(|(_, mark)| *mark == now && !alive(*mark));
                assert!(before.all(|(root, _)| root.get(m).is_dead(m)), "object {id} is finalized, but upgraded");
                estate.comes_back(id);
                object.view(id);
                if let Some(hold) = hold {
                    estate.making().hold(m, id, object, hold);
                }
            }
        }
    }

    /// Takes all that is to be finalized.
    pub(super) fn take_all(&mut self) {
        while !self.estate.deaths.is_empty() {
            self.beside(Beside::Take(None));
        }
    }
}

/// Adds to some, in place of another if there are many.
fn put<T>(held: &mut Vec<T>, new: T, place: u32) {
    if held.len() >= HELD {
        held.swap_remove(place as usize % HELD);
    }
    held.push(new);
}

fn pick<T>(held: &[T], which: u32) -> Option<&T> {
    held.get(which as usize % held.len().max(1))
}

fn identity<'gc>(m: &'gc Mutator, object: Ref<'gc>) -> Option<u64> {
    Some(match object {
        Ref::Small(object) => Gc::id(object, m),
        Ref::Owner(object) => Gc::id(object, m),
        Ref::BigOwner(object) => Gc::id(object, m),
        Ref::Row(object) => Gc::id(object, m),
        Ref::Text(object) => Gc::id(object, m),
        Ref::Unit(object) => Gc::id(object, m),
        Ref::Scout(object) => Gc::id(object, m),
        _ => return None,
    })
}

type Found<'gc> = (Id, Ref<'gc>);

impl Making<'_> {
    /// The first object of a kind on walks from each root.
    fn walk_to<'gc>(&self, m: &'gc Mutator, walk: Walk, kind: Kind) -> Option<Found<'gc>> {
        let roots = 0..self.roots.len() as u32;
        let mut walks = roots.map(|turn| Walk { root: walk.root.wrapping_add(turn), ..walk });
        walks.find_map(|walk| self.walk(m, walk).filter(|(_, found)| found.kind() == kind))
    }

    /// A key, which is a new object if there is none, and a value.
    fn key_and_value<'gc>(&mut self, m: &'gc Mutator, key: Walk, value: Walk) -> Option<(Found<'gc>, Found<'gc>)> {
        let key = match self.walk(m, key) {
            Some(key) => key,
            None => self.object(m, Kind::Small, 0, [None, None])?,
        };
        // The value may lead to the key, or to anything.
        let value = if value.steps.is_multiple_of(4) {
            self.walk_to(m, value, Kind::Small)?
        } else {
            let behind = self.walk(m, value).filter(|_| value.steps % 4 == 1).unwrap_or(key);
            self.object(m, Kind::Small, 0, [Some(behind), None])?
        };
        Some((key, value))
    }

    fn pair<'gc>(&mut self, m: &'gc Mutator, key: Found<'gc>, value: Found<'gc>) -> Option<(usize, PairOf<'gc>)> {
        let (Ref::Small(of_value), pair) = (value.1, Pair { key: self.graph.mark(key.0), value: value.0 }) else {
            return None;
        };
        let held = PairOf::of(m, key.1, of_value)?;
        self.graph.pairs.push(pair);
        Some((self.graph.pairs.len() - 1, held))
    }
}
