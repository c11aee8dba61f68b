//! Safepoints: what a mutator polls, the word that says whether it may touch the heap, and how the world is stopped.
//!
//! ```text
//!                    enter_blocked
//!      RUNNING ───────────────────────▶ BLOCKED       in `blocked`, detaching, or leading a stop
//!       │   ▲  ◀───────────────────────               leave_blocked: waits while STOP is set
//!  park │   │ STOP is cleared
//!       ▼   │
//!      PARKED                                         beside each state the STOP bit: the world is being stopped
//! ```
//!
//! - **[safepoint.running]** A thread touches the heap only while its mutator is RUNNING.
//! - **[safepoint.rmw]** Words change by read-modify-writes only.
//! - **[safepoint.stop-bit]** STOP is set and cleared under the park lock, for all members of one stop together.
//! - **[safepoint.waiting-for]** `waiting_for` is the number of members that were RUNNING when STOP was set and are so still. Only the transition out of
//!   `RUNNING | STOP`, under the park lock, takes one off.
//! - **[safepoint.no-new-runners]** While STOP is set, no word becomes RUNNING.
//! - **[safepoint.held]** HELD is set only in a word that is not RUNNING, by one holder at a time, and no word becomes RUNNING while it is: what the
//!   owner alone may touch while it runs, the holder may touch meanwhile.
//! - **[safepoint.asked]** ASKED is set only in a word that is RUNNING. Whoever ends that takes it off, and learns of it.
//!
//! The protocol:
//!
//! 1. The requester makes itself BLOCKED, and only then takes the registry lock, which makes it the leader. So whoever else
//!    asks waits for the lock as a blocked thread, which nobody waits for.
//! 2. Under the park lock the leader sets STOP in every word, counts those that were RUNNING and raises their polls.
//! 3. It waits until `waiting_for` is 0: briefly spinning, then asleep, reporting who is late.
//! 4. [safepoint.running], [safepoint.waiting-for], [safepoint.no-new-runners]: nobody touches the heap now. The leader collects.
//! 5. Under the park lock it clears STOP everywhere and wakes who sleeps.
//!
//! BLOCKED threads are never woken, and none is required to run. The model is `models/protocols/safepoint.rs`; what a stop changes for
//! those that go on is modelled in `models/protocols/ranges.rs`.
//!
//! Counted references need a mutator's thread for a moment, too, without a stop: whoever asks *holds* the word if the thread does not
//! run, and else asks it to look at its next safepoint, or when it leaves RUNNING (`counted::owners`, `models/protocols/counted.rs`). A
//! hold lasts some instructions, and is no reason for anybody but the owner to wait.

mod poll;
mod rendezvous;
mod state_word;

pub(crate) use poll::{Poll, Reason};
pub(crate) use rendezvous::{Member, Rendezvous, Stopped};
pub(crate) use state_word::{Hold, StateWord};
