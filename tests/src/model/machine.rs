//! Runs a program on a heap and on the graph, and compares them after each collection.
//!
//! A machine is one mutator and its [`Estate`]. It may be the only one of its heap, or one of several: nobody else changes
//! what its roots reach, so its graph is as exact as if it were alone. What the whole heap counts is its own only if it is.

mod estate;
mod make;
mod weak;

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
};

use gc_core::{Collect, CollectCounts, Gc, Heap, Level, Mutator, Object, Slot};

use super::{
    graph::{Chosen, Graph, Held, Id, Kind},
    objects::{Choice, Item, Member, Owner, Ref, SlotOf, Small, State, View},
    program::{Choose, Edit, Hold, Op, Place, Program, Value, Walk, Write},
};
use crate::heaps::{settle, under};
pub(super) use estate::{Estate, Lent, RootOf, Rooted};
use make::{Making, length};

/// More roots than this are never held, so that objects die.
const ROOTS: usize = 12;

pub(super) struct Machine {
    heap: Heap,
    /// `None` only while detached.
    mutator: Option<Mutator>,
    estate: Estate,
    collections: CollectCounts,
    /// Whether no other mutator uses the heap.
    alone: bool,
}

/// How long a mutator stays.
#[derive(Clone, Copy)]
pub(super) enum Stay {
    Stays,
    Leaves,
    Parks,
}

impl Stay {
    /// That of the threads of a seed.
    pub(super) fn of(seed: u64) -> Self {
        match seed % 5 {
            1 => Self::Leaves,
            2 => Self::Parks,
            _ => Self::Stays,
        }
    }
}

/// A small heap under a stress profile, in which programs of a hundred operations meet everything. It has `life` for as long as it
/// lives.
pub(super) fn small_heap(profile: &str, life: Arc<()>) -> Heap {
    let builder = under(profile).chunk_bytes(16 << 10).nursery_bytes(64 << 10).remembered_entries(32);
    let quiet = builder.reservation(1 << 30).on_event(Level::Warning, move |_| _ = &life);
    quiet.build().expect("the settings are in their ranges")
}

/// Runs a program under a stress profile. Panics where heap and graph differ.
pub fn run(profile: &str, program: &Program) {
    let mut machine = Machine::new(small_heap(profile, Arc::default()), true);
    for &op in &program.ops {
        machine.step(op);
        machine.check();
    }
    machine.finish();
}

impl Machine {
    /// Attaches this thread to the heap.
    pub(super) fn new(heap: Heap, alone: bool) -> Self {
        let mutator = Some(heap.attach().expect("this thread is not attached"));
        let estate = Estate::new(&heap);
        Self { heap, mutator, estate, collections: CollectCounts::default(), alone }
    }

    /// The mutator and the estate.
    pub(super) fn parts(&mut self) -> (&mut Mutator, &mut Estate) {
        (self.mutator.as_mut().expect("detached within a step only"), &mut self.estate)
    }

    /// Detaches, and leaves what outlives a mutator.
    pub(super) fn end(self) -> Estate {
        self.estate
    }

    /// Compares, if there was a collection. Whether there was one.
    pub(super) fn check(&mut self) -> bool {
        let collections = self.heap.stats().collections;
        if collections == self.collections {
            return false;
        }
        let full = collections.full > self.collections.full;
        self.collections = collections;
        let Some(m) = &self.mutator else { return true };
        self.estate.compare(m);
        // By age, garbage may stay for a while; the dead are dropped on another thread.
        if full && self.alone {
            settle(&self.heap);
        }
        true
    }

    /// After a full collection: exactly the dead have been dropped, and exactly the living are counted.
    fn check_deaths(&mut self) {
        settle(&self.heap);
        let Some(m) = &self.mutator else { return };
        let live = self.estate.check_deaths(m);
        if self.alone {
            let stats = self.heap.stats();
            let found = stats.old_objects;
            assert!(live.contains(&found), "{found} live objects after a full collection, and not {live:?}");
            assert_eq!((stats.survivor_bytes, stats.remembered), (0, 0), "young after a full collection");
        }
    }

    fn finish(mut self) {
        self.heap.set_hard_limit(None);
        self.full();
        self.estate.forget();
        self.full();
        // What comes out is garbage at once. Something else that is to be finalized may have been alive until then.
        let chain = self.estate.deaths.registered().count();
        for _ in 0..=chain {
            self.take_all();
            self.full();
        }
        assert!(self.estate.deaths.is_over(), "something died, and nobody was told, or nobody finalizes it");
        assert_eq!(self.heap.stats().registered, 0, "entries of objects after everything died");
        // Large objects keep their runs until they are dropped.
        self.full();
        assert_eq!(self.heap.stats().old_bytes, 0, "bytes after everything died");
        drop(self.mutator.take());
        drop(self.heap);
        self.estate.ledger.assert_all_once();
    }

    fn full(&mut self) {
        if let Some(m) = &mut self.mutator {
            let report = m.collect(Collect::Full);
            assert_eq!(report.collected, Collect::Full);
        }
        self.check();
        self.check_deaths();
    }

    pub(super) fn step(&mut self, op: Op) {
        match op {
            Op::Safepoint => self.mutator.iter_mut().for_each(Mutator::safepoint),
            Op::Collect(2) => self.full(),
            Op::Collect(generation) => {
                let generation = if generation == 0 { Collect::Young } else { Collect::Promote };
                if let Some(m) = &mut self.mutator {
                    assert!(m.collect(generation).collected >= generation);
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
            Op::Detach => self.detached(|| {}),
            Op::Limit { on } => {
                let limit = on.then(|| self.heap.stats().memory_bytes);
                self.heap.set_hard_limit(limit);
            }
            Op::Abandon { kind, size, at } => self.abandon(kind, size, at),
            Op::Beside(op) => self.beside(op),
        }
    }

    /// What new objects are made with.
    fn making(&mut self) -> Option<(&Mutator, Making<'_>)> {
        Some((self.mutator.as_ref()?, self.estate.making()))
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
                    m.collect(Collect::Young);
                }
            }
        }
    }

    fn drop_root(&mut self, root: u32, place: Place) {
        let roots = &mut self.estate.roots;
        if roots.is_empty() {
            return;
        }
        let rooted = roots.swap_remove(root as usize % roots.len());
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
            Place::Detached => self.detached(move || drop(rooted)),
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

    /// Does something without a mutator.
    pub(super) fn detached(&mut self, meanwhile: impl FnOnce()) {
        drop(self.mutator.take());
        meanwhile();
        self.mutator = Some(self.heap.attach().expect("this thread is not attached"));
    }

    /// Ends a step: the mutator stays, is another one in the next step, or is parked while the thread enters the heap with one that
    /// it keeps.
    pub(super) fn between_steps(&mut self, stay: Stay) {
        match stay {
            Stay::Stays => {}
            Stay::Leaves => self.detached(|| ()),
            Stay::Parks => {
                let Some(m) = self.mutator.take() else { return };
                let parked = m.park();
                let entered = self.heap.with(|m| {
                    let _ = m.try_alloc([0_u64; 5]);
                });
                entered.expect("no mutator runs on this thread");
                self.mutator = Some(parked.enter().expect("no mutator runs on this thread"));
            }
        }
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
