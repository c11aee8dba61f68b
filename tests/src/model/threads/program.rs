//! The programs of threads: steps of a machine and steps that others see.

use super::super::program::{Op, Place, Words};
use crate::random::{Random, mix};

/// One step of a thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) what: What,
    /// Whether a safepoint follows. Without, others wait for this thread a little longer.
    pub(super) safepoint: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Private(Op),
    Shared(Act),
}

/// What others see.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// New notices, put somewhere one after the other.
    Pin {
        place: u32,
        pin: Pin,
        times: u32,
    },
    /// Fills the wall.
    Fill,
    Read {
        place: u32,
        steps: u32,
    },
    /// A weak reference to what is at a place.
    Mark {
        place: u32,
        mark: u32,
    },
    /// An ephemeron of what is at a place.
    Tie {
        place: u32,
        tie: u32,
    },
    /// What one of these leads to gets a place, if it is alive.
    Recall {
        which: u32,
        place: u32,
    },
    /// Raises the counters, perhaps with a notice from a place, some times.
    Raise {
        by: Option<u32>,
        times: u32,
    },
    Deal {
        place: u32,
        deal: Deal,
    },
    /// Deals of many kinds, one after the other: for others to come between.
    Juggle {
        place: u32,
        times: u32,
    },
    Send {
        to: usize,
        parcel: Parcel,
    },
    Receive {
        fate: Fate,
    },
    /// Opens a letter that was kept.
    Open {
        kept: u32,
        place: Place,
    },
    /// The purse in a root of another table.
    Refile,
    /// Away for some turns of the others, dropping roots of its own table meanwhile.
    Blocked {
        place: u32,
        turns: u32,
    },
    /// Another thread attaches, does a little and detaches, while this one waits for it.
    Visit {
        place: u32,
        to: usize,
        collect: u32,
    },
}

/// How a notice is put somewhere.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pin {
    Set,
    Swap,
    Exchange,
    /// As the next of what is there.
    Next,
    /// Into the bag of what is there.
    Bag,
    /// Nowhere: the place is cleared.
    Clear,
    Pins,
}

/// How coins change their places.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deal {
    Swap,
    Take,
    Exchange,
    Safe,
    Put,
    Get,
    /// All that is in the chest for all that is in the purse.
    Change,
    Push,
    Pop,
    /// The same coin as another object.
    Recast,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Parcel {
    Coin,
    Coins(usize),
    Notice(u32),
    Many(u32),
    Bundle(u32),
    Lend(u32),
}

/// What becomes of a letter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Keep,
    /// Another root takes its place.
    Renew(Place),
    Forward(usize),
    Open(Place),
}

/// The program of a thread, one of several of a seed.
pub(super) fn program(seed: u64, thread: usize, threads: usize, steps: usize) -> Vec<Step> {
    let mut random = Random::new(mix(seed) ^ mix(thread as u64));
    let words = |random: &mut Random| -> Words { [(); 6].map(|()| random.draw() as u32) };
    (0..steps)
        .map(|_| {
            let how = random.below(8);
            let words = words(&mut random);
            let what =
                if how < 3 { What::Private(Op::decode(&words)) } else { What::Shared(Act::decode(&words, threads)) };
            Step { what, safepoint: how.is_multiple_of(2) }
        })
        .collect()
}

impl Act {
    fn decode(words: &Words, threads: usize) -> Self {
        let [act, a, b, c, d, _] = *words;
        let place = |word: u32| match word % 16 {
            0..10 => Place::Here,
            10 | 11 => Place::OtherThread,
            12 | 13 => Place::Blocked,
            _ => Place::Detached,
        };
        let to = b as usize % threads;
        let often = |word: u32, most: u32| if word.is_multiple_of(4) { word / 4 % most } else { 1 };
        match act % 64 {
            0 | 1 => Self::Mark { place: a, mark: b },
            2 | 3 => Self::Tie { place: a, tie: b },
            4 | 5 => Self::Recall { which: a, place: b },
            6..14 => Self::Pin {
                place: a,
                pin: match b % 16 {
                    0..3 => Pin::Set,
                    3..5 => Pin::Swap,
                    5..8 => Pin::Exchange,
                    8..10 => Pin::Next,
                    10..13 => Pin::Bag,
                    13 => Pin::Clear,
                    _ => Pin::Pins,
                },
                times: often(c, 8),
            },
            14..20 => Self::Read { place: a, steps: b },
            20..26 => Self::Raise { by: (a % 2 == 0).then_some(b), times: often(c, 60) },
            26..28 => Self::Juggle { place: a, times: 20 + b % 100 },
            28..44 => Self::Deal {
                place: a,
                deal: match b % 16 {
                    0..2 => Deal::Swap,
                    2 => Deal::Take,
                    3..5 => Deal::Exchange,
                    5..7 => Deal::Safe,
                    7 => Deal::Put,
                    8 => Deal::Get,
                    9 => Deal::Change,
                    10 | 11 => Deal::Push,
                    12 | 13 => Deal::Pop,
                    _ => Deal::Recast,
                },
            },
            44..50 => Self::Send {
                to,
                parcel: match c % 8 {
                    0 => Parcel::Coin,
                    1 => Parcel::Coins(d as usize % 4),
                    2 => Parcel::Notice(d),
                    3 | 4 => Parcel::Many(d),
                    5 => Parcel::Bundle(d),
                    _ => Parcel::Lend(d),
                },
            },
            50..57 => Self::Receive {
                fate: match c % 8 {
                    0 | 1 => Fate::Keep,
                    2 => Fate::Renew(place(a)),
                    3 => Fate::Forward(to),
                    _ => Fate::Open(place(a)),
                },
            },
            57..60 => Self::Open { kept: b, place: place(a) },
            60 if a.is_multiple_of(4) => Self::Fill,
            60 => Self::Refile,
            61 | 62 => Self::Blocked { place: a, turns: b % 30 },
            _ => Self::Visit { place: a, to, collect: c % 4 },
        }
    }
}
