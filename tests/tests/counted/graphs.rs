//! Random graphs without cycles, of up to 16 objects, their handles dropped in random order by random threads, some of them running mutators
//! that reach safepoints, block and detach at random: every destructor runs once.

use std::{
    sync::{Mutex, mpsc},
    thread,
};

use gc_core::{Counted, CountedWeak, Heap, Trace};
use gc_tests::{
    heaps::{calm, wait_until},
    ledger::{Ledger, Token},
    random::Random,
};

#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Node {
    _token: Token,
    edges: Vec<Counted<Node>>,
    weak: Mutex<CountedWeak<Node>>,
}

enum Message {
    Drop(Counted<Node>),
    DropWeak(CountedWeak<Node>),
    Clone(Counted<Node>),
}

/// One thread of a run: it does what it is sent, and what chance says, until nothing is sent any more.
fn worker(heap: &Heap, attached: bool, messages: mpsc::Receiver<Message>, mut random: Random) {
    let mut m = attached.then(|| heap.attach().unwrap());
    let mut kept = Vec::new();
    loop {
        // Without `blocked`: an owner that runs, and is not at a safepoint, is what is looked for.
        match messages.try_recv() {
            Ok(Message::Drop(node)) => {
                if random.below(4) == 0 {
                    kept.push(node);
                } else {
                    drop(node);
                }
            }
            Ok(Message::Clone(node)) => {
                kept.push(node.clone());
                drop(node);
            }
            Ok(Message::DropWeak(weak)) => {
                if let Some(node) = weak.upgrade() {
                    kept.extend(node.edges.first().cloned());
                }
            }
            Err(mpsc::TryRecvError::Empty) => thread::yield_now(),
            Err(mpsc::TryRecvError::Disconnected) => break,
        }
        match random.below(8) {
            0 => {
                kept.pop();
            }
            1 => {
                if let Some(m) = &mut m {
                    m.safepoint();
                }
            }
            2 => {
                if let Some(m) = &mut m {
                    let one = kept.pop();
                    m.blocked(|| {
                        thread::yield_now();
                        drop(one);
                    });
                }
            }
            3 if attached => {
                drop(m.take());
                kept.pop();
                m = Some(heap.attach().unwrap());
            }
            _ => {}
        }
    }
    if random.below(2) == 0 {
        drop(m);
        drop(kept);
    } else {
        drop(kept);
        drop(m);
    }
}

fn run(heap: &Heap, seed: u64) {
    let mut random = Random::new(seed);
    let ledger = Ledger::default();
    let threads = 1 + random.below(3) as usize;
    thread::scope(|scope| {
        let senders: Vec<_> = (0..threads)
            .map(|id| {
                let (send, receive) = mpsc::channel();
                let (attached, random) = (random.below(3) != 0, Random::new(seed ^ (id as u64 + 1) << 32));
                scope.spawn(move || worker(heap, attached, receive, random));
                send
            })
            .collect();
        let mut m = (random.below(4) != 0).then(|| heap.attach().unwrap());
        let count = 1 + random.below(16) as usize;
        let mut nodes: Vec<Counted<Node>> = Vec::new();
        for _ in 0..count {
            let below = nodes.len() as u64;
            let edges = if below == 0 { 0 } else { random.below(4) };
            let edges = (0..edges).map(|_| nodes[random.below(below) as usize].clone()).collect();
            let weak =
                if below == 0 { CountedWeak::new() } else { Counted::downgrade(&nodes[random.below(below) as usize]) };
            let node = Node { _token: ledger.token(), edges, weak: Mutex::new(weak) };
            // Some in `blocked`, where nobody owns them.
            nodes.push(match &mut m {
                Some(m) if random.below(4) == 0 => m.blocked(|| Counted::new(node)),
                _ => Counted::new(node),
            });
        }
        for _ in 0..random.below(16) {
            let one = nodes[random.below(count as u64) as usize].clone();
            nodes.push(one);
        }
        while !nodes.is_empty() {
            let node = nodes.swap_remove(random.below(nodes.len() as u64) as usize);
            let send = &senders[random.below(threads as u64) as usize];
            match random.below(6) {
                0 => drop(node),
                1 => send.send(Message::Clone(node)).unwrap(),
                2 => {
                    send.send(Message::DropWeak(Counted::downgrade(&node))).unwrap();
                    let weak = std::mem::take(&mut *node.weak.lock().unwrap());
                    drop(node);
                    nodes.extend(weak.upgrade());
                }
                _ => send.send(Message::Drop(node)).unwrap(),
            }
            if let Some(m) = &mut m {
                match random.below(6) {
                    0 => m.safepoint(),
                    1 => m.blocked(thread::yield_now),
                    _ => {}
                }
            }
        }
        drop(senders);
        if let Some(m) = &mut m {
            m.blocked(thread::yield_now);
        }
        drop(m);
    });
    wait_until("everything is dropped", || ledger.dropped() >= ledger.made());
    ledger.assert_all_once();
}

#[test]
fn every_destructor_runs_once() {
    let heap = calm().build().unwrap();
    let seeds = if cfg!(debug_assertions) { 1000 } else { 10_000 };
    for seed in 0..seeds {
        run(&heap, seed);
    }
}
