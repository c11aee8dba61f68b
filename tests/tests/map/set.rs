//! `GcSet`: in step with the set of std for one mutator, one winner for each member among many, and one object a member.

use std::{
    cell::Cell,
    collections::HashSet,
    hash::{Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
};

use gc_core::{Collect, Gc, GcSet, Heap, Root, Trace, blocking, map::Cursor, observe::Census};
use gc_tests::{
    heaps::{calm, under},
    random::Random,
    sizes::scaled,
};

/// A member that is equal to another one whose mark differs.
#[derive(Clone, Copy, Debug, Trace)]
struct Member {
    number: u64,
    mark: u64,
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Member {}

impl Hash for Member {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

type Set = Root<Gc<'static, GcSet<'static, Member>>>;

/// A set of std with the same steps: `replace` and `get_or_insert` say which of two equal members is there.
fn in_step(heap: &Heap, seed: u64) {
    let mut m = heap.attach().unwrap();
    let set: Set = m.root(m.alloc(GcSet::<Member>::new()));
    let (mut random, mut model) = (Random::new(seed), HashSet::<Member>::new());
    let same = |found: Option<&Member>, expected: Option<Member>| {
        assert_eq!(
            found.map(|member| (member.number, member.mark)),
            expected.map(|member| (member.number, member.mark))
        );
    };
    for step in 0..400 {
        let member = Member { number: random.below(60), mark: step };
        let here = set.get(&m);
        match random.below(9) {
            0 | 1 => assert_eq!(here.insert(&m, member), model.insert(member)),
            2 => same(here.replace(&m, member), model.replace(member)),
            3 => {
                model.insert(member);
                same(Some(here.get_or_insert(&m, member)), model.get(&member).copied());
            }
            4 => {
                let found = here.get_or_insert_with(&m, &member, |&member| {
                    assert!(model.insert(member), "a member that is there was made");
                    member
                });
                same(Some(found), model.get(&member).copied());
            }
            5 => same(here.take(&m, &member), model.take(&member)),
            6 => assert_eq!(here.remove(&m, &member), model.remove(&member)),
            7 => {
                same(here.get(&member), model.get(&member).copied());
                assert_eq!(here.contains(&member), model.contains(&member));
            }
            _ if random.below(20) == 0 => {
                let part = 1 + random.below(4);
                here.retain(&m, |member| member.number % part != 0);
                model.retain(|member| member.number % part != 0);
            }
            _ => {
                here.extend(&m, (0..random.below(30)).map(|number| Member { number, mark: step }));
                here.iter().for_each(|member| {
                    model.insert(*member);
                });
            }
        }
        assert_eq!((here.len(), here.is_empty()), (model.len(), model.is_empty()));
        m.safepoint();
    }
    let (mut cursor, mut met) = (Cursor::new(), Vec::new());
    while set.get(&m).advance(&mut cursor, |member| met.push((member.number, member.mark))) {
        m.safepoint();
    }
    let mut expected: Vec<_> = model.iter().map(|member| (member.number, member.mark)).collect();
    met.sort_unstable();
    expected.sort_unstable();
    assert_eq!(met, expected);
    set.get(&m).clear(&m);
    assert!(set.get(&m).is_empty() && set.get(&m).iter().next().is_none());
}

#[test]
fn as_the_set_of_std() {
    for profile in ["verify,every-safepoint=20", "verify,every-safepoint=7,full-every=3,compact-always,promote-always"]
    {
        let heap = under(profile).build().unwrap();
        (0..scaled(20)).for_each(|seed| in_step(&heap, seed));
    }
}

/// Of threads that put the same members in, one is told of each that it is new, and all of them get its object.
#[test]
fn a_member_is_new_to_one_thread() {
    let heap = under("every-safepoint=300").build().unwrap();
    let mut m = heap.attach().unwrap();
    let set: Set = m.root(m.alloc(GcSet::<Member>::new()));
    let members = scaled(10_000);
    let new: u64 = blocking::scope(&mut m, |scope| {
        let (heap, set) = (&heap, &set);
        let work = |thread: u64| {
            move || {
                let mut m = heap.attach().unwrap();
                let mut new = 0;
                for number in 0..members {
                    let here = set.get(&m);
                    let mine = Member { number, mark: thread };
                    let inserted = if number % 2 == 0 {
                        here.insert(&m, mine)
                    } else {
                        here.get_or_insert(&m, mine).mark == thread
                    };
                    new += u64::from(inserted);
                    assert_eq!(here.get(&mine).map(|found| found.mark == thread), Some(inserted));
                    m.safepoint();
                }
                new
            }
        };
        let threads: Vec<_> = (0..4).map(|thread| scope.spawn(work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((new, set.get(&m).len() as u64), (members, members));
}

#[test]
fn a_member_is_one_object_of_three_words() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let set: Root<Gc<GcSet<u64>>> = m.root(m.alloc(GcSet::<u64>::new()));
    set.get(&m).extend(&m, 0..1000);
    let census = Census::take(&mut m);
    let entries = census.types().iter().find(|of| of.live.objects >= 1000).expect("a type of which there are as many");
    // With the nodes that say nothing of a member: those of its head, and that are shared.
    assert!((1000..1010).contains(&entries.live.objects), "{entries:?}");
    assert_eq!(entries.live.bytes, 24 * entries.live.objects);
    assert_eq!(set.get(&m).len(), 1000);
}

/// A member that is there is found, and nothing is allocated.
#[test]
fn to_insert_what_is_there_allocates_nothing() {
    let heap = calm().build().unwrap();
    let m = heap.attach().unwrap();
    let set = m.alloc(GcSet::<u64>::new());
    set.extend(&m, 0..100);
    heap.set_hard_limit(Some(0));
    let mut memory = Vec::new();
    while let Ok(bytes) = m.try_alloc(0_u64) {
        memory.push(bytes);
    }
    assert!(set.try_insert(&m, 1000).is_err());
    assert_eq!(set.try_insert(&m, 7).ok(), Some(false));
    assert_eq!(set.try_get_or_insert(&m, 7).ok(), Some(&7));
    assert_eq!(set.try_get_or_insert_with(&m, &7, |_| unreachable!()).ok(), Some(&7));
    assert_eq!(set.try_get_or_insert(&m, 1000).map_err(|error| error.into_value()), Err(Some(1000)));
}

/// A new member that is another one would be put in where nobody looks for it.
#[test]
fn another_member_than_was_asked_for_is_refused() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let set: Root<Gc<GcSet<u64>>> = m.root(m.alloc(GcSet::<u64>::new()));
    let calls = Cell::new(0);
    let wrong = |_: &u64| {
        calls.set(calls.get() + 1);
        8
    };
    let panic = catch_unwind(AssertUnwindSafe(|| *set.get(&m).get_or_insert_with(&m, &7, wrong)));
    let message = panic.unwrap_err().downcast::<&str>().map(|message| message.to_string()).unwrap_or_default();
    assert!(message.starts_with("expected a new member of a set that is equal"), "{message}");
    assert_eq!(calls.get(), 1);
    m.collect(Collect::Full);
    assert!(set.get(&m).is_empty());
}
