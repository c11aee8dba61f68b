//! Slices of much plain data, which are copied into the heap while collections go on.
//!
//! - **[copy-in.reserved]** The memory of a large object that is being made is a run in no list,
//!   and runs do not move. So no collection looks at it or frees it, and the thread that fills it
//!   need not run meanwhile.
//! - **[copy-in.source]** What is copied does not move meanwhile. The caller lends its mutator
//!   exclusively, so it has no reference into an object of this thread's heaps
//!   ([mutator.nothing-moves]). Another thread that lends one of an object reaches no safepoint
//!   until the copy is done.
//! - **[copy-in.plain]** The elements are `'static + Send + Sync`, so there is no pointer into the
//!   heap among them ([leaf.itself]).

use crate::{
    AllocError, Gc, Mutator,
    collector::{refill::is_large, type_info::TypeInfoOf},
    mutator::allocate::refuse,
    object::slice_size,
    trace::Trace,
};

use super::Root;

/// Copies of fewer bytes take less time than a pause that would wait for them.
const MUCH: usize = 1 << 20;

impl Mutator {
    /// Allocates a copy of a slice of plain data, and returns a root of it. No collection waits for
    /// the copy.
    ///
    /// [`alloc_slice_copy`](Self::alloc_slice_copy) delays a collection that another thread
    /// requests until all is copied: about 0.1 ms for each megabyte, and several times that where
    /// memory is used for the first time. This one copies more than a megabyte as if inside of
    /// [`blocked`](Self::blocked): collections go on meanwhile, any number of them. It costs a root
    /// and two atomic operations more.
    ///
    /// It counts as a safepoint, so it takes the mutator exclusively and returns a root. For
    /// elements that are not copied, make the slice of slots or atomics
    /// ([`alloc_slice_with`](Self::alloc_slice_with)), and fill it between safepoints.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let image = vec![7_u8; 4 << 20];
    /// let copy = m.root_slice_copy(&image);
    /// assert_eq!(*copy.get(&m), *image);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn root_slice_copy<T>(&mut self, elements: &[T]) -> Root<Gc<'static, [T]>>
    where
        T: for<'a> Trace<At<'a> = T, Static = T> + Copy + Send + Sync + 'static,
    {
        let copied = self.copy_in::<true, T>(elements.len(), |first| copy(elements, first));
        copied.unwrap_or_else(|error| refuse(self.local(), error.refused))
    }

    /// Does the same as [`root_slice_copy`](Self::root_slice_copy), or returns an error.
    ///
    /// # Errors
    ///
    /// As [`try_alloc`](Self::try_alloc).
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let heap = gc_core::Heap::builder().chunk_bytes(64 << 10).nursery_bytes(256 << 10).hard_limit(8 << 20).build()?;
    /// let mut m = heap.attach()?;
    /// assert_eq!(m.try_root_slice_copy(&vec![1_u64; 1000])?.get(&m).len(), 1000);
    /// assert!(m.try_root_slice_copy(&vec![1_u64; 2 << 20]).is_err());
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn try_root_slice_copy<T>(&mut self, elements: &[T]) -> Result<Root<Gc<'static, [T]>>, AllocError<()>>
    where
        T: for<'a> Trace<At<'a> = T, Static = T> + Copy + Send + Sync + 'static,
    {
        self.copy_in::<false, T>(elements.len(), |first| copy(elements, first))
    }

    /// Allocates a slice that `fill` writes, from its first element on. If that is much, this
    /// thread does not run meanwhile.
    #[track_caller]
    fn copy_in<const INSIST: bool, T>(
        &mut self,
        len: usize,
        fill: impl FnOnce(*mut T),
    ) -> Result<Root<Gc<'static, [T]>>, AllocError<()>>
    where
        T: for<'a> Trace<At<'a> = T, Static = T> + Copy + Send + Sync + 'static,
    {
        let info = TypeInfoOf::<T>::SLICE;
        let reserved = self.reserve_slice::<INSIST>(info, len).map_err(|refused| AllocError { value: (), refused })?;
        // If `fill` panics, or a collection that is led on the way, the memory is given back.
        let making = self.making(reserved, info);
        let first = making.first().cast::<T>();
        let bytes = slice_size(size_of::<T>(), align_of::<T>(), len).unwrap_or(usize::MAX);
        if bytes >= MUCH && is_large(&info.shape, bytes) {
            self.note_place();
            // The caller has lent the mutator exclusively: nothing that points into the heap is in use ([copy-in.source]).
            Self::while_blocked(self.local(), || fill(first));
        } else {
            fill(first);
        }
        // SAFETY: every element is written. No collection had to know of them meanwhile ([copy-in.reserved]).
        let address = unsafe { making.done(info) };
        // SAFETY: a slice of `T`, published just now. It lives until the next safepoint.
        Ok(self.root(unsafe { Gc::<[T]>::from_address(address) }))
    }
}

/// Copies elements to memory that is reserved for as many.
fn copy<T: Copy>(elements: &[T], first: *mut T) {
    // SAFETY: the memory was reserved for `elements.len()` elements. It belongs to no object, so they do not overlap it.
    unsafe { first.copy_from_nonoverlapping(elements.as_ptr(), elements.len()) };
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::mpsc,
        thread,
    };

    use super::*;
    use crate::{Collect, Heap};

    const LEN: usize = 3 * MUCH / 8;

    fn heap() -> Heap {
        Heap::builder().auto(false).stress("verify".parse().unwrap()).build().unwrap()
    }

    /// The copy does not go on before the other thread has collected, of which it would wait for
    /// ever if it ran.
    #[test]
    fn collections_go_on_while_much_is_copied() {
        let heap = heap();
        let mut m = heap.attach().unwrap();
        let small = m.root(m.alloc(5));
        let (ask, asked) = mpsc::channel();
        let (done, collected) = mpsc::channel();
        let copied = thread::scope(|scope| {
            scope.spawn(|| {
                let mut m = heap.attach().unwrap();
                for () in asked {
                    for generation in [Collect::Young, Collect::Promote, Collect::Full] {
                        m.collect(generation);
                        let garbage = m.root_slice_copy(&vec![1_u64; LEN]);
                        assert_eq!(garbage.get(&m)[LEN - 1], 1);
                    }
                    m.compact();
                    done.send(()).unwrap();
                }
            });
            let copied = m.copy_in::<true, u64>(LEN, |first| {
                for turn in 0..4 {
                    let elements: Vec<_> = (turn * LEN / 4..(turn + 1) * LEN / 4).map(|n| n as u64).collect();
                    copy(&elements, first.wrapping_add(turn * LEN / 4));
                    ask.send(()).unwrap();
                    collected.recv().unwrap();
                }
            });
            drop(ask);
            copied.unwrap()
        });
        assert!(heap.stats().collections.full >= 4);
        for generation in [Collect::Young, Collect::Promote, Collect::Full] {
            assert!(copied.get(&m).iter().copied().eq(0..LEN as u64));
            m.collect(generation);
        }
        assert!(copied.get(&m).iter().copied().eq(0..LEN as u64));
        assert_eq!(*small.get(&m), 5);
        drop(copied);
        m.collect(Collect::Full);
        assert!(heap.stats().old_bytes < MUCH, "{:?}", heap.stats());
    }

    #[test]
    fn a_copy_that_does_not_end_leaves_the_heap_whole() {
        let heap = heap();
        let mut m = heap.attach().unwrap();
        m.collect(Collect::Full);
        let before = heap.stats().memory_bytes;
        for len in [100, LEN] {
            for _ in 0..20 {
                let result = catch_unwind(AssertUnwindSafe(|| {
                    let _ = m.copy_in::<true, u64>(len, |first| {
                        copy(&[1], first);
                        panic!("half-way");
                    });
                }));
                assert!(result.is_err());
                m.collect(Collect::Promote);
            }
        }
        m.collect(Collect::Full);
        let after = heap.stats().memory_bytes;
        // All that were given up would be twenty times as much.
        assert!(after <= before + 5 * LEN * 8, "{after} bytes, {before} before");
        let next = m.root_slice_copy(&vec![3_u64; LEN]);
        m.collect(Collect::Full);
        assert_eq!(next.get(&m)[LEN - 1], 3);
    }

    #[test]
    fn slices_of_all_sizes_are_copied() {
        let heap = heap();
        let mut m = heap.attach().unwrap();
        for len in [0, 1, 100, 2000, 5000, LEN, 2 * LEN] {
            let elements: Vec<_> = (0..len as u64).map(|n| (n, n as u8, n % 3 == 0)).collect();
            let copy = m.root_slice_copy(&elements);
            m.collect(Collect::Promote);
            assert_eq!(copy.get(&m)[..], elements[..]);
            let copy = m.try_root_slice_copy(&vec![(); len]).unwrap();
            assert_eq!(copy.get(&m).len(), len);
        }
    }
}
