//! In step with a model that knows which objects are alive, for one mutator: whatever is done, however often it is collected.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gc_core::{Collect, Gc, Interner, Mutator, Root, Trace, WeakKeyMap, WeakSet, WeakValueMap, map::Cursor};
use gc_tests::{
    hashers::Bits,
    heaps::{checked, under},
    sizes::scaled,
};
use proptest::prelude::*;

use super::collect_all;

#[derive(Trace)]
struct Object {
    number: u64,
}

/// What is noted of an object: it leads to another one, or to itself.
#[derive(Trace)]
struct Note<'gc> {
    number: u64,
    to: Gc<'gc, Object>,
}

#[derive(Trace, Clone, Copy)]
struct Tables<'gc> {
    notes: WeakKeyMap<'gc, Object, Note<'gc>>,
    known: WeakValueMap<'gc, u16, Object, Bits>,
    set: WeakSet<'gc, Object>,
    names: Interner<'gc, str, Bits>,
}

/// The objects and names that the test keeps.
const KEPT: u8 = 24;

#[derive(Clone, Debug)]
enum Step {
    /// Keeps another object in a place.
    Make(u8),
    Drop(u8),
    Note(u8, u8),
    NoteIfNone(u8, u8),
    Forget(u8),
    Know(u16, u8),
    KnowIfNone(u16, u8),
    Unknow(u16),
    Add(u8),
    Take(u8),
    Intern(u8),
    Keep(u8),
    DropName(u8),
    Look(u8),
    Retain(u64),
    Many(u8),
    All,
    Collect(bool),
    Safepoint,
}

fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    let (place, key) = (|| 0..KEPT, || 0..40_u16);
    prop_oneof![
        10 => place().prop_map(Make),
        8 => place().prop_map(Drop),
        8 => (place(), place()).prop_map(|(a, b)| Note(a, b)),
        4 => (place(), place()).prop_map(|(a, b)| NoteIfNone(a, b)),
        2 => place().prop_map(Forget),
        8 => (key(), place()).prop_map(|(k, p)| Know(k, p)),
        4 => (key(), place()).prop_map(|(k, p)| KnowIfNone(k, p)),
        2 => key().prop_map(Unknow),
        6 => place().prop_map(Add),
        2 => place().prop_map(Take),
        6 => place().prop_map(Intern),
        6 => place().prop_map(Keep),
        6 => place().prop_map(DropName),
        8 => place().prop_map(Look),
        1 => (2..5_u64).prop_map(Retain),
        1 => any::<u8>().prop_map(Many),
        1 => Just(All),
        3 => any::<bool>().prop_map(Collect),
        6 => Just(Safepoint),
    ]
}

/// What there is, as far as the tables have to know it. Objects have numbers.
#[derive(Default)]
struct Model {
    last: u64,
    /// The objects that are kept.
    kept: BTreeMap<u8, u64>,
    notes: HashMap<u64, (u64, u64)>,
    known: HashMap<u16, u64>,
    set: BTreeSet<u64>,
    /// The names that are kept.
    names: BTreeSet<u8>,
}

impl Model {
    /// The objects that are alive: those that are kept, and what notes of these lead to.
    fn alive(&self) -> BTreeSet<u64> {
        let mut alive: BTreeSet<u64> = self.kept.values().copied().collect();
        let mut next: Vec<u64> = alive.iter().copied().collect();
        while let Some(number) = next.pop() {
            if let Some(&(_, to)) = self.notes.get(&number)
                && alive.insert(to)
            {
                next.push(to);
            }
        }
        alive
    }

    /// Forgets what the tables forget when all that is dead was found dead.
    fn forget_the_dead(&mut self) {
        let alive = self.alive();
        self.notes.retain(|number, _| alive.contains(number));
        self.known.retain(|_, number| alive.contains(number));
        self.set.retain(|number| alive.contains(number));
    }
}

#[derive(Default)]
struct Kept {
    objects: HashMap<u8, Root<Gc<'static, Object>>>,
    names: HashMap<u8, Root<Gc<'static, str>>>,
}

fn name(place: u8) -> String {
    format!("name {place}")
}

fn agree(profile: &str, bits: u32, steps: &[Step]) -> Result<(), TestCaseError> {
    let heap = if profile.is_empty() { checked() } else { under(profile) }.build().unwrap();
    let mut m = heap.attach().unwrap();
    let tables = m.root(Tables {
        notes: WeakKeyMap::new(&m),
        known: WeakValueMap::with_hasher(&m, Bits(bits)),
        set: WeakSet::new(&m),
        names: Interner::with_hasher(&m, Bits(bits)),
    });
    let (mut model, mut kept) = (Model::default(), Kept::default());
    for step in steps {
        match *step {
            Step::Collect(true) => {
                collect_all(&mut m);
                model.forget_the_dead();
                let here = tables.get(&m);
                prop_assert_eq!(here.notes.len(), model.notes.len());
                prop_assert_eq!(here.known.len(), model.known.len());
                prop_assert_eq!(here.set.len(), model.set.len());
                prop_assert_eq!(here.names.len(), model.names.len());
                all(&m, tables.get(&m), &model, true)?;
            }
            Step::Collect(false) => drop(m.collect(Collect::Young)),
            Step::Safepoint => m.safepoint(),
            _ => same(&m, tables.get(&m), step, &mut model, &mut kept)?,
        }
    }
    collect_all(&mut m);
    model.forget_the_dead();
    all(&m, tables.get(&m), &model, true)?;
    let (mut cursor, mut met) = (Cursor::new(), BTreeSet::new());
    while tables.get(&m).set.advance(&m, &mut cursor, |object| _ = met.insert(object.number)) {
        m.safepoint();
    }
    prop_assert_eq!(met, model.set);
    Ok(())
}

/// Compares what iterators return. Exactly, or there may be entries that were not found dead.
fn all<'gc>(m: &'gc Mutator, here: Tables<'gc>, model: &Model, exactly: bool) -> Result<(), TestCaseError> {
    let alive = model.alive();
    let notes: BTreeMap<_, _> =
        here.notes.iter(m).map(|(object, note)| (object.number, (note.number, note.to.number))).collect();
    let known: BTreeMap<_, _> = here.known.iter(m).map(|(&key, object)| (key, object.number)).collect();
    let set: BTreeSet<_> = here.set.iter(m).map(|object| object.number).collect();
    for (number, note) in &notes {
        prop_assert_eq!(model.notes.get(number), Some(note));
    }
    for (key, number) in &known {
        prop_assert_eq!(model.known.get(key), Some(number));
    }
    prop_assert!(set.is_subset(&model.set));
    prop_assert!(model.notes.keys().all(|number| !alive.contains(number) || notes.contains_key(number)));
    prop_assert!(model.known.iter().all(|(key, number)| !alive.contains(number) || known.contains_key(key)));
    prop_assert!(model.set.iter().all(|number| !alive.contains(number) || set.contains(number)));
    let names: Vec<_> = here.names.iter(m).map(|name| name.to_string()).collect();
    prop_assert!(model.names.iter().all(|&place| names.contains(&name(place))));
    prop_assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    if exactly {
        prop_assert_eq!(names.len(), model.names.len());
        prop_assert_eq!((notes.len(), known.len()), (model.notes.len(), model.known.len()));
        prop_assert_eq!(&set, &model.set);
    }
    Ok(())
}

/// Does what is no safepoint to the tables and to the model.
fn same<'gc>(
    m: &'gc Mutator,
    here: Tables<'gc>,
    step: &Step,
    model: &mut Model,
    kept: &mut Kept,
) -> Result<(), TestCaseError> {
    let object = |kept: &Kept, place: u8| kept.objects.get(&place).map(|root| root.get(m));
    match *step {
        Step::Make(place) => {
            model.last += 1;
            kept.objects.insert(place, m.root(m.alloc(Object { number: model.last })));
            model.kept.insert(place, model.last);
        }
        Step::Drop(place) => {
            kept.objects.remove(&place);
            model.kept.remove(&place);
        }
        Step::Note(place, to) => {
            let (Some(object), Some(to)) = (object(kept, place), object(kept, to)) else { return Ok(()) };
            model.last += 1;
            let before = here.notes.insert(m, object, Note { number: model.last, to });
            let before = before.map(|note| (note.number, note.to.number));
            prop_assert_eq!(before, model.notes.insert(object.number, (model.last, to.number)));
        }
        Step::NoteIfNone(place, to) => {
            let (Some(object), Some(to)) = (object(kept, place), object(kept, to)) else { return Ok(()) };
            model.last += 1;
            let number = model.last;
            let note = here.notes.get_or_insert_with(m, object, || Note { number, to });
            let expected = *model.notes.entry(object.number).or_insert((number, to.number));
            prop_assert_eq!((note.number, note.to.number), expected);
        }
        Step::Forget(place) => {
            let Some(object) = object(kept, place) else { return Ok(()) };
            let before = here.notes.remove(m, object).map(|note| (note.number, note.to.number));
            prop_assert_eq!(before, model.notes.remove(&object.number));
        }
        Step::Know(key, place) => {
            let Some(object) = object(kept, place) else { return Ok(()) };
            let alive = model.alive();
            let before = here.known.insert(m, key, object).map(|object| object.number);
            found(before, model.known.insert(key, object.number), &alive)?;
        }
        Step::KnowIfNone(key, place) => {
            let Some(object) = object(kept, place) else { return Ok(()) };
            let after = here.known.get_or_insert_with(m, key, || object).number;
            match model.known.get(&key) {
                Some(&known) if model.alive().contains(&known) => prop_assert_eq!(after, known),
                // It may not have been found dead.
                Some(&known) => prop_assert!(after == known || after == object.number),
                None => prop_assert_eq!(after, object.number),
            }
            model.known.insert(key, after);
        }
        Step::Unknow(key) => {
            let alive = model.alive();
            found(here.known.remove(m, &key).map(|object| object.number), model.known.remove(&key), &alive)?;
        }
        Step::Add(place) => {
            let Some(object) = object(kept, place) else { return Ok(()) };
            prop_assert_eq!(here.set.insert(m, object), model.set.insert(object.number));
        }
        Step::Take(place) => {
            let Some(object) = object(kept, place) else { return Ok(()) };
            prop_assert_eq!(here.set.remove(m, object), model.set.remove(&object.number));
        }
        Step::Intern(place) => {
            let interned = here.names.intern(m, &name(place));
            prop_assert_eq!(&*interned, &name(place));
            prop_assert!(kept.names.get(&place).is_none_or(|root| Gc::ptr_eq(root.get(m), interned)));
        }
        Step::Keep(place) => {
            let interned = here.names.intern(m, &name(place));
            let before = kept.names.insert(place, m.root(interned));
            prop_assert!(before.is_none_or(|root| Gc::ptr_eq(root.get(m), interned)));
            model.names.insert(place);
        }
        Step::DropName(place) => {
            kept.names.remove(&place);
            model.names.remove(&place);
        }
        Step::Look(place) => {
            if let Some(object) = object(kept, place) {
                let note = here.notes.get(m, object).map(|note| (note.number, note.to.number));
                prop_assert_eq!(note, model.notes.get(&object.number).copied());
                prop_assert_eq!(here.notes.contains_key(m, object), note.is_some());
                prop_assert_eq!(here.set.contains(m, object), model.set.contains(&object.number));
            }
            let known = here.known.get(m, &place.into()).map(|object| object.number);
            found(known, model.known.get(&place.into()).copied(), &model.alive())?;
            let interned = here.names.get(m, &name(place));
            prop_assert!(interned.is_some() || !model.names.contains(&place));
            prop_assert!(interned.is_none_or(|interned| *interned == *name(place)));
        }
        Step::Retain(part) => {
            here.notes.retain(m, |object, _| object.number % part != 0);
            model.notes.retain(|number, _| number % part != 0);
            here.known.retain(m, |key, _| u64::from(*key) % part != 0);
            model.known.retain(|&key, _| u64::from(key) % part != 0);
            here.set.retain(m, |object| object.number % part != 0);
            model.set.retain(|number| number % part != 0);
        }
        Step::Many(many) => {
            for _ in 0..many {
                model.last += 1;
                let object = m.alloc(Object { number: model.last });
                here.notes.insert(m, object, Note { number: model.last, to: object });
                model.notes.insert(model.last, (model.last, model.last));
                here.set.insert(m, object);
                model.set.insert(model.last);
                here.known.insert(m, 1000 + u16::from(many), object);
                model.known.insert(1000 + u16::from(many), model.last);
                here.names.intern(m, &format!("nobody {}", model.last));
            }
        }
        Step::All => all(m, here, model, false)?,
        Step::Collect(_) | Step::Safepoint => {}
    }
    Ok(())
}

/// What was found is what was expected, or nothing if that is dead.
fn found(found: Option<u64>, expected: Option<u64>, alive: &BTreeSet<u64>) -> Result<(), TestCaseError> {
    match expected {
        Some(number) if !alive.contains(&number) => prop_assert!(found.is_none_or(|found| found == number)),
        expected => prop_assert_eq!(found, expected),
    }
    Ok(())
}

fn run(profile: &str, cases: u64) {
    let config = ProptestConfig { cases: scaled(cases) as u32, failure_persistence: None, ..Default::default() };
    let inputs = (prop::sample::select(vec![0, 2, 64_u32]), prop::collection::vec(step(), 1..150));
    proptest!(config, |((bits, steps) in inputs)| agree(profile, bits, &steps)?);
}

#[test]
fn as_the_model() {
    run("", 100);
}

#[test]
fn as_the_model_with_a_collection_at_each_safepoint() {
    run("verify,every-safepoint", 30);
}

#[test]
fn as_the_model_where_all_is_promoted() {
    run("verify,every-safepoint=3,full-every=4,promote-always", 30);
}

#[test]
fn as_the_model_while_blocks_are_compacted() {
    run("verify,every-safepoint=2,full-every=2,compact-always,promote-always", 30);
}

#[test]
fn as_the_model_while_the_heap_is_marked_slowly() {
    run("verify,every-safepoint=2,full-every=2,slow-marker=8", 30);
}
