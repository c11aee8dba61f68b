//! `message_window`: a map of the last messages.

use std::{collections::HashMap, time::Instant};

use gc_benches::clock::Steps;
use gc_core::{Gc, GcCell, GcMap, Heap, Mutator, Slot, Trace, collections};

use crate::{
    Outcome, Program,
    owned::{Arcs, Boxes, Kind, Rcs},
    peers::{bacon, boa, dumpster, gc_arena},
    workload::sizes,
};

pub(crate) const CONTESTANTS: &[Program] = &[
    ("gc-core", collected),
    ("gc-core-map", concurrent),
    ("gc-core-slots", slots),
    ("box", owned::<Boxes>),
    ("rc", owned::<Rcs>),
    ("arc", owned::<Arcs>),
    ("gc-arena", gc_arena::message_window),
    ("dumpster", dumpster::message_window),
    ("boa_gc", boa::message_window),
    ("bacon_rajan_cc", bacon::message_window),
];

type Bytes = [u8; 1024];

/// By a map of std in a cell.
fn collected(arguments: &[u64]) -> Outcome {
    let [window, pushes] = sizes(arguments);
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let map = m.root(m.alloc(GcCell::new(collections::HashMap::<u64, Gc<Bytes>>::new())));
    let mut steps = Steps::with_capacity(pushes as usize);
    let mut sum = 0;
    for number in 0..pushes {
        let start = Instant::now();
        let map = map.get(&m);
        let mut messages = map.borrow_mut(&m);
        messages.insert(number, m.alloc([number as u8; 1024]));
        if number >= window {
            let old = messages.remove(&(number - window)).expect("a message of the window");
            sum += u64::from(old[17]);
        }
        drop(messages);
        m.safepoint();
        steps.push(start.elapsed());
    }
    let entries = map.get(&m).borrow(&m).len() as u64;
    Outcome::with_steps(sum + entries, steps)
}

/// A message that is in a [`Table`].
#[derive(Trace)]
struct Message {
    number: u64,
    bytes: Bytes,
}

/// A hash table of slots: open addressing, linear probing.
#[derive(Trace)]
struct Table<'gc> {
    places: Slot<'gc, [Slot<'gc, Message>]>,
    len: GcCell<usize>,
}

impl<'gc> Table<'gc> {
    fn new(m: &'gc Mutator) -> Gc<'gc, Self> {
        let places = m.alloc_slice_with(16, |_| Slot::null());
        m.alloc(Table { places: Slot::new(Some(places)), len: GcCell::new(0) })
    }

    fn places(&self) -> Gc<'gc, [Slot<'gc, Message>]> {
        self.places.get().expect("places from the beginning")
    }

    /// Where the search for a message begins, in a table of a power of two (Knuth's multiplicative hashing).
    fn home(number: u64, places: usize) -> usize {
        (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - places.trailing_zeros())) as usize
    }

    /// The place of the message, or the empty one where it belongs.
    fn place(places: &[Slot<'gc, Message>], number: u64) -> usize {
        let mut at = Self::home(number, places.len());
        while places[at].get().is_some_and(|message| message.number != number) {
            at = (at + 1) & (places.len() - 1);
        }
        at
    }

    fn insert(&self, m: &'gc Mutator, message: Gc<'gc, Message>) {
        let mut places = self.places();
        let len = self.len.get(m);
        if 2 * (len + 1) > places.len() {
            let old = places;
            places = m.alloc_slice_with(2 * old.len(), |_| Slot::null());
            for message in old.iter().filter_map(Slot::get) {
                places[Self::place(&places, message.number)].set(m, Some(message));
            }
            self.places.set(m, Some(places));
        }
        let before = places[Self::place(&places, message.number)].swap(m, Some(message));
        self.len.set(m, len + usize::from(before.is_none()));
    }

    fn remove(&self, m: &'gc Mutator, number: u64) -> Option<Gc<'gc, Message>> {
        let places = self.places();
        let (mut hole, mask) = (Self::place(&places, number), places.len() - 1);
        let removed = places[hole].take(m)?;
        // What was pushed past the hole moves back, so that searches need not pass over it.
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let Some(message) = places[at].get() else { break };
            let home = Self::home(message.number, places.len());
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                places[hole].set(m, Some(message));
                places[at].set(m, None);
                hole = at;
            }
        }
        self.len.set(m, self.len.get(m) - 1);
        Some(removed)
    }
}

/// By a hash table of slots.
fn slots(arguments: &[u64]) -> Outcome {
    let [window, pushes] = sizes(arguments);
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let table = m.root(Table::new(&m));
    let mut steps = Steps::with_capacity(pushes as usize);
    let mut sum = 0;
    for number in 0..pushes {
        let start = Instant::now();
        let messages = table.get(&m);
        messages.insert(&m, m.alloc(Message { number, bytes: [number as u8; 1024] }));
        if number >= window {
            let old = messages.remove(&m, number - window).expect("a message of the window");
            sum += u64::from(old.bytes[17]);
        }
        m.safepoint();
        steps.push(start.elapsed());
    }
    Outcome::with_steps(sum + table.get(&m).len.get(&m) as u64, steps)
}

/// By the concurrent map, though one thread uses it.
fn concurrent(arguments: &[u64]) -> Outcome {
    let [window, pushes] = sizes(arguments);
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let map = m.root(m.alloc(GcMap::<u64, Gc<Bytes>>::new()));
    let mut steps = Steps::with_capacity(pushes as usize);
    let mut sum = 0;
    for number in 0..pushes {
        let start = Instant::now();
        let messages = map.get(&m);
        messages.insert(&m, number, m.alloc([number as u8; 1024]));
        if number >= window {
            let old = messages.remove(&m, &(number - window)).expect("a message of the window");
            sum += u64::from(old[17]);
        }
        m.safepoint();
        steps.push(start.elapsed());
    }
    Outcome::with_steps(sum + map.get(&m).len() as u64, steps)
}

fn owned<K: Kind>(arguments: &[u64]) -> Outcome {
    let [window, pushes] = sizes(arguments);
    let mut messages: HashMap<u64, K::To<Bytes>> = HashMap::new();
    let mut steps = Steps::with_capacity(pushes as usize);
    let mut sum = 0;
    for number in 0..pushes {
        let start = Instant::now();
        messages.insert(number, [number as u8; 1024].into());
        if number >= window {
            let old = messages.remove(&(number - window)).expect("a message of the window");
            sum += u64::from(old[17]);
        }
        steps.push(start.elapsed());
    }
    Outcome::with_steps(sum + messages.len() as u64, steps)
}
