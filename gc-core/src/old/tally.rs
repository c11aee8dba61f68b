//! Objects and bytes by type, as a sweep counts them where a census is wanted.
//!
//! - **[tally.by-info]** What is counted belongs to the address of a `TypeInfo`, of which a type
//!   may have several. The memory of a tally is in proportion to their number, which the program's
//!   text bounds. The reader adds up what belongs to one type.

use core::ptr;
use std::collections::HashMap;

use crate::{
    object::{Header, TypeInfo},
    stats::Amount,
};

/// What was counted of one type info.
pub(crate) struct Record {
    pub(crate) info: &'static TypeInfo,
    /// What was marked when marking ended.
    pub(crate) live: Amount,
    /// Bytes of the cells and runs of that.
    pub(crate) cell_bytes: usize,
    /// What minor collections found young and kept, of generation 0 and of generation 1.
    pub(crate) fresh: Amount,
    pub(crate) survivors: Amount,
    /// What they found dead.
    pub(crate) dead: Amount,
}

/// Objects and bytes by type.
pub(crate) struct Tally {
    records: Vec<Record>,
    by_info: HashMap<usize, usize>,
    /// The records that were used last, by a hash of the info's address.
    recent: [Recent; RECENT],
}

#[derive(Clone, Copy)]
struct Recent {
    info: usize,
    record: usize,
}

const RECENT: usize = 64;
const NOTHING: Recent = Recent { info: 0, record: 0 };

impl Tally {
    pub(crate) fn new() -> Self {
        Self { records: Vec::new(), by_info: HashMap::new(), recent: [NOTHING; RECENT] }
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Returns the record of a type info, for one object more.
    #[inline(always)]
    pub(crate) fn of(&mut self, info: &'static TypeInfo) -> &mut Record {
        let address = ptr::from_ref(info).addr();
        let recent = self.recent[nth(address)];
        let record = if recent.info == address { recent.record } else { self.find(info) };
        &mut self.records[record]
    }

    #[cold]
    #[inline(never)]
    fn find(&mut self, info: &'static TypeInfo) -> usize {
        let address = ptr::from_ref(info).addr();
        let (records, none) = (&mut self.records, Amount::default());
        let record = *self.by_info.entry(address).or_insert_with(|| {
            records.push(Record { info, live: none, cell_bytes: 0, fresh: none, survivors: none, dead: none });
            records.len() - 1
        });
        self.recent[nth(address)] = Recent { info: address, record };
        record
    }

    /// Counts a marked object, in a cell or run of `cell_bytes`.
    ///
    /// # Safety
    ///
    /// `address` is that of an object, and the world is stopped or the object is old.
    #[inline(always)]
    pub(crate) unsafe fn count_live(&mut self, address: *mut u8, cell_bytes: usize) {
        // SAFETY: the caller's: an object, of which at most the flags of the header change.
        let info = unsafe { Header::of(address).info() };
        // SAFETY: of this type.
        let bytes = unsafe { info.size_with_header(address) };
        let record = self.of(info);
        record.live.add(bytes);
        record.cell_bytes += cell_bytes;
    }
}

/// Returns where the type info at an address is among the recent ones. Infos lie on multiples of 16.
#[inline(always)]
fn nth(address: usize) -> usize {
    (address >> 4) % RECENT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{TraceFn, TraceFns, TypeShape};

    fn info() -> TypeInfo {
        unsafe fn nothing(_: *mut u8, _: usize, _: *mut u8) {}
        let none: TraceFn = nothing;
        let trace = TraceFns {
            evacuate: none,
            evacuate_shared: none,
            mark: none,
            log_old_value: none,
            update: none,
            inspect: none,
        };
        TypeInfo {
            shape: TypeShape::sized(8, 8, true, false),
            trace,
            drop: None,
            tail: None,
            name: core::any::type_name::<u64>,
        }
    }

    /// Some are in one place of the recent ones.
    #[test]
    fn each_info_has_a_record_of_its_own() {
        let infos: Vec<&'static TypeInfo> = (0..200).map(|_| &*Box::leak(Box::new(info()))).collect();
        let mut tally = Tally::new();
        for round in 1..=3 {
            for (nth, info) in infos.iter().enumerate() {
                tally.of(info).live.add(nth + round);
            }
        }
        assert_eq!(tally.records().len(), infos.len());
        for (nth, info) in infos.iter().enumerate() {
            assert_eq!(tally.of(info).live, Amount { objects: 3, bytes: 3 * nth + 6 });
        }
    }
}
