//! The word before every object, and the type information that it points to.
//!
//! ```text
//!   63 …………………………………………………… 4 | 3          2          1       0
//!   address of the TypeInfo     | registered key       filler  forwarded
//! ```
//!
//! - **[header.kinds]** A header is a pointer to a `TypeInfo` (low bits 00), a forwarding address
//!   (`forwarded` set; only inside a pause) or a filler (`filler` set; the other bits are its size
//!   in bytes). Inside a pause the word may be elsewhere for a while ([threaded.headers]).
//! - **[header.flags]** Beside the address of the `TypeInfo` there are two flags. A running mutator
//!   sets one by a read-modify-write, while other threads read the header: so they read it
//!   atomically. A flag moves with its object, and is never cleared.
//! - **[header.forwards-stopped]** Objects are forwarded only while the world is stopped.

use core::ptr::NonNull;

use crate::sync::atomic::{AtomicPtr, Ordering};

use super::{
    forwarding::Forwarding,
    layout::{HEADER, cell_offset, elements_offset, tailed_size, value_size},
    size_class::SizeClass,
};

const FORWARDED: usize = 1;
pub(super) const FILLER: usize = 2;
const TAGS: usize = 15;

/// What a header says of its object beside the type ([header.flags]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub(crate) enum Flag {
    /// The object is, or was, the key of an ephemeron.
    Key = 4,
    /// The heap's table of registered objects has, or had, an entry for the object.
    Registered = 8,
}

impl Flag {
    /// Returns whether the word of a header has the flag. The word is that of an object.
    #[inline(always)]
    pub(crate) fn is_in(self, word: *mut u8) -> bool {
        word.addr() & self as usize != 0
    }
}

/// Traces `count` consecutive values from `first` on. The last pointer is the visitor.
pub(crate) type TraceFn = unsafe fn(first: *mut u8, count: usize, visitor: *mut u8);

/// Returns the bytes behind a value.
pub(crate) type TailFn = unsafe fn(value: *const u8) -> usize;

/// What the collector knows of a type. One type may have several statics, so the address does not
/// identify the type.
#[repr(align(16))]
pub(crate) struct TypeInfo {
    pub(crate) shape: TypeShape,
    pub(crate) trace: TraceFns,
    /// Drops one value (one element, for slices). `None` if dropping does nothing.
    pub(crate) drop: Option<unsafe fn(*mut u8)>,
    /// How many bytes there are behind the value of an object; `None` if there are none, and for
    /// slices ([layout.tail]).
    pub(crate) tail: Option<TailFn>,
    pub(crate) name: fn() -> &'static str,
}

impl TypeInfo {
    /// Returns whether objects of both are laid out and traced alike: they are statics of one type,
    /// or of types that the compiler has made one of.
    #[inline]
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
            || (core::ptr::fn_addr_eq(self.trace.evacuate, other.trace.evacuate) && self.shape == other.shape)
    }
}

/// The trace functions of a type, one for each purpose.
pub(crate) struct TraceFns {
    /// Evacuating the young generation, by one thread.
    pub(crate) evacuate: TraceFn,
    /// Evacuating it by several threads.
    pub(crate) evacuate_shared: TraceFn,
    /// Marking the old generation.
    pub(crate) mark: TraceFn,
    /// Logging the pointers that a cell holds, in the barrier.
    pub(crate) log_old_value: TraceFn,
    /// Updating pointers to old objects that were moved.
    pub(crate) update: TraceFn,
    /// Reading without changes, by the verifier.
    pub(crate) inspect: TraceFn,
}

/// The layout part of a [`TypeInfo`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct TypeShape {
    /// Bytes from header to end of a sized object; 0 for slices, and for objects with a tail.
    pub(crate) size_with_header: u32,
    /// Bytes of one element, or of the value before a tail; 0 for sized objects.
    pub(crate) elem_size: u32,
    pub(crate) align: u16,
    pub(crate) slice: bool,
    /// The type has nothing to trace.
    pub(crate) leaf: bool,
    /// A sized value has a slot or a cell, which is written through shared references.
    pub(crate) cells: bool,
}

impl TypeShape {
    pub(crate) const fn sized(size: usize, align: usize, leaf: bool, cells: bool) -> Self {
        let size_with_header = value_size(size);
        assert!(size_with_header <= u32::MAX as usize, "a type of 4 GiB or more cannot be an object of the heap");
        Self { size_with_header: size_with_header as u32, elem_size: 0, align: align as u16, slice: false, leaf, cells }
    }

    pub(crate) const fn slice(elem_size: usize, align: usize, leaf: bool) -> Self {
        assert!(elem_size <= u32::MAX as usize, "a type of 4 GiB or more cannot be an element of an object");
        Self { size_with_header: 0, elem_size: elem_size as u32, align: align as u16, slice: true, leaf, cells: false }
    }

    /// Returns the shape of objects whose value has a tail ([layout.tail]).
    pub(crate) const fn tailed(size: usize, align: usize, leaf: bool, cells: bool) -> Self {
        assert!(align <= HEADER, "an object with a tail has an alignment of at most 8");
        assert!(size <= u32::MAX as usize, "a type of 4 GiB or more cannot be an object of the heap");
        Self { size_with_header: 0, elem_size: size as u32, align: align as u16, slice: false, leaf, cells }
    }

    /// Returns the number of bytes from the start of an old or large cell to the address.
    #[inline(always)]
    pub(crate) const fn cell_offset(&self) -> usize {
        cell_offset(self.align as usize, self.slice)
    }

    /// Returns the bytes of the old cell that an object of `size_with_header` bytes needs, before
    /// they are rounded to a size class.
    #[inline(always)]
    pub(crate) const fn cell_bytes(&self, size_with_header: usize) -> usize {
        let bytes = size_with_header + self.cell_offset() - HEADER;
        // A cell lies on a multiple of its size: powers of two keep the larger alignments.
        if self.align > 16 { bytes.next_power_of_two() } else { bytes }
    }

    /// Returns the bytes that an object takes in the young part. They are at least three quarters
    /// of its old cell, so that the size of the young part bounds what promoting it takes. Only
    /// alignments of 16 and more ever need padding for this.
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

    /// Returns the number of bytes from the address to the first value.
    #[inline(always)]
    pub(crate) const fn first_offset(&self) -> usize {
        if self.slice { elements_offset(self.align as usize) } else { 0 }
    }
}

impl TypeInfo {
    /// Returns the number of values in the object at `address`.
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

    /// Returns the bytes from the header to the end of the object at `address`.
    ///
    /// # Safety
    ///
    /// As for [`len`](Self::len).
    #[inline(always)]
    pub(crate) unsafe fn size_with_header(&self, address: *mut u8) -> usize {
        let size_with_header = self.shape.size_with_header as usize;
        if size_with_header > 0 {
            return size_with_header;
        }
        if let Some(tail) = self.tail {
            // SAFETY: the caller's: an object of this type, whose address is that of its value.
            return tailed_size(self.shape.elem_size as usize, unsafe { tail(address) });
        }
        // SAFETY: the caller's: an object of this type.
        let len = unsafe { self.len(address) };
        let head = HEADER + self.shape.first_offset();
        // No overflow: an object of this length was allocated.
        (head + self.shape.elem_size as usize * len).next_multiple_of(8)
    }

    /// Returns the address of the first value of the object at `address`.
    #[inline(always)]
    pub(crate) fn first(&self, address: *mut u8) -> *mut u8 {
        address.wrapping_add(self.shape.first_offset())
    }
}

/// A pointer to a header.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct Header(NonNull<*mut u8>);

/// The content of a header ([header.kinds]).
#[derive(Clone, Copy)]
pub(crate) enum HeaderWord {
    Info(&'static TypeInfo),
    Forwarded(*mut u8),
    /// Not an object: a gap of this many bytes, including the header.
    Filler(usize),
}

impl Header {
    /// Returns the header of the object at `address`.
    ///
    /// # Safety
    ///
    /// `address` is not null, and the word before it is a header.
    #[inline(always)]
    pub(crate) unsafe fn of(address: *mut u8) -> Self {
        // SAFETY: the caller's: not null, with a word before it.
        Self(unsafe { NonNull::new_unchecked(address.sub(HEADER).cast()) })
    }

    /// Reads the word as it is.
    ///
    /// # Safety
    ///
    /// The header is initialised and no thread writes it meanwhile, except its flags.
    #[inline(always)]
    pub(crate) unsafe fn raw(self) -> *mut u8 {
        // SAFETY: the caller's: initialised, and laid out as a pointer's atomic is.
        let word = unsafe { self.0.cast::<AtomicPtr<u8>>().as_ref() };
        // Relaxed: who reads a header has acquired the object before; a flag only says that there may be more elsewhere.
        word.load(Ordering::Relaxed)
    }

    /// Sets a flag. Returns whether it was not set before.
    ///
    /// # Safety
    ///
    /// As for [`info`](Self::info), for as long as the call lasts.
    pub(crate) unsafe fn raise(self, flag: Flag) -> bool {
        // SAFETY: as for `raw`.
        let word = unsafe { self.0.cast::<AtomicPtr<u8>>().as_ref() };
        // Relaxed: what the flag stands for is under a lock.
        !flag.is_in(word.fetch_or(flag as usize, Ordering::Relaxed))
    }

    /// Returns whether a flag is set.
    ///
    /// # Safety
    ///
    /// As for [`info`](Self::info).
    #[inline(always)]
    pub(crate) unsafe fn has(self, flag: Flag) -> bool {
        // SAFETY: the caller's.
        flag.is_in(unsafe { self.raw() })
    }

    /// Reads and decodes the word.
    ///
    /// # Safety
    ///
    /// As for [`raw`](Self::raw).
    #[inline(always)]
    pub(crate) unsafe fn read(self) -> HeaderWord {
        // SAFETY: the caller's: initialised, and not written meanwhile.
        let word = unsafe { self.raw() };
        // SAFETY: an initialised header's word.
        unsafe { HeaderWord::of(word) }
    }

    /// Returns the word, for several threads that copy ([forwarding.here-only]).
    ///
    /// # Safety
    ///
    /// The header is initialised, and until the pause ends no thread uses it otherwise.
    #[inline(always)]
    pub(crate) unsafe fn forwarding<'a>(self) -> &'a Forwarding {
        // SAFETY: a word of its own, laid out as a pointer's atomic is, and valid throughout the pause.
        unsafe { self.0.cast().as_ref() }
    }

    /// Writes the word of another object's header: that object was copied here.
    ///
    /// # Safety
    ///
    /// As for [`write_info`](Self::write_info).
    #[inline(always)]
    pub(crate) unsafe fn write_raw(self, word: *mut u8) {
        // SAFETY: the caller's: the word is writable and unused.
        unsafe { self.0.write(word) }
    }

    /// Returns the type of a live object that is not forwarded.
    ///
    /// # Safety
    ///
    /// As for [`raw`](Self::raw), and the header points to a `TypeInfo`.
    #[inline(always)]
    pub(crate) unsafe fn info(self) -> &'static TypeInfo {
        // SAFETY: the caller's: initialised, and not written meanwhile.
        unsafe { HeaderWord::info_of(self.raw()) }
    }

    /// Makes the word the header of an object of type `info`.
    ///
    /// # Safety
    ///
    /// The word is writable, and is not the header of an object in use.
    #[inline(always)]
    pub(crate) unsafe fn write_info(self, info: &'static TypeInfo) {
        // SAFETY: the caller's: the word is writable and unused.
        unsafe { self.0.write(core::ptr::from_ref(info).cast_mut().cast()) }
    }

    /// Makes the word the header of a filler.
    ///
    /// # Safety
    ///
    /// As for [`write_info`](Self::write_info); `bytes` is a multiple of 8, and so many bytes from
    /// the header on belong to the filler.
    #[inline(always)]
    pub(crate) unsafe fn write_filler(self, bytes: usize) {
        debug_assert!(bytes.is_multiple_of(8) && bytes > 0);
        // SAFETY: the caller's: the word is writable and unused.
        unsafe { self.0.write(core::ptr::without_provenance_mut((bytes << 1) | FILLER)) }
    }

    /// Forwards the object to its copy.
    ///
    /// # Safety
    ///
    /// The world is stopped ([header.forwards-stopped]), and the object has been copied to `to`.
    #[inline(always)]
    pub(crate) unsafe fn forward(self, to: *mut u8) {
        // SAFETY: the caller's: the world is stopped, and the object has been copied.
        unsafe { self.0.write(forwarded(to)) }
    }

    /// Returns the header whose word is at `place`.
    #[inline(always)]
    pub(crate) fn at(place: NonNull<u8>) -> Self {
        Self(place.cast())
    }

    /// Returns the address of the object.
    #[inline(always)]
    pub(crate) fn address(self) -> *mut u8 {
        self.0.as_ptr().cast::<u8>().wrapping_add(HEADER)
    }
}

impl HeaderWord {
    /// Returns the type that the word of a header points to.
    ///
    /// # Safety
    ///
    /// The word is that of an object, which is not forwarded.
    #[inline(always)]
    pub(crate) unsafe fn info_of(word: *mut u8) -> &'static TypeInfo {
        // SAFETY: the caller's: the word of an initialised header.
        match unsafe { Self::of(word) } {
            Self::Info(info) => info,
            // SAFETY: excluded by the caller.
            _ => unsafe { not_an_object() },
        }
    }

    /// Returns the type, if the word is the plain address of one: an object without flags, and not
    /// forwarded.
    ///
    /// # Safety
    ///
    /// As for [`of`](Self::of).
    #[inline(always)]
    pub(crate) unsafe fn plain(word: *mut u8) -> Option<&'static TypeInfo> {
        // SAFETY: [header.kinds]: without any low bit the word is the address of a static `TypeInfo`.
        (word.addr() & TAGS == 0).then(|| unsafe { &*word.cast_const().cast::<TypeInfo>() })
    }

    /// Decodes the word of a header.
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
            // SAFETY: [header.kinds]: a word that is neither forwarded nor a filler is the address of a static `TypeInfo`, with
            // low bits for flags.
            Self::Info(unsafe { &*word.map_addr(|a| a & !TAGS).cast::<TypeInfo>() })
        }
    }
}

/// Returns the word that forwards to the object at `to`.
#[inline(always)]
pub(crate) fn forwarded(to: *mut u8) -> *mut u8 {
    to.map_addr(|a| a | FORWARDED)
}

/// Panics in builds with debug assertions: the header is not that of an object.
///
/// # Safety
///
/// It is never called.
#[cold]
unsafe fn not_an_object() -> ! {
    if cfg!(debug_assertions) {
        panic!("gc-core: a header that should describe an object is a filler or forwarded: the heap is damaged")
    }
    // SAFETY: the caller excludes it.
    unsafe { core::hint::unreachable_unchecked() }
}
