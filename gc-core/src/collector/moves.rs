//! The tables that are keyed by the addresses of objects, which follow when old objects move.

use std::collections::HashMap;

use crate::{
    memory::AddressMap, object::Header, object::TypeInfo, old::evacuate::FollowMoves, settings::config::Config,
};

/// The tables of a heap, for the time of one compaction.
///
/// There is one so far: with the stress setting `verify`, a log of the moves, which is checked when all pointers are updated.
pub(crate) struct AddressTables {
    log: Option<HashMap<usize, Move>>,
}

struct Move {
    to: usize,
    info: &'static TypeInfo,
}

impl AddressTables {
    pub(crate) fn new(config: &Config) -> Self {
        Self { log: config.stress.verify.then(HashMap::new) }
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
        if let Some(log) = &mut self.log {
            // SAFETY: an object was moved to this address just now.
            let info = unsafe { Header::of(to).info() };
            let before = log.insert(from.addr(), Move { to: to.addr(), info });
            assert!(before.is_none(), "gc-core: the object at {from:p} was moved twice");
        }
    }
}
