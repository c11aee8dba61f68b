//! Maps of std whose contents are leaves, in generic code: traced as nothing, dropped once.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    hash::{BuildHasher, Hash},
    sync::{Arc, Mutex},
};

use gc_core::{Collect, Gc, Mutator, Trace};
use gc_tests::{
    Tested,
    heaps::{checked, settle},
    ledger::{Ledger, Token},
};

trait Kind {
    type Key: Hash + Eq + Ord + Send + Sync + 'static;
    type Value: Send + Sync + 'static;
}

/// A leaf by its parameters, which are never traced themselves.
#[derive(Trace)]
#[trace(leaf(K, V, S))]
struct Table<'gc, K: Hash + Eq, V, S: BuildHasher> {
    rows: HashMap<K, V, S>,
    sorted: BTreeMap<V, K>,
    name: Gc<'gc, str>,
}

/// Associated types, in skipped fields and beside a pointer.
#[derive(Trace)]
#[trace(leaf(T))]
struct Kinds<'gc, T: Kind + 'static> {
    #[trace(skip)]
    by_key: HashMap<T::Key, T::Value>,
    #[trace(skip)]
    in_order: BTreeMap<T::Key, Arc<T::Value>>,
    name: Gc<'gc, str>,
}

/// Trait objects as values, with an object's lifetime of its own.
#[derive(Trace)]
struct Plugins<'gc> {
    by_name: HashMap<String, Box<dyn Fn(u32) -> u32 + Send + Sync>>,
    logs: BTreeMap<&'static str, Mutex<Vec<Box<dyn Debug + Send + Sync>>>>,
    nested: HashMap<u8, BTreeMap<u8, HashMap<u8, Token>>>,
    next: Option<Gc<'gc, Plugins<'gc>>>,
}

struct Counted;

impl Kind for Counted {
    type Key = (u32, String);
    type Value = Token;
}

fn rows<'gc, K: Hash + Eq + Clone + Send + Sync + 'static, V: Clone + Ord + Send + Sync + 'static>(
    m: &'gc Mutator,
    rows: &[(K, V)],
) -> Gc<'gc, Table<'gc, K, V, std::hash::RandomState>> {
    let sorted = rows.iter().cloned().map(|(key, value)| (value, key)).collect();
    m.alloc(Table { rows: rows.iter().cloned().collect(), sorted, name: m.alloc_str("rows") })
}

#[test]
fn maps_of_std_hold_leaves_in_generic_code() -> Tested {
    let heap = checked().build()?;
    let ledger = Ledger::default();
    let mut m = heap.attach()?;
    let table = m.root(rows(&m, &[("one", 1), ("two", 2)]));
    let kinds = m.root(m.alloc(Kinds::<Counted> {
        by_key: HashMap::from([((1, "one".into()), ledger.token())]),
        in_order: BTreeMap::from([((2, "two".into()), Arc::new(ledger.token()))]),
        name: m.alloc_str("kinds"),
    }));
    let plugins = |next| Plugins {
        by_name: HashMap::from([(
            "double".to_owned(),
            Box::new(|n: u32| 2 * n) as Box<dyn Fn(u32) -> u32 + Send + Sync>,
        )]),
        logs: BTreeMap::from([("log", Mutex::new(Vec::new()))]),
        nested: HashMap::from([(1, BTreeMap::from([(2, HashMap::from([(3, ledger.token())]))]))]),
        next,
    };
    let last = m.root(m.alloc(plugins(Some(m.alloc(plugins(None))))));
    for generation in [Collect::Young, Collect::Young, Collect::Full] {
        m.collect(generation);
        let (table, kinds, last) = (table.get(&m), kinds.get(&m), last.get(&m));
        assert_eq!((table.rows["two"], table.sorted[&1], &*table.name), (2, "one", "rows"));
        assert_eq!((kinds.by_key.len(), kinds.in_order.len(), &*kinds.name), (1, 1, "kinds"));
        let next = last.next.ok_or("there is one")?;
        next.logs["log"].lock().map_err(|_| "poisoned")?.push(Box::new(generation));
        assert_eq!(next.by_name["double"](21), 42);
    }
    assert_eq!(ledger.dropped(), 0);
    drop((table, kinds, last));
    m.collect(Collect::Full);
    settle(&heap);
    ledger.assert_all_once();
    Ok(())
}
