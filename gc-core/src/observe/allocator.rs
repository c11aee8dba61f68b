//! The allocator's figures: size classes, blocks, chunks and runs, and what is lost between
//! objects.
//!
//! - **[allocator.one-moment]** All figures but those of roots are of one moment, under the locks
//!   of the generations, as those of [`MemoryReport`] are: so they add up exactly. No pause is
//!   needed, and one that is due waits meanwhile.

use core::fmt;

use crate::{
    Heap, MemoryReport,
    collector::report::{Locked, report_of},
    memory::{BLOCK, PAGE, bitmap},
    object::size_class::{CLASSES, SizeClass},
    space::young::Age,
};

/// How a heap's memory is divided, at one moment: what Python prints by `sys._debugmallocstats()`.
/// See [`Heap::dump_allocator_stats`].
///
/// `Display` writes a table. All sizes are bytes. These identities hold:
///
/// - of each size class: `used` + `free` = `cells`, and `blocks` ×
///   [`BLOCK_BYTES`](Self::BLOCK_BYTES) = `cells` × `cell_bytes` + `tail`;
/// - over all classes: the blocks are `memory.old_used`, `used` × `cell_bytes` is
///   `memory.old_cells`, and `refilled` × `cell_bytes` is `memory.old_free`;
/// - of the young part: (`fresh` + `survivor` + `empty`) × `chunk_bytes` = `memory.young`;
/// - of large objects: `used` = `memory.large_used`, and `free` = `memory.large_free`.
///
/// ```
/// use gc_core::{Collect, Heap, observe::AllocatorStats};
///
/// let heap = Heap::builder().build()?;
/// let mut m = heap.attach()?;
/// let kept = m.root(m.alloc([0_u64; 4])); // 40 bytes with the header
/// m.collect(Collect::Full);
/// let stats = heap.dump_allocator_stats();
/// let [class] = &stats.classes[..] else { panic!("one size class: {stats}") };
/// assert_eq!((class.cell_bytes, class.blocks, class.used), (48, 1, 1));
/// assert_eq!(class.blocks * AllocatorStats::BLOCK_BYTES, class.cells * class.cell_bytes + class.tail);
/// assert_eq!(class.used * class.cell_bytes, stats.memory.old_cells);
/// println!("{stats}");
/// # drop(kept);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AllocatorStats {
    /// The size classes that have blocks, smallest cells first.
    pub classes: Vec<ClassStats>,
    /// Chunks of the young generation.
    pub young: YoungStats,
    /// Runs of large objects.
    pub large: LargeStats,
    /// Chunks of roots: [`ROOT_CHUNK_BYTES`](Self::ROOT_CHUNK_BYTES) each. The values of large
    /// roots lie elsewhere. Not of the same moment as the rest.
    pub root_chunks: usize,
    /// What all this is part of: bytes by use, with the side tables, and what waits to be dropped.
    pub memory: MemoryReport,
}

/// The cells of one size class of the old generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassStats {
    /// The bytes of one cell: the largest object of the class, with its header.
    pub cell_bytes: usize,
    /// The bytes of the smallest object of the class, with its header. What is lost to rounding is
    /// `cell_bytes` less this at most, for each object.
    pub least_bytes: usize,
    /// Blocks that hold objects of the class.
    pub blocks: usize,
    /// Cells of these blocks.
    pub cells: usize,
    /// Cells that hold objects, including dead ones that no major collection has found yet.
    pub used: usize,
    /// Cells without an object.
    pub free: usize,
    /// Those of the free cells that promotion fills before it opens an empty block. The others are
    /// in blocks that are nearly full, are being filled, wait to be swept, or are to be emptied.
    pub refilled: usize,
    /// Bytes at the ends of blocks, in which no cell fits.
    pub tail: usize,
}

/// The chunks of the young generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct YoungStats {
    /// The bytes of one chunk ([`HeapBuilder::chunk_bytes`](crate::HeapBuilder::chunk_bytes)).
    pub chunk_bytes: usize,
    /// Chunks of generation 0, with those that mutators allocate in.
    pub fresh: usize,
    /// Chunks of generation 1.
    pub survivor: usize,
    /// Empty chunks that are kept for the next nursery.
    pub empty: usize,
    /// Bytes of the chunks of generations 0 and 1 that are handed out: objects, the gaps between
    /// them, and the allocation buffers of mutators, as far as they reach.
    pub used: usize,
}

/// The runs of large objects: objects of more than 8 KiB with their header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LargeStats {
    /// Old objects. Young ones are on lists of the mutators that made them.
    pub old_objects: usize,
    /// Bytes of runs with an object of any age, also of dead ones that wait to be dropped.
    pub used: usize,
    /// Bytes of free runs with memory behind them.
    pub free: usize,
}

impl AllocatorStats {
    /// The bytes of a block of the old generation.
    pub const BLOCK_BYTES: usize = BLOCK;
    /// The bytes of a chunk of roots.
    pub const ROOT_CHUNK_BYTES: usize = PAGE;

    /// Returns the part of the memory of used blocks that holds no object: free cells and the ends
    /// of blocks, from 0 to 1. What fragmentation costs;
    /// [`Mutator::compact`](crate::Mutator::compact) gives most of it back.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// assert_eq!(heap.dump_allocator_stats().fragmentation(), 0.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn fragmentation(&self) -> f64 {
        share(self.memory.old_used - self.memory.old_cells, self.memory.old_used)
    }

    /// Returns the most bytes that rounding to size classes can cost, for the objects that there
    /// are. What it does cost depends on their sizes, which are not looked at.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let stats = heap.dump_allocator_stats();
    /// assert!(stats.most_lost_to_rounding() <= stats.memory.old_cells);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn most_lost_to_rounding(&self) -> usize {
        self.classes.iter().map(|class| class.used * (class.cell_bytes - class.least_bytes)).sum()
    }
}

impl ClassStats {
    /// Returns the part of the class's blocks that holds no object, from 0 to 1.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// for class in heap.dump_allocator_stats().classes {
    ///     println!("{} bytes: {:.0} % unused", class.cell_bytes, 100.0 * class.fragmentation());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn fragmentation(&self) -> f64 {
        let bytes = self.blocks * BLOCK;
        share(bytes - self.used * self.cell_bytes, bytes)
    }
}

impl Heap {
    /// Returns how the heap's memory is divided into size classes, blocks, chunks and runs:
    /// Python's `sys._debugmallocstats()`, whose table `Display` writes.
    ///
    /// Counts the objects of each block by its bitmap, some 0.2 ms for each 100 MiB of old objects,
    /// under the locks that [`memory_report`](Self::memory_report) takes: no pause is needed, but
    /// one that is due waits for it, and it waits for one.
    ///
    /// ```
    /// let heap = gc_core::Heap::builder().build()?;
    /// let stats = heap.dump_allocator_stats();
    /// assert!(stats.to_string().starts_with("cell bytes"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn dump_allocator_stats(&self) -> AllocatorStats {
        let collector = self.collector();
        let locked = Locked::new(collector);
        let Locked { young, old, large } = &locked;
        let (space, old) = (&young.space, &old.space);
        let memory = report_of(collector, &locked);
        let (mut blocks, mut used) = ([0; CLASSES], [0; CLASSES]);
        for (number, block) in old.blocks.iter().enumerate() {
            if let Some(class) = block.class {
                blocks[class.index()] += 1;
                used[class.index()] += bitmap::count(old.bits.allocated.block(number));
            }
        }
        let refilled = old.free_cells();
        let class = |index: usize| {
            let class = SizeClass::from_index(index);
            let (cell_bytes, cells) = (class.bytes(), blocks[index] * class.cells());
            let smaller = if index == 0 { 0 } else { SizeClass::from_index(index - 1).bytes() };
            ClassStats {
                cell_bytes,
                // Sizes are multiples of a word, and no object is smaller than two.
                least_bytes: (smaller + 8).max(16),
                blocks: blocks[index],
                cells,
                used: used[index],
                free: cells - used[index],
                refilled: refilled[index] as usize,
                tail: blocks[index] * BLOCK - cells * cell_bytes,
            }
        };
        let classes = (0..CLASSES).filter(|&index| blocks[index] > 0).map(class).collect();
        let chunks = |age| space.of_age(age).count();
        let ages = [Age::Fresh, Age::Survivor];
        let young = YoungStats {
            chunk_bytes: space.chunk_bytes(),
            fresh: chunks(Age::Fresh),
            survivor: chunks(Age::Survivor),
            empty: space.charged_bytes() / space.chunk_bytes() - space.in_use(),
            used: ages.into_iter().flat_map(|age| space.of_age(age)).map(|chunk| space.used(chunk)).sum(),
        };
        let large = LargeStats {
            old_objects: large.old.len() + large.unswept.len(),
            used: memory.large_used,
            free: memory.large_free,
        };
        AllocatorStats { classes, young, large, root_chunks: collector.roots.chunks_lately(), memory }
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Writes the table: a line for each size class, then the other parts.
impl fmt::Display for AllocatorStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { classes, young, large, root_chunks, memory } = self;
        writeln!(
            f,
            "cell bytes {:>9} {:>11} {:>11} {:>11} {:>11} {:>12} {:>8}",
            "blocks", "cells", "used", "free", "refilled", "tail bytes", "unused"
        )?;
        for class in classes {
            let ClassStats { cell_bytes, blocks, cells, used, free, refilled, tail, .. } = class;
            let unused = 100.0 * class.fragmentation();
            writeln!(
                f,
                "{cell_bytes:>10} {blocks:>9} {cells:>11} {used:>11} {free:>11} {refilled:>11} {tail:>12} {unused:>6.1} %"
            )?;
        }
        let MemoryReport { committed, old, old_empty, old_used, old_cells, pending, external, side, .. } = memory;
        writeln!(
            f,
            "old: {old} bytes: {old_used} in blocks with objects, of which cells with objects take {old_cells} ({:.1} % unused); \
             {old_empty} in empty blocks; rounding takes {} of the cells at most",
            100.0 * self.fragmentation(),
            self.most_lost_to_rounding()
        )?;
        writeln!(
            f,
            "young: {} bytes: {} chunks of {} with new objects, {} with survivors, {} empty; {} handed out",
            memory.young, young.fresh, young.chunk_bytes, young.survivor, young.empty, young.used
        )?;
        writeln!(f, "large: {} bytes in use, {} free; {} old objects", large.used, large.free, large.old_objects)?;
        writeln!(
            f,
            "roots: {root_chunks} chunks, {} bytes, which are of the side tables' {side}; to be dropped: {pending}; elsewhere: {external}",
            root_chunks * Self::ROOT_CHUNK_BYTES
        )?;
        write!(f, "committed: {committed} bytes")
    }
}
