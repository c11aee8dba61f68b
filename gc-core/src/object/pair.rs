//! The object of an ephemeron, a pair of a key and a value, and lists of such.
//!
//! - **[pair.immutable]** A mutator writes a pair when it makes it, and never again. The collector updates the two pointers of an object
//!   that moves, and clears both when the key is dead: the key first.
//! - **[pair.one-list]** A pair is in one list at a time at most, which links it through `next`: that of an evacuation, for what it has
//!   not decided or for a key ([threaded.headers]), or that of its key while the heap is marking. They never meet, because an evacuation lists the pairs that it copies, and marking
//!   those that were old before. No mutator reads `next`.

use core::{
    hash::{BuildHasherDefault, Hasher},
    mem,
    ptr::{self, NonNull},
};
use std::collections::{HashMap, hash_map};

use crate::sync::atomic::Ordering;

use super::PointerSlot;

/// The object of an ephemeron ([pair.immutable]).
#[repr(C)]
pub struct EphemeronPair {
    pub(crate) key: PointerSlot,
    pub(crate) value: PointerSlot,
    next: PointerSlot,
}

impl EphemeronPair {
    pub(crate) fn new(key: NonNull<u8>, value: NonNull<u8>) -> Self {
        let slot = |address: NonNull<u8>| PointerSlot::new(address.as_ptr());
        Self { key: slot(key), value: slot(value), next: PointerSlot::new(ptr::null_mut()) }
    }
}

/// A pair that the collector has come to.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct PairRef(NonNull<EphemeronPair>);

// SAFETY: the address of a pair, whose fields are atomic; who has the reference is responsible for its use.
unsafe impl Send for PairRef {}

impl PairRef {
    /// # Safety
    ///
    /// A pair that stays at this address, and is not freed, for as long as the reference and the lists that it is put into are used.
    #[inline(always)]
    pub(crate) unsafe fn new(pair: *mut EphemeronPair) -> Self {
        // SAFETY: the caller's: the address of a pair.
        Self(unsafe { NonNull::new_unchecked(pair) })
    }

    #[inline(always)]
    fn pair(&self) -> &EphemeronPair {
        // SAFETY: the duty of the caller of `new`; the fields are atomic.
        unsafe { self.0.as_ref() }
    }

    /// Returns the address of the pair, an object.
    #[inline(always)]
    pub(crate) fn address(self) -> usize {
        self.0.addr().get()
    }

    /// Returns the address of the key, or null if the pair is cleared.
    #[inline(always)]
    pub(crate) fn key(self) -> *mut u8 {
        // Acquire, as every load of a slot: the object's header was written before.
        self.pair().key.get()
    }

    /// Returns the places of the key and of the value.
    #[inline(always)]
    pub(crate) fn places(self) -> [*mut PointerSlot; 2] {
        let pair = self.0.as_ptr();
        // SAFETY: fields of the pair.
        unsafe { [&raw mut (*pair).key, &raw mut (*pair).value] }
    }

    /// Returns the address of the pair.
    pub(super) fn pointer(self) -> *mut u8 {
        self.0.as_ptr().cast()
    }

    pub(super) fn next(self) -> *mut u8 {
        // Relaxed, as below: a list has one user at a time, and a lock or a pause hands it on.
        self.pair().next.load(Ordering::Relaxed)
    }

    pub(super) fn set_next(self, next: *mut u8) {
        // Relaxed: as for `next`.
        self.pair().next.store(next, Ordering::Relaxed);
    }

    /// Clears the pair: its key is dead. Mutators may read it meanwhile.
    pub(crate) fn clear(self) {
        // Release, both: what is done after the key was cleared is not seen before it ([weak-mode.clearing]).
        self.pair().key.publish(ptr::null_mut());
        self.pair().value.publish(ptr::null_mut());
    }
}

/// A list of pairs ([pair.one-list]).
#[derive(Default)]
pub(crate) struct PairList(Option<PairRef>);

impl PairList {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    #[inline]
    pub(crate) fn push(&mut self, pair: PairRef) {
        let next = self.0.replace(pair).map_or(ptr::null_mut(), |next| next.0.as_ptr());
        pair.set_next(next.cast());
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<PairRef> {
        let first = self.0?;
        self.0 = NonNull::new(first.next()).map(|next| PairRef(next.cast()));
        Some(first)
    }
}

/// Pairs that wait for their keys, by the keys' addresses.
#[derive(Default)]
pub(crate) struct PairTable {
    waiting: HashMap<usize, PairList, BuildHasherDefault<AddressHasher>>,
    /// What [`pop`](Self::pop) has begun with.
    popping: Popping,
}

/// A table that is being emptied, without a search for what is left.
#[derive(Default)]
struct Popping {
    lists: hash_map::IntoIter<usize, PairList>,
    list: PairList,
}

impl PairTable {
    /// Adds a pair.
    pub(crate) fn join(&mut self, key: usize, pair: PairRef) {
        self.waiting.entry(key).or_default().push(pair);
    }

    /// Takes the pairs that wait for this key.
    pub(crate) fn take(&mut self, key: usize) -> PairList {
        self.waiting.remove(&key).unwrap_or_default()
    }

    /// Takes any pair. The memory of the table is freed with the last one.
    pub(crate) fn pop(&mut self) -> Option<PairRef> {
        loop {
            if let Some(pair) = self.popping.list.pop() {
                return Some(pair);
            }
            if let Some((_, list)) = self.popping.lists.next() {
                self.popping.list = list;
            } else if self.waiting.is_empty() {
                *self = Self::default();
                return None;
            } else {
                self.popping.lists = mem::take(&mut self.waiting).into_iter();
            }
        }
    }

    /// Returns whether no pair waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.popping.lists.len() == 0 && self.popping.list.is_empty()
    }

    /// Returns the bytes that the table takes.
    pub(crate) fn bytes(&self) -> usize {
        (self.waiting.capacity() + self.popping.lists.len()) * (size_of::<(usize, PairList)>() + 1)
    }
}

/// Hashes the address of an object, so that objects beside each other have entries beside each other: keys that were made one after the other
/// are found in the cache. The lines of addresses are spread by a multiplication (Knuth: *The Art of Computer Programming*, volume 3, 6.4).
/// Addresses are not chosen by the program.
#[derive(Default)]
pub(crate) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("gc-core: an address is hashed as a number")
    }

    fn write_usize(&mut self, address: usize) {
        let (line, place) = (address as u64 >> 8, address as u64 >> 4 & 15);
        let product = line.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        // The table takes the low bits for the position, and the top seven for a first comparison.
        self.0 = ((product ^ (product >> 32)) << 4 | place) ^ place << 57;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
