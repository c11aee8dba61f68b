//! Allocation: one object, or a slice or string of any length.
//!
//! The order is: reserve memory, bump the pointer, *then* run user code. A closure or an iterator
//! may allocate, lie about its length or panic; the memory that it leaves unfinished is a filler.
//! An object enters lists after its last value is written. Nothing here collects.

use core::{convert::Infallible, mem, ptr::NonNull};

use crate::{
    Gc,
    collector::{
        attachment::Attachment,
        refill::{Refused, Reserved, is_large},
        registry::name,
        type_info::TypeInfoOf,
    },
    object::{Header, TypeInfo, slice_size},
    trace::Trace,
};

use super::{AllocError, Mutator, making::Making};

#[cold]
#[inline(never)]
pub(crate) fn refuse(local: &Attachment, refused: Refused) -> ! {
    let fresh = local.collector.pacing.fresh_bytes();
    panic!(
        "{refused} ({fresh} bytes were allocated since the last collection; this is {})",
        name(&std::thread::current())
    )
}

impl Mutator {
    /// Allocates an object.
    ///
    /// Moves `value` into the heap. Bumps a pointer and writes a header of 8 bytes. An object that
    /// needs dropping also enters a list. An object of more than 8 KiB gets a run of its own, which
    /// costs a lock and a search. Never collects: a collection that this makes due happens at the
    /// next [`safepoint`](Self::safepoint). A type of an alignment above 4096 does not compile.
    ///
    /// # Panics
    ///
    /// At the hard limit, or if the system refuses memory; [`try_alloc`](Self::try_alloc) returns
    /// an error instead. A program that reaches safepoints meets the limit only if what lives
    /// leaves no room for a small nursery.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let pair = m.alloc((1, m.alloc_str("one")));
    /// assert_eq!((pair.0, &*pair.1), (1, "one"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "new")]
    #[inline(always)]
    #[track_caller]
    pub fn alloc<'gc, T: Trace<At<'gc> = T> + 'gc>(&'gc self, value: T) -> Gc<'gc, T> {
        if self.may_be_old::<T>() {
            return self.alloc_aside(value);
        }
        self.alloc_young(value)
    }

    /// Allocates an object as [`alloc`](Self::alloc) does, in the nursery.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn alloc_young<'gc, T: Trace<At<'gc> = T> + 'gc>(&'gc self, value: T) -> Gc<'gc, T> {
        match self.bump::<T>() {
            // SAFETY: `bump` has reserved the memory for a `T`.
            Some(place) => unsafe { self.fill(place, value) },
            None => Self::alloc_slow(self.local(), value),
        }
    }

    /// Allocates an object, or gives the value back.
    ///
    /// # Errors
    ///
    /// At the hard limit or a little below it, or if the system refuses memory: see [`AllocError`].
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let heap = gc_core::Heap::builder().chunk_bytes(64 << 10).nursery_bytes(256 << 10).hard_limit(4 << 20).build()?;
    /// let mut m = heap.attach()?;
    /// let mut kept = m.root(Vec::<gc_core::Gc<[u8; 16384]>>::new());
    /// let error = loop {
    ///     match m.try_alloc([0; 16384]) {
    ///         Ok(page) => kept.get_mut(&m).push(page),
    ///         Err(error) => break error,
    ///     }
    ///     m.safepoint();
    /// };
    /// assert!(error.to_string().contains("the hard limit is 4194304 bytes"));
    /// let page = error.into_value();
    /// kept.get_mut(&m).clear();
    /// m.safepoint();
    /// assert!(m.try_alloc(page).is_ok());
    /// # Ok(()) }
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn try_alloc<'gc, T: Trace<At<'gc> = T> + 'gc>(&'gc self, value: T) -> Result<Gc<'gc, T>, AllocError<T>> {
        if self.may_be_old::<T>() {
            return self.try_alloc_aside(value);
        }
        self.try_alloc_young(value)
    }

    /// Allocates an object as [`try_alloc`](Self::try_alloc) does, in the nursery.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn try_alloc_young<'gc, T: Trace<At<'gc> = T> + 'gc>(
        &'gc self,
        value: T,
    ) -> Result<Gc<'gc, T>, AllocError<T>> {
        match self.bump::<T>() {
            // SAFETY: `bump` has reserved the memory for a `T`.
            Some(place) => Ok(unsafe { self.fill(place, value) }),
            None => Self::try_alloc_slow(self.local(), value),
        }
    }

    /// Allocates an object that `make` returns. For large values: the compiler constructs the value
    /// in the object if it can. Without optimization the value lies on the stack first; for a very
    /// large one see [`alloc_slice_with`](Self::alloc_slice_with).
    ///
    /// `make` may allocate. If it panics, the memory of the object is lost until the next
    /// collection.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc), before `make` is called.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let table = m.alloc_with(|| [0_u32; 16384]);
    /// assert_eq!(table.len(), 16384);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn alloc_with<'gc, T: Trace<At<'gc> = T> + 'gc>(&'gc self, make: impl FnOnce() -> T) -> Gc<'gc, T> {
        self.make_with::<true, T, _>(make, |make| make()).unwrap_or_else(|error| refuse(self.local(), error.refused))
    }

    /// Allocates as [`alloc_with`](Self::alloc_with) does, or gives the closure back.
    ///
    /// # Errors
    ///
    /// As [`try_alloc`](Self::try_alloc); `make` was not called.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let table = m.try_alloc_with(|| [1_u8; 64])?;
    /// assert_eq!(table[63], 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_alloc_with<'gc, T: Trace<At<'gc> = T> + 'gc, F: FnOnce() -> T>(
        &'gc self,
        make: F,
    ) -> Result<Gc<'gc, T>, AllocError<F>> {
        self.make_with::<false, T, F>(make, |make| make())
    }

    /// Allocates an object that `call` returns when it gets `make`, or gives `make` back.
    #[inline]
    #[track_caller]
    pub(crate) fn make_with<'gc, const INSIST: bool, T: Trace<At<'gc> = T> + 'gc, F>(
        &'gc self,
        make: F,
        call: impl FnOnce(F) -> T,
    ) -> Result<Gc<'gc, T>, AllocError<F>> {
        let info = TypeInfoOf::<T>::SIZED;
        let reserved = match self.local().reserve::<INSIST>(&info.shape, info.shape.size_with_header as usize) {
            Ok(reserved) => reserved,
            Err(refused) => return Err(AllocError { value: make, refused }),
        };
        let place = reserved.address().cast::<T>();
        let making = self.making(reserved, info);
        let value = call(make);
        // SAFETY: `place` was reserved for a `T`.
        unsafe { place.write(value) };
        // SAFETY: the value is written.
        let address = unsafe { making.done(info) };
        // SAFETY: an object of type `T`, published just now. It lives until the next safepoint.
        Ok(unsafe { Gc::from_address(address) })
    }

    /// Allocates a slice of `len` elements; `make` returns each from its index. The length never
    /// changes.
    ///
    /// `make` may allocate. If it panics, the elements that were made are dropped.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc), before the first element is made.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::{Gc, Slot};
    /// let slots: Gc<[Slot<u64>]> = m.alloc_slice_with(3, |_| Slot::null());
    /// slots[1].set(&m, Some(m.alloc(5)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn alloc_slice_with<'gc, T: Trace<At<'gc> = T> + 'gc>(
        &'gc self,
        len: usize,
        make: impl FnMut(usize) -> T,
    ) -> Gc<'gc, [T]> {
        self.make_slice::<true, T, _>(len, make).unwrap_or_else(|error| refuse(self.local(), error.refused))
    }

    /// Allocates as [`alloc_slice_with`](Self::alloc_slice_with) does, or gives the function back.
    ///
    /// # Errors
    ///
    /// As [`try_alloc`](Self::try_alloc), and if no memory can hold `len` elements; `make` was not
    /// called.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert_eq!(m.try_alloc_slice_with(3, |i| i)?.iter().sum::<usize>(), 3);
    /// assert!(m.try_alloc_slice_with(usize::MAX, |i| i).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_alloc_slice_with<'gc, T: Trace<At<'gc> = T> + 'gc, F: FnMut(usize) -> T>(
        &'gc self,
        len: usize,
        make: F,
    ) -> Result<Gc<'gc, [T]>, AllocError<F>> {
        self.make_slice::<false, T, F>(len, make)
    }

    #[inline]
    #[track_caller]
    fn make_slice<'gc, const INSIST: bool, T: Trace<At<'gc> = T> + 'gc, F: FnMut(usize) -> T>(
        &'gc self,
        len: usize,
        mut make: F,
    ) -> Result<Gc<'gc, [T]>, AllocError<F>> {
        let info = TypeInfoOf::<T>::SLICE;
        let reserved = match self.reserve_slice::<INSIST>(info, len) {
            Ok(reserved) => reserved,
            Err(refused) => return Err(AllocError { value: make, refused }),
        };
        let mut making = self.making(reserved, info);
        let first = making.first().cast::<T>();
        for index in 0..len {
            let value = make(index);
            // SAFETY: the memory was reserved for `len` elements, and `index` is less.
            unsafe { first.add(index).write(value) };
            if mem::needs_drop::<T>() {
                making.written = index + 1;
            }
        }
        // SAFETY: every element is written.
        let address = unsafe { making.done(info) };
        // SAFETY: a slice of `T`, published just now. It lives until the next safepoint.
        Ok(unsafe { Gc::from_address(address) })
    }

    /// Allocates a slice of the elements that an iterator yields. Takes no more of them than its
    /// `len()` promises.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc), and if the iterator yields fewer elements than its `len()`
    /// promises.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let squares = m.alloc_slice_from_iter((0..4_u64).map(|n| n * n).collect::<Vec<_>>());
    /// assert_eq!(&*squares, [0, 1, 4, 9]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn alloc_slice_from_iter<'gc, T: Trace<At<'gc> = T> + 'gc>(
        &'gc self,
        elements: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
    ) -> Gc<'gc, [T]> {
        self.make_from_iter::<true, T, _>(elements.into_iter())
            .unwrap_or_else(|error| refuse(self.local(), error.refused))
    }

    /// Allocates as [`alloc_slice_from_iter`](Self::alloc_slice_from_iter) does, or gives the
    /// iterator back.
    ///
    /// # Errors
    ///
    /// As [`try_alloc`](Self::try_alloc); the iterator was not advanced.
    ///
    /// # Panics
    ///
    /// If the iterator yields fewer elements than its `len()` promises.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert_eq!(&*m.try_alloc_slice_from_iter([1, 2, 3].into_iter())?, [1, 2, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_alloc_slice_from_iter<'gc, T: Trace<At<'gc> = T> + 'gc, I: ExactSizeIterator<Item = T>>(
        &'gc self,
        elements: I,
    ) -> Result<Gc<'gc, [T]>, AllocError<I>> {
        self.make_from_iter::<false, T, I>(elements)
    }

    #[inline]
    #[track_caller]
    fn make_from_iter<'gc, const INSIST: bool, T: Trace<At<'gc> = T> + 'gc, I: ExactSizeIterator<Item = T>>(
        &'gc self,
        mut elements: I,
    ) -> Result<Gc<'gc, [T]>, AllocError<I>> {
        let len = elements.len();
        let next = |index| match elements.next() {
            Some(element) => element,
            None => panic!("expected an iterator of {len} elements, as its len() says, found one of {index}"),
        };
        match self.make_slice::<INSIST, T, _>(len, next) {
            Ok(slice) => Ok(slice),
            Err(AllocError { refused, .. }) => Err(AllocError { value: elements, refused }),
        }
    }

    /// Allocates a copy of a slice, by a `memcpy`. Nothing interrupts it: a collection that another
    /// thread requests waits until all is copied, about 0.1 ms for each megabyte, and several times
    /// that where memory is used for the first time. For hundreds of megabytes of plain data see
    /// [`root_slice_copy`](Self::root_slice_copy).
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert_eq!(&*m.alloc_slice_copy(&[1, 2, 3]), [1, 2, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn alloc_slice_copy<'gc, T: Trace<At<'gc> = T> + Copy + 'gc>(&'gc self, elements: &[T]) -> Gc<'gc, [T]> {
        // SAFETY: the type info is that of slices of `T`.
        let copied = unsafe { Self::copied(self.local(), TypeInfoOf::<T>::SLICE, elements, Self::reserve_or_refuse) };
        let Ok(address) = copied;
        // SAFETY: a slice of `T`, whose elements were copied just now. It lives until the next safepoint.
        unsafe { Gc::from_address(address) }
    }

    /// Allocates as [`alloc_slice_copy`](Self::alloc_slice_copy) does, or returns an error.
    ///
    /// # Errors
    ///
    /// As [`try_alloc`](Self::try_alloc).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert_eq!(m.try_alloc_slice_copy(&[1_u8; 100])?.len(), 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_alloc_slice_copy<'gc, T: Trace<At<'gc> = T> + Copy + 'gc>(
        &'gc self,
        elements: &[T],
    ) -> Result<Gc<'gc, [T]>, AllocError<()>> {
        // SAFETY: the type info is that of slices of `T`.
        let address = unsafe { Self::copied(self.local(), TypeInfoOf::<T>::SLICE, elements, Self::try_reserve)? };
        // SAFETY: a slice of `T`, published just now. It lives until the next safepoint.
        Ok(unsafe { Gc::from_address(address) })
    }

    /// Reserves memory for a `T` in the buffer, if it fits: the fast path. So short that it is
    /// inlined everywhere.
    #[inline(always)]
    fn bump<T: Trace>(&self) -> Option<NonNull<u8>> {
        let shape = &TypeInfoOf::<T>::SIZED.shape;
        if const {
            let shape = &TypeInfoOf::<T>::SIZED.shape;
            shape.align <= 8 && !is_large(shape, shape.size_with_header as usize)
        } {
            self.local().buffer.bump(shape.size_with_header as usize)
        } else {
            None
        }
    }

    /// Makes an object in memory that `bump` has reserved.
    ///
    /// # Safety
    ///
    /// `bump` has reserved `place` for a `T`.
    #[inline(always)]
    unsafe fn fill<'gc, T: Trace + 'gc>(&'gc self, place: NonNull<u8>, value: T) -> Gc<'gc, T> {
        let header = Header::at(place);
        // SAFETY: `place` begins with room for a header, and belongs to this thread since it was reserved.
        unsafe { header.write_info(TypeInfoOf::<T>::SIZED) };
        // SAFETY: the address is not null, as it lies behind a header.
        let address = unsafe { NonNull::new_unchecked(header.address()) };
        // SAFETY: the memory was reserved for a `T`, whose alignment is at most 8.
        unsafe { address.cast::<T>().write(value) };
        if mem::needs_drop::<T>() {
            self.local().drops.push(address);
        }
        // SAFETY: an object of type `T`, made just now. It lives until the next safepoint.
        unsafe { Gc::from_address(address) }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn alloc_slow<'gc, T: Trace<At<'gc> = T> + 'gc>(local: &'gc Attachment, value: T) -> Gc<'gc, T> {
        Self::reserve_slow::<true, T>(local, value).unwrap_or_else(|error| refuse(local, error.refused))
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn try_alloc_slow<'gc, T: Trace<At<'gc> = T> + 'gc>(
        local: &'gc Attachment,
        value: T,
    ) -> Result<Gc<'gc, T>, AllocError<T>> {
        Self::reserve_slow::<false, T>(local, value)
    }

    #[inline]
    #[track_caller]
    fn reserve_slow<'gc, const INSIST: bool, T: Trace<At<'gc> = T> + 'gc>(
        local: &'gc Attachment,
        value: T,
    ) -> Result<Gc<'gc, T>, AllocError<T>> {
        let info = TypeInfoOf::<T>::SIZED;
        match local.reserve::<INSIST>(&info.shape, info.shape.size_with_header as usize) {
            Ok(reserved) => {
                // SAFETY: the memory was reserved for a `T`.
                unsafe { reserved.address().cast::<T>().write(value) };
                // SAFETY: the value is written. This thread runs the mutator of `local`.
                unsafe { reserved.publish(local, info) };
                // SAFETY: an object of type `T`, published just now. It lives until the next safepoint.
                Ok(unsafe { Gc::from_address(reserved.address()) })
            }
            Err(refused) => Err(AllocError { value, refused }),
        }
    }

    pub(crate) fn making(&self, reserved: Reserved, info: &'static TypeInfo) -> Making<'_> {
        let first = info.first(reserved.address().as_ptr());
        let size = info.shape.elem_size as usize;
        Making::new(self.local(), reserved, first, size, info.drop)
    }

    /// Reserves memory for a slice and writes the length.
    #[inline]
    pub(crate) fn reserve_slice<const INSIST: bool>(
        &self,
        info: &'static TypeInfo,
        len: usize,
    ) -> Result<Reserved, Refused> {
        Self::reserve_slice_in::<INSIST>(self.local(), info, len)
    }

    #[inline]
    fn reserve_slice_in<const INSIST: bool>(
        local: &Attachment,
        info: &'static TypeInfo,
        len: usize,
    ) -> Result<Reserved, Refused> {
        let (size, align) = (info.shape.elem_size as usize, usize::from(info.shape.align));
        let Some(size_with_header) = slice_size(size, align, len) else {
            return Err(Refused::absurd(&local.collector));
        };
        let reserved = local.reserve::<INSIST>(&info.shape, size_with_header)?;
        // SAFETY: the address of a slice is that of its length word.
        unsafe { reserved.address().cast::<usize>().write(len) };
        Ok(reserved)
    }

    /// Allocates a slice object and copies `elements` into it: in the buffer, if it fits. Otherwise
    /// `reserve` reserves memory elsewhere. No user code runs before the object is whole, so on the
    /// fast path the header need not be a filler's meanwhile.
    ///
    /// # Safety
    ///
    /// `info` is the type info of slices of `T`. What `reserve` returns is reserved for a slice of
    /// as many.
    #[inline(always)]
    #[track_caller]
    pub(super) unsafe fn copied<'a, T: Copy, E>(
        local: &'a Attachment,
        info: &'static TypeInfo,
        elements: &[T],
        reserve: impl FnOnce(&'a Attachment, &'static TypeInfo, usize) -> Result<Reserved, E>,
    ) -> Result<NonNull<u8>, E> {
        if align_of::<T>() <= 8
            && let Some(size_with_header) = slice_size(size_of::<T>(), align_of::<T>(), elements.len())
            && !is_large(&info.shape, size_with_header)
            && let Some(place) = local.buffer.bump(size_with_header)
        {
            let header = Header::at(place);
            // SAFETY: `place` begins with room for a header, and belongs to this thread since it was reserved.
            unsafe { header.write_info(info) };
            let address = header.address();
            // SAFETY: the address of a slice is that of its length word.
            unsafe { address.cast::<usize>().write(elements.len()) };
            let first = info.first(address).cast::<T>();
            // SAFETY: the memory was reserved for `elements.len()` elements. The object is new, so `elements` does not overlap it.
            unsafe { first.copy_from_nonoverlapping(elements.as_ptr(), elements.len()) };
            // SAFETY: the address is not null, as it lies behind a header.
            return Ok(unsafe { NonNull::new_unchecked(address) });
        }
        let reserved = reserve(local, info, elements.len())?;
        let first = info.first(reserved.address().as_ptr()).cast::<T>();
        // SAFETY: the memory was reserved for `elements.len()` elements. The object is new, so `elements` does not overlap it.
        unsafe { first.copy_from_nonoverlapping(elements.as_ptr(), elements.len()) };
        // SAFETY: every element is written. This thread runs the mutator `local`.
        unsafe { reserved.publish(local, info) };
        Ok(reserved.address())
    }

    /// Reserves memory for a slice and writes the length, or panics.
    #[cold]
    #[inline(never)]
    pub(super) fn reserve_or_refuse(
        local: &Attachment,
        info: &'static TypeInfo,
        len: usize,
    ) -> Result<Reserved, Infallible> {
        Ok(Self::reserve_slice_in::<true>(local, info, len).unwrap_or_else(|refused| refuse(local, refused)))
    }

    /// Reserves memory for a slice and writes the length, if there is any.
    #[cold]
    #[inline(never)]
    pub(super) fn try_reserve(
        local: &Attachment,
        info: &'static TypeInfo,
        len: usize,
    ) -> Result<Reserved, AllocError<()>> {
        Self::reserve_slice_in::<false>(local, info, len).map_err(|refused| AllocError { value: (), refused })
    }
}
