//! What several files of this folder do.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use gc_core::{Counted, Heap, Mutator, Trace};
use gc_tests::heaps::{calm, wait_until};
use parking_lot::Mutex;

use crate::chain::{MOST, drop_elsewhere};

/// On a thread without a mutator, and on one that runs one, which counts in another way.
pub fn both(mut test: impl FnMut(&Heap, Option<Mutator>)) {
    let heap = calm().build().unwrap();
    test(&heap, None);
    let m = heap.attach().unwrap();
    test(&heap, Some(m));
}

/// A chain that never ends: the destructor of each link waits for the next one, which is made after this one has died. So from the ninth
/// safepoint on, the mutator that makes the links renews its token at every safepoint.
pub struct Relays {
    heap: Heap,
    send: mpsc::Sender<Counted<Relay>>,
    shared: Arc<Shared>,
}

struct Shared {
    receive: Mutex<mpsc::Receiver<Counted<Relay>>>,
    /// The number of links in the channel.
    links: AtomicUsize,
}

/// A link. Its destructor runs on a thread of the heap, which it holds up.
#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Relay(#[trace(assume_acyclic)] Arc<Shared>);

impl Drop for Relay {
    fn drop(&mut self) {
        let next = self.0.receive.lock().recv();
        if let Ok(next) = next {
            self.0.links.fetch_sub(1, Ordering::Relaxed);
            drop(next);
        }
    }
}

impl Relays {
    /// Begins one. The calling thread runs a mutator of the heap.
    pub fn new(heap: &Heap) -> Self {
        let (send, receive) = mpsc::channel();
        let shared = Arc::new(Shared { receive: Mutex::new(receive), links: AtomicUsize::new(0) });
        let first = Counted::new(Relay(shared.clone()));
        drop_elsewhere(first);
        Self { heap: heap.clone(), send, shared }
    }

    /// Begins one, and passes so many safepoints that the next one renews the token, as all later ones do.
    pub fn ready(heap: &Heap, m: &mut Mutator) -> Self {
        let relays = Self::new(heap);
        (1..MOST).for_each(|_| relays.pass(m));
        relays
    }

    /// Makes a link if there is none.
    pub fn feed(&self) {
        if self.shared.links.load(Ordering::Relaxed) == 0 {
            self.shared.links.fetch_add(1, Ordering::Relaxed);
            self.send.send(Counted::new(Relay(self.shared.clone()))).unwrap();
        }
    }

    /// Waits until the mutator is asked about a link, and passes a safepoint. Nothing else of the heap waits.
    pub fn pass(&self, m: &mut Mutator) {
        wait_until("the mutator is asked about a link", || {
            self.feed();
            self.heap.stats().counted_waiting > 0 && m.safepoint_pending()
        });
        m.safepoint();
    }
}
