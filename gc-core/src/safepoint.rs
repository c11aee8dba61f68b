//! Safepoints: what a mutator polls, the word that says whether it may touch the heap, and how the
//! world is stopped.
//!
//! ```text
//!                    enter_blocked
//!      RUNNING ───────────────────────▶ BLOCKED       in `blocked`, parked, kept, detaching, or leading a stop
//!       │   ▲  ◀───────────────────────               leave_blocked: waits while STOP is set
//!  park │   │ STOP is cleared
//!       ▼   │
//!      PARKED                                         the STOP bit, in any state: the world is being stopped
//! ```
//!
//! - **[safepoint.running]** A thread touches the heap only while its mutator is RUNNING.
//! - **[safepoint.rmw]** State words change by read-modify-writes only.
//! - **[safepoint.stop-bit]** STOP is set and cleared under the park lock, for all members of one
//!   stop together.
//! - **[safepoint.waiting-for]** `waiting_for` is the number of members that were RUNNING when STOP
//!   was set and still are. Only the transition out of `RUNNING | STOP`, under the park lock,
//!   decrements it.
//! - **[safepoint.no-new-runners]** While STOP is set, no word becomes RUNNING.
//! - **[safepoint.held]** HELD is set only in a word that is not RUNNING, by one thread at a time.
//!   While HELD is set, the word does not become RUNNING, so the holding thread may touch what only
//!   the running owner may touch otherwise.
//! - **[safepoint.asked]** ASKED is set only in a word that is RUNNING. The owner clears it, at the
//!   latest when it leaves RUNNING, and so learns that it was asked.
//!
//! - **[safepoint.dormant]** A mutator that was BLOCKED at the ends of some stops, one after the
//!   other, becomes dormant if it is still BLOCKED at the end of the next one: no stop acts on it
//!   any more, so that a pause costs nothing for threads that wait for long. At that time it has
//!   nothing in hand, as the leader of each pause takes everything over. DORMANT is set by a
//!   leader, while STOP is set. It is cleared by the owner, which waits for the registry lock to
//!   rejoin the members, and then catches up with what stops have changed. So it does not run while
//!   the world is stopped, though no leader waits for it: its leader has that lock.
//!
//! - **[safepoint.due]** A mutator that leaves RUNNING where a collection may happen reads its poll
//!   *after* that. A thread that has no mutator and asks for a collection raises the polls *before*
//!   it looks whether a mutator is RUNNING. Both do so by read-modify-writes of the state word, so
//!   the later one sees what the earlier one did: a due collection is led by a mutator, or by the
//!   thread that asked if none runs, and never waits for a thread that sleeps.
//!
//! The protocol:
//!
//! 1. The requesting thread makes its own word BLOCKED. Then it takes the registry lock, which
//!    makes it the leader. In this order every other requester waits for the lock as a blocked
//!    thread, and no leader waits for a blocked thread.
//! 2. Under the park lock the leader sets STOP in every word, except those of dormant mutators,
//!    counts those that were RUNNING and raises their polls.
//! 3. The leader waits until `waiting_for` is 0. It spins briefly, then sleeps, and reports the
//!    stragglers after a timeout.
//! 4. By [safepoint.running], [safepoint.waiting-for], [safepoint.no-new-runners] and
//!    [safepoint.dormant] no mutator touches the heap now. The leader collects.
//! 5. The leader lets mutators fall dormant. Under the park lock it clears STOP in every word and
//!    wakes the sleeping threads.
//!
//! Three kinds of threads stop the world: a mutator that collects, the concurrent thread when
//! marking ends (both by `collector::request::lead`), and a thread that attaches while at most one
//! mutator is attached (`Mutator::attach`). The attaching thread has no word yet, so its step 1 is
//! the lock alone; it may call the stop off after a timeout.
//!
//! A stop never wakes a BLOCKED thread, and requires none to run. The model is
//! `models/protocols/safepoint.rs`. The model `models/protocols/ranges.rs` covers what a stop
//! changes for the mutators that resume, `models/protocols/dormant.rs` those that rejoin.
//!
//! Counted references also need a mutator's state for a moment, without a stop. A thread that needs
//! it *holds* the state word if the owner does not run. Otherwise it asks the owner, which looks at
//! the request at its next safepoint or when it leaves RUNNING (`counted::owners`,
//! `models/protocols/counted.rs`). A hold lasts a few instructions, and only the owner waits for
//! its end.

mod members;
mod poll;
mod rendezvous;
mod state_word;

pub(crate) use members::{Listed, Members};
pub(crate) use poll::{Poll, Reason};
pub(crate) use rendezvous::{Member, Rendezvous, Stopped};
pub(crate) use state_word::{Hold, StateWord};
