//! Runs a program on a heap and on the graph, and compares them after each collection.

mod make;

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use gc_core::{Gc, Generation, Heap, Mutator, Object, Root, Slot};

use super::{
    compare::compare,
    graph::{Chosen, Graph, Held, Id, Kind},
    objects::{Choice, Item, Member, Owner, Ref, SlotOf, Small, State, View},
    program::{Choose, Edit, Hold, Op, Place, Program, Value, Walk, Write},
};
use crate::{
    heaps::{settle, under},
    ledger::Ledger,
};
use make::{Making, length};

/// A root of the heap and what it holds in the graph.
pub(super) struct Rooted {
    pub(super) root: RootOf,
    pub(super) held: Held,
}

/// A root of one of several types.
pub(super) enum RootOf {
    Small(Root<Gc<'static, Small<'static>>>),
    Owner(Root<Gc<'static, Owner<'static>>>),
    Row(Root<Gc<'static, [Item<'static>]>>),
    Text(Root<Gc<'static, str>>),
    Any(Root<Ref<'static>>),
    State(Root<State<'static>>),
}

/// More roots than this are never held, so that objects die.
const ROOTS: usize = 12;

struct Machine {
    heap: Heap,
    /// `None` only while detached.
    mutator: Option<Mutator>,
    roots: Vec<Rooted>,
    graph: Graph,
    ledger: Ledger,
    collections: [u64; 3],
}

/// Runs a program under a stress profile. Panics where heap and graph differ.
pub fn run(profile: &str, program: &Program) {
    let heap = under(profile)
        .chunk_bytes(16 << 10)
        .nursery_bytes(64 << 10)
        .remembered_entries(32)
        .reservation(1 << 30)
        .on_event(gc_core::Level::Warning, |_| {})
        .build()
        .expect("the settings are in their ranges");
    let ledger = Ledger::default();
    let mutator = Some(heap.attach().expect("nobody else is attached"));
    let mut machine =
        Machine { heap, mutator, roots: Vec::new(), graph: Graph::default(), ledger, collections: [0; 3] };
    for &op in &program.ops {
        machine.step(op);
        machine.check();
    }
    machine.finish();
}

impl Machine {
    /// Compares, if there was a collection.
    fn check(&mut self) {
        let collections = self.heap.stats().collections;
        if collections == self.collections {
            return;
        }
        let full = collections[2] > self.collections[2];
        self.collections = collections;
        let Some(m) = &self.mutator else { return };
        compare(m, &self.roots, &self.graph);
        self.ledger.assert_none_twice();
        // By age, garbage may stay for a while; the dead are dropped on another thread.
        if full {
            settle(&self.heap);
        }
    }

    /// After a full collection: exactly the dead have been dropped, and exactly the living are counted.
    fn check_deaths(&mut self) {
        settle(&self.heap);
        let live = self.graph.reachable(self.roots.iter().map(|rooted| &rooted.held));
        let mut tokens: Vec<usize> = live.iter().flat_map(|&id| self.graph.objects[id].tokens.clone()).collect();
        tokens.extend(self.roots.iter().filter_map(|rooted| rooted.held.token));
        tokens.sort_unstable();
        self.ledger.assert_live(|token| tokens.binary_search(&token).is_ok());
        let stats = self.heap.stats();
        assert_eq!(stats.old_objects, live.len(), "live objects after a full collection");
        assert_eq!((stats.survivor_bytes, stats.remembered), (0, 0), "young after a full collection");
    }

    fn finish(mut self) {
        self.heap.set_hard_limit(None);
        self.full();
        self.roots.clear();
        self.full();
        // Large objects keep their runs until they are dropped.
        self.full();
        assert_eq!(self.heap.stats().old_bytes, 0, "bytes after everything died");
        drop(self.mutator.take());
        drop(self.heap);
        self.ledger.assert_all_once();
    }

    fn full(&mut self) {
        if let Some(m) = &mut self.mutator {
            let report = m.collect(Generation::Old);
            assert_eq!(report.generation, Generation::Old);
        }
        self.check();
        self.check_deaths();
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Safepoint => self.mutator.iter_mut().for_each(Mutator::safepoint),
            Op::Collect(2) => self.full(),
            Op::Collect(generation) => {
                let generation = if generation == 0 { Generation::Fresh } else { Generation::Young };
                if let Some(m) = &mut self.mutator {
                    assert!(m.collect(generation).generation >= generation);
                }
            }
            Op::New { kind, size, refs, hold } => {
                let Some((m, mut making)) = self.making() else { return };
                let refs = refs.map(|walk| making.walk(m, walk));
                if let Some((id, object)) = making.object(m, kind, size, refs) {
                    making.hold(m, id, object, hold);
                }
            }
            Op::Garbage { kind, size, count, refs } => {
                let Some((m, mut making)) = self.making() else { return };
                let found = making.walk(m, refs);
                for _ in 0..count {
                    making.object(m, kind, size, [found, None]);
                }
            }
            Op::Chain { length, hold } => self.chain(length, hold),
            Op::Store { holder, slot, value, write } => self.store(holder, slot, value, write),
            Op::Choose { holder, choose } => self.choose(holder, choose),
            Op::Edit { holder, edit } => self.edit(holder, edit),
            Op::DropRoot { root, place } => self.drop_root(root, place),
            Op::CloneRoot { root, hold } => {
                let Some((m, mut making)) = self.making() else { return };
                if let Some((id, object)) = making.walk(m, Walk { root, steps: 0 }) {
                    making.hold(m, id, object, hold);
                }
            }
            Op::SetRoot { root, to } => self.set_root(root, to),
            Op::PushState { root, what } => self.push_state(root, what),
            Op::PopState { root } => self.pop_state(root),
            Op::Detach => self.detached(|_| {}),
            Op::Limit { on } => {
                let limit = on.then(|| self.heap.stats().memory_bytes);
                self.heap.set_hard_limit(limit);
            }
            Op::Abandon { kind, size, at } => self.abandon(kind, size, at),
        }
    }

    /// What new objects are made with.
    fn making(&mut self) -> Option<(&Mutator, Making<'_>)> {
        let Self { mutator, roots, graph, ledger, .. } = self;
        Some((mutator.as_ref()?, Making { roots, graph, ledger }))
    }

    fn chain(&mut self, length: u32, hold: Hold) {
        let Some((m, mut making)) = self.making() else { return };
        let mut last = None;
        for _ in 0..length {
            // Size 8 puts what it is given into the slot.
            let Some(next) = making.object(m, Kind::Small, 8, [last, None]) else { break };
            last = Some(next);
        }
        if let Some((id, object)) = last {
            making.hold(m, id, object, hold);
        }
    }

    fn store(&mut self, holder: Walk, slot: u32, value: Value, write: Write) {
        let Some((m, mut making)) = self.making() else { return };
        let Some((id, object)) = making.walk(m, holder) else { return };
        let view = object.view(id);
        if view.slots.is_empty() {
            return;
        }
        let index = slot as usize % view.slots.len();
        let wanted = making.graph.objects[id].kind.slots_hold();
        let found = match value {
            Value::Null => None,
            Value::Found(walk) => making.walk(m, walk).filter(|(_, found)| found.kind() == wanted),
            Value::Fresh => making.object(m, wanted, slot, [None, None]),
        };
        let new = found.map(|(_, object)| object);
        let written = match &view.slots[index] {
            SlotOf::Small(slot) => written(m, slot, write, new.and_then(Ref::small)),
            SlotOf::Owner(slot) => written(m, slot, write, new.and_then(Ref::owner)),
            SlotOf::Row(slot) => written(m, slot, write, new.and_then(Ref::row)),
        };
        match written {
            Written::New => making.graph.objects[id].slots[index] = found.map(|(id, _)| id),
            Written::Null => making.graph.objects[id].slots[index] = None,
            Written::Nothing => {}
        }
    }

    fn choose(&mut self, holder: Walk, choose: Choose) {
        let Some((m, making)) = self.making() else { return };
        let Some((id, object)) = making.walk(m, holder) else { return };
        let Some(cell) = object.view(id).any else { return };
        let (choice, chosen) = match choose {
            Choose::Nothing => (Choice::Nothing, Chosen::Nothing),
            Choose::Number(number) => (Choice::Number(number.into()), Chosen::Number(number.into())),
            Choose::One(walk) => {
                let Some((id, object)) = making.walk(m, walk) else { return };
                (Choice::One(object), Chosen::One(id))
            }
            Choose::Two(one, other) => {
                let (Some((x, a)), Some((y, b))) = (making.walk(m, one), making.walk(m, other)) else { return };
                (Choice::Two { a, b }, Chosen::Two(x, y))
            }
        };
        match id % 3 {
            0 => cell.set(m, choice),
            1 => drop(cell.replace(m, choice)),
            _ => *cell.borrow_mut(m) = choice,
        }
        making.graph.objects[id].chosen = Some(chosen);
    }

    fn edit(&mut self, holder: Walk, edit: Edit) {
        let Some((m, making)) = self.making() else { return };
        let Some((id, object)) = making.walk(m, holder) else { return };
        let Some(cell) = object.view(id).many else { return };
        let model = |graph: &mut Graph, edit: &mut dyn FnMut(&mut Vec<Id>)| {
            graph.objects[id].many.iter_mut().for_each(edit);
        };
        match edit {
            Edit::Push(walk) => {
                let Some((new, object)) = making.walk(m, walk) else { return };
                cell.borrow_mut(m).push(object);
                model(making.graph, &mut |many| many.push(new));
            }
            Edit::Pop => {
                cell.borrow_mut(m).pop();
                model(making.graph, &mut |many| {
                    many.pop();
                });
            }
            Edit::Clear => {
                cell.take(m);
                model(making.graph, &mut Vec::clear);
            }
            Edit::Replace(walk, count) => {
                let Some((new, object)) = making.walk(m, walk) else { return };
                cell.set(m, vec![object; count as usize]);
                model(making.graph, &mut |many| *many = vec![new; count as usize]);
            }
            Edit::Forget => {
                mem::forget(cell.borrow_mut(m));
                // It counts until the next stop.
                if let Some(m) = &mut self.mutator {
                    m.collect(Generation::Fresh);
                }
            }
        }
    }

    fn drop_root(&mut self, root: u32, place: Place) {
        if self.roots.is_empty() {
            return;
        }
        let index = root as usize % self.roots.len();
        let rooted = self.roots.swap_remove(index);
        match place {
            Place::Here => drop(rooted),
            Place::OtherThread => {
                let dropper = std::thread::spawn(move || drop(rooted));
                dropper.join().expect("dropping a root never panics");
            }
            Place::Blocked => {
                if let Some(m) = &mut self.mutator {
                    m.blocked(|| drop(rooted));
                }
            }
            Place::Detached => self.detached(move |_| drop(rooted)),
        }
    }

    fn set_root(&mut self, root: u32, to: Walk) {
        let Some((m, making)) = self.making() else { return };
        let Some((id, object)) = making.walk(m, to) else { return };
        let index = root as usize % making.roots.len();
        let Rooted { root, held } = &mut making.roots[index];
        match (root, object) {
            (RootOf::Small(root), Ref::Small(object)) => root.set(m, object),
            (RootOf::Owner(root), Ref::Owner(object)) => root.set(m, object),
            (RootOf::Row(root), Ref::Row(object)) => root.set(m, object),
            (RootOf::Text(root), Ref::Text(object)) => root.set(m, object),
            (RootOf::Any(root), object) => *root.get_mut(m) = object,
            (RootOf::State(root), Ref::Small(object)) => {
                root.borrow(m).hot.set(m, Some(object));
                held.hot = Some(id);
                return;
            }
            _ => return,
        }
        *held = Held::one(id);
    }

    fn push_state(&mut self, root: u32, what: Walk) {
        let Some((m, making)) = self.making() else { return };
        let Some((id, object)) = making.walk(m, what) else { return };
        let index = root as usize % making.roots.len();
        if let Rooted { root: RootOf::State(state), held } = &mut making.roots[index] {
            state.get_mut(m).stack.push(object);
            held.stack.push(id);
        }
    }

    fn pop_state(&mut self, root: u32) {
        let Some((m, making)) = self.making() else { return };
        let index = root as usize % making.roots.len().max(1);
        if let Some(Rooted { root: RootOf::State(state), held }) = making.roots.get_mut(index) {
            assert_eq!(state.get_mut(m).stack.pop().is_some(), held.stack.pop().is_some());
        }
    }

    fn detached(&mut self, meanwhile: impl FnOnce(&mut Vec<Rooted>)) {
        drop(self.mutator.take());
        meanwhile(&mut self.roots);
        self.mutator = Some(self.heap.attach().expect("nobody else is attached"));
    }

    /// A slice whose making panics: what was made is dropped at once, and nothing is left.
    fn abandon(&mut self, kind: Kind, size: u32, at: u32) {
        let Some((m, making)) = self.making() else { return };
        let ledger = making.ledger;
        let len = length(kind, size) + 1;
        let at = at as usize % len;
        let before = ledger.dropped();
        let mut made = 0;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            m.try_alloc_slice_with(len, |index| {
                if index == at {
                    resume_unwind(Box::new("abandoned"));
                }
                made += 1;
                Member { tag: 0, token: ledger.token(), friend: Slot::null(), fixed: None }
            })
            .is_ok()
        }));
        assert!(outcome.is_err() || (made == 0 && matches!(outcome, Ok(false))), "a slice was made that panicked");
        // Others may be dropped in the background at the same time.
        assert!(ledger.dropped() >= before + made, "{made} elements were abandoned");
    }
}

/// What a write into a slot did.
enum Written {
    New,
    Null,
    Nothing,
}

fn written<'gc, T: Object + ?Sized>(
    m: &'gc Mutator,
    slot: &'gc Slot<'gc, T>,
    write: Write,
    new: Option<Gc<'gc, T>>,
) -> Written {
    let same = |a: Option<Gc<'gc, T>>, b: Option<Gc<'gc, T>>| match (a, b) {
        (Some(a), Some(b)) => Gc::ptr_eq(a, b),
        (a, b) => a.is_none() && b.is_none(),
    };
    let old = slot.get();
    match write {
        Write::Set => slot.set(m, new),
        Write::Swap => assert!(same(slot.swap(m, new), old), "a swap returned something else than was there"),
        Write::Take => {
            assert!(same(slot.take(m), old), "a take returned something else than was there");
            return Written::Null;
        }
        Write::Hit => match slot.compare_exchange(m, old, new) {
            Ok(found) => assert!(same(found, old)),
            Err(_) => panic!("an exchange missed what was there"),
        },
        Write::Miss => {
            if same(old, new) {
                return Written::Nothing;
            }
            match slot.compare_exchange(m, new, None) {
                Ok(_) => panic!("an exchange hit what was not there"),
                Err(found) => assert!(same(found, old)),
            }
            return Written::Nothing;
        }
    }
    Written::New
}

impl RootOf {
    /// The values, in the order of `Held::edges`.
    pub(super) fn values<'gc>(&'gc self, m: &'gc Mutator) -> Vec<Ref<'gc>> {
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

    pub(super) fn token(&self, m: &Mutator) -> Option<usize> {
        if let Self::State(root) = self { Some(root.borrow(m).token.number()) } else { None }
    }
}

impl<'gc> Ref<'gc> {
    fn small(self) -> Option<Gc<'gc, Small<'gc>>> {
        if let Self::Small(object) = self { Some(object) } else { None }
    }

    fn owner(self) -> Option<Gc<'gc, Owner<'gc>>> {
        if let Self::Owner(object) = self { Some(object) } else { None }
    }

    fn row(self) -> Option<Gc<'gc, [Item<'gc>]>> {
        if let Self::Row(object) = self { Some(object) } else { None }
    }
}

impl Making<'_> {
    /// The object at the end of a walk.
    fn walk<'gc>(&self, m: &'gc Mutator, walk: Walk) -> Option<(Id, Ref<'gc>)> {
        let start = walk.root as usize % self.roots.len().max(1);
        let rooted = self.roots.get(start)?;
        // A root is borrowed for less than the mutator, but what it holds lives as long as that.
        let held: Vec<_> = rooted.held.edges().collect();
        let first = *held.get(walk.steps as usize % held.len().max(1))?;
        let mut at = (first, rooted.root.value(m, walk.steps as usize % held.len())?);
        let mut steps = walk.steps;
        for _ in 0..steps % 5 {
            steps >>= 3;
            let (id, object) = at;
            let view: View<'gc> = object.view(id);
            let (ids, edges): (Vec<_>, _) = (self.graph.objects[id].edges().collect(), view.edges(m));
            assert_eq!(ids.len(), edges.len(), "the edges of object {id}");
            if ids.is_empty() {
                break;
            }
            let edge = steps as usize % ids.len();
            at = (ids[edge], edges[edge]);
        }
        Some(at)
    }

    /// Roots an object, in place of another if there are many.
    fn hold<'gc>(&mut self, m: &'gc Mutator, id: Id, object: Ref<'gc>, hold: Hold) {
        if self.roots.len() >= ROOTS {
            self.roots.swap_remove(id % ROOTS);
        }
        let mut held = Held::one(id);
        let root = match (hold, object) {
            (Hold::Pointer, Ref::Small(object)) => RootOf::Small(m.root(object)),
            (Hold::Pointer, Ref::Owner(object)) => RootOf::Owner(m.root(object)),
            (Hold::Pointer, Ref::Row(object)) => RootOf::Row(m.root(object)),
            (Hold::Pointer, Ref::Text(object)) => RootOf::Text(m.root(object)),
            (Hold::State, _) => {
                let token = self.ledger.token();
                held.token = Some(token.number());
                RootOf::State(m.root(State { stack: vec![object], token, hot: Slot::null() }))
            }
            _ => RootOf::Any(m.root(object)),
        };
        self.roots.push(Rooted { root, held });
    }
}

impl RootOf {
    /// One of the values.
    fn value<'gc>(&self, m: &'gc Mutator, index: usize) -> Option<Ref<'gc>> {
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
}
