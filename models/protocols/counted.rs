//! Biased counts: an owner against other threads, merging, the owner's end, weak handles and `blocked`. It covers
//! `counted::count`, `counted::owners`, and the part of `safepoint` by which an owner is held.
//!
//! `contents` and `memory` stand for an object. A thread with a handle looks at them; the threads that drop and free the object
//! touch them. The count of a freed object is poisoned, so that a thread that flushes it afterwards reclaims the object a second
//! time. The owner's biased count is a plain number, which loom lets one thread at a time touch.

mod only;
mod renewed;
mod weak;

use core::sync::atomic::{AtomicUsize, Ordering};
use core::{ptr::NonNull, time::Duration};
use only::*;
use renewed::*;
use weak::*;

use crate::{
    Arc, Heap, check,
    counted::{
        count::{Count, FIRST_TOKEN, Only, Released, Step},
        owners::{Full, Kind, Merged, NONE, Object, Owner, Owners},
    },
    must_fail,
    safepoint::{Member, Poll, Reason, Rendezvous, StateWord, Stopped},
    sync::{Mutex, atomic, mutant},
    thread,
};

const OWNER: u64 = FIRST_TOKEN;
/// The token of a thread that runs no mutator.
const NOBODY: u64 = 0;

/// An object.
#[repr(C)]
struct Thing {
    count: Count,
    contents: Heap,
    memory: Heap,
    ended: AtomicUsize,
    freed: AtomicUsize,
}

/// A mutator, an object that it made, and the table of owners.
struct Scene {
    thing: Thing,
    word: StateWord,
    poll: Poll,
    rendezvous: Rendezvous,
    owners: Owners,
    /// The table where the owner is by a new token: it has another lock.
    renewed: Owners,
    /// The objects in the queue.
    waiting: atomic::AtomicUsize,
    /// The round of the object.
    round: u32,
    /// Memory that the owner touches while it runs, and the leader of a stop meanwhile.
    heap: Heap,
}

// SAFETY: this is a model, which finds where that is wrong.
unsafe impl Send for Scene {}
// SAFETY: as above.
unsafe impl Sync for Scene {}

fn thing(count: NonNull<Count>) -> &'static Thing {
    // SAFETY: every count here is the first field of a `Thing`, in a `Scene` that lives until its model is over.
    unsafe { count.cast::<Thing>().as_ref() }
}

static KIND: Kind = Kind { reclaim, free, name: || "Thing" };

/// Drops the contents of a dead object, and frees its memory if no weak handle is left.
unsafe fn reclaim(count: NonNull<Count>) {
    let thing = thing(count);
    thing.contents.touch();
    assert_eq!(thing.ended.fetch_add(1, Ordering::Relaxed), 0, "ended twice");
    if thing.count.release_memory() {
        // SAFETY: the count of a `Thing` whose contents were dropped.
        unsafe { free(count) };
    }
}

unsafe fn free(count: NonNull<Count>) {
    let thing = thing(count);
    thing.memory.touch();
    thing.count.poison();
    assert_eq!(thing.freed.fetch_add(1, Ordering::Relaxed), 0, "freed twice");
}

fn end(object: Object) {
    // SAFETY: the object is dead, and this thread is the one to reclaim it.
    unsafe { (object.kind.reclaim)(object.count) };
}

impl Owner for Scene {
    fn word(&self) -> &StateWord {
        &self.word
    }

    fn poll(&self) -> &Poll {
        &self.poll
    }

    fn rendezvous(&self) -> &Rendezvous {
        &self.rendezvous
    }

    fn waiting(&self) -> &atomic::AtomicUsize {
        &self.waiting
    }

    fn report_behind(&self, _: usize) {}
}

fn no_owners() -> Owners {
    Owners { entries: Mutex::default(), full: Full(atomic::AtomicU64::new(NONE)) }
}

impl Scene {
    /// Returns a running mutator and an object with `references` references, all counted by the mutator.
    fn new(references: usize) -> Arc<Self> {
        let scene = Self::of(0, Count::new(OWNER));
        for _ in 1..references {
            scene.thing.count.retain(OWNER);
        }
        // SAFETY: the scene lives until the model is over.
        unsafe { scene.owners.enter(OWNER, scene.owner()) };
        scene
    }

    /// Returns an object without an owner.
    fn merged(references: usize) -> Arc<Self> {
        let scene = Self::of(0, Count::new(NOBODY));
        for _ in 1..references {
            scene.thing.count.retain(NOBODY);
        }
        scene
    }

    fn of(round: u32, count: Count) -> Arc<Self> {
        let (ended, freed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self {
            thing: Thing { count, contents: Heap::new(), memory: Heap::new(), ended, freed },
            word: StateWord::running(0),
            poll: Poll::new(),
            rendezvous: Rendezvous::new(),
            owners: no_owners(),
            renewed: no_owners(),
            waiting: atomic::AtomicUsize::new(0),
            round,
            heap: Heap::new(),
        })
    }

    fn owner(&self) -> NonNull<dyn Owner> {
        NonNull::from(self)
    }

    fn object(&self) -> Object {
        Object { count: NonNull::from(&self.thing).cast(), kind: &KIND, round: self.round }
    }

    /// Returns the count, for a thread that has a handle.
    fn count(&self) -> &Count {
        self.thing.memory.look();
        &self.thing.count
    }

    /// Uses a reference.
    fn look(&self) {
        self.thing.memory.look();
        self.thing.contents.look();
    }

    fn retain(&self, current: u64) {
        self.count().retain(current);
    }

    fn release(&self, current: u64) {
        self.look();
        let released = match self.count().release(current) {
            Step::Counted => return,
            Step::Last => self.thing.count.release_last_biased(),
            Step::Elsewhere => self.thing.count.release_elsewhere(),
        };
        let dead = match released {
            Released::Alive => false,
            Released::Dead | Released::Unshared => true,
            Released::Ask(owner) => {
                assert_eq!(owner, OWNER, "nobody is asked");
                self.owners.ask(owner, self.object())
            }
        };
        if dead {
            end(self.object());
        }
    }

    fn upgrade(&self, current: u64) -> bool {
        self.count().upgrade(current)
    }

    fn release_weak(&self) {
        if self.count().release_weak() {
            // SAFETY: this was the last handle.
            unsafe { free(self.object().count) };
        }
    }

    /// Writes through the handle if it is the only one. Returns whether it is.
    fn write(&self, current: u64) -> bool {
        loop {
            match self.count().is_only(current) {
                Only::Yes => {
                    self.thing.contents.touch();
                    return true;
                }
                Only::No => return false,
                Only::Unknown(owner) => {
                    if !self.owners.merge(owner, self.count()) {
                        return false;
                    }
                }
            }
        }
    }

    /// Takes the contents out if this is the only reference, and drops the reference otherwise.
    fn take(&self, current: u64) {
        let mut memory = false;
        loop {
            match self.count().claim(current, &mut memory) {
                Only::Yes => break,
                Only::Unknown(owner) if self.owners.merge(owner, self.count()) => {}
                Only::No | Only::Unknown(_) => return self.release(current),
            }
        }
        self.thing.contents.touch();
        assert_eq!(self.thing.ended.fetch_add(1, Ordering::Relaxed), 0, "ended twice");
        if memory && self.thing.count.release_memory() {
            // SAFETY: this thread has taken the contents out.
            unsafe { free(self.object().count) };
        }
    }

    /// Returns an object about which its owner was asked, and whose last biased count the owner has released. One reference is
    /// left, counted by other threads.
    fn asked_and_let_go() -> Arc<Self> {
        let here = Self::new(2);
        here.release(NOBODY);
        here.retain(NOBODY);
        here.retain(NOBODY);
        here.release(OWNER);
        here.release(OWNER);
        here
    }

    fn drain(&self) {
        self.pass_on(self.owners.drain(OWNER));
    }

    fn pass_on(&self, merged: Merged) {
        merged.dead.into_iter().for_each(end);
        self.waiting.fetch_sub(merged.waited, Ordering::Release);
    }

    /// Passes a safepoint of the owner.
    fn safepoint(&self) {
        if self.is_asked() {
            self.drain();
        }
    }

    /// Takes the owner's poll, and parks if the world is being stopped. Returns whether the owner was asked.
    fn is_asked(&self) -> bool {
        if !self.poll.is_raised() {
            return false;
        }
        let reason = self.poll.take();
        let mut asked = reason.contains(Reason::MERGE);
        if asked {
            self.word.take_asked();
        }
        if reason.contains(Reason::STOP) {
            asked |= self.rendezvous.park(&self.word);
        }
        asked
    }

    fn enter_blocked(&self) {
        if self.rendezvous.enter_blocked(&self.word) {
            self.drain();
        }
    }

    fn leave_blocked(&self) {
        assert!(self.rendezvous.leave_blocked(&self.word));
    }

    fn detach(&self) {
        self.rendezvous.enter_blocked(&self.word);
        self.pass_on(self.owners.leave(OWNER));
    }

    /// Checks that the object was reclaimed, after all handles were dropped.
    fn is_over(&self) {
        assert_eq!(self.thing.ended.load(Ordering::Relaxed), 1, "the object was lost");
        assert_eq!(self.thing.freed.load(Ordering::Relaxed), 1, "the memory was lost");
        assert_eq!(self.waiting.load(Ordering::Relaxed), 0, "something waits");
    }
}

/// The other thread has a reference that the owner counted, clones it, and drops both.
fn owner_and_other() {
    check(|| {
        let here = Scene::new(2);
        let there = here.clone();
        let other = thread::spawn(move || {
            there.retain(NOBODY);
            there.release(NOBODY);
            there.release(NOBODY);
        });
        here.retain(OWNER);
        here.release(OWNER);
        here.release(OWNER);
        here.safepoint();
        here.detach();
        other.join().unwrap();
        here.is_over();
    });
}

/// Two other threads drop references that the owner counted.
fn two_others() {
    check(|| {
        let here = Scene::new(3);
        let others = [(); 2].map(|()| {
            let there = here.clone();
            thread::spawn(move || there.release(NOBODY))
        });
        here.release(OWNER);
        here.safepoint();
        here.detach();
        for other in others {
            other.join().unwrap();
        }
        here.is_over();
    });
}

/// The owner enters `blocked` and stays there.
fn blocked_for_good() {
    check(|| {
        let here = Scene::new(2);
        let there = here.clone();
        let other = thread::spawn(move || there.release(NOBODY));
        here.release(OWNER);
        here.enter_blocked();
        other.join().unwrap();
        here.is_over();
    });
}

/// The world is stopped and resumed, while another thread asks the owner, or holds its word while it is parked.
fn a_stop_meanwhile() {
    check(|| {
        let here = Scene::new(2);
        let (owner, there) = (here.clone(), here.clone());
        let owner = thread::spawn(move || {
            owner.heap.touch();
            owner.safepoint();
            owner.heap.touch();
            owner.release(OWNER);
            owner.detach();
        });
        let other = thread::spawn(move || there.release(NOBODY));
        let member = Member { word: &here.word, poll: &here.poll };
        let stopped = here.rendezvous.stop(core::iter::once(member), Duration::MAX, Some);
        assert!(matches!(stopped, Stopped::All { .. }));
        here.heap.touch();
        here.rendezvous.resume(core::iter::once(member));
        owner.join().unwrap();
        other.join().unwrap();
        here.is_over();
    });
}

/// The owner leaves `blocked` and goes on counting, while another thread asks it.
fn blocked_and_back() {
    check(|| {
        let here = Scene::new(3);
        let there = here.clone();
        let other = thread::spawn(move || there.release(NOBODY));
        here.enter_blocked();
        here.leave_blocked();
        here.retain(OWNER);
        here.release(OWNER);
        here.release(OWNER);
        here.safepoint();
        here.release(OWNER);
        here.detach();
        other.join().unwrap();
        here.is_over();
    });
}

/// In `blocked` the owner counts as other threads do.
fn counting_in_blocked() {
    check(|| {
        let here = Scene::new(2);
        let there = here.clone();
        let other = thread::spawn(move || there.release(NOBODY));
        here.enter_blocked();
        here.release(NOBODY);
        here.leave_blocked();
        here.detach();
        other.join().unwrap();
        here.is_over();
    });
}

/// A clone comes back to the owner, which has the last reference then, while the original is still in use on another thread.
fn a_clone_comes_back() {
    check(|| {
        let here = Scene::new(2);
        let sent = Arc::new(Mutex::new(false));
        let (there, send) = (here.clone(), sent.clone());
        let other = thread::spawn(move || {
            there.retain(NOBODY);
            *send.lock() = true;
            there.release(NOBODY);
        });
        here.release(OWNER);
        let received = *sent.lock();
        if received {
            here.release(OWNER);
        }
        other.join().unwrap();
        if !received {
            here.release(OWNER);
        }
        here.detach();
        here.is_over();
    });
}

/// One thread drops a reference that the owner counted, another clones one. The owner drops what is left.
fn from_negative_back() {
    check(|| {
        let here = Scene::new(2);
        let (there, again) = (here.clone(), here.clone());
        let dropping = thread::spawn(move || there.release(NOBODY));
        let cloning = thread::spawn(move || again.retain(NOBODY));
        cloning.join().unwrap();
        here.release(OWNER);
        here.release(OWNER);
        here.safepoint();
        dropping.join().unwrap();
        here.detach();
        here.is_over();
    });
}

/// The owner was asked about the object and has released the last biased count. While it flushes the object, another thread drops
/// the last reference.
fn the_last_one_while_it_is_settled() {
    check(|| {
        let here = Scene::asked_and_let_go();
        let there = here.clone();
        let other = thread::spawn(move || there.release(NOBODY));
        here.safepoint();
        here.detach();
        other.join().unwrap();
        here.is_over();
    });
}

/// The object has no owner, and two threads drop it.
fn merged_drops() {
    check(|| {
        let here = Scene::merged(2);
        let there = here.clone();
        let other = thread::spawn(move || there.release(NOBODY));
        here.release(NOBODY);
        other.join().unwrap();
        here.is_over();
    });
}

macro_rules! models {
    ($($(#[$attribute:meta])* $test:ident => $model:ident),* $(,)?) => { $(
        $(#[$attribute])*
        #[test]
        fn $test() {
            $model();
        }
    )* };
}

models! {
    an_owner_and_another_end_it_once => owner_and_other,
    two_ask_the_owner => two_others,
    an_owner_that_blocks_has_been_asked_or_is_held => blocked_for_good,
    an_owner_leaves_blocked_while_another_merges => blocked_and_back,
    a_stop_and_a_question_meet => a_stop_meanwhile,
    an_owner_in_blocked_is_one_of_the_others => counting_in_blocked,
    a_clone_that_comes_back_is_counted_by_the_owner => a_clone_comes_back,
    a_count_comes_back_from_below => from_negative_back,
    the_last_one_is_dropped_while_it_is_settled => the_last_one_while_it_is_settled,
    what_nobody_owns_is_ended_once => merged_drops,
    a_weak_handle_is_upgraded_or_not => upgrade_against_the_last_drop,
    a_weak_handle_is_made_while_the_owner_lets_go => downgrade_against_the_last_drop,
    what_waits_for_its_owner_comes_back_or_is_gone => resurrection,
    who_has_the_only_handle_writes_elsewhere => writing_elsewhere,
    two_merge_one_after_the_other => two_merge,
    a_drop_and_a_write_exclude_each_other => writing_against_a_drop,
    an_upgrade_and_a_write_exclude_each_other => writing_against_an_upgrade,
    a_downgrade_and_a_write_exclude_each_other => writing_against_a_downgrade,
    contents_are_taken_once => taken_while_asked,
    contents_are_taken_once_elsewhere => taken_elsewhere_while_asked,
    what_was_made_before_a_new_token_is_ended_once => renewed_while_others_drop,
    what_is_made_by_a_new_token_is_asked_about => renewed_and_going_on,
    a_token_is_renewed_on_the_way_into_blocked => renewed_into_blocked,
}

macro_rules! mutants {
    ($($(#[$attribute:meta])* $test:ident: $mutant:ident in $model:ident),* $(,)?) => { $(
        $(#[$attribute])*
        #[test]
        fn $test() {
            must_fail(concat!("counted::", stringify!($test)), mutant::$mutant, $model);
        }
    )* };
}

mutants! {
    mutant_a_merge_beside_the_running_owner_is_found: HOLD_THE_RUNNING in two_others,
    mutant_a_merge_without_a_hold_is_found: MERGE_WITHOUT_HOLD in blocked_and_back,
    mutant_blocking_without_looking_is_found: BLOCKED_FORGETS_THE_ASKED in blocked_for_good,
    mutant_a_release_that_wakes_nobody_is_found: RELEASE_WAKES_NOBODY in blocked_and_back,
    mutant_resuming_in_a_stop_is_found: RESUME_WITHOUT_WAITING in a_stop_meanwhile,
    mutant_freeing_what_is_queued_is_found: FREED_WHILE_QUEUED in from_negative_back,
    mutant_asking_twice_is_found: ASK_TWICE in two_others,
    mutant_counting_by_the_old_token_is_found: RENEWED_COUNTS_BY_THE_OLD in renewed_while_others_drop,
    mutant_a_token_without_an_entry_is_found: RENEWED_WITHOUT_AN_ENTRY in renewed_and_going_on,
    /// Shuttle does not see reads of freed memory.
    #[cfg(not(gc_shuttle))]
    mutant_looking_at_what_is_gone_is_found: LOOKED_AT_WHEN_IT_IS_GONE in the_last_one_while_it_is_settled,
    mutant_upgrading_the_dead_is_found: UPGRADE_THE_DEAD in upgrade_against_the_last_drop,
    mutant_a_weak_flag_that_is_forgotten_is_found: WEAK_FLAG_FORGOTTEN in downgrade_against_the_last_drop,
    mutant_a_weak_flag_that_is_not_looked_at_is_found: WEAK_IS_NOT_LOOKED_AT in upgrade_against_the_last_drop,
    /// This needs one schedule of too many for shuttle, which runs some thousands.
    #[cfg(not(gc_shuttle))]
    mutant_queueing_late_is_found: QUEUED_LATE in from_negative_back,
    /// As above.
    #[cfg(not(gc_shuttle))]
    mutant_a_weak_flag_looked_at_before_is_found: WEAK_FLAG_OF_BEFORE in writing_against_a_downgrade,
    /// Shuttle runs one thread at a time, so it cannot see what only the order of memory accesses shows.
    #[cfg(not(gc_shuttle))]
    mutant_a_relaxed_last_look_is_found: RELAXED_LAST_BIASED in a_clone_comes_back,
    /// As above.
    #[cfg(not(gc_shuttle))]
    mutant_a_relaxed_decrement_is_found: RELAXED_RELEASE in merged_drops,
    /// As above.
    #[cfg(not(gc_shuttle))]
    mutant_a_relaxed_look_at_the_only_one_is_found: RELAXED_ONLY_ONE in merged_drops,
    /// As above.
    #[cfg(not(gc_shuttle))]
    mutant_a_relaxed_weak_decrement_is_found: RELAXED_WEAK in upgrade_against_the_last_drop,
}
