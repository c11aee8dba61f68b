//! An interner whose dead entry is removed while two threads intern its text: `map::table`, under the rules of `weak_table`.
//!
//! - Of two threads that intern a text one is first, and the other one finds its object ([weak-table.one]).
//! - The dead entry is found by nobody who looks for the text, and goes, also if it has moved to another table meanwhile; what was put in since stays
//!   ([weak-table.own-entry]).
//!
//! There is no pause in a model, so the entry is dead throughout ([weak-table.dead]). The steps are those of `map::by_hash` and `map::steps`.

use crate::{
    Gc, Mutator, check,
    map::{
        memory::Memory,
        node::Node,
        table::{NodeRef, Outcome, Place, Return, Table},
    },
    must_fail,
    sync::mutant,
    thread,
};

static MUTATOR: Mutator = Mutator;

/// All texts have one hash.
const HASH: u32 = 3 << 29;

/// What is read of the object of an entry: a text, or nothing once it is dead.
const TEXT: Option<u32> = Some(7);
const DEAD: Option<u32> = None;

/// Entries: what is read of the object, and which object it is.
#[derive(Clone, Copy)]
struct Interner(Table<'static, Option<u32>, u32>);

fn memory() -> Memory<'static> {
    Memory::of_try_alloc(&MUTATOR)
}

fn object(entry: NodeRef<'static, Option<u32>, u32>) -> u32 {
    Gc::as_ref(entry).entry().map(|(_, _, &object)| object).unwrap()
}

impl Interner {
    /// Returns an interner with an object that is dead: number 1.
    fn new() -> Self {
        let interner = Self(Table::first(memory(), 0).ok().unwrap());
        interner.put(DEAD, 1);
        interner
    }

    /// Returns the object of the text, which is this one if there was none.
    fn intern(self, new: u32) -> u32 {
        match self.0.find(HASH, |entry, &text| (text == TEXT).then_some(entry)) {
            Some(entry) => object(entry),
            None => self.put(TEXT, new),
        }
    }

    fn put(self, text: Option<u32>, new: u32) -> u32 {
        let entry = MUTATOR.alloc(Node::Entry { hash: HASH, key: text, value: new });
        loop {
            match self.0.locate(memory(), HASH, |_, &other| other == TEXT).ok().unwrap() {
                Place::Taken(found) => return object(found.entry),
                Place::Free { table, index, left } => match table.add(&MUTATOR, index, left, HASH, entry) {
                    Outcome::Done => return new,
                    Outcome::Changed => {}
                    _ => table.make_next(memory()).ok().unwrap(),
                },
                Place::Full(_) => unreachable!("no table is full"),
            }
        }
    }

    /// Removes the entry of an object, if it is there.
    fn remove(self, which: u32) {
        let wanted = |entry: Gc<'static, Node<'static, _, _>>| {
            Gc::as_ref(entry).entry().is_some_and(|(_, _, &object)| object == which)
        };
        loop {
            let Some(found) = self.0.find_to_change(&MUTATOR, HASH, |entry, _| wanted(entry)) else { return };
            if let Outcome::Done | Outcome::Sparse = found.remove(&MUTATOR, Return::Never) {
                return;
            }
        }
    }

    /// Moves the slots to the next table. Returns the interner of that.
    fn moved(self) -> Self {
        self.0.make_next(memory()).ok().unwrap();
        let next = self.0.next().unwrap();
        self.0.move_all(memory(), next).ok().unwrap();
        Self(next)
    }

    /// Moves the slot that the dead entry has.
    fn move_first(self) {
        self.0.make_next(memory()).ok().unwrap();
        self.0.move_slot(memory(), 8 * self.0.home(HASH), self.0.next().unwrap()).ok().unwrap();
    }

    /// Checks that there is one object, this one.
    fn has_only(self, which: u32) {
        assert_eq!(self.intern(9), which, "what was interned is lost");
        assert_eq!(self.0.len(), 1, "the text, or the dead entry, is there beside it");
    }
}

/// Two threads intern the text, while a third removes the dead entry.
fn two_intern_and_one_removes(begins: fn() -> Interner) {
    check(move || {
        let interner = begins();
        let other = thread::spawn(move || interner.intern(2));
        let removal = thread::spawn(move || interner.remove(1));
        let here = interner.intern(3);
        assert_eq!(other.join().unwrap(), here, "a text has two objects");
        removal.join().unwrap();
        interner.has_only(here);
    });
}

#[test]
fn two_threads_that_intern_a_text_get_one_object_while_the_dead_one_is_removed() {
    two_intern_and_one_removes(Interner::new);
}

/// The slot of the dead entry is used by nobody again.
#[test]
fn a_text_does_not_come_back_to_the_slot_of_its_dead_object() {
    check(|| {
        let interner = Interner::new();
        let other = thread::spawn(move || {
            interner.remove(1);
            interner.intern(2)
        });
        let here = interner.intern(3);
        assert_eq!(other.join().unwrap(), here, "a text has two objects");
        interner.has_only(here);
    });
}

/// One thread moves the table, and another one removes the dead entry, while the text is interned by both.
fn they_intern_while_the_table_moves() {
    check(|| {
        let interner = Interner::new();
        let other = thread::spawn(move || {
            interner.move_first();
            interner.intern(2)
        });
        interner.remove(1);
        let here = interner.intern(3);
        assert_eq!(other.join().unwrap(), here, "a text has two objects");
        interner.has_only(here);
        interner.moved().has_only(here);
    });
}

#[test]
fn two_threads_that_intern_a_text_get_one_object_while_the_table_moves() {
    they_intern_while_the_table_moves();
}

#[test]
fn mutant_an_entry_that_is_added_by_a_store_is_found() {
    must_fail("weak_table::mutant_an_entry_that_is_added_by_a_store_is_found", mutant::KEY_IS_ADDED_BY_A_STORE, || {
        two_intern_and_one_removes(Interner::new)
    });
}

#[test]
fn mutant_a_run_that_stays_open_is_found() {
    must_fail(
        "weak_table::mutant_a_run_that_stays_open_is_found",
        mutant::RUN_STAYS_OPEN,
        they_intern_while_the_table_moves,
    );
}
