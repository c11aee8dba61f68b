//! User code that panics and lies: keys of maps, and what closures call.

use std::{
    cell::{Cell, RefCell},
    hash::{Hash, Hasher},
};

use gc_core::Trace;

use crate::random::Random;

thread_local! {
    /// What user code does when it is called next: counts down to a panic.
    static FUSE: Cell<u32> = const { Cell::new(u32::MAX) };
    /// What equality and hashes are wrong by.
    static LIE: RefCell<Option<Random>> = const { RefCell::new(None) };
}

/// Has this thread's user code panic when it is called for that time.
pub fn panic_at(call: u32) {
    FUSE.set(call);
}

/// Has this thread's user code lie.
pub fn lie_by(random: Random) {
    LIE.set(Some(random));
}

/// Has this thread's user code neither panic nor lie.
pub fn behave() {
    FUSE.set(u32::MAX);
    LIE.set(None);
}

/// Panics when the fuse has burnt down, and lies while there is a lie.
pub fn attack() -> u64 {
    FUSE.set(FUSE.get().wrapping_sub(1));
    assert!(FUSE.get() != 0, "on purpose");
    LIE.with_borrow_mut(|lie| lie.as_mut().map_or(0, Random::draw))
}

/// A key of which `Hash` and `Eq` are such user code.
#[derive(Clone, Debug, Trace)]
pub struct Key(pub u64);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        let lie = attack();
        if lie % 4 == 1 { lie % 8 == 1 } else { self.0 == other.0 }
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let lie = attack();
        state.write_u64(if lie % 4 == 1 { lie % 16 } else { self.0 % 50 });
    }
}
