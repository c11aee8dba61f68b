//! Frames of roots: those of one mutator, the newest first. A shadow stack (Henderson 2002) whose
//! frames lie in the native stack.
//!
//! ```text
//!   Frames: newest ──▶ frame ──▶ frame ──▶ … ──▶ frame ──▶ … ──▶ the oldest one
//!                      WRITTEN   SURVIVED        SETTLED: so are all below, except those that are listed
//!           listed ─────────────────────────────────────▶ a frame below that was written since
//! ```
//!
//! A frame is entered and left by its mutator's thread, the last one first. Its words are null or
//! addresses of objects. Whether they may be young is told by a [`Question`], as for the roots of a
//! chunk. A young pause walks from the newest frame to the first one that is settled, and looks at
//! those that are listed: a frame that it has looked at twice costs it nothing more, however deep
//! the program is. There is no protocol between threads beside that of the question, which has its
//! model: the owner and the leader take turns ([frames.owner]).
//!
//! - **[frames.owner]** The frames, their list and their words are touched by the owner while it
//!   runs, in a pause by the leader.
//! - **[frames.open]** A frame stays where it is from `enter` to `exit`, and is left when all that
//!   were entered after it have been. The mutator's state is not freed before: a mutator with a
//!   frame is neither parked nor detached.
//! - **[frames.below]** Below a frame that is settled or listed, every frame is settled or listed.
//!   A frame is not settled when it is entered, and that needs no notice: it is the newest one.
//!   When a pause settles a frame above one that stays in question, it lists the one below.
//! - **[frames.listed]** A frame has its index in the list, or [`NOWHERE`]. It is taken off the
//!   list when it is left, or settles.
//! - **[frames.written]** The owner puts a frame in question before it writes to a word, so
//!   [question.written] holds for it.

use core::{
    cell::{Cell, RefCell, UnsafeCell},
    ptr::{self, NonNull},
};

use crate::sync::mutant;

use super::question::{Question, Survival};

/// What a frame begins with.
#[repr(C)]
pub(crate) struct FrameHead {
    /// The frame that was entered before this one, or null.
    older: Cell<*const FrameHead>,
    /// [frames.listed].
    index: Cell<u32>,
    /// How many words follow.
    words: u16,
    question: Question,
    /// Makes three constants one store.
    _rest: u8,
}

/// A word of a frame: null, or the address of an object.
#[repr(transparent)]
pub(crate) struct FrameWord(UnsafeCell<*mut u8>);

/// A frame of roots.
#[repr(C)]
pub(crate) struct Frame<const N: usize> {
    head: FrameHead,
    words: [FrameWord; N],
}

/// The frames of a mutator.
pub(crate) struct Frames {
    newest: Cell<*const FrameHead>,
    /// Frames in question that the walk from the newest one does not come to.
    listed: RefCell<Vec<NonNull<FrameHead>>>,
}

/// The index of a frame that is not listed.
const NOWHERE: u32 = u32::MAX;

impl FrameWord {
    /// Returns where the address is.
    #[inline(always)]
    pub(crate) fn place(&self) -> *mut u8 {
        self.0.get().cast()
    }
}

impl<const N: usize> Frame<N> {
    /// Returns a frame of words that are null.
    #[inline(always)]
    pub(crate) fn new() -> Self {
        const { assert!(N <= u16::MAX as usize, "a frame has at most 65535 roots") };
        let head = FrameHead {
            older: Cell::new(ptr::null()),
            index: Cell::new(NOWHERE),
            words: N as u16,
            question: Question::written(),
            _rest: 0,
        };
        Self { head, words: [const { FrameWord(UnsafeCell::new(ptr::null_mut())) }; N] }
    }

    /// Returns the head, by a pointer that leads to the words, too.
    #[inline(always)]
    pub(crate) fn head(&self) -> NonNull<FrameHead> {
        NonNull::from(self).cast()
    }

    #[inline(always)]
    pub(crate) fn word(&self, index: usize) -> NonNull<FrameWord> {
        NonNull::from(&self.words[index])
    }
}

impl FrameHead {
    /// Calls `visit` with the place of each word that is not null. The caller leads a pause.
    fn for_each(this: NonNull<Self>, visit: &mut impl FnMut(*mut u8)) {
        // SAFETY: the head of a frame that is open ([frames.open]).
        let count = usize::from(unsafe { this.as_ref() }.words);
        // SAFETY: the words follow the head, whose size is a multiple of their alignment; `head` has made the pointer for the whole frame.
        let first = unsafe { this.add(1) }.cast::<FrameWord>();
        for index in 0..count {
            // SAFETY: as above.
            let place = unsafe { first.add(index).as_ref() }.place();
            // SAFETY: a word of the frame, which nothing else refers to ([frames.owner]).
            if !unsafe { place.cast::<*mut u8>().read() }.is_null() {
                visit(place);
            }
        }
    }
}

const _: () = assert!(size_of::<FrameHead>() == 16 && size_of::<Frame<2>>() == 32);

impl Frames {
    pub(super) fn new() -> Self {
        Self { newest: Cell::new(ptr::null()), listed: RefCell::new(Vec::new()) }
    }

    /// Enters a frame. The caller is the running owner.
    ///
    /// # Safety
    ///
    /// [frames.open]: the frame stays where it is until the caller has called `exit` for it.
    #[inline(always)]
    pub(crate) unsafe fn enter(&self, frame: NonNull<FrameHead>) {
        // SAFETY: the caller's frame.
        unsafe { frame.as_ref() }.older.set(self.newest.get());
        self.newest.set(frame.as_ptr());
    }

    /// Leaves a frame. The caller is the owner, which runs.
    ///
    /// # Safety
    ///
    /// The frame was entered here, and not left.
    #[inline(always)]
    pub(crate) unsafe fn exit(&self, frame: NonNull<FrameHead>) {
        // SAFETY: the caller's frame.
        let head = unsafe { frame.as_ref() };
        if !ptr::eq(self.newest.get(), head) {
            out_of_turn();
        }
        if head.index.get() != NOWHERE {
            self.unlist(head);
        }
        self.newest.set(head.older.get());
    }

    /// Returns whether a frame is open.
    #[inline]
    pub(crate) fn is_any_open(&self) -> bool {
        !self.newest.get().is_null()
    }

    /// Puts a frame in question, to whose words the owner, which runs, is about to write.
    ///
    /// # Safety
    ///
    /// The frame is open, and one of these.
    #[inline(always)]
    pub(crate) unsafe fn before_write(&self, frame: NonNull<FrameHead>) {
        // SAFETY: the caller's.
        if !unsafe { frame.as_ref() }.question.is_written() {
            self.put_in_question(frame);
        }
    }

    #[cold]
    #[inline(never)]
    fn put_in_question(&self, frame: NonNull<FrameHead>) {
        // SAFETY: an open frame.
        if unsafe { frame.as_ref() }.question.put() {
            list(&mut self.listed.borrow_mut(), frame);
        }
    }

    #[cold]
    #[inline(never)]
    fn unlist(&self, frame: &FrameHead) {
        let index = frame.index.replace(NOWHERE);
        let mut listed = self.listed.borrow_mut();
        listed.swap_remove(index as usize);
        if let Some(moved) = listed.get(index as usize) {
            // SAFETY: a listed frame is open ([frames.listed]).
            unsafe { moved.as_ref() }.index.set(index);
        }
    }

    /// Returns whether no young pause has to look at the frames.
    pub(crate) fn is_settled(&self) -> bool {
        // SAFETY: the newest frame is open, if there is one.
        let is_newest_settled = || unsafe { self.newest.get().as_ref() }.is_none_or(|frame| !frame.question.is_open());
        self.listed.borrow().is_empty() && is_newest_settled()
    }

    /// Returns how many frames are listed.
    #[cfg(test)]
    pub(crate) fn listed(&self) -> usize {
        self.listed.borrow().len()
    }

    /// Forgets the frames: their thread is gone, and its stack.
    pub(crate) fn forget(&self) {
        self.newest.set(ptr::null());
        self.listed.borrow_mut().clear();
    }

    /// Calls `visit` with the place of every word that may hold something young. The caller leads a
    /// pause. Returns the number of words.
    pub(super) fn look_for_young(&self, survival: Survival, mut visit: impl FnMut(*mut u8)) -> usize {
        let mut looked = 0;
        let mut look = |frame: NonNull<FrameHead>| {
            FrameHead::for_each(frame, &mut visit);
            // SAFETY: an open frame.
            let head = unsafe { frame.as_ref() };
            looked += usize::from(head.words);
            head.question.looked(survival, false)
        };
        let mut listed = self.listed.borrow_mut();
        // These first: the walk ends at the first of them.
        let mut stay = Vec::new();
        for frame in listed.drain(..) {
            if look(frame) {
                list(&mut stay, frame);
            } else {
                // SAFETY: an open frame.
                unsafe { frame.as_ref() }.index.set(NOWHERE);
            }
        }
        *listed = stay;
        let mut is_below_settled = false;
        self.walk(|frame, head| {
            if !head.question.is_open() || head.index.get() != NOWHERE {
                return false;
            }
            let stays = look(frame);
            if stays && is_below_settled && !mutant::FRAME_BELOW_IS_LOST.is_planted() {
                // [frames.below]
                list(&mut listed, frame);
            }
            is_below_settled |= !stays;
            true
        });
        looked
    }

    /// Calls `visit` with the place of every word.
    pub(super) fn for_each(&self, mut visit: impl FnMut(*mut u8)) {
        self.walk(|frame, _| {
            FrameHead::for_each(frame, &mut visit);
            true
        });
    }

    /// Calls `visit` with the place of every word that a young pause would not look at.
    pub(super) fn for_each_settled(&self, mut visit: impl FnMut(*mut u8)) {
        let mut is_below = false;
        self.walk(|frame, head| {
            let is_listed = head.index.get() != NOWHERE;
            is_below |= is_listed || !head.question.is_open();
            if is_below && !is_listed {
                FrameHead::for_each(frame, &mut visit);
            }
            true
        });
    }

    /// Calls `look` with the frames, from the newest one on, while it returns true. The caller
    /// leads a pause, or is the owner.
    fn walk(&self, mut look: impl FnMut(NonNull<FrameHead>, &FrameHead) -> bool) {
        let mut next = self.newest.get();
        while let Some(frame) = NonNull::new(next.cast_mut()) {
            // SAFETY: what is entered and not left is open ([frames.open]).
            let head = unsafe { frame.as_ref() };
            next = head.older.get();
            if !look(frame, head) {
                return;
            }
        }
    }
}

fn list(listed: &mut Vec<NonNull<FrameHead>>, frame: NonNull<FrameHead>) {
    // SAFETY: the caller's: an open frame.
    unsafe { frame.as_ref() }.index.set(listed.len() as u32);
    listed.push(frame);
}

/// Ends the process: a frame is left before one that was entered after it, which only code that
/// exchanges stacks can do. The words of the other one would not be looked at.
#[cold]
#[inline(never)]
fn out_of_turn() -> ! {
    // A panic would be caught, and the program go on.
    eprintln!("gc-core: a frame of roots is left before one that was entered later: aborting");
    std::process::abort();
}
