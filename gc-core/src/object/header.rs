//! The word before every object, and the description of its type that the word points to.
//!
//! ```text
//!   63 …………………………………………………… 4 | 3          2          1       0
//!   address of the TypeInfo     | registered hash      filler  forwarded
//! ```
//!
//! - **[header.kinds]** A header is an info (low bits 00), a forwarding address (`forwarded` set; only inside a pause) or a filler
//!   (`filler` set; the other bits are its size in bytes). `hash` and `registered` are kept for identity hashes and
//!   weak registration; nothing sets them yet.
//! - **[header.forwards-stopped]** Only a stopped world forwards.

use core::ptr::NonNull;

use super::{
    forwarding::Forwarding,
    layout::{HEADER, cell_offset, elements_offset, sized_extent},
    size_class::SizeClass,
};

const FORWARDED: usize = 1;
const FILLER: usize = 2;
const TAGS: usize = 15;

/// Traces `count` values that lie one behind the other from `first`, with the visitor behind the last pointer.
pub(crate) type TraceFn = unsafe fn(first: *mut u8, count: usize, visitor: *mut u8);

/// What the collector knows of a type. One static per type, or several: its address is no identity.
#[repr(align(16))]
pub(crate) struct TypeInfo {
    pub(crate) shape: TypeShape,
    pub(crate) trace: TraceFns,
    /// Drops one value (one element, for slices), if dropping does anything.
    pub(crate) drop: Option<unsafe fn(*mut u8)>,
    pub(crate) name: fn() -> &'static str,
}

/// How to trace values of a type, by what for.
pub(crate) struct TraceFns {
    /// Copying the young generation, by one thread.
    pub(crate) evacuate: TraceFn,
    /// The same by several.
    pub(crate) evacuate_shared: TraceFn,
    /// Marking the old one.
    pub(crate) mark: TraceFn,
    /// Preserving what a cell holds, in the barrier; behind the last pointer is the barrier.
    pub(crate) log_old_value: TraceFn,
    /// Looking, changing nothing: the verifier.
    pub(crate) inspect: TraceFn,
}

/// The layout part of a [`TypeInfo`].
#[derive(Clone, Copy)]
pub(crate) struct TypeShape {
    /// Bytes from header to end of a sized object; unused for slices.
    pub(crate) size_with_header: u32,
    /// Bytes of one element; unused for sized objects.
    pub(crate) elem_size: u32,
    pub(crate) align: u16,
    pub(crate) slice: bool,
    /// Nothing to trace.
    pub(crate) leaf: bool,
}

impl TypeShape {
    pub(crate) const fn sized(size: usize, align: usize, leaf: bool) -> Self {
        let size_with_header = sized_extent(size);
        assert!(size_with_header <= u32::MAX as usize, "a type of 4 GiB or more cannot be an object of the heap");
        Self { size_with_header: size_with_header as u32, elem_size: 0, align: align as u16, slice: false, leaf }
    }

    pub(crate) const fn slice(elem_size: usize, align: usize, leaf: bool) -> Self {
        assert!(elem_size <= u32::MAX as usize, "a type of 4 GiB or more cannot be an element of an object");
        Self { size_with_header: 0, elem_size: elem_size as u32, align: align as u16, slice: true, leaf }
    }

    /// Bytes from the start of an old or large cell to the address.
    #[inline(always)]
    pub(crate) const fn cell_offset(&self) -> usize {
        cell_offset(self.align as usize, self.slice)
    }

    /// Bytes of the old cell that an object of `size_with_header` bytes needs, before rounding to a class.
    #[inline(always)]
    pub(crate) const fn cell_bytes(&self, size_with_header: usize) -> usize {
        let bytes = size_with_header + self.cell_offset() - HEADER;
        // A cell lies on a multiple of its size: powers of two keep the larger alignments.
        if self.align > 16 { bytes.next_power_of_two() } else { bytes }
    }

    /// Bytes that an object takes in the young part. At least three quarters of its old cell, so that what the young part
    /// holds bounds what promoting it takes; only alignments of 16 and more ever need the difference.
    #[inline(always)]
    pub(crate) const fn young_bytes(&self, size_with_header: usize) -> usize {
        if self.align > 8
            && let Some(class) = SizeClass::of(self.cell_bytes(size_with_header))
            && size_with_header * 4 < class.bytes() * 3
        {
            class.bytes()
        } else {
            size_with_header
        }
    }

    /// Bytes from the address to the first value.
    #[inline(always)]
    pub(crate) const fn first_offset(&self) -> usize {
        if self.slice { elements_offset(self.align as usize) } else { 0 }
    }
}

impl TypeInfo {
    /// The number of values in the object at `address`.
    ///
    /// # Safety
    ///
    /// `address` is that of an object of this type.
    #[inline(always)]
    pub(crate) unsafe fn len(&self, address: *mut u8) -> usize {
        if self.shape.slice {
            // SAFETY: the address of a slice is that of its length word.
            unsafe { address.cast::<usize>().read() }
        } else {
            1
        }
    }

    /// Bytes from header to end of the object at `address`.
    ///
    /// # Safety
    ///
    /// As for [`len`](Self::len).
    #[inline(always)]
    pub(crate) unsafe fn size_with_header(&self, address: *mut u8) -> usize {
        if self.shape.slice {
            // SAFETY: the caller's.
            let len = unsafe { self.len(address) };
            let head = HEADER + self.shape.first_offset();
            // No overflow: an object of this length was allocated.
            (head + self.shape.elem_size as usize * len).next_multiple_of(8)
        } else {
            self.shape.size_with_header as usize
        }
    }

    /// The first value of the object at `address`.
    #[inline(always)]
    pub(crate) fn first(&self, address: *mut u8) -> *mut u8 {
        address.wrapping_add(self.shape.first_offset())
    }
}

/// The place of a header.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct Header(NonNull<*mut u8>);

/// What a header says ([header.kinds]).
#[derive(Clone, Copy)]
pub(crate) enum HeaderWord {
    Info(&'static TypeInfo),
    Forwarded(*mut u8),
    /// No object: this many bytes, the header's included.
    Filler(usize),
}

impl Header {
    /// The header of the object at `address`.
    ///
    /// # Safety
    ///
    /// `address` is not null, and the word before it is a header.
    #[inline(always)]
    pub(crate) unsafe fn of(address: *mut u8) -> Self {
        // SAFETY: the caller's: not null, with a word before it.
        Self(unsafe { NonNull::new_unchecked(address.sub(HEADER).cast()) })
    }

    /// The word as it is.
    ///
    /// # Safety
    ///
    /// The header is initialised and nobody writes it meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn raw(self) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe { self.0.read() }
    }

    /// # Safety
    ///
    /// As for [`raw`](Self::raw).
    #[inline(always)]
    pub(crate) unsafe fn read(self) -> HeaderWord {
        // SAFETY: the caller's.
        let word = unsafe { self.raw() };
        // SAFETY: an initialised header's word.
        unsafe { HeaderWord::of(word) }
    }

    /// The word, for several threads that copy ([forwarding.here-only]).
    ///
    /// # Safety
    ///
    /// The header is initialised, and until the pause ends nobody uses it otherwise.
    #[inline(always)]
    pub(crate) unsafe fn forwarding<'a>(self) -> &'a Forwarding {
        // SAFETY: a word of its own, which a pointer's atomic is laid out as, valid throughout the pause.
        unsafe { self.0.cast().as_ref() }
    }

    /// Writes the word of another header, of an object that was copied here.
    ///
    /// # Safety
    ///
    /// As for [`write_info`](Self::write_info).
    #[inline(always)]
    pub(crate) unsafe fn write_raw(self, word: *mut u8) {
        // SAFETY: the caller's.
        unsafe { self.0.write(word) }
    }

    /// The type of a live, unforwarded object.
    ///
    /// # Safety
    ///
    /// As for [`raw`](Self::raw), and the header is an info.
    #[inline(always)]
    pub(crate) unsafe fn info(self) -> &'static TypeInfo {
        // SAFETY: the caller's.
        match unsafe { self.read() } {
            HeaderWord::Info(info) => info,
            // SAFETY: excluded by the caller.
            _ => unsafe { not_an_object() },
        }
    }

    /// # Safety
    ///
    /// The word is writable and no object's that is in use.
    #[inline(always)]
    pub(crate) unsafe fn write_info(self, info: &'static TypeInfo) {
        // SAFETY: the caller's.
        unsafe { self.0.write(core::ptr::from_ref(info).cast_mut().cast()) }
    }

    /// # Safety
    ///
    /// As for [`write_info`](Self::write_info); `bytes` is a multiple of 8 and so much memory belongs to the filler.
    #[inline(always)]
    pub(crate) unsafe fn write_filler(self, bytes: usize) {
        debug_assert!(bytes.is_multiple_of(8) && bytes > 0);
        // SAFETY: the caller's.
        unsafe { self.0.write(core::ptr::without_provenance_mut((bytes << 1) | FILLER)) }
    }

    /// # Safety
    ///
    /// The world is stopped ([header.forwards-stopped]), and the object has been copied to `to`.
    #[inline(always)]
    pub(crate) unsafe fn forward(self, to: *mut u8) {
        // SAFETY: the caller's.
        unsafe { self.0.write(forwarded(to)) }
    }

    /// The header whose word is at `place`.
    #[inline(always)]
    pub(crate) fn at(place: NonNull<u8>) -> Self {
        Self(place.cast())
    }

    /// The address of the object.
    #[inline(always)]
    pub(crate) fn address(self) -> *mut u8 {
        self.0.as_ptr().cast::<u8>().wrapping_add(HEADER)
    }
}

impl HeaderWord {
    /// What a header's word says.
    ///
    /// # Safety
    ///
    /// The word was read from an initialised header.
    #[inline(always)]
    pub(crate) unsafe fn of(word: *mut u8) -> Self {
        let address = word.addr();
        if address & FORWARDED != 0 {
            Self::Forwarded(word.map_addr(|a| a & !FORWARDED))
        } else if address & FILLER != 0 {
            Self::Filler((address & !TAGS) >> 1)
        } else {
            // SAFETY: [header.kinds]: neither forwarded nor filler is the address of a static `TypeInfo`, with low bits for flags.
            Self::Info(unsafe { &*word.map_addr(|a| a & !TAGS).cast::<TypeInfo>() })
        }
    }
}

/// The word that forwards to the object at `to`.
#[inline(always)]
pub(crate) fn forwarded(to: *mut u8) -> *mut u8 {
    to.map_addr(|a| a | FORWARDED)
}

/// # Safety
///
/// Never called.
#[cold]
unsafe fn not_an_object() -> ! {
    if cfg!(debug_assertions) {
        panic!("gc-core: a header that should describe an object is a filler or forwarded: the heap is damaged")
    }
    // SAFETY: the caller excludes it.
    unsafe { core::hint::unreachable_unchecked() }
}
