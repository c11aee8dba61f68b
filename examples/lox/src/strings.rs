//! The table of strings: equal strings are one object, as far as that is free.
//!
//! The table cannot know which of its strings the program still uses, so it forgets: it has two halves, and when the
//! newer one is full it becomes the older one, and the older one is dropped. A string that is asked for again comes
//! back into the newer half. So the table keeps at most `2 * CAPACITY` short strings alive, and a program that makes
//! new strings for ever runs in bounded memory.
//!
//! What this costs: two equal strings can be two objects, if the table forgot the first before the second was made, or
//! if they are long. So equality compares texts when the pointers differ (`Value::equals`); unequal strings of unequal
//! lengths, the usual case, are told apart by the length.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use gc_core::{Gc, Mutator, Trace};

#[derive(Trace)]
pub(crate) struct Strings<'gc> {
    newer: Table<'gc>,
    older: Table<'gc>,
    /// Where concatenations are put together.
    #[trace(skip)]
    scratch: String,
}

/// Open addressing, linear probing; never more than half full.
#[derive(Trace)]
struct Table<'gc> {
    /// Empty, or `2 * CAPACITY` slots.
    slots: Vec<Option<Entry<'gc>>>,
    used: usize,
}

#[derive(Clone, Copy, Trace)]
struct Entry<'gc> {
    hash: u64,
    text: Gc<'gc, str>,
}

impl<'gc> Strings<'gc> {
    pub(crate) fn new() -> Self {
        let table = || Table { slots: Vec::new(), used: 0 };
        Self { newer: table(), older: table(), scratch: String::new() }
    }

    /// The object for `text`.
    pub(crate) fn intern(&mut self, m: &'gc Mutator, text: &str) -> Gc<'gc, str> {
        if text.len() > MAX_LENGTH {
            return m.alloc_str(text);
        }
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(text);
        if let Some(known) = self.newer.find(hash, text) {
            return known;
        }
        let string = self.older.find(hash, text).unwrap_or_else(|| m.alloc_str(text));
        if self.newer.used == CAPACITY {
            std::mem::swap(&mut self.newer, &mut self.older);
            self.newer.clear();
        }
        self.newer.insert(Entry { hash, text: string });
        string
    }

    /// The object for `a` followed by `b`.
    pub(crate) fn concatenate(&mut self, m: &'gc Mutator, a: &str, b: &str) -> Gc<'gc, str> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.push_str(a);
        scratch.push_str(b);
        let string = self.intern(m, &scratch);
        // One huge string must not keep its room for ever.
        scratch.shrink_to(MAX_SCRATCH);
        self.scratch = scratch;
        string
    }
}

impl<'gc> Table<'gc> {
    fn find(&self, hash: u64, text: &str) -> Option<Gc<'gc, str>> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = hash as usize % SLOTS;
        // Ends at an empty slot: at least half are.
        while let Some(entry) = self.slots[at] {
            if entry.hash == hash && *entry.text == *text {
                return Some(entry.text);
            }
            at = (at + 1) % SLOTS;
        }
        None
    }

    fn insert(&mut self, entry: Entry<'gc>) {
        self.slots.resize(SLOTS, None);
        let mut at = entry.hash as usize % SLOTS;
        while self.slots[at].is_some() {
            at = (at + 1) % SLOTS;
        }
        self.slots[at] = Some(entry);
        self.used += 1;
    }

    fn clear(&mut self) {
        self.slots.fill(None);
        self.used = 0;
    }
}

/// Strings in one half of the table.
const CAPACITY: usize = 1024;
const SLOTS: usize = 2 * CAPACITY;
/// Longer strings, in bytes, are not in the table: to hash them costs more than a second copy.
const MAX_LENGTH: usize = 64;
const MAX_SCRATCH: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use gc_core::Heap;

    #[test]
    fn equal_strings_are_one_object() -> Result<(), Box<dyn std::error::Error>> {
        let heap = Heap::builder().build()?;
        let m = heap.attach()?;
        let mut strings = Strings::new();
        let a = strings.intern(&m, "ab");
        let b = strings.concatenate(&m, "a", "b");
        assert!(Gc::ptr_eq(a, b));
        Ok(())
    }

    #[test]
    fn the_table_forgets_but_what_is_used_stays() -> Result<(), Box<dyn std::error::Error>> {
        let heap = Heap::builder().build()?;
        let m = heap.attach()?;
        let mut strings = Strings::new();
        let (used, unused) = (strings.intern(&m, "used"), strings.intern(&m, "unused"));
        for i in 0..3 * CAPACITY {
            strings.intern(&m, &format!("string {i}"));
            assert!(Gc::ptr_eq(strings.intern(&m, "used"), used));
        }
        assert!(strings.newer.used <= CAPACITY && strings.older.used <= CAPACITY);
        assert!(!Gc::ptr_eq(strings.intern(&m, "unused"), unused));
        Ok(())
    }

    #[test]
    fn long_strings_stay_out() -> Result<(), Box<dyn std::error::Error>> {
        let heap = Heap::builder().build()?;
        let m = heap.attach()?;
        let mut strings = Strings::new();
        let text = "x".repeat(MAX_LENGTH + 1);
        assert!(!Gc::ptr_eq(strings.intern(&m, &text), strings.intern(&m, &text)));
        assert_eq!(strings.newer.used, 0);
        Ok(())
    }
}
