//! In step with the map of std, for one mutator: whatever is done, both say the same, however often it is collected.

use std::collections::HashMap;

use gc_core::{Collect, Gc, GcMap, Mutator, Root, map::Cursor};
use gc_tests::{
    hashers::Bits,
    heaps::{checked, under},
    sizes::scaled,
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Insert(u8, u64),
    GetOrInsert(u8, u64),
    Update(u8, u64),
    Exchange(u8, bool, u64),
    Remove(u8),
    CompareRemove(u8, bool),
    Get(u8),
    Retain(u64),
    Clear,
    Many(u8, u8),
    RemoveMany(u8, u8),
    Compare,
    Collect(bool),
    Safepoint,
}

fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    let (key, value) = (any::<u8>, 0..1000_u64);
    prop_oneof![
        8 => (key(), value.clone()).prop_map(|(k, v)| Insert(k, v)),
        4 => (key(), value.clone()).prop_map(|(k, v)| GetOrInsert(k, v)),
        4 => (key(), value.clone()).prop_map(|(k, v)| Update(k, v)),
        4 => (key(), any::<bool>(), value.clone()).prop_map(|(k, b, v)| Exchange(k, b, v)),
        8 => key().prop_map(Remove),
        2 => (key(), any::<bool>()).prop_map(|(k, b)| CompareRemove(k, b)),
        4 => key().prop_map(Get),
        1 => (1..5_u64).prop_map(Retain),
        1 => Just(Clear),
        2 => (key(), key()).prop_map(|(k, n)| Many(k, n)),
        2 => (key(), key()).prop_map(|(k, n)| RemoveMany(k, n)),
        2 => Just(Compare),
        1 => any::<bool>().prop_map(Collect),
        4 => Just(Safepoint),
    ]
}

fn agree(profile: &str, bits: u32, steps: &[Step]) -> Result<(), TestCaseError> {
    type Map = GcMap<'static, u16, Gc<'static, u64>, Bits>;
    let heap = if profile.is_empty() { checked() } else { under(profile) }.build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Root<Gc<Map>> = m.root(m.alloc(GcMap::<u16, Gc<u64>, Bits>::with_hasher(Bits(bits))));
    let mut model: HashMap<u16, u64> = HashMap::new();
    for step in steps {
        match *step {
            Step::Collect(old) => {
                m.collect(if old { Collect::Full } else { Collect::Young });
            }
            Step::Safepoint => m.safepoint(),
            _ => same(&m, &map.get(&m), step, &mut model)?,
        }
        prop_assert_eq!(map.get(&m).len(), model.len());
    }
    let mut cursor = Cursor::new();
    let mut met = Vec::new();
    while map.get(&m).advance(&mut cursor, |key, value| met.push((*key, **value))) {
        m.safepoint();
    }
    met.sort_unstable();
    let mut expected: Vec<_> = model.into_iter().collect();
    expected.sort_unstable();
    prop_assert_eq!(met, expected);
    Ok(())
}

/// Does what is no safepoint to both maps.
fn same<'gc>(
    m: &'gc Mutator,
    here: &GcMap<'gc, u16, Gc<'gc, u64>, Bits>,
    step: &Step,
    model: &mut HashMap<u16, u64>,
) -> Result<(), TestCaseError> {
    let number = |value: &Gc<u64>| **value;
    match *step {
        Step::Insert(key, value) => {
            let before = here.insert(m, key.into(), m.alloc(value)).map(number);
            prop_assert_eq!(before, model.insert(key.into(), value));
        }
        Step::GetOrInsert(key, value) => {
            let found = number(here.get_or_insert_with(m, key.into(), || m.alloc(value)));
            prop_assert_eq!(found, *model.entry(key.into()).or_insert(value));
        }
        Step::Update(key, value) => {
            let after = here.update(m, &key.into(), |old| m.alloc(**old + value)).map(number);
            let model = model.get_mut(&key.into()).map(|old| {
                *old += value;
                *old
            });
            prop_assert_eq!(after, model);
        }
        Step::Exchange(key, right, value) => {
            let current = here.get(&key.into()).filter(|_| right);
            let done = here.compare_exchange(m, key.into(), current, m.alloc(value));
            let there = model.get(&key.into()).copied();
            if right || there.is_none() {
                prop_assert_eq!(done.map(number).ok(), Some(value));
                model.insert(key.into(), value);
            } else {
                prop_assert_eq!(done.map(number).map_err(|other| other.map(number)), Err(there));
            }
        }
        Step::Remove(key) => {
            prop_assert_eq!(here.remove(m, &key.into()).map(number), model.remove(&key.into()));
        }
        Step::CompareRemove(key, right) => {
            let Some(current) = here.get(&key.into()) else { return Ok(()) };
            if !right {
                here.insert(m, key.into(), *current);
            }
            prop_assert_eq!(here.compare_remove(m, &key.into(), current).is_ok(), right);
            if right {
                model.remove(&key.into());
            }
        }
        Step::Get(key) => {
            prop_assert_eq!(here.get(&key.into()).map(number), model.get(&key.into()).copied());
            prop_assert_eq!(here.contains_key(&key.into()), model.contains_key(&key.into()));
        }
        Step::Retain(part) => {
            here.retain(m, |_, value| **value % part != 0);
            model.retain(|_, value| *value % part != 0);
        }
        Step::Clear => {
            here.clear(m);
            model.clear();
        }
        Step::Many(first, many) => {
            for key in u16::from(first)..u16::from(first) + u16::from(many) {
                here.insert(m, key, m.alloc(key.into()));
                model.insert(key, key.into());
            }
        }
        Step::RemoveMany(first, many) => {
            for key in u16::from(first)..u16::from(first) + u16::from(many) {
                prop_assert_eq!(here.remove(m, &key).map(number), model.remove(&key));
            }
        }
        Step::Compare => {
            let mut all: Vec<_> = here.iter().map(|(key, value)| (*key, **value)).collect();
            all.sort_unstable();
            let mut expected: Vec<_> = model.iter().map(|(key, value)| (*key, *value)).collect();
            expected.sort_unstable();
            prop_assert_eq!(all, expected);
        }
        Step::Collect(_) | Step::Safepoint => {}
    }
    Ok(())
}

fn run(profile: &str, cases: u64) {
    let config = ProptestConfig { cases: scaled(cases) as u32, failure_persistence: None, ..Default::default() };
    let inputs = (prop::sample::select(vec![0, 2, 5, 64_u32]), prop::collection::vec(step(), 1..120));
    proptest!(config, |((bits, steps) in inputs)| agree(profile, bits, &steps)?);
}

#[test]
fn as_the_map_of_std() {
    run("", 200);
}

#[test]
fn as_the_map_of_std_with_a_collection_at_each_safepoint() {
    run("verify,every-safepoint", 40);
}

#[test]
fn as_the_map_of_std_where_all_is_promoted() {
    run("verify,every-safepoint=3,full-every=4,promote-always", 40);
}

#[test]
fn as_the_map_of_std_while_blocks_are_compacted() {
    run("verify,every-safepoint=2,full-every=2,compact-always,promote-always", 40);
}
