//! The census of a heap: objects and bytes by type and generation.
//!
//! - **[type-census.when]** A census counts in a major cycle that begins after it is requested.
//!   What is counted is what that cycle marks: all that could be reached when the cycle began, and
//!   what was allocated meanwhile and was alive at the pause that ended marking. The sweep counts
//!   it, block by block, concurrently, so that a census stops nobody beyond the pauses of a full
//!   collection.
//! - **[type-census.types]** A type is a name and a shape (size, alignment, whether it is a slice):
//!   what the collector knows of types. Two types with the same path, as two versions of a crate
//!   have them, are one if their shapes are equal.
//! - **[type-census.generations]** An object counts as of the generation in which a pause of the
//!   cycle found it that promoted everything: as a rule, the one that it had when the census was
//!   requested. Objects that other mutators allocate meanwhile count as of the one that they have
//!   when marking ends. A minor collection keeps a young object also if only dead old ones lead to
//!   it (nepotism), and marking does not. So the young generations may be counted too high, at the
//!   expense of generation 2; the sum is exact.

use core::{any::type_name, fmt, panic::Location};
use std::collections::HashMap;

use crate::{
    Mutator,
    collector::type_counts::count_types,
    object::TypeShape,
    old::tally::{Record, Tally},
    stats::{Amount, CollectReport},
};

use super::take::name_of;

/// The objects of a heap, counted by type and generation.
///
/// ```
/// use gc_core::{Gc, Heap, observe::Census};
///
/// let heap = Heap::builder().build()?;
/// let mut m = heap.attach()?;
/// let list = m.root((0..100).map(|i| m.alloc_str(&i.to_string())).collect::<Vec<_>>());
/// let census = Census::take(&mut m);
/// assert_eq!(census.count::<str>(), 100);
/// println!("{census:.5}"); // the five types with the most bytes
/// # drop(list);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Census {
    types: Vec<TypeCount>,
    collection: CollectReport,
}

/// What a [`Census`] has counted of one type.
///
/// ```
/// # use gc_core::{Heap, observe::Census};
/// # let heap = Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let kept = m.root(m.alloc([1_u64; 3]));
/// m.alloc([2_u64; 3]);
/// let census = Census::take(&mut m);
/// let count = census.named("[u64; 3]").expect("there is one");
/// assert_eq!((count.live.objects, count.live.bytes), (1, 32));
/// assert_eq!((count.fresh.objects, count.dead.objects), (1, 1)); // the second one was garbage
/// # drop(kept);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TypeCount {
    /// The name of the type as [`type_name`] has it. What the collector allocates for itself has a
    /// name in parentheses: `(weak cell)`, `(ephemeron)`.
    pub name: &'static str,
    /// The objects that are alive: those of all three generations.
    pub live: Amount,
    /// Of those, the ones of generation 0: no collection had found them yet. Of young objects that
    /// only dead old ones lead to, some may be counted here, or among the survivors, in the place
    /// of old ones.
    pub fresh: Amount,
    /// Of those, the ones of generation 1, which had survived one collection.
    pub survivors: Amount,
    /// Of those, the ones of generation 2.
    pub old: Amount,
    /// Young objects that were found dead when the census was taken: what was allocated since the
    /// last collection, for nothing. They are not part of `live`.
    pub dead: Amount,
    /// The bytes of memory that the live objects take: those of their cells and runs, whose sizes
    /// are rounded up.
    pub memory: usize,
    shape: TypeShape,
}

impl Census {
    /// Counts what is alive, by a full collection of the heap.
    ///
    /// What cannot be reached when this is called is collected, and not counted. Other mutators go
    /// on meanwhile: what they make garbage after the collection has begun may be counted still. An
    /// object with a destructor or a finalizer is counted until it was found dead.
    ///
    /// Costs what [`collect`](Mutator::collect) costs, with its pauses. The count is added to the
    /// work of the heap's thread: a few nanoseconds for each object that is alive. The pauses that
    /// begin and end the marking also look at each object that was young then, dead or alive: that
    /// adds a millisecond or so where the nursery was full of small ones. A program that outruns
    /// the collection sweeps, and so counts, in its pauses. Where two mutators request a census at
    /// the same time, one cycle may serve both. The memory for it is in proportion to the number of
    /// types.
    ///
    /// # Panics
    ///
    /// As [`collect`](Mutator::collect): in the child of a fork, if the heap could not be stopped
    /// for it.
    ///
    /// ```
    /// # use gc_core::{Heap, observe::Census};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let numbers: Vec<_> = (0..10_u32).map(|i| m.root(m.alloc(i))).collect();
    /// m.alloc(10_u32); // garbage
    /// assert_eq!(Census::take(&mut m).count::<u32>(), 10);
    /// # drop(numbers);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn take(m: &mut Mutator) -> Self {
        m.local().seen_at.set(Location::caller());
        let (tally, collection) = count_types(m.local());
        Self::of(&tally, collection)
    }

    fn of(tally: &Tally, collection: CollectReport) -> Self {
        let mut types: Vec<TypeCount> = Vec::new();
        let mut by_type: HashMap<(&str, TypeShape), usize> = HashMap::new();
        for record in tally.records() {
            let (name, shape) = (name_of(record.info), record.info.shape);
            let index = *by_type.entry((name, shape)).or_insert_with(|| {
                types.push(TypeCount::none(name, shape));
                types.len() - 1
            });
            types[index].add(record);
        }
        for count in &mut types {
            // [type-census.generations].
            count.fresh = count.fresh.at_most(count.live);
            count.survivors = count.survivors.at_most(count.live.without(count.fresh));
            count.old = count.live.without(count.fresh).without(count.survivors);
        }
        types.sort_unstable_by(|one, other| {
            let key = |count: &TypeCount| (count.live.bytes, count.live.objects);
            key(other).cmp(&key(one)).then_with(|| one.name.cmp(other.name))
        });
        Self { types, collection }
    }

    /// Returns the counts, by bytes that are alive, the most first. Types of which only dead
    /// objects were found come last.
    ///
    /// ```
    /// # use gc_core::{Heap, observe::Census};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let kept = (m.root(m.alloc(1_u8)), m.root(m.alloc([0_u64; 100])));
    /// assert_eq!(Census::take(&mut m).types()[0].name, "[u64; 100]");
    /// # drop(kept);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn types(&self) -> &[TypeCount] {
        &self.types
    }

    /// Returns how many objects of type `T` are alive: `T`, `[T]` or `str`.
    ///
    /// Types are told apart by name ([`type_name`]), which has no lifetimes: any will do for `T`.
    ///
    /// ```
    /// # use gc_core::{Heap, Slot, Trace, observe::Census};
    /// #[derive(Trace)]
    /// struct Node<'gc> {
    ///     next: Slot<'gc, Node<'gc>>,
    /// }
    ///
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let last = m.alloc(Node { next: Slot::null() });
    /// let list = m.root(m.alloc(Node { next: Slot::new(Some(last)) }));
    /// assert_eq!(Census::take(&mut m).count::<Node<'_>>(), 2);
    /// drop(list);
    /// assert_eq!(Census::take(&mut m).count::<Node<'_>>(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn count<T: ?Sized>(&self) -> usize {
        self.amount::<T>().objects
    }

    /// Returns the objects of type `T` that are alive, and their bytes. As [`count`](Self::count).
    ///
    /// ```
    /// # use gc_core::{Heap, observe::Census};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let text = m.root(m.alloc_str("four"));
    /// assert_eq!(Census::take(&mut m).amount::<str>().bytes, 24); // header, length, and four bytes, rounded up
    /// # drop(text);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn amount<T: ?Sized>(&self) -> Amount {
        sum(self.types.iter().filter(|count| count.name == type_name::<T>()))
    }

    /// Returns the count of the type with this name. If there are several, it is the one with the
    /// most bytes.
    ///
    /// ```
    /// # use gc_core::{Gc, Heap, observe::Census};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let seven = m.root(m.alloc(7_u8));
    /// let weak = m.root(Gc::downgrade(seven.get(&m), &m));
    /// assert_eq!(Census::take(&mut m).named("(weak cell)").map(|count| count.live.objects), Some(1));
    /// # drop((seven, weak));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&TypeCount> {
        self.types.iter().find(|count| count.name == name)
    }

    /// Returns all objects that are alive.
    ///
    /// ```
    /// # use gc_core::{Heap, observe::Census};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let kept = (m.root(m.alloc(1_u64)), m.root(m.alloc(2_u8)));
    /// assert_eq!(Census::take(&mut m).all().objects, 2);
    /// # drop(kept);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn all(&self) -> Amount {
        sum(&self.types)
    }

    /// Returns the report of the collection that has counted, with its pauses.
    ///
    /// ```
    /// # use gc_core::{Heap, observe::Census};
    /// # let heap = Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// m.alloc([0_u8; 1000]);
    /// assert!(Census::take(&mut m).collection().bytes_freed >= 1000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn collection(&self) -> CollectReport {
        self.collection
    }
}

impl TypeCount {
    fn none(name: &'static str, shape: TypeShape) -> Self {
        let none = Amount::default();
        Self { name, live: none, fresh: none, survivors: none, old: none, dead: none, memory: 0, shape }
    }

    fn add(&mut self, record: &Record) {
        self.live += record.live;
        self.fresh += record.fresh;
        self.survivors += record.survivors;
        self.dead += record.dead;
        self.memory += record.cell_bytes;
    }

    /// Returns what tells the type from others ([type-census.types]).
    pub(super) fn key(&self) -> (&'static str, TypeShape) {
        (self.name, self.shape)
    }
}

fn sum<'a>(counts: impl IntoIterator<Item = &'a TypeCount>) -> Amount {
    let mut all = Amount::default();
    counts.into_iter().for_each(|count| all += count.live);
    all
}

/// The types that a census shows if no precision is given.
const ROWS: usize = 20;

/// A table of the types with the most bytes: 20, or as many as the precision says (`{:.5}`). The
/// last row is the sum over all types.
impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = f.precision().unwrap_or(ROWS);
        let live = self.types.iter().filter(|count| count.live.objects > 0);
        let hidden = live.clone().count().saturating_sub(rows);
        writeln!(f, "{:>12} {:>14} {:>10} {:>10} {:>10}  type", "objects", "bytes", "fresh", "survivors", "old")?;
        let mut all = [Amount::default(); 4];
        let row = |f: &mut fmt::Formatter<'_>, [live, fresh, survivors, old]: [Amount; 4], name: &str| {
            let Amount { objects, bytes } = live;
            let (fresh, survivors, old) = (fresh.objects, survivors.objects, old.objects);
            write!(f, "{objects:>12} {bytes:>14} {fresh:>10} {survivors:>10} {old:>10}  {name}")
        };
        for (nth, count) in live.enumerate() {
            let amounts = [count.live, count.fresh, count.survivors, count.old];
            all.iter_mut().zip(amounts).for_each(|(all, amount)| *all += amount);
            if nth < rows {
                row(f, amounts, count.name)?;
                writeln!(f)?;
            }
        }
        row(f, all, "all types")?;
        if hidden > 0 { write!(f, ", {hidden} of which are not shown") } else { Ok(()) }
    }
}
