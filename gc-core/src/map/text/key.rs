//! Keys that lie behind their entries.
//!
//! - **[map-text.entry]** The key of an entry says how many bytes lie behind the entry's node, in
//!   the same object. A key is made only here, with the entry that has these bytes, and is lent to
//!   nobody. They are those of a key of the map's type, so they are UTF-8 if that is `str`.

use core::hash::Hash;

use crate::{
    Trace,
    map::{change::NewKey, memory::Memory, node::Node, table::NodeRef},
    mutator::{AllocError, allocate::refuse, tailed::tail},
    trace::Tailed,
};

/// What a [`GcTextMap`](crate::GcTextMap) may have as keys: `str`, and `[u8]`.
///
/// ```
/// fn is_key<T: gc_core::map::TextKey + ?Sized>() {}
/// is_key::<str>();
/// is_key::<[u8]>();
/// ```
pub trait TextKey: Hash + Eq + sealed::Text + 'static {}

impl TextKey for str {}
impl TextKey for [u8] {}

mod sealed {
    /// # Safety
    ///
    /// `bytes` returns those of which `of_bytes` makes the same key.
    pub unsafe trait Text {
        fn bytes(&self) -> &[u8];

        /// # Safety
        ///
        /// The bytes are those that `bytes` returned for some key.
        unsafe fn of_bytes(bytes: &[u8]) -> &Self;
    }

    // SAFETY: the bytes of a string.
    unsafe impl Text for str {
        #[inline(always)]
        fn bytes(&self) -> &[u8] {
            self.as_bytes()
        }

        #[inline(always)]
        unsafe fn of_bytes(bytes: &[u8]) -> &Self {
            // SAFETY: the caller's: the bytes of a string.
            unsafe { core::str::from_utf8_unchecked(bytes) }
        }
    }

    // SAFETY: itself.
    unsafe impl Text for [u8] {
        #[inline(always)]
        fn bytes(&self) -> &[u8] {
            self
        }

        #[inline(always)]
        unsafe fn of_bytes(bytes: &[u8]) -> &Self {
            bytes
        }
    }
}

/// The key of an entry: the length of the text behind it ([map-text.entry]).
#[derive(Trace)]
pub(in crate::map) struct Text {
    bytes: usize,
}

// SAFETY: a key that is made has its bytes behind its entry, and nothing writes it ([map-text.entry]). No other node has bytes behind it.
unsafe impl<'gc, V: Trace> Tailed for Node<'gc, Text, V>
where
    Self: Trace,
{
    #[inline(always)]
    fn tail(&self) -> usize {
        self.entry().map_or(0, |(_, key, _)| key.bytes)
    }
}

pub(super) type Entry<'gc, V> = NodeRef<'gc, Text, V>;

/// A key that was given, of which entries get a copy.
pub(super) struct Given<'a, T: ?Sized>(pub(super) &'a T);

impl<'gc, T: TextKey + ?Sized, V: Trace<At<'gc> = V> + 'gc> NewKey<'gc, V> for Given<'_, T> {
    type Key = Text;

    #[inline(always)]
    fn is(&self, entry: Entry<'gc, V>, _: &Text) -> bool {
        tail(entry) == self.0.bytes()
    }

    #[inline(always)]
    fn is_of(made: Entry<'gc, V>, entry: Entry<'gc, V>, _: &Text) -> bool {
        is_same(made, entry)
    }

    #[inline(always)]
    fn entry(self, memory: Memory<'gc>, hash: u32, value: V) -> Result<Entry<'gc, V>, AllocError<(Self, V)>> {
        entry(memory, hash, self.0, value).map_err(|error| error.map(|value| (self, value)))
    }
}

/// Makes an entry with a copy of `key`, or gives the value back.
#[inline]
pub(super) fn entry<'gc, V: Trace<At<'gc> = V> + 'gc, T: TextKey + ?Sized>(
    memory: Memory<'gc>,
    hash: u32,
    key: &T,
    value: V,
) -> Result<Entry<'gc, V>, AllocError<V>> {
    let bytes = key.bytes();
    let node = Node::Entry { hash, key: Text { bytes: bytes.len() }, value };
    let made = if memory.insists {
        // SAFETY: the key has the length of the bytes.
        unsafe { memory.mutator.alloc_tailed::<true, _>(node, bytes) }
    } else {
        // SAFETY: the key has the length of the bytes.
        unsafe { memory.mutator.alloc_tailed::<false, _>(node, bytes) }
    };
    match made {
        Ok(entry) => Ok(entry),
        Err(error) if memory.insists => refuse(memory.mutator.local(), error.refused),
        Err(AllocError { value: Node::Entry { value, .. }, refused }) => Err(AllocError { value, refused }),
        Err(_) => unreachable!("an entry that was refused is an entry"),
    }
}

/// Returns whether two entries have equal keys.
pub(super) fn is_same<'gc, V: Trace<At<'gc> = V> + 'gc>(one: Entry<'gc, V>, other: Entry<'gc, V>) -> bool {
    tail(one) == tail(other)
}

/// Returns what says whether an entry has this key.
#[inline(always)]
pub(super) fn is_key<'gc, V: Trace<At<'gc> = V> + 'gc, T: TextKey + ?Sized>(
    key: &T,
) -> impl Fn(Entry<'gc, V>, &'gc Text) -> bool {
    |entry, _| tail(entry) == key.bytes()
}

/// Returns the key of an entry.
///
/// # Safety
///
/// The entry is one of a map whose keys are of this type.
#[inline(always)]
pub(super) unsafe fn key_of<'gc, V: Trace<At<'gc> = V> + 'gc, T: TextKey + ?Sized>(entry: Entry<'gc, V>) -> &'gc T {
    // SAFETY: the bytes of a key of this type ([map-text.entry]).
    unsafe { T::of_bytes(tail(entry)) }
}
