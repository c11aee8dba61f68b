//! A walk over all objects of a stopped heap, in which nothing is young, and the number of each.
//!
//! - **[walk.rank]** An object's number is its rank: in the allocation bits of the blocks, then
//!   among the large objects by their pages. So it is found from the address by counting bits, and
//!   no table of addresses is needed.
//! - **[walk.valid]** What is walked are the objects whose pointers lead to objects. A dead object
//!   that waits to be swept is not one of them: what it leads to may have been swept. Any other
//!   dead object is, until the cycle that finds it dead.

use crate::{
    memory::bitmap::ones,
    object::{Header, TypeInfo},
    space::{large::RunTable, old::OldSpace},
    sync::atomic::Ordering,
};

use super::stopped_heap::StoppedHeap;

/// The objects of a stopped heap.
pub(crate) struct Walk<'a> {
    old: &'a OldSpace,
    runs: &'a RunTable,
    /// The number of the first object of each block, and of the first large one.
    first: Vec<u32>,
    /// The pages of large objects, in order.
    large: Vec<u32>,
}

/// More objects than can be numbered.
#[derive(Debug)]
pub(crate) struct TooMany;

impl<'a> Walk<'a> {
    /// Counts the objects. Nothing is young.
    pub(crate) fn new(heap: &'a StoppedHeap<'_>) -> Result<Self, TooMany> {
        debug_assert_eq!(heap.young.space.in_use(), 0);
        let (old, runs) = (&heap.old.space, &heap.collector.runs);
        let mut large: Vec<u32> = heap.large.old.clone();
        large.extend(heap.large.unswept.iter().filter(|&&page| runs.run(page as usize).is_marked()));
        large.sort_unstable();
        let mut walk = Self { old, runs, first: Vec::with_capacity(old.blocks.len() + 1), large };
        let mut count = 0_usize;
        for block in 0..old.blocks.len() {
            walk.first.push(u32::try_from(count).map_err(|_| TooMany)?);
            count += walk.bits(block).iter().map(|word| word.count_ones() as usize).sum::<usize>();
        }
        walk.first.push(u32::try_from(count).map_err(|_| TooMany)?);
        if u32::try_from(count + walk.large.len()).is_ok() { Ok(walk) } else { Err(TooMany) }
    }

    /// Returns the number of objects.
    pub(crate) fn len(&self) -> usize {
        self.small() + self.large.len()
    }

    fn small(&self) -> usize {
        self.first.last().map_or(0, |&count| count as usize)
    }

    /// Returns the bits of the objects of a block ([walk.valid]).
    fn bits(&self, block: usize) -> [u64; WORDS] {
        let bits = &self.old.bits;
        let all = !0_u64 * u64::from(!self.old.blocks[block].unswept);
        core::array::from_fn(|word| {
            // Relaxed: the world is stopped.
            let mark = bits.marks.block(block)[word].load(Ordering::Relaxed) | all;
            bits.allocated.block(block)[word].load(Ordering::Relaxed) & mark
        })
    }

    /// Calls `visit` with each object, in the order of their numbers.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(*mut u8, &'static TypeInfo)) {
        for (index, block) in self.old.blocks.iter().enumerate() {
            let Some(class) = block.class else { continue };
            for granule in ones(self.bits(index)) {
                let address = self.old.address(index, class, granule);
                // SAFETY: the bit of an object, which is not forwarded.
                visit(address, unsafe { Header::of(address).info() });
            }
        }
        for &page in &self.large {
            let (address, info) = self.runs.object(page as usize);
            visit(address, info);
        }
    }

    /// Returns the number of the object at an address, if there is one ([walk.rank]).
    pub(crate) fn number(&self, address: usize) -> Option<u32> {
        let map = &self.old.map;
        if map.old.contains(address) {
            let block = map.block_of(address);
            let granule = (address - map.block_start(block)) / crate::memory::GRANULE;
            let bits = self.bits(block);
            let (word, bit) = (granule / 64, granule % 64);
            if bits[word] >> bit & 1 == 0 {
                return None;
            }
            let before: u32 = bits[..word].iter().map(|word| word.count_ones()).sum();
            Some(self.first[block] + before + (bits[word] & ((1 << bit) - 1)).count_ones())
        } else if map.large.contains(address) {
            let place = self.large.binary_search(&(self.runs.page_of(address) as u32)).ok()?;
            Some((self.small() + place) as u32)
        } else {
            None
        }
    }
}

/// The words of bits of a block.
const WORDS: usize = crate::memory::BLOCK / crate::memory::GRANULE / 64;
