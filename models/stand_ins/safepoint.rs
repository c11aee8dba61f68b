//! Safepoints: the production files.

pub(crate) use members::{Listed, Members};
pub(crate) use poll::{Poll, Reason};
pub(crate) use rendezvous::{Member, Rendezvous, Stopped};
pub(crate) use state_word::{Hold, StateWord};

#[path = "../../gc-core/src/safepoint/members.rs"]
pub(crate) mod members;
#[path = "../../gc-core/src/safepoint/poll.rs"]
pub(crate) mod poll;
#[path = "../../gc-core/src/safepoint/rendezvous.rs"]
pub(crate) mod rendezvous;
#[path = "../../gc-core/src/safepoint/state_word.rs"]
pub(crate) mod state_word;
