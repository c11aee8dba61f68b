//! Going through the entries of a map.
//!
//! Entries are visited in the order of their hashes, which tables of all sizes have: the home of a
//! key is the upper bits of its hash. A position is a hash, so it means the same in a table that
//! the map has moved to meanwhile.
//!
//! - **[concurrent-map.range]** A step visits all keys with hashes in a range: it goes through
//!   their runs in one table after the other, as a reader does. So a key that is there throughout
//!   the step is visited, and once: an equal key that was met is left out.

use core::fmt;
use std::vec;

use crate::{Gc, Trace};

use super::{
    GcMap, contents,
    node::Node,
    table::{NodeRef, Table, slots_of},
};

/// A position in a [`GcMap`], which stays good across safepoints and changes of the map: see
/// [`GcMap::advance`].
///
/// ```
/// assert_eq!(gc_core::map::Cursor::new(), gc_core::map::Cursor::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The least hash of what has not been visited: 2³² at the end.
    position: u64,
}

impl Cursor {
    /// Returns the position before all entries.
    ///
    /// ```
    /// let start = gc_core::map::Cursor::new();
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { position: 0 }
    }
}

/// The entries of a [`GcMap`]: see [`GcMap::iter`].
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let m = heap.attach()?;
/// let map = m.alloc(gc_core::GcMap::new());
/// map.insert(&m, 1, 2);
/// assert_eq!(map.iter().next(), Some((&1, &2)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an iterator does nothing until it is asked"]
pub struct Iter<'a, 'gc, K, V, S> {
    map: &'a GcMap<'gc, K, V, S>,
    cursor: Cursor,
    step: vec::IntoIter<NodeRef<'gc, K, V>>,
}

impl<'gc, K: Trace<At<'gc> = K> + Eq + 'gc, V: Trace<At<'gc> = V> + 'gc, S> GcMap<'gc, K, V, S> {
    /// Returns the entries, in no order that means anything.
    ///
    /// It looks at the map as it goes. An entry that is there throughout is returned once. One that
    /// is added, replaced or removed meanwhile may be returned as it was, as it is, or not at all.
    /// No key is returned twice. It writes nothing and waits for nobody. The map cannot be
    /// collected meanwhile, as the entries borrow the mutator: to go through a big map with
    /// safepoints, use [`advance`](Self::advance).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::new());
    /// map.extend(&m, (1..=3).map(|n| (n, n * n)));
    /// assert_eq!(map.iter().map(|(n, square)| n * square).sum::<u64>(), 36);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> Iter<'_, 'gc, K, V, S> {
        Iter { map: self, cursor: Cursor::new(), step: Vec::new().into_iter() }
    }

    /// Visits some entries, those from `cursor` on, and moves it past them. Returns false when
    /// there are no more.
    ///
    /// Between two calls there may be safepoints, and the map may grow, shrink and change. An entry
    /// that is there from the first call to the last one is visited once. One that is added or
    /// removed meanwhile is visited once or not at all, and one that is replaced once, as it was or
    /// as it is.
    ///
    /// A call visits a few entries, and all those whose hashes are the same as one of theirs.
    ///
    /// ```
    /// use gc_core::{GcMap, map::Cursor};
    ///
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let map = m.root(m.alloc(GcMap::<u64, u64>::new()));
    /// map.get(&m).extend(&m, (0..1000).map(|n| (n, n)));
    /// let (mut cursor, mut sum) = (Cursor::new(), 0);
    /// while map.get(&m).advance(&mut cursor, |_, value| sum += value) {
    ///     m.safepoint();
    /// }
    /// assert_eq!(sum, 499_500);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn advance(&self, cursor: &mut Cursor, mut visit: impl FnMut(&'gc K, &'gc V)) -> bool {
        let Some(step) = self.step(cursor, is_same) else { return false };
        for entry in step {
            let (key, value) = contents(entry);
            visit(key, value);
        }
        true
    }
}

impl<'gc, K: Trace<At<'gc> = K> + 'gc, V: Trace<At<'gc> = V> + 'gc, S> GcMap<'gc, K, V, S> {
    /// Returns the entries of the next step, `None` at the end. `same` says whether two entries
    /// have one key.
    pub(super) fn step(
        &self,
        cursor: &mut Cursor,
        same: impl Fn(NodeRef<'gc, K, V>, NodeRef<'gc, K, V>) -> bool,
    ) -> Option<Vec<NodeRef<'gc, K, V>>> {
        let table = self.current()?;
        let mut met = Vec::new();
        while met.is_empty() {
            if cursor.position > u32::MAX.into() {
                return None;
            }
            let home = cursor.position >> table.shift();
            let end = (home + HOMES).min(table.groups() as u64) << table.shift();
            collect(table, (cursor.position as u32, (end - 1) as u32), &same, &mut met);
            cursor.position = end;
        }
        Some(met)
    }
}

/// Adds the entries with hashes from `first` to `last` to `met`, unless their keys are there
/// ([concurrent-map.range]).
fn collect<'gc, K: Trace<At<'gc> = K> + 'gc, V: Trace<At<'gc> = V> + 'gc>(
    table: Table<'gc, K, V>,
    (first, last): (u32, u32),
    same: impl Fn(NodeRef<'gc, K, V>, NodeRef<'gc, K, V>) -> bool,
    met: &mut Vec<NodeRef<'gc, K, V>>,
) {
    let mut table = Some(table);
    while let Some(here) = table {
        let (home, last_home) = (here.home(first), here.home(last));
        let mask = here.groups() - 1;
        let (mut moves, mut ended) = (false, false);
        for (group, index) in
            (home..=home + mask).flat_map(|group| slots_of(group & mask).map(move |slot| (group, slot)))
        {
            let entry = match here.load(index).map(|node| (node, Gc::as_ref(node))) {
                None => None,
                Some((node, Node::Entry { .. })) => Some(node),
                Some((_, Node::Moving { entry, .. })) => Some(*entry),
                Some((_, Node::Closed)) => {
                    moves = true;
                    None
                }
                Some((_, kind)) => {
                    moves |= matches!(kind, Node::Moved);
                    continue;
                }
            };
            match entry {
                Some(entry) => {
                    let Some((hash, ..)) = Gc::as_ref(entry).entry() else { continue };
                    let is_met = |&other: &NodeRef<'gc, K, V>| hash_of(other) == Some(hash) && same(other, entry);
                    if (first..=last).contains(&hash) && !met.iter().any(is_met) {
                        met.push(entry);
                    }
                }
                // The runs of all homes in the range have ended.
                None if group >= last_home => {
                    ended = true;
                    break;
                }
                None => {}
            }
        }
        table = if moves || !ended { here.next() } else { None };
    }
}

fn hash_of<'gc, K: Trace<At<'gc> = K> + 'gc, V: Trace<At<'gc> = V> + 'gc>(entry: NodeRef<'gc, K, V>) -> Option<u32> {
    Gc::as_ref(entry).entry().map(|(hash, ..)| hash)
}

/// Returns whether two entries have equal keys.
pub(super) fn is_same<'gc, K: Trace<At<'gc> = K> + Eq + 'gc, V: Trace<At<'gc> = V> + 'gc>(
    one: NodeRef<'gc, K, V>,
    other: NodeRef<'gc, K, V>,
) -> bool {
    contents(one).0 == contents(other).0
}

impl<'gc, K: Trace<At<'gc> = K> + Eq + 'gc, V: Trace<At<'gc> = V> + 'gc, S> Iterator for Iter<'_, 'gc, K, V, S> {
    type Item = (&'gc K, &'gc V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.step.next() {
                return Some(contents(entry));
            }
            self.step = self.map.step(&mut self.cursor, is_same)?.into_iter();
        }
    }
}

impl<'gc, K, V, S> fmt::Debug for GcMap<'gc, K, V, S>
where
    K: Trace<At<'gc> = K> + Eq + fmt::Debug + 'gc,
    V: Trace<At<'gc> = V> + fmt::Debug + 'gc,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K, V, S> fmt::Debug for Iter<'_, '_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}

/// How many homes a step goes through.
const HOMES: u64 = 2;
