//! The young part, handed out in chunks. All objects of a chunk have the same age.
//!
//! - **[chunk.no-gaps]** Below a chunk's `top` lie headers of objects and fillers without a gap; above it lies nothing.
//! - **[chunk.committed]** A chunk that is handed out is committed. Free chunks keep their memory, because giving nursery memory
//!   back costs more than allocating in it. Only the memory that a burst without safepoints took beyond the nursery is released.

use crate::{
    memory::{
        Reservation, ReserveError,
        address_map::{AddressMap, PAGE, Part},
    },
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

/// How old the objects of a chunk are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Age {
    /// No objects.
    Free,
    /// Generation 0.
    Fresh,
    /// Generation 1: they survived one minor collection.
    Survivor,
    /// To-space of the running collection: generation 1 from its end on.
    Arriving,
}

impl Age {
    #[inline(always)]
    fn of(byte: u8) -> Self {
        match byte {
            1 => Self::Fresh,
            2 => Self::Survivor,
            3 => Self::Arriving,
            _ => Self::Free,
        }
    }
}

/// The age of each chunk, read without a lock. All zero is free.
pub(crate) struct Ages {
    part: Part,
    shift: u32,
    bytes: Reservation,
}

impl Ages {
    fn new(part: Part, shift: u32) -> Result<Self, ReserveError> {
        let chunks = part.bytes >> shift;
        Ok(Self { part, shift, bytes: Reservation::zeroed(chunks.next_multiple_of(PAGE).max(PAGE))? })
    }

    #[inline(always)]
    fn cell(&self, index: usize) -> &AtomicU8 {
        debug_assert!(index < self.part.bytes >> self.shift);
        // SAFETY: the table has a byte for every chunk of the part, and is only accessed as atomics.
        unsafe { self.bytes.base().cast::<AtomicU8>().add(index).as_ref() }
    }

    #[inline(always)]
    fn get(&self, index: usize) -> Age {
        // Relaxed: ages change under the lock of the young generation or in a pause. A thread that finds an address in a chunk
        // that was taken in this very pause has acquired the slot in which it found the address.
        Age::of(self.cell(index).load(Ordering::Relaxed))
    }

    fn set(&self, index: usize, age: Age) {
        // Relaxed: as in `get`.
        self.cell(index).store(age as u8, Ordering::Relaxed);
    }

    /// Returns the age of the chunk at an address of the young part.
    #[inline(always)]
    pub(crate) fn at(&self, address: usize) -> Age {
        self.get(self.part.offset(address) >> self.shift)
    }
}

/// The chunks of the young part.
pub(crate) struct YoungSpace {
    part: Part,
    map: AddressMap,
    shift: u32,
    /// The age of every chunk.
    pub(crate) ages: Arc<Ages>,
    /// For every chunk that was ever handed out, the offset of the end of its objects from its start. Valid once the chunk is not
    /// an allocation buffer any more.
    tops: Vec<u32>,
    /// Empty chunks with memory that is charged, the most recently used last.
    free: Vec<u32>,
    /// Empty chunks whose memory was given back.
    released: Vec<u32>,
    /// The number of chunks on their way from `free` to `released`.
    releasing: usize,
}

impl YoungSpace {
    pub(crate) fn new(map: AddressMap, chunk_bytes: usize) -> Result<Self, ReserveError> {
        debug_assert!(chunk_bytes.is_power_of_two());
        let shift = chunk_bytes.ilog2();
        Ok(Self {
            part: map.young,
            map,
            shift,
            ages: Arc::new(Ages::new(map.young, shift)?),
            tops: Vec::new(),
            free: Vec::new(),
            released: Vec::new(),
            releasing: 0,
        })
    }

    pub(crate) fn chunk_bytes(&self) -> usize {
        1 << self.shift
    }

    /// Returns the number of chunks that hold or may hold objects.
    pub(crate) fn in_use(&self) -> usize {
        self.tops.len() - self.free.len() - self.released.len() - self.releasing
    }

    /// Takes an empty chunk, if one is committed or `commit` (offset in the reservation, bytes) commits one.
    pub(crate) fn take(&mut self, age: Age, commit: impl FnOnce(usize, usize) -> bool) -> Option<u32> {
        let index = match (self.free.pop(), self.released.last().copied()) {
            (Some(index), _) => index,
            (None, Some(index)) => {
                if !commit(self.offset(index), self.chunk_bytes()) {
                    return None;
                }
                self.released.pop();
                index
            }
            (None, None) => {
                let index = self.tops.len();
                let bytes = self.chunk_bytes();
                let start = self.part.start + index * bytes;
                if (index + 1) * bytes > self.part.bytes || !commit(self.map.offset(start), bytes) {
                    return None;
                }
                self.tops.push(0);
                // Room for every chunk, so that giving one back never allocates.
                self.free.reserve(self.tops.len());
                index as u32
            }
        };
        self.set(index, age);
        Some(index)
    }

    fn set(&mut self, index: u32, age: Age) {
        self.ages.set(index as usize, age);
        self.tops[index as usize] = 0;
    }

    /// Returns the offset of a chunk in the reservation.
    pub(crate) fn offset(&self, index: u32) -> usize {
        self.map.offset(self.part.start + ((index as usize) << self.shift))
    }

    /// Takes all empty chunks except `keep` off the list, so that their memory can be released without a lock.
    /// [`put_released`](Self::put_released) lists them again.
    pub(crate) fn take_surplus(&mut self, keep: usize) -> Vec<u32> {
        let surplus = self.free.len().saturating_sub(keep);
        self.releasing += surplus;
        self.free.drain(..surplus).collect()
    }

    /// Lists chunks whose memory was released.
    pub(crate) fn put_released(&mut self, chunks: &[u32]) {
        self.releasing -= chunks.len();
        self.released.extend_from_slice(chunks);
    }

    /// Gives back a chunk whose objects are dead or were moved.
    pub(crate) fn give_back(&mut self, index: u32) {
        debug_assert_ne!(self.ages.get(index as usize), Age::Free);
        self.set(index, Age::Free);
        self.free.push(index);
    }

    /// Ends a minor collection: from-space becomes free, to-space becomes generation 1. Calls `dead` with each chunk of
    /// from-space (start, bytes used) before it is given back.
    pub(crate) fn flip(&mut self, mut dead: impl FnMut(*mut u8, usize)) {
        for index in 0..self.tops.len() as u32 {
            match self.ages.get(index as usize) {
                Age::Fresh | Age::Survivor => {
                    dead(self.start(index), self.used(index));
                    self.give_back(index);
                }
                Age::Arriving => self.ages.set(index as usize, Age::Survivor),
                Age::Free => {}
            }
        }
    }

    pub(crate) fn start(&self, index: u32) -> *mut u8 {
        self.map.pointer(self.part.start + ((index as usize) << self.shift))
    }

    /// Records where the objects of a chunk end.
    pub(crate) fn set_top(&mut self, index: u32, top: usize) {
        let start = self.part.start + ((index as usize) << self.shift);
        debug_assert!(top >= start && top - start <= self.chunk_bytes());
        self.tops[index as usize] = (top - start) as u32;
    }

    /// Returns the bytes of objects in a chunk.
    pub(crate) fn used(&self, index: u32) -> usize {
        self.tops[index as usize] as usize
    }

    /// Returns the age of the chunk at any address of the young part, or `None` if that chunk was never handed out.
    pub(crate) fn age_if_any(&self, address: usize) -> Option<Age> {
        let index = self.part.offset(address) >> self.shift;
        (index < self.tops.len()).then(|| self.ages.get(index))
    }

    /// Returns the chunks of an age.
    pub(crate) fn of_age(&self, age: Age) -> impl Iterator<Item = u32> + '_ {
        (0..self.tops.len() as u32).filter(move |&index| self.ages.get(index as usize) == age)
    }
}
