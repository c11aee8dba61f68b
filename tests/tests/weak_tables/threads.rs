//! Several mutators in one table: they agree on what a content's object is, and on what an object's value is.

use std::sync::atomic::{AtomicUsize, Ordering};

use gc_core::{Gc, Heap, Interner, Mutator, Root, WeakKeyMap, WeakSet, WeakValueMap, blocking};
use gc_tests::{heaps::under, random::Random, sizes::scaled};
use parking_lot::Mutex;

use super::collect_all;

const PROFILES: [&str; 3] = [
    "verify,every-safepoint=50",
    "verify,every-safepoint=60,full-every=2,promote-always",
    "verify,every-safepoint=100,full-every=2,compact-always,promote-always",
];

/// Runs four threads, each with a mutator and random numbers.
fn four(heap: &Heap, m: &mut Mutator, work: impl Fn(&mut Mutator, &mut Random) + Sync) {
    blocking::scope(m, |scope| {
        let work = &work;
        let threads =
            [0, 1, 2, 3].map(|thread| scope.spawn(move || work(&mut heap.attach().unwrap(), &mut Random::new(thread))));
        // ThreadSanitizer does not see what the end of a scope orders.
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// Names are interned by all threads at once, kept by some of them for a while, and forgotten. Two that are alive at once are the same object.
#[test]
fn threads_that_intern_the_same_text_get_the_same_object() {
    const NAMES: u64 = 16;
    for profile in PROFILES {
        let heap = under(profile).build().unwrap();
        let mut m = heap.attach().unwrap();
        let names = m.root(Interner::<str>::new(&m));
        let kept: Vec<Mutex<Option<Root<Gc<'static, str>>>>> = (0..NAMES).map(|_| Mutex::new(None)).collect();
        four(&heap, &mut m, |m, random| {
            for _ in 0..scaled(3000) {
                let number = random.below(NAMES);
                let text = format!("name {number}");
                let interned = names.get(m).intern(m, &text);
                assert_eq!(*interned, *text);
                // Nobody holds the lock at a safepoint.
                let mut kept = kept[number as usize].lock();
                match &*kept {
                    Some(root) => assert!(Gc::ptr_eq(root.get(m), interned), "{text} is there twice"),
                    None => *kept = Some(m.root(interned)),
                }
                if random.below(3) == 0 {
                    *kept = None;
                }
                drop(kept);
                m.safepoint();
            }
        });
        let left = kept.iter().filter(|kept| kept.lock().is_some()).count();
        collect_all(&mut m);
        assert_eq!(names.get(&m).len(), left);
    }
}

/// Threads ask for the value of the same keys at once: one makes it.
#[test]
fn threads_that_ask_for_a_value_get_the_same_one() {
    const KEYS: usize = 64;
    for profile in PROFILES {
        let heap = under(profile).build().unwrap();
        let mut m = heap.attach().unwrap();
        let (map, by_name) = (m.root(WeakKeyMap::<u64, u64>::new(&m)), m.root(WeakValueMap::<u64, u64>::new(&m)));
        for _ in 0..scaled(20) {
            let keys: Vec<Root<Gc<'static, u64>>> = (0..KEYS).map(|n| m.root(m.alloc(n as u64))).collect();
            let made = AtomicUsize::new(0);
            let seen: Vec<Mutex<Option<u64>>> = (0..KEYS).map(|_| Mutex::new(None)).collect();
            four(&heap, &mut m, |m, random| {
                for n in 0..KEYS {
                    let key = keys[n].get(m);
                    let new = random.draw();
                    let value = *map.get(m).get_or_insert_with(m, key, || {
                        made.fetch_add(1, Ordering::Relaxed);
                        new
                    });
                    assert_eq!(*seen[n].lock().get_or_insert(value), value);
                    let object = by_name.get(m).get_or_insert_with(m, n as u64, || key);
                    assert!(Gc::ptr_eq(object, key));
                    m.safepoint();
                }
            });
            assert!(made.load(Ordering::Relaxed) >= KEYS);
            drop(keys);
            collect_all(&mut m);
            assert_eq!((map.get(&m).len(), by_name.get(&m).len()), (0, 0));
        }
    }
}

/// Threads add and take their own objects, most of which die, while dead entries are removed from the same table.
#[test]
fn each_thread_finds_its_own_members_while_others_leave() {
    for profile in PROFILES {
        let heap = under(profile).build().unwrap();
        let mut m = heap.attach().unwrap();
        let set = m.root(WeakSet::<u64>::new(&m));
        let left = AtomicUsize::new(0);
        let roots = Mutex::new(Vec::new());
        four(&heap, &mut m, |m, random| {
            let mut own: Vec<Root<Gc<'static, u64>>> = Vec::new();
            for n in 0..scaled(3000) {
                let object = m.alloc(n);
                assert!(set.get(m).insert(m, object) && set.get(m).contains(m, object));
                if random.below(8) == 0 {
                    own.push(m.root(object));
                }
                if random.below(16) == 0 && !own.is_empty() {
                    let taken = own.swap_remove(random.below(own.len() as u64) as usize);
                    assert!(set.get(m).remove(m, taken.get(m)) && !set.get(m).contains(m, taken.get(m)));
                }
                if random.below(16) == 0 && !own.is_empty() {
                    own.swap_remove(0);
                }
                m.safepoint();
            }
            assert!(own.iter().all(|object| set.get(m).contains(m, object.get(m))));
            left.fetch_add(own.len(), Ordering::Relaxed);
            roots.lock().extend(own);
        });
        collect_all(&mut m);
        assert_eq!(set.get(&m).len(), left.load(Ordering::Relaxed));
        assert_eq!(set.get(&m).iter(&m).count(), left.load(Ordering::Relaxed));
    }
}

/// Each thread adds one to counts that objects have: none is lost.
#[test]
fn no_update_is_lost() {
    const KEYS: u64 = 4;
    for profile in PROFILES {
        let heap = under(profile).build().unwrap();
        let mut m = heap.attach().unwrap();
        let counts = m.root(WeakKeyMap::<u64, u64>::new(&m));
        let keys: Vec<Root<Gc<'static, u64>>> = (0..KEYS).map(|key| m.root(m.alloc(key))).collect();
        keys.iter().for_each(|key| _ = counts.get(&m).insert(&m, key.get(&m), 0));
        let rounds = scaled(2000);
        four(&heap, &mut m, |m, random| {
            for _ in 0..rounds {
                let key = &keys[random.below(KEYS) as usize];
                let after = counts.get(m).update(m, key.get(m), |count| count + 1);
                assert!(after.is_some_and(|&after| after > 0));
                m.safepoint();
            }
        });
        let sum: u64 = keys.iter().filter_map(|key| counts.get(&m).get(&m, key.get(&m))).sum();
        assert_eq!(sum, 4 * rounds, "{profile}");
        assert_eq!(counts.get(&m).len(), KEYS as usize);
        // Nothing is put in where nothing is, also if it was removed while the new value was made.
        let counts = counts.get(&m);
        assert_eq!(counts.update(&m, m.alloc(0), |_| unreachable!()), None);
        let key = keys[0].get(&m);
        let mut calls = 0;
        let updated = counts.update(&m, key, |count| {
            calls += 1;
            counts.remove(&m, key);
            count + 1
        });
        assert_eq!((updated, calls, counts.get(&m, key)), (None, 1, None));
    }
}
