//! Threads that come and go do everything that a handle can do, at random, to objects that all of them share: whoever writes is alone,
//! whoever reads sees whole contents, every destructor runs once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicIsize, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use gc_core::{Collect, Counted, CountedWeak, Heap, Mutator, Trace};
use gc_tests::{
    heaps::{calm, wait_until},
    random::Random,
    sizes::scaled,
};

use crate::support::Relays;

/// Two numbers that are always the same, but for whoever has it alone.
#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Twins {
    one: u64,
    other: u64,
    alive: Arc<AtomicIsize>,
    next: Option<Counted<Twins>>,
}

const GONE: u64 = 0xDEAD_DEAD_DEAD_DEAD;

impl Twins {
    fn new(alive: &Arc<AtomicIsize>, next: Option<Counted<Twins>>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self { one: 1, other: 1, alive: alive.clone(), next }
    }

    fn look(&self) {
        assert!(self.one == self.other && self.one != GONE, "half-written, or gone: {:x} {:x}", self.one, self.other);
    }

    fn write(&mut self) {
        self.look();
        self.one += 1;
        // Who should not be here has time to look.
        if self.one.is_multiple_of(8) {
            thread::yield_now();
        }
        self.other += 1;
    }
}

impl Clone for Twins {
    fn clone(&self) -> Self {
        self.look();
        self.alive.fetch_add(1, Ordering::Relaxed);
        Self { one: self.one, other: self.other, alive: self.alive.clone(), next: self.next.clone() }
    }
}

impl Drop for Twins {
    fn drop(&mut self) {
        self.look();
        (self.one, self.other) = (GONE, GONE);
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

enum Message {
    One(Counted<Twins>),
    Many(Counted<[Twins]>),
    Weak(CountedWeak<Twins>),
}

struct Worker {
    random: Random,
    alive: Arc<AtomicIsize>,
    ones: Vec<Counted<Twins>>,
    manies: Vec<Counted<[Twins]>>,
    weak: Vec<CountedWeak<Twins>>,
    send: Vec<mpsc::Sender<Message>>,
    written: Arc<AtomicU64>,
}

impl Worker {
    fn any<T>(random: &mut Random, of: &mut Vec<T>) -> Option<T> {
        (!of.is_empty()).then(|| of.swap_remove(random.below(of.len() as u64) as usize))
    }

    fn one(&mut self) -> Counted<Twins> {
        match Self::any(&mut self.random, &mut self.ones) {
            Some(one) => one,
            None => Counted::new(Twins::new(&self.alive, None)),
        }
    }

    fn post(&mut self, message: Message) {
        let to = self.random.below(self.send.len() as u64) as usize;
        // It may be over, and have dropped what it was sent.
        let _ = self.send[to].send(message);
    }

    /// Something that needs no mutator.
    fn step(&mut self) {
        match self.random.below(22) {
            0 => {
                let next = Self::any(&mut self.random, &mut self.ones).filter(|next| next.next.is_none());
                self.ones.push(Counted::new(Twins::new(&self.alive, next)));
            }
            1..4 => {
                let one = self.one();
                one.look();
                self.ones.push(one.clone());
                self.ones.push(one);
            }
            4..7 => {
                let one = self.one();
                one.look();
                drop(one);
            }
            7..10 => {
                let one = self.one();
                self.post(Message::One(one));
            }
            10 => {
                let one = self.one();
                self.weak.push(Counted::downgrade(&one));
                self.ones.push(one);
            }
            11 => {
                if let Some(weak) = Self::any(&mut self.random, &mut self.weak)
                    && let Some(one) = weak.upgrade()
                {
                    one.look();
                    self.ones.push(one);
                    self.post(Message::Weak(weak));
                }
            }
            12 => drop(Self::any(&mut self.random, &mut self.weak)),
            13 => {
                let mut one = self.one();
                if Counted::get_mut(&mut one).is_some() {
                    assert!(!self.ones.iter().any(|other| Counted::ptr_eq(&one, other)), "not alone");
                }
                if let Some(contents) = Counted::get_mut(&mut one) {
                    contents.write();
                    if self.random.below(2) == 0 {
                        contents.next = None;
                    }
                    self.written.fetch_add(1, Ordering::Relaxed);
                }
                self.ones.push(one);
            }
            14 => {
                let mut one = self.one();
                Counted::make_mut(&mut one).write();
                self.ones.push(one);
            }
            15 => match Counted::try_unwrap(self.one()) {
                Ok(mut contents) => {
                    contents.write();
                    self.written.fetch_add(1, Ordering::Relaxed);
                    self.ones.push(Counted::new(contents));
                }
                Err(one) => self.ones.push(one),
            },
            16 => {
                if let Some(mut contents) = Counted::into_inner(self.one()) {
                    contents.write();
                }
            }
            17 => Counted::unwrap_or_clone(self.one()).write(),
            18 => {
                let one = self.one();
                assert!(Counted::strong_count(&one) >= 1);
                self.ones.push(one);
            }
            19 => {
                let many = (0..self.random.below(4)).map(|_| Twins::new(&self.alive, None)).collect();
                self.manies.push(many);
            }
            20 => {
                if let Some(mut many) = Self::any(&mut self.random, &mut self.manies) {
                    Counted::make_mut(&mut many).iter_mut().for_each(Twins::write);
                    self.manies.push(many.clone());
                    self.post(Message::Many(many));
                }
            }
            _ => drop(Self::any(&mut self.random, &mut self.manies)),
        }
    }

    fn receive(&mut self, messages: &mpsc::Receiver<Message>) {
        match messages.try_recv() {
            Ok(Message::One(one)) => self.ones.push(one),
            Ok(Message::Many(many)) => self.manies.push(many),
            Ok(Message::Weak(weak)) => self.weak.push(weak),
            Err(_) => {}
        }
        self.ones.truncate(30);
        self.manies.truncate(10);
        self.weak.truncate(10);
    }

    fn work(mut self, heap: Heap, attached: bool, renews: bool, messages: mpsc::Receiver<Message>, steps: u32) {
        let mut m: Option<Mutator> = attached.then(|| heap.attach().unwrap());
        let relays = (attached && renews).then(|| Relays::new(&heap));
        for _ in 0..steps {
            relays.iter().for_each(Relays::feed);
            self.step();
            self.receive(&messages);
            let Some(running) = &mut m else { continue };
            match self.random.below(24) {
                0..4 => running.safepoint(),
                4..7 => running.blocked(|| {
                    for _ in 0..3 {
                        self.step();
                    }
                }),
                7 => {
                    running.collect(Collect::Young);
                }
                8 => {
                    drop(m.take());
                    self.step();
                    m = Some(heap.attach().unwrap());
                }
                _ => {}
            }
        }
        if self.random.below(2) == 0 {
            drop(m.take());
        }
        drop(self);
        drop(messages);
        drop(m);
    }
}

fn run(heap: &Heap, seed: u64, steps: u32, renews: bool) -> u64 {
    const THREADS: u64 = 4;
    let (alive, written) = (Arc::new(AtomicIsize::new(0)), Arc::new(AtomicU64::new(0)));
    let (send, receive): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::channel()).unzip();
    let workers: Vec<_> = receive
        .into_iter()
        .zip(0..)
        .map(|(receive, id)| {
            let worker = Worker {
                random: Random::new(seed * THREADS + id),
                alive: alive.clone(),
                ones: Vec::new(),
                manies: Vec::new(),
                weak: Vec::new(),
                send: send.clone(),
                written: written.clone(),
            };
            let (heap, attached) = (heap.clone(), id != 0 || seed.is_multiple_of(2));
            thread::spawn(move || worker.work(heap, attached, renews, receive, steps))
        })
        .collect();
    drop(send);
    for worker in workers {
        worker.join().unwrap();
    }
    wait_until("everything is dropped", || alive.load(Ordering::Relaxed) <= 0);
    assert_eq!(alive.load(Ordering::Relaxed), 0, "seed {seed}");
    written.load(Ordering::Relaxed)
}

#[test]
fn whoever_writes_is_alone() {
    let heap = calm().build().unwrap();
    let (seeds, steps) = if cfg!(debug_assertions) { (60, 4000) } else { (100, 5000) };
    let written: u64 = (0..seeds).map(|seed| run(&heap, seed, steps, false)).sum();
    assert!(written > seeds, "nobody ever was alone");
}

/// The same among mutators that renew their tokens at every safepoint.
#[test]
fn whoever_writes_is_alone_though_tokens_are_renewed() {
    let heap = calm().slow_destructor(Duration::from_millis(1)).build().unwrap();
    let (seeds, steps) = (scaled(20), 4000);
    let written: u64 = (0..seeds).map(|seed| run(&heap, seed, steps, true)).sum();
    assert!(written > seeds, "nobody ever was alone");
}
