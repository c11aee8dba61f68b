//! Two threads that ask at once for the identity of an object, and for its weak cell: `registered::table`, `registered::entries`.
//!
//! They get the same ([table.looked-up-once]).

use core::{
    cell::UnsafeCell,
    ptr::{self, NonNull},
};

use crate::{
    Arc, check,
    memory::{AddressMap, OLD},
    must_fail,
    registered::{Generations, Table, WeakCell},
    space::large::RunTable,
    sync::mutant,
    thread,
};

struct World {
    table: Table,
    /// The cell that each thread makes, if it must.
    cells: [UnsafeCell<WeakCell>; 2],
}

// SAFETY: each thread gives its own cell away, which is written under the lock of the table.
unsafe impl Sync for World {}
// SAFETY: as above.
unsafe impl Send for World {}

impl World {
    /// Returns what thread number `thread` is told: the identity, that in the weak cell, and where the cell is.
    fn ask(&self, thread: usize) -> (u64, u64, usize) {
        let object = NonNull::new(ptr::without_provenance_mut(OLD)).unwrap();
        let generations = Generations { map: AddressMap::new(), runs: &RunTable };
        // SAFETY: nothing is read at the address.
        let id = unsafe {
            self.table.with_entry(generations, object, |entry| {
                entry.is_known = true;
                entry.id
            })
        };
        let made = NonNull::new(self.cells[thread].get()).unwrap();
        // SAFETY: as above; nothing else leads to this thread's cell.
        let cell = unsafe { self.table.weak_cell(generations, object, |_| (), || made) };
        // SAFETY: a cell that was written under the lock.
        let cell = unsafe { cell.as_ref() };
        assert_eq!(cell.target().get(), object.as_ptr(), "the weak cell leads elsewhere");
        (id, cell.id(), ptr::from_ref(cell).addr())
    }
}

fn two_threads() {
    check(|| {
        let cell = || UnsafeCell::new(WeakCell::unused());
        let world = Arc::new(World { table: Table::new(), cells: [cell(), cell()] });
        let other = {
            let world = world.clone();
            thread::spawn(move || world.ask(0))
        };
        let told = world.ask(1);
        assert_eq!(told, other.join().unwrap(), "two threads are told different things");
        assert_eq!(told.0, told.1, "the weak cell has another identity");
        assert_eq!(world.table.young_len() + world.table.old_len(), 1, "an object has more than one entry");
    });
}

#[test]
fn two_threads_are_told_the_same() {
    two_threads();
}

#[test]
fn mutant_an_entry_that_is_added_late_is_found() {
    must_fail("identity::mutant_an_entry_that_is_added_late_is_found", mutant::ENTRY_IS_ADDED_LATE, two_threads);
}

#[test]
fn mutant_a_cell_that_is_looked_for_once_is_found() {
    must_fail("identity::mutant_a_cell_that_is_looked_for_once_is_found", mutant::CELL_IS_LOOKED_FOR_ONCE, two_threads);
}
