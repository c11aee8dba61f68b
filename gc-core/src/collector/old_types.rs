//! The types whose objects are allocated old: which they are, and what is known of others
//! ([`pretenuring`](super::pretenuring)).

use core::ptr::NonNull;

use crate::{
    object::{EphemeronPair, Header, HeaderWord, TypeInfo, WatchedPair},
    old::allocate::MOST,
    space::young::YoungSpace,
};

use super::type_info::{TypeInfoOf, WEAK_CELL};

/// Which types are allocated old, and what is known of others.
#[derive(Default)]
pub(crate) struct OldTypes {
    types: Vec<Known>,
    /// The chunk that was looked at last.
    pub(super) chunk: u32,
    /// Bytes that were allocated old since the last pause.
    pub(crate) bytes: usize,
}

/// What is known of a type.
#[derive(Clone, Copy)]
struct Known {
    info: &'static TypeInfo,
    /// In how many collections nearly all of its objects have survived, without one in which they
    /// have not.
    streak: u32,
    /// Collections before it is asked again.
    left: u32,
    next: u32,
    /// Collections in which it was allocated young, and the chunk had few of its objects or none.
    silent: u32,
    /// What the chunk has: bytes of objects, and of those that survived.
    seen: usize,
    survived: usize,
}

/// A type that survives in so many collections is allocated old.
const STREAK: u32 = 3;
/// In percent: so much must survive.
const NEARLY_ALL: usize = 95;
/// In percent: a type with a smaller part of a chunk says nothing.
const LEAST_PART: usize = 5;
/// Collections before a type is asked again: at first, and at most.
const FIRST: u32 = 16;
const LAST: u32 = 128;
/// The most types that are followed.
const FOLLOWED: usize = 16;
/// A type that has said nothing in so many collections makes room for another one.
const SILENT: u32 = 4;
/// A type that has said nothing in so many collections is followed no more.
const FORGOTTEN: u32 = 64;

impl OldTypes {
    /// Returns the types that are allocated old until the next pause, no more than `most`.
    pub(crate) fn types(&self, most: usize) -> Vec<&'static TypeInfo> {
        self.types.iter().filter(|known| known.is_old()).map(|known| known.info).take(most.min(MOST)).collect()
    }

    /// Returns whether some type is known.
    pub(super) fn knows_any(&self) -> bool {
        !self.types.is_empty()
    }

    /// Forgets all types.
    pub(super) fn forget(&mut self) {
        self.types.clear();
    }

    /// Has all types that are known be allocated old. For tests.
    pub(super) fn take_all(&mut self) {
        self.types.iter_mut().for_each(|known| (known.streak, known.left) = (STREAK, 2));
    }

    /// Counts the types of a chunk of from-space, of which `top` bytes are used.
    ///
    /// # Safety
    ///
    /// The world is stopped, all that is reachable was evacuated, and from-space has not been
    /// filled or reused yet ([chunk.no-gaps]).
    pub(super) unsafe fn look(&mut self, space: &YoungSpace, chunk: u32) {
        let start = space.start(chunk);
        let mut at = start;
        while at.addr() < start.addr() + space.top(chunk) {
            let place = NonNull::new(at).expect("no chunk is at address 0");
            let header = Header::at(place);
            // SAFETY: the caller's: headers without a gap.
            let (info, address, survived) = match unsafe { header.read() } {
                HeaderWord::Filler(bytes) => {
                    at = at.wrapping_add(bytes);
                    continue;
                }
                HeaderWord::Info(info) => (info, header.address(), false),
                // SAFETY: a survivor has a header, which points to its `TypeInfo`.
                HeaderWord::Forwarded(to) => (unsafe { Header::of(to).info() }, to, true),
            };
            // SAFETY: an object of this type, or its copy.
            let bytes = info.shape.young_bytes(unsafe { info.size_with_header(address) });
            if let Some(known) = self.known(info) {
                known.seen += bytes;
                known.survived += if survived { bytes } else { 0 };
            }
            at = at.wrapping_add(bytes);
        }
    }

    /// Returns what is known of a type. `None` if it cannot be allocated old, or too many are
    /// followed.
    fn known(&mut self, info: &'static TypeInfo) -> Option<&mut Known> {
        if let Some(index) = self.types.iter().position(|known| known.info.is_like(info)) {
            return Some(&mut self.types[index]);
        }
        let shape = &info.shape;
        let is_own = core::ptr::eq(info, &WEAK_CELL)
            || info.is_like(TypeInfoOf::<EphemeronPair>::SIZED)
            || info.is_like(TypeInfoOf::<WatchedPair>::SIZED);
        if shape.slice || info.tail.is_some() || shape.cells || shape.align > 8 || info.drop.is_some() || is_own {
            return None;
        }
        if self.types.len() == FOLLOWED {
            let most_silent = (0..FOLLOWED).max_by_key(|&index| self.types[index].silent)?;
            if self.types[most_silent].silent < SILENT {
                return None;
            }
            self.types.swap_remove(most_silent);
        }
        self.types.push(Known { info, streak: 0, left: 0, next: FIRST, silent: 0, seen: 0, survived: 0 });
        self.types.last_mut()
    }

    /// Learns from what was counted in a chunk of so many bytes.
    ///
    /// `for_long`: what survives once is expected to live for long.
    pub(super) fn learn(&mut self, chunk_bytes: usize, for_long: bool) {
        for known in &mut self.types {
            known.learn(chunk_bytes, for_long);
        }
        self.types.retain(|known| known.streak > 0 && known.silent < FORGOTTEN);
    }
}

impl Known {
    fn is_old(&self) -> bool {
        self.streak >= STREAK && self.left > 0
    }

    fn learn(&mut self, chunk_bytes: usize, for_long: bool) {
        let (seen, survived) = (core::mem::take(&mut self.seen), core::mem::take(&mut self.survived));
        if self.is_old() {
            self.left -= 1;
        } else if seen * 100 < chunk_bytes * LEAST_PART {
            self.silent += 1;
        } else {
            self.silent = 0;
            if survived * 100 < seen * NEARLY_ALL {
                self.streak = 0;
                return;
            }
            self.streak += 1;
            if self.streak >= STREAK && for_long {
                self.left = self.next;
                self.next = (2 * self.next).min(LAST);
            }
        }
    }
}
