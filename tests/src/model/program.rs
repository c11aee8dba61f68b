//! Programs: what a mutator may do, decoded from words.

use super::graph::Kind;
use crate::random::Random;

/// What an operation is decoded from.
pub type Words = [u32; 6];

/// A list of operations.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) ops: Vec<Op>,
}

/// A way to an object: a root, and which edge to take at each step, all taken modulo what is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    pub(super) root: u32,
    pub(super) steps: u32,
}

/// How a pointer is written into a slot.
#[derive(Clone, Copy, Debug)]
pub(super) enum Write {
    Set,
    Swap,
    Take,
    /// A compare-and-exchange that finds what it expects.
    Hit,
    /// One that does not.
    Miss,
}

/// What is written into a slot.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Null,
    /// What the walk finds, if it fits; else something new.
    Found(Walk),
    Fresh,
}

/// What is done to a cell that holds one value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choose {
    Nothing,
    Number(u32),
    One(Walk),
    Two(Walk, Walk),
}

/// What is done to a cell that holds many pointers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edit {
    Push(Walk),
    Pop,
    Clear,
    Replace(Walk, u32),
    /// Reads it, and forgets the guard; then a collection.
    Forget,
}

/// How a new root holds an object.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hold {
    /// One pointer of one type, if there is a root type for it.
    Pointer,
    /// An enum of pointers.
    Any,
    /// The state of a machine: a vector, a slot, a token.
    State,
}

/// Where a root is dropped.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Here,
    OtherThread,
    Blocked,
    Detached,
}

/// What is done with what knows of objects and does not keep them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beside {
    /// A root of a weak reference.
    Weak(Walk),
    /// Writes a weak slot.
    SetWeak {
        holder: Walk,
        to: Option<Walk>,
    },
    /// What a weak reference leads to gets a root, if it is there.
    Upgrade {
        weak: u32,
        hold: Hold,
    },
    /// A new ephemeron.
    Pair {
        key: Walk,
        value: Walk,
        holder: Walk,
    },
    /// Ephemerons of which each one's value is the key of the one before.
    PairChain {
        length: u32,
        hold: Hold,
    },
    Unpair {
        holder: Walk,
    },
    /// Key and value of an ephemeron get roots, if they are there.
    Recall {
        pair: u32,
        hold: Hold,
    },
    Id(Walk),
    Watch(Walk),
    Unwatch(Walk),
    Register {
        what: Walk,
        ends: bool,
    },
    /// Something that is to be finalized comes back, or is dropped.
    Take(Option<Hold>),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    Safepoint,
    Collect(u32),
    New {
        kind: Kind,
        size: u32,
        refs: [Walk; 2],
        hold: Hold,
    },
    Garbage {
        kind: Kind,
        size: u32,
        count: u32,
        refs: Walk,
    },
    Chain {
        length: u32,
        hold: Hold,
    },
    Store {
        holder: Walk,
        slot: u32,
        value: Value,
        write: Write,
    },
    Choose {
        holder: Walk,
        choose: Choose,
    },
    Edit {
        holder: Walk,
        edit: Edit,
    },
    DropRoot {
        root: u32,
        place: Place,
    },
    CloneRoot {
        root: u32,
        hold: Hold,
    },
    SetRoot {
        root: u32,
        to: Walk,
    },
    PushState {
        root: u32,
        what: Walk,
    },
    PopState {
        root: u32,
    },
    Detach,
    /// The hard limit is what is in use, for a while.
    Limit {
        on: bool,
    },
    /// A slice whose making panics half-way.
    Abandon {
        kind: Kind,
        size: u32,
        at: u32,
    },
    Beside(Beside),
}

impl Program {
    /// The program of a seed, of `length` operations.
    pub fn of_seed(seed: u64, length: usize) -> Self {
        Self::decode(&Self::words(seed, length))
    }

    /// The words of the program of a seed.
    pub fn words(seed: u64, length: usize) -> Vec<Words> {
        let mut random = Random::new(seed);
        (0..length).map(|_| [(); 6].map(|()| random.draw() as u32)).collect()
    }

    /// The program that words stand for. Zeros are safepoints.
    pub fn decode(words: &[Words]) -> Self {
        Self { ops: words.iter().map(Op::decode).collect() }
    }
}

impl Op {
    pub(super) fn decode(words: &Words) -> Self {
        let [op, a, b, c, d, e] = *words;
        let walk = |word: u32| Walk { root: word & 0xFFFF, steps: word >> 16 };
        let kind = |word: u32| Kind::ALL[word as usize % Kind::ALL.len()];
        let hold = |word: u32| [Hold::Pointer, Hold::Any, Hold::State][word as usize % 3];
        // Out of 80, by how often a program would do it and how cheap it is.
        match op % 80 {
            0..8 => Self::Safepoint,
            8 | 9 => Self::Collect(a % 3),
            10..22 => Self::New { kind: kind(a), size: b, refs: [walk(c), walk(d)], hold: hold(e) },
            22..26 => Self::Garbage { kind: kind(a), size: b, count: c % 20, refs: walk(d) },
            26 => Self::Chain { length: a % 60, hold: hold(b) },
            27..40 => Self::Store {
                holder: walk(a),
                slot: b,
                value: match c % 8 {
                    0 => Value::Null,
                    1..5 => Value::Found(walk(d)),
                    _ => Value::Fresh,
                },
                write: match e % 8 {
                    0..4 => Write::Set,
                    4 => Write::Swap,
                    5 => Write::Take,
                    6 => Write::Hit,
                    _ => Write::Miss,
                },
            },
            40..45 => Self::Choose {
                holder: walk(a),
                choose: match b % 8 {
                    0 => Choose::Nothing,
                    1 => Choose::Number(c),
                    2..6 => Choose::One(walk(c)),
                    _ => Choose::Two(walk(c), walk(d)),
                },
            },
            45..51 => Self::Edit {
                holder: walk(a),
                edit: match b % 16 {
                    0..9 => Edit::Push(walk(c)),
                    9 | 10 => Edit::Pop,
                    11 | 12 => Edit::Clear,
                    13 | 14 => Edit::Replace(walk(c), d % 40),
                    _ => Edit::Forget,
                },
            },
            51..55 => Self::DropRoot {
                root: a,
                place: match b % 16 {
                    0..10 => Place::Here,
                    10 | 11 => Place::OtherThread,
                    12 | 13 => Place::Blocked,
                    _ => Place::Detached,
                },
            },
            55 => Self::CloneRoot { root: a, hold: hold(b) },
            56 => Self::SetRoot { root: a, to: walk(b) },
            57 | 58 => Self::PushState { root: a, what: walk(b) },
            59 => Self::PopState { root: a },
            60 => Self::Detach,
            61 => Self::Limit { on: a % 4 == 0 },
            62 | 63 => Self::Abandon { kind: kind(a), size: b, at: c },
            _ => Self::Beside(match op / 80 % 32 {
                0..6 => Beside::Weak(walk(a)),
                6..9 => Beside::SetWeak { holder: walk(a), to: (b % 8 != 0).then_some(walk(c)) },
                9..12 => Beside::Upgrade { weak: a, hold: hold(b) },
                12..17 => Beside::Pair { key: walk(a), value: walk(b), holder: walk(c) },
                17 => Beside::PairChain { length: a % 20, hold: hold(b) },
                18 => Beside::Unpair { holder: walk(a) },
                19 | 20 => Beside::Recall { pair: a, hold: hold(b) },
                21 | 22 => Beside::Id(walk(a)),
                23 | 24 => Beside::Watch(walk(a)),
                25 => Beside::Unwatch(walk(a)),
                26..29 => Beside::Register { what: walk(a), ends: b % 8 == 0 },
                _ => Beside::Take((a % 4 != 0).then_some(hold(b))),
            }),
        }
    }
}
