//! The tables that are keyed by the addresses of objects, which follow when old objects move.

use core::ptr::NonNull;
use std::collections::HashMap;

use crate::{
    memory::AddressMap,
    object::{Flag, Header, HeaderWord, TypeInfo},
    old::evacuate::FollowMoves,
    registered::{Generations, Table, WeakCell},
    settings::config::Config,
};

use super::type_info::WEAK_CELL;

/// The tables of a heap, for the time of one compaction: that of registered objects, and with the
/// stress setting `verify` a log of the moves, which is checked when all pointers are updated.
pub(crate) struct AddressTables {
    log: Option<HashMap<usize, Move>>,
    /// Objects with the flag, and weak cells, that have moved.
    registered: Vec<(NonNull<u8>, NonNull<u8>)>,
    cells: Vec<(NonNull<WeakCell>, NonNull<WeakCell>)>,
}

struct Move {
    to: usize,
    info: &'static TypeInfo,
}

impl AddressTables {
    pub(crate) fn new(config: &Config) -> Self {
        Self { log: config.stress.verify.then(HashMap::new), registered: Vec::new(), cells: Vec::new() }
    }

    /// Has the table of registered objects follow. The objects were moved, and the headers at their
    /// old addresses still forward.
    pub(crate) fn follow(&mut self, table: &Table, generations: Generations<'_>) {
        for (from, to) in self.registered.drain(..) {
            let Some(mut entry) = table.remove_old(from) else { continue };
            entry.object = to;
            if let Some(cell) = entry.cell {
                // SAFETY: a weak cell is an object, which may have moved just now.
                let cell = match unsafe { Header::of(cell.as_ptr().cast()).read() } {
                    HeaderWord::Forwarded(to) => NonNull::new(to).expect("no object is at address 0").cast(),
                    _ => cell,
                };
                // SAFETY: as above, at its present address.
                unsafe { cell.as_ref() }.follow(to);
                entry.cell = Some(cell);
            }
            table.insert(generations, entry);
        }
        for (from, to) in self.cells.drain(..) {
            // SAFETY: a weak cell was moved to this address just now.
            let Some(target) = NonNull::new(unsafe { to.as_ref() }.target().get()) else { continue };
            // The entry may know its new address already.
            table.with_existing(target, |entry| {
                entry.cell = entry.cell.map(|cell| if cell == from { to } else { cell })
            });
        }
    }

    /// Checks that each object was moved once, to a place of its own, and has its type there.
    pub(crate) fn check(self, map: AddressMap) {
        let Some(log) = self.log else { return };
        let places: std::collections::HashSet<usize> = log.values().map(|to| to.to).collect();
        assert_eq!(places.len(), log.len(), "gc-core: two objects were moved to one place");
        for (from, Move { to, info }) in log {
            assert!(!places.contains(&from), "gc-core: the object at {from:#x} was moved twice");
            // SAFETY: an object was moved to this address in this pause.
            let found = unsafe { Header::of(map.pointer(to)).info() };
            assert!(core::ptr::eq(found, info), "gc-core: the object at {to:#x} has another type since it was moved");
        }
    }
}

impl FollowMoves for AddressTables {
    fn moved(&mut self, from: *mut u8, to: *mut u8) {
        // SAFETY: an object was moved to this address just now.
        if unsafe { Header::of(to).has(Flag::Registered) } {
            let [from, to] = [from, to].map(|address| NonNull::new(address).expect("no object is at address 0"));
            // SAFETY: as above.
            if core::ptr::eq(unsafe { Header::of(to.as_ptr()).info() }, &WEAK_CELL) {
                self.cells.push((from.cast(), to.cast()));
            } else {
                self.registered.push((from, to));
            }
        }
        if let Some(log) = &mut self.log {
            // SAFETY: an object was moved to this address just now.
            let info = unsafe { Header::of(to).info() };
            let before = log.insert(from.addr(), Move { to: to.addr(), info });
            assert!(before.is_none(), "gc-core: the object at {from:p} was moved twice");
        }
    }
}
