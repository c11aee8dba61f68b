//! A map whose table moves while keys are added, read and removed: `map::table`, `map::moving`, `map::slots`, `map::counts`.
//!
//! The steps of a write are those of `map::write`, without user code.

use crate::{
    Gc, Mutator, check,
    map::{
        memory::Memory,
        node::Node,
        table::{Outcome, Place, Return, Table, slots_of},
    },
    must_fail,
    sync::mutant,
    thread,
};

static MUTATOR: Mutator = Mutator;

/// Keys of one home and tag, as their hash is the same.
const HASH: u32 = 3 << 29 | 5;

#[derive(Clone, Copy)]
struct Map(Table<'static, u64, u64>);

fn memory() -> Memory<'static> {
    Memory::of_try_alloc(&MUTATOR)
}

impl Map {
    fn new() -> Self {
        Self::with_room_for(0)
    }

    fn with_room_for(entries: usize) -> Self {
        Self(Table::first(memory(), entries).ok().unwrap())
    }

    /// A map of two groups, whose segments are not there.
    fn of_two_segments() -> Self {
        Self::with_room_for(9)
    }

    fn get(self, key: u64) -> Option<u64> {
        self.get_of(HASH, key)
    }

    fn get_of(self, hash: u32, key: u64) -> Option<u64> {
        let entry = self.0.find(hash, |entry, &other| (other == key).then_some(entry))?;
        Gc::as_ref(entry).entry().map(|(_, _, &value)| value)
    }

    /// Puts a value in. Returns the one that it replaces.
    fn insert(self, key: u64, value: u64) -> Option<u64> {
        self.insert_of(HASH, key, value)
    }

    fn insert_of(self, hash: u32, key: u64, value: u64) -> Option<u64> {
        let entry = MUTATOR.alloc(Node::Entry { hash, key, value });
        loop {
            match self.0.locate(memory(), hash, |_, &other| other == key).ok().unwrap() {
                Place::Taken(found) => {
                    if let Outcome::Done = found.replace(memory(), entry).ok().unwrap() {
                        return Gc::as_ref(found.entry).entry().map(|(_, _, &value)| value);
                    }
                }
                Place::Free { table, index, left } => match table.add(&MUTATOR, index, left, hash, entry) {
                    Outcome::Done => return None,
                    Outcome::Changed => {}
                    _ => table.make_next(memory()).ok().unwrap(),
                },
                Place::Full(_) => unreachable!("no table is full"),
            }
        }
    }

    fn remove(self, key: u64) -> Option<u64> {
        self.remove_of(key, Return::Perhaps)
    }

    /// Removes a key that may return to its slot, or does not.
    fn remove_of(self, key: u64, returns: Return) -> Option<u64> {
        loop {
            let found = self.0.find_to_change(&MUTATOR, HASH, |_, &other| other == key)?;
            if let Outcome::Done | Outcome::Sparse = found.remove(&MUTATOR, returns) {
                return Gc::as_ref(found.entry).entry().map(|(_, _, &value)| value);
            }
        }
    }

    /// Counts the entries in the slots.
    fn entries(self) -> usize {
        let nodes = (0..self.0.groups()).flat_map(slots_of).filter_map(|index| self.0.load(index));
        nodes.filter(|&node| Gc::as_ref(node).entry().is_some()).count()
    }

    /// Begins to move the table.
    fn begin(self) -> Table<'static, u64, u64> {
        self.0.make_next(memory()).ok().unwrap();
        self.0.next().unwrap()
    }

    /// Moves the slot that the first key has.
    fn move_first(self) {
        let next = self.begin();
        self.0.move_slot(memory(), 8 * self.0.home(HASH), next).ok().unwrap();
    }

    /// Moves all slots, and returns the map of the next table.
    fn end(self) -> Self {
        let next = self.begin();
        self.0.move_all(memory(), next).ok().unwrap();
        Self(next)
    }
}

/// Runs two threads. Returns what they return.
fn both<A: 'static, B: Send + 'static>(
    map: Map,
    here: impl FnOnce(Map) -> A,
    there: impl FnOnce(Map) -> B + Send + 'static,
) -> (A, B) {
    let there = thread::spawn(move || there(map));
    let here = here(map);
    (here, there.join().unwrap())
}

fn one_has_been_first(map: Map, (one, other): (Option<u64>, Option<u64>)) {
    match (one, other) {
        (None, Some(1)) => assert_eq!(map.get(7), Some(2)),
        (Some(2), None) => assert_eq!(map.get(7), Some(1)),
        found => panic!("one of two values was put in first, and both threads found {found:?}"),
    }
    assert_eq!(map.0.len(), 1);
}

/// Two threads put different values in for a key that a map has not, as it `begins`.
fn two_that_add(begins: fn() -> Map) {
    check(move || {
        let map = begins();
        let found = both(map, |map| map.insert(7, 1), |map| map.insert(7, 2));
        one_has_been_first(map, found);
    });
}

fn two_that_add_while_the_table_moves(begins: fn() -> Map) {
    check(move || {
        let map = begins();
        let found = both(
            map,
            |map| map.insert(7, 1),
            |map| {
                map.begin();
                map.insert(7, 2)
            },
        );
        one_has_been_first(map, found);
        one_has_been_first(map.end(), found);
    });
}

/// A map whose key has been there, and may come back to its slot.
fn with_a_key_that_is_gone() -> Map {
    let map = Map::new();
    map.insert(7, 9);
    map.remove(7);
    map
}

#[test]
fn of_two_threads_that_bring_a_key_back_one_is_first() {
    two_that_add(with_a_key_that_is_gone);
}

#[test]
fn of_two_threads_that_bring_a_key_back_while_the_table_moves_one_is_first() {
    two_that_add_while_the_table_moves(with_a_key_that_is_gone);
}

/// It comes back to its slot before that moves, or to the next table.
#[test]
fn a_key_comes_back_while_its_slot_moves() {
    check(|| {
        let map = with_a_key_that_is_gone();
        let ((), found) = both(map, Map::move_first, |map| (map.insert(7, 1), map.get(7), map.remove(7), map.get(7)));
        assert_eq!(found, (None, Some(1), Some(1), None));
        assert_eq!((map.get(7), map.end().get(7), map.0.len()), (None, None, 0));
    });
}

#[test]
fn of_two_threads_that_add_a_key_one_is_first() {
    two_that_add(Map::new);
}

#[test]
fn of_two_threads_that_add_a_key_while_the_table_moves_one_is_first() {
    two_that_add_while_the_table_moves(Map::new);
}

#[test]
fn a_key_is_read_while_it_moves() {
    check(|| {
        let map = Map::new();
        map.insert(7, 1);
        let ((), found) = both(map, Map::move_first, |map| (map.get(7), map.get(7)));
        assert_eq!(found, (Some(1), Some(1)));
    });
}

#[test]
fn a_key_that_is_removed_while_it_moves_stays_removed() {
    check(|| {
        let map = Map::new();
        map.insert(7, 1);
        let ((), found) = both(map, Map::move_first, |map| (map.remove(7), map.get(7)));
        assert_eq!(found, (Some(1), None));
        assert_eq!((map.get(7), map.end().get(7), map.0.len()), (None, None, 0));
    });
}

/// The late one of two threads that move a key does not bring it back, or the value that it had.
#[test]
fn a_key_that_two_threads_move_is_moved_once() {
    check(|| {
        let map = Map::new();
        map.insert(7, 1);
        map.begin();
        let ((), found) = both(map, Map::move_first, |map| {
            map.move_first();
            (map.insert(7, 2), map.remove(7))
        });
        assert_eq!(found, (Some(1), Some(2)));
        assert_eq!((map.get(7), map.end().get(7)), (None, None));
    });
}

/// Another key of the same home takes the place that one was to move to.
#[test]
fn a_place_that_another_key_takes_is_not_lost() {
    check(|| {
        let map = Map::new();
        map.insert(7, 1);
        map.begin();
        let ((), found) = both(map, Map::move_first, |map| (map.insert(8, 3), map.remove(7)));
        assert_eq!(found, (None, Some(1)));
        assert_eq!((map.get(7), map.get(8)), (None, Some(3)));
        let map = map.end();
        assert_eq!((map.get(7), map.get(8), map.0.len()), (None, Some(3), 1));
    });
}

/// [concurrent-map.segments]
#[test]
fn of_two_threads_that_make_a_segment_one_is_first() {
    two_that_add(Map::of_two_segments);
}

#[test]
fn of_two_threads_that_add_a_key_while_its_segment_is_closed_one_is_first() {
    two_that_add_while_the_table_moves(Map::of_two_segments);
}

/// [concurrent-map.segments]: all is moved, or closed, while a key is added to a segment that is not there.
#[test]
fn a_key_that_comes_to_a_segment_while_that_is_closed_is_not_lost() {
    check(|| {
        let map = Map::of_two_segments();
        let (end, found) = both(map, Map::end, |map| (map.insert(7, 1), map.get(7)));
        assert_eq!(found, (None, Some(1)));
        assert_eq!((map.get(7), end.get(7), end.end().get(7)), (Some(1), Some(1), Some(1)));
    });
}

/// [concurrent-map.tags]: keys of two hashes, which come to one slot.
fn two_that_come_to_one_slot() {
    check(|| {
        let map = Map::new();
        map.insert(8, 1);
        let found = both(map, |map| map.insert_of(HASH + 2, 9, 3), |map| (map.insert(7, 2), map.get(7), map.remove(8)));
        assert_eq!(found, (None, (None, Some(2), Some(1))));
        assert_eq!((map.get_of(HASH + 2, 9), map.get(7), map.get(9)), (Some(3), Some(2), None));
        assert_eq!((map.entries(), map.0.len()), (2, 2));
    });
}

#[test]
fn keys_of_two_hashes_that_come_to_one_slot_are_both_found() {
    two_that_come_to_one_slot();
}

#[test]
fn mutant_a_tag_that_comes_first_is_found() {
    must_fail("map::mutant_a_tag_that_comes_first_is_found", mutant::TAG_COMES_FIRST, two_that_come_to_one_slot);
}

/// [concurrent-map.dead-tags]: one thread removes a key for which another one stores a new value.
fn one_that_removes_and_one_that_replaces() {
    check(|| {
        let map = Map::new();
        map.insert(7, 1);
        match both(map, |map| map.remove_of(7, Return::Never), |map| map.insert(7, 2)) {
            (Some(1), None) => assert_eq!((map.get(7), map.0.len()), (Some(2), 1)),
            (Some(2), Some(1)) => assert_eq!((map.get(7), map.0.len()), (None, 0)),
            found => panic!("one of two threads was first, and both found {found:?}"),
        }
        assert!(map.get(7).is_none() || map.end().get(7) == Some(2));
    });
}

#[test]
fn a_key_that_is_removed_while_it_is_replaced_is_not_lost() {
    one_that_removes_and_one_that_replaces();
}

#[test]
fn mutant_a_tag_that_goes_first_is_found() {
    must_fail(
        "map::mutant_a_tag_that_goes_first_is_found",
        mutant::TAG_GOES_FIRST,
        one_that_removes_and_one_that_replaces,
    );
}

/// [concurrent-map.close]: all is closed while a key is added, and then read.
fn one_that_adds_and_reads_while_the_table_is_closed() {
    check(|| {
        let map = Map::new();
        let (end, found) = both(map, Map::end, |map| (map.insert(7, 1), map.get(7), map.get(8)));
        assert_eq!(found, (None, Some(1), None));
        assert_eq!((map.get(7), end.get(7)), (Some(1), Some(1)));
    });
}

#[test]
fn a_key_that_is_added_while_the_table_is_closed_is_read() {
    one_that_adds_and_reads_while_the_table_is_closed();
}

#[test]
fn mutant_a_closed_home_that_is_a_miss_is_found() {
    must_fail(
        "map::mutant_a_closed_home_that_is_a_miss_is_found",
        mutant::CLOSED_HOME_IS_A_MISS,
        one_that_adds_and_reads_while_the_table_is_closed,
    );
}

/// [concurrent-map.tags]: what was found in a slot whose tag is late is found again.
fn one_that_reads_while_a_tag_is_late() {
    check(|| {
        let map = Map::new();
        let (_, found) = both(map, |map| map.insert(7, 1), |map| (map.insert(7, 2), map.get(7)));
        assert!(matches!(found, (None, Some(1 | 2)) | (Some(1), Some(2))), "{found:?}");
    });
}

#[test]
fn a_key_whose_tag_is_late_is_read() {
    one_that_reads_while_a_tag_is_late();
}

#[test]
fn mutant_a_late_tag_that_is_a_miss_is_found() {
    must_fail(
        "map::mutant_a_late_tag_that_is_a_miss_is_found",
        mutant::LATE_TAG_IS_A_MISS,
        one_that_reads_while_a_tag_is_late,
    );
}

#[test]
fn mutant_a_segment_that_is_stored_is_found() {
    let model = || two_that_add(Map::of_two_segments);
    must_fail("map::mutant_a_segment_that_is_stored_is_found", mutant::SEGMENT_IS_STORED, model);
}

#[test]
fn mutant_a_key_that_is_added_by_a_store_is_found() {
    must_fail("map::mutant_a_key_that_is_added_by_a_store_is_found", mutant::KEY_IS_ADDED_BY_A_STORE, || {
        two_that_add(Map::new)
    });
}

#[test]
fn mutant_a_key_that_comes_back_late_is_found() {
    let model = || two_that_add_while_the_table_moves(with_a_key_that_is_gone);
    must_fail("map::mutant_a_key_that_comes_back_late_is_found", mutant::KEY_COMES_BACK_LATE, model);
}

#[test]
fn mutant_a_run_that_stays_open_is_found() {
    let model = || two_that_add_while_the_table_moves(Map::new);
    must_fail("map::mutant_a_run_that_stays_open_is_found", mutant::RUN_STAYS_OPEN, model);
}

/// Equality that lies for a moment, to a thread that replaces a key while another one moves it: each entry is counted, and there once.
#[test]
fn a_lie_does_not_bring_back_what_was_replaced() {
    check(|| {
        let map = Map::new();
        map.insert(7, 1);
        map.begin();
        both(map, Map::move_first, |map| {
            let entry = MUTATOR.alloc(Node::Entry { hash: HASH, key: 7, value: 2 });
            let mut calls = 0;
            let found = map.0.locate(memory(), HASH, |_, &other| {
                calls += 1;
                calls > 1 && other == 7
            });
            if let Ok(Place::Taken(found)) = found {
                let _ = found.replace(memory(), entry);
            }
            map.move_first();
        });
        let map = map.end();
        assert_eq!(map.entries(), map.0.len());
    });
}

#[test]
fn a_lie_does_not_bring_back_what_was_removed() {
    check(|| {
        let map = Map::new();
        map.insert(7, 1);
        map.begin();
        both(map, Map::move_first, |map| {
            let mut calls = 0;
            let found = map.0.locate(memory(), HASH, |_, &other| {
                calls += 1;
                calls > 1 && other == 7
            });
            if let Ok(Place::Taken(found)) = found {
                let _ = found.remove(&MUTATOR, Return::Perhaps);
            }
            map.move_first();
        });
        let map = map.end();
        assert_eq!(map.entries(), map.0.len());
    });
}
