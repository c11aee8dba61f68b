//! `Mutator::frame`: roots for the time of a closure, in its own native frame. What a pause does
//! with them is in `roots::frames`.
//!
//! - **[frame.brand]** The closure is generic over `'f`, so nothing that names `'f` leaves it, by
//!   its result or by a variable outside. Nothing bounds `'f` from below, so what is known to live
//!   for some other lifetime (`dyn Trait + 'm`) does not hide it either. This is why the closure
//!   has the mutator as it is: a mutator that bears the brand, lent for `'m`, would say that `'f`
//!   outlives `'m`.
//! - **[frame.left]** A frame is left when the closure returns or panics: its guard is in the same
//!   native frame. The mutator lives until then: it is borrowed for `'m`. If code takes it out of
//!   the reference, which other crates let it do, it cannot end it: `park` refuses, and `drop`
//!   leaves it attached.
//! - **[frame.own]** Every access compares the address of the mutator's state, which [frame.left]
//!   keeps from being used anew. So it is that mutator which runs, and no pause looks at the words
//!   meanwhile. Another one of the thread's may be of another heap. If it is of the same, this one
//!   may be dormant, and what it writes would not be looked at.

use core::{fmt, marker::PhantomData, ptr::NonNull};

use crate::{
    Gc, Mutator,
    collector::attachment::Attachment,
    roots::{Frame, FrameHead, FrameWord, Frames},
    sync::mutant,
    trace::{Object, Trace},
};

/// A pointer that a [frame](Mutator::frame) can keep: a [`Gc`], or an `Option` of one. Not meant to
/// be implemented by hand.
///
/// ```
/// use gc_core::{Gc, Pointer};
///
/// fn is_pointer<T: Pointer>() {}
/// is_pointer::<Gc<'_, str>>();
/// is_pointer::<Option<Gc<'_, [u64]>>>();
/// ```
///
/// # Safety
///
/// A value is one word: null, or the address of an object.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a frame of roots",
    label = "expected a `Gc`, or an `Option` of one",
    note = "keep any other traced value by `Mutator::root`"
)]
pub unsafe trait Pointer: Trace + Copy {}

// SAFETY: the address of an object.
unsafe impl<T: Object + ?Sized> Pointer for Gc<'_, T> where Self: Trace {}
// SAFETY: as above; `None` is null.
unsafe impl<'gc, T: Object + ?Sized> Pointer for Option<Gc<'gc, T>> where Self: Trace {}

/// Room for one pointer in a [frame](Mutator::frame) of roots.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// m.frame(|m, [number, text]| {
///     let (number, text) = (number.keep(m, m.alloc(1)), text.keep(m, m.alloc_str("one")));
///     m.safepoint();
///     assert_eq!((*number.get(m), &*text.get(m)), (1, "one"));
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Vacant<'f> {
    place: Place<'f>,
}

/// A pointer in a [frame](Mutator::frame) of roots: it stays alive across safepoints until the
/// closure ends.
///
/// `T` is written at `'static`, as for a [`Root`](crate::Root): `Kept<'_, Gc<'static,
/// Node<'static>>>`. It is `Copy`, has no destructor, and stays on its thread.
///
/// It keeps a [`Gc`] or an `Option` of one. A value that has a pointer in it, such as an enum of an
/// interpreter, takes a [`Root`](crate::Root).
///
/// ```
/// use gc_core::{Gc, Kept, Mutator, Slot, Trace};
///
/// #[derive(Trace)]
/// struct Node<'gc> {
///     next: Slot<'gc, Node<'gc>>,
/// }
///
/// /// Appends `count` nodes to a list. Its caller keeps the first one in a frame.
/// fn append(m: &mut Mutator, first: Kept<'_, Gc<'static, Node<'static>>>, count: usize) {
///     m.frame(|m, [last]| {
///         let last = last.keep(m, first.get(m));
///         for _ in 0..count {
///             m.safepoint();
///             let node = m.alloc(Node { next: Slot::null() });
///             last.get(m).next.set(m, Some(node));
///             last.set(m, node);
///         }
///     });
/// }
///
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// m.frame(|m, [first]| {
///     let first = first.keep(m, m.alloc(Node { next: Slot::null() }));
///     append(m, first, 10);
///     assert!(first.get(m).next.get().is_some());
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// Every access with another mutator panics, also if that is one of the same heap.
pub struct Kept<'f, T: Trace> {
    place: Place<'f>,
    value: PhantomData<fn(T) -> T>,
}

/// Where a word is.
#[derive(Clone, Copy)]
struct Place<'f> {
    word: NonNull<FrameWord>,
    frame: NonNull<FrameHead>,
    /// The mutator that has entered the frame.
    local: NonNull<Attachment>,
    /// The closure of the frame ([frame.brand]).
    brand: PhantomData<&'f ()>,
}

/// A frame that is entered.
struct Open {
    local: NonNull<Attachment>,
    head: NonNull<FrameHead>,
}

impl Mutator {
    /// Runs `body` with room for pointers that stay alive across safepoints until it ends: roots
    /// that are pushed and popped like a stack.
    ///
    /// For functions that call others while they hold pointers, and so for recursion. `body` has
    /// the mutator, and as many [`Vacant`]s as its pattern names. [`Vacant::keep`] makes each a
    /// [`Kept`]. To enter and leave a frame costs 12 instructions, to keep a pointer 7, to read it 5.
    /// A [`Root`](crate::Root) costs 20, is valid for longer, and holds any value.
    ///
    /// `body` has the mutator for as long as the caller has it, so its result may be a pointer. A
    /// function that returns one returns the mutator with it, shared: so the caller can keep the
    /// pointer, or use it at once.
    ///
    /// ```
    /// use gc_core::{Gc, Mutator, Trace};
    ///
    /// #[derive(Trace)]
    /// struct Tree<'gc> {
    ///     children: Option<(Gc<'gc, Tree<'gc>>, Gc<'gc, Tree<'gc>>)>,
    /// }
    ///
    /// fn grow<'gc>(m: &'gc mut Mutator, depth: u32) -> (&'gc Mutator, Gc<'gc, Tree<'gc>>) {
    ///     m.safepoint();
    ///     if depth == 0 {
    ///         return (m, m.alloc(Tree { children: None }));
    ///     }
    ///     m.frame(|m, [left]| {
    ///         let (now, tree) = grow(m, depth - 1);
    ///         let left = left.keep(now, tree);
    ///         let (now, right) = grow(m, depth - 1);
    ///         (now, now.alloc(Tree { children: Some((left.get(now), right)) }))
    ///     })
    /// }
    ///
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let (_, tree) = grow(&mut m, 10);
    /// assert!(tree.children.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A young collection looks at the frames that were entered or written in the last two. It does
    /// not look at others, however deep the program is. The frames lie in the native stack: 16
    /// bytes, and 8 for each root.
    ///
    /// If `body` panics, the panic goes on after the frame is left.
    #[inline(always)]
    pub fn frame<'m, const N: usize, R>(
        &'m mut self,
        body: impl for<'f> FnOnce(&'m mut Mutator, [Vacant<'f>; N]) -> R,
    ) -> R {
        let local = self.local;
        let frame = Frame::<N>::new();
        // SAFETY: the mutator runs. The guard is dropped before the frame, which does not move.
        let open = unsafe { Open::enter(local, frame.head()) };
        let vacant = core::array::from_fn(|index| {
            let place = Place { word: frame.word(index), frame: open.head, local, brand: PhantomData };
            Vacant { place }
        });
        body(self, vacant)
    }
}

impl Open {
    /// # Safety
    ///
    /// As for [`Frames::enter`]. The mutator runs, also when this is dropped.
    #[inline(always)]
    unsafe fn enter(local: NonNull<Attachment>, head: NonNull<FrameHead>) -> Self {
        let open = Self { local, head };
        // SAFETY: the caller's.
        unsafe { open.frames().enter(head) };
        open
    }

    #[inline(always)]
    fn frames(&self) -> &Frames {
        // SAFETY: [frame.left]: the state is there until this is gone.
        unsafe { &(*self.local.as_ptr()).state.roots.frames }
    }
}

impl Drop for Open {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: entered in `enter`, left here only.
        unsafe { self.frames().exit(self.head) };
    }
}

impl<'f> Vacant<'f> {
    /// Keeps `pointer` until the closure of the frame ends. Costs seven instructions; the first one
    /// in a frame since a collection costs some tens.
    ///
    /// # Panics
    ///
    /// If `mutator` is not the one whose frame this is.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// m.frame(|m, [name]| {
    ///     let name = name.keep(m, m.alloc_str("Ada"));
    ///     m.collect(gc_core::Collect::Full);
    ///     assert_eq!(&*name.get(m), "Ada");
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn keep<'gc, T: Pointer<At<'gc> = T> + 'gc>(self, mutator: &'gc Mutator, pointer: T) -> Kept<'f, T::Static> {
        self.place.write(mutator, pointer);
        Kept { place: self.place, value: PhantomData }
    }
}

impl<T: Trace> Kept<'_, T> {
    /// Returns the pointer. Costs a load and a comparison.
    ///
    /// # Panics
    ///
    /// If `mutator` is not the one whose frame this is.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let sum = m.frame(|m, [one, other]| {
    ///     let one = one.keep(m, m.alloc(1));
    ///     m.safepoint();
    ///     let other = other.keep(m, Some(m.alloc(2)));
    ///     m.safepoint();
    ///     *one.get(m) + other.get(m).map_or(0, |other| *other)
    /// });
    /// assert_eq!(sum, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    #[must_use]
    pub fn get<'gc>(&self, mutator: &'gc Mutator) -> T::At<'gc> {
        self.place.check(mutator);
        // SAFETY: the frame is open ([frame.brand]).
        let place = unsafe { self.place.word.as_ref() }.place();
        // SAFETY: the word was written as a `T` at some lifetime, which is `Copy` ([`Pointer`]); no pause comes while `mutator` is borrowed, and
        // those that came have updated it. So it is a `T::At<'gc>` for this mutator ([trace.layout]).
        unsafe { place.cast::<T::At<'gc>>().read() }
    }

    /// Replaces the pointer. Costs nine instructions; the first time since a collection some tens.
    ///
    /// # Panics
    ///
    /// If `mutator` is not the one whose frame this is.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let last = m.frame(|m, [last]| {
    ///     let last = last.keep(m, m.alloc(0));
    ///     for n in 1..10 {
    ///         last.set(m, m.alloc(n));
    ///         m.safepoint();
    ///     }
    ///     *last.get(m)
    /// });
    /// assert_eq!(last, 9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn set<'gc>(&self, mutator: &'gc Mutator, pointer: T::At<'gc>) {
        self.place.write(mutator, pointer);
    }
}

impl Place<'_> {
    /// Panics if `mutator` is another one ([frame.own]).
    #[inline(always)]
    #[track_caller]
    fn check(&self, mutator: &Mutator) {
        if self.local != mutator.local {
            wrong_mutator();
        }
    }

    /// Writes a pointer, which is a word ([`Pointer`]).
    #[inline(always)]
    #[track_caller]
    fn write<T>(&self, mutator: &Mutator, pointer: T) {
        self.check(mutator);
        if !mutant::FRAME_IS_WRITTEN_UNSEEN.is_planted() {
            // SAFETY: the frame is open ([frame.brand]), and one of this mutator's.
            unsafe { mutator.local().roots.frames.before_write(self.frame) };
        }
        // SAFETY: as above.
        let place = unsafe { self.word.as_ref() }.place();
        // SAFETY: a word, which nothing refers to while the mutator runs ([frames.owner]).
        unsafe { place.cast::<T>().write(pointer) };
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn wrong_mutator() -> ! {
    panic!("Kept: expected the mutator that has entered the frame, found another one")
}

impl<T: Trace> Clone for Kept<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Trace> Copy for Kept<'_, T> {}

impl fmt::Debug for Vacant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vacant")
    }
}

/// Prints the type only, as reading takes the mutator.
impl<T: Trace> fmt::Debug for Kept<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kept<{}>", core::any::type_name::<T>())
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use crate::{Collect, Gc, Heap, Kept, Mutator, Stress, sync::alone};

    type Number = Gc<'static, u64>;

    fn heap(verify: bool) -> Heap {
        Heap::builder().auto(false).stress(Stress { verify, ..Stress::default() }).build().unwrap()
    }

    /// Returns how many words a young pause looks at.
    fn looked(m: &mut Mutator, collect: Collect) -> usize {
        let heap = m.heap();
        let before = heap.collector().roots.looked();
        m.collect(collect);
        heap.collector().roots.looked() - before
    }

    /// Enters `depth` frames of one root each, and checks them when it leaves them.
    fn dive(m: &mut Mutator, depth: u64, bottom: &mut dyn FnMut(&mut Mutator)) {
        if depth == 0 {
            return bottom(m);
        }
        m.frame(|m, [number]| {
            let number = number.keep(m, m.alloc(depth));
            dive(m, depth - 1, bottom);
            assert_eq!(*number.get(m), depth);
        });
    }

    #[test]
    fn frames_of_old_objects_are_not_looked_at_until_they_are_written() {
        let heap = heap(true);
        let mut m = heap.attach().unwrap();
        m.frame(|m, [first]| {
            let first = first.keep(m, m.alloc(0_u64));
            dive(m, 500, &mut |m| {
                assert_eq!(looked(m, Collect::Young), 501);
                // What survived once is young.
                assert_eq!(looked(m, Collect::Young), 501);
                assert_eq!(looked(m, Collect::Young), 0);
                // The oldest one, below all that are settled, and twice.
                first.set(m, m.alloc(1));
                first.set(m, m.alloc(2));
                assert_eq!(looked(m, Collect::Young), 1);
                assert_eq!(looked(m, Collect::Young), 1);
                assert_eq!(looked(m, Collect::Young), 0);
                // New ones above them.
                dive(m, 30, &mut |m| assert_eq!(looked(m, Collect::Young), 30));
                assert_eq!(looked(m, Collect::Young), 0);
                // Everything is promoted at once.
                first.set(m, m.alloc(3));
                dive(m, 20, &mut |m| {
                    assert_eq!(looked(m, Collect::Promote), 21);
                    assert_eq!(looked(m, Collect::Young), 0);
                });
                assert_eq!(*first.get(m), 3);
            });
        });
        assert!(!m.local().roots.frames.is_any_open());
    }

    /// [frames.below]
    #[test]
    fn a_frame_that_is_written_while_one_above_it_settles_is_looked_at_again() {
        let heap = heap(true);
        let mut m = heap.attach().unwrap();
        m.frame(|m, [lower]| {
            let lower = lower.keep(m, m.alloc(0_u64));
            m.frame(|m, [upper]| {
                let upper = upper.keep(m, m.alloc(100_u64));
                assert_eq!(looked(m, Collect::Young), 2);
                lower.set(m, m.alloc(1));
                // This settles the upper one.
                assert_eq!(looked(m, Collect::Young), 2);
                assert_eq!(looked(m, Collect::Young), 1);
                assert_eq!(looked(m, Collect::Young), 0);
                assert_eq!((*lower.get(m), *upper.get(m)), (1, 100));
            });
        });
    }

    /// [frames.listed]
    #[test]
    fn frames_that_are_left_are_taken_off_the_list() {
        fn settle_three(m: &mut Mutator, leave: &mut dyn FnMut(&mut Mutator, &[Kept<'_, Number>])) {
            m.frame(|m, [a, b, c]| {
                let numbers = [(a, 0_u64), (b, 1), (c, 2)].map(|(vacant, n)| vacant.keep(m, m.alloc(n)));
                leave(m, &numbers);
            });
        }
        let heap = heap(true);
        let mut m = heap.attach().unwrap();
        let listed = |m: &Mutator| m.local().roots.frames.listed();
        settle_three(&mut m, &mut |m, outer| {
            settle_three(m, &mut |m, middle| {
                settle_three(m, &mut |m, inner| {
                    m.collect(Collect::Promote);
                    // In another order than they are left in.
                    for kept in [middle, outer, inner] {
                        kept[1].set(m, m.alloc(7));
                    }
                    assert_eq!(listed(m), 3);
                });
                assert_eq!(listed(m), 2);
                assert_eq!(looked(m, Collect::Young), 6);
            });
            assert_eq!(listed(m), 1);
            dive(m, 10, &mut |m| assert_eq!(looked(m, Collect::Young), 13));
            assert_eq!(*outer[1].get(m), 7);
        });
        assert_eq!(listed(&m), 0);
        assert_eq!(looked(&mut m, Collect::Young), 0);
    }

    /// A mutator that rests is looked at until its frames are settled, and then it is not.
    #[test]
    fn a_mutator_falls_dormant_when_its_frames_are_settled() {
        let heap = heap(true);
        let mut m = heap.attach().unwrap();
        let dormant = |heap: &Heap| heap.collector().registry.lock().mutators.dormant().len();
        m.frame(|m, [number]| {
            let number = number.keep(m, m.alloc(7_u64));
            m.blocked(|| {
                std::thread::scope(|scope| {
                    scope.spawn(|| {
                        let mut other = heap.attach().unwrap();
                        assert_eq!((looked(&mut other, Collect::Young), dormant(&heap)), (1, 0));
                        assert_eq!(looked(&mut other, Collect::Young), 1);
                        while dormant(&heap) == 0 {
                            assert_eq!(looked(&mut other, Collect::Young), 0);
                        }
                        other.collect(Collect::Full);
                        other.compact();
                    });
                });
            });
            assert_eq!((dormant(&heap), *number.get(m)), (0, 7));
            number.set(m, m.alloc(8));
            assert_eq!(looked(m, Collect::Young), 1);
            assert_eq!(*number.get(m), 8);
        });
    }

    /// Testing: objects may stay young for any time. Then the mutator stays awake.
    #[test]
    fn a_mutator_with_frames_of_young_objects_does_not_fall_dormant() {
        let stress = "verify,promote-never".parse().unwrap();
        let heap = Heap::builder().auto(false).stress(stress).build().unwrap();
        let mut m = heap.attach().unwrap();
        m.frame(|m, [number]| {
            let number = number.keep(m, m.alloc(7_u64));
            m.blocked(|| {
                std::thread::scope(|scope| {
                    scope.spawn(|| {
                        let mut other = heap.attach().unwrap();
                        (0..30).for_each(|_| assert_eq!(looked(&mut other, Collect::Young), 1));
                    });
                });
            });
            assert_eq!(*number.get(m), 7);
        });
    }

    /// [frame.left]
    #[test]
    fn a_mutator_inside_of_a_frame_is_neither_parked_nor_detached() {
        let heap = heap(true);
        let mut m = heap.attach().unwrap();
        m.frame(|m, [number]| {
            let number = number.keep(m, m.alloc(7_u64));
            // SAFETY: what `drop` and `park` do with it leaves it as it is, and it is used by the one name only.
            let taken = || unsafe { core::ptr::read(m) };
            drop(taken());
            let parked = catch_unwind(AssertUnwindSafe(|| taken().park().enter().map(drop))).unwrap_err();
            let said = parked.downcast_ref::<&str>().unwrap();
            assert!(said.contains("expected a mutator outside of its frames"), "{said}");
            m.collect(Collect::Full);
            assert_eq!(*number.get(m), 7);
        });
        drop(m);
        assert_eq!(heap.collector().registry.lock().mutators.len(), 0);
    }

    /// Only code that exchanges stacks can do that. It ends the process, so this runs in one of its
    /// own.
    #[test]
    fn a_frame_that_is_left_out_of_turn_ends_the_process() {
        alone::ends(
            "frame::tests::a_frame_that_is_left_out_of_turn_ends_the_process",
            "before one that was entered later",
            || {
                let heap = heap(true);
                let m = heap.attach().unwrap();
                let (one, other) = (super::Frame::<1>::new(), super::Frame::<1>::new());
                // SAFETY: the frames stay where they are until the process ends.
                let [one, _other] = [&one, &other].map(|frame| unsafe { super::Open::enter(m.local, frame.head()) });
                let _ = catch_unwind(AssertUnwindSafe(|| drop(one)));
                std::process::exit(0);
            },
        );
    }

    /// The verifier does not rely on what the pause looks at. What it finds ends the process, so
    /// this runs in one of its own.
    #[test]
    fn the_verifier_finds_a_young_object_in_a_frame_that_no_pause_would_look_at() {
        alone::ends(
            "frame::tests::the_verifier_finds_a_young_object_in_a_frame_that_no_pause_would_look_at",
            "is not in question",
            || {
                let heap = heap(true);
                let mut m = heap.attach().unwrap();
                m.frame(|m, [number]| {
                    let number = number.keep(m, m.alloc(1_u64));
                    m.collect(Collect::Promote);
                    // SAFETY: the word of the root, written without notice: what the verifier has to find.
                    unsafe { number.place.word.as_ref().place().cast::<Gc<'_, u64>>().write(m.alloc(2)) };
                    m.collect(Collect::Young);
                });
            },
        );
    }
}
