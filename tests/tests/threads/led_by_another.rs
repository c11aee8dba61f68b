//! A thread enters `blocked` while another one leads, and waits for a third that waits for what the first is about to do. The first
//! waited for the leader's lock without limit, and all three for ever.

use std::{sync::mpsc, thread, time::Duration};

use gc_core::{Collect, Heap, Mutator, blocking};
use gc_tests::heaps::{TIMEOUT, calm};

/// Runs `lead` on a thread of its own, while a mutator runs that waits, not blocked, for what this thread does in `enter`.
fn while_another_leads(
    heap: &Heap,
    lead: impl FnOnce(Heap) + Send + 'static,
    enter: impl FnOnce(Mutator, &mpsc::Sender<()>),
) {
    let mut m = heap.attach().unwrap();
    let (attached, is_attached) = mpsc::channel();
    let (send, receive) = mpsc::channel::<()>();
    let there = heap.clone();
    let waits = thread::spawn(move || {
        let mut m = there.attach().unwrap();
        attached.send(()).unwrap();
        receive.recv_timeout(TIMEOUT).expect("the other one gives up waiting, and sends");
        m.safepoint();
    });
    blocking::recv(&mut m, &is_attached).unwrap();
    let there = heap.clone();
    let leads = thread::spawn(move || lead(there));
    while !m.safepoint_pending() {
        m.alloc([0_u64; 20]);
    }
    thread::sleep(Duration::from_millis(20)); // by now it leads
    enter(m, &send);
    waits.join().unwrap();
    leads.join().unwrap();
}

fn collects(heap: Heap) {
    heap.attach().unwrap().collect(Collect::Promote);
}

#[test]
fn a_thread_that_blocks_does_not_wait_for_a_leader_that_waits() {
    let heap = calm().nursery_bytes(256 << 10).build().unwrap();
    while_another_leads(&heap, collects, |mut m, send| {
        // The nursery is used up, too.
        (0..100_000).for_each(|n| _ = m.alloc([n; 4]));
        m.blocked(|| send.send(()).unwrap());
    });
}

/// The documentation says that a thread which detaches waits for a pause: so what another one waits for is sent from `blocked`.
#[test]
fn a_thread_that_blocks_while_it_unwinds_does_not_wait_for_a_leader_that_waits() {
    struct Sends<'a>(Option<Mutator>, &'a mpsc::Sender<()>);
    impl Drop for Sends<'_> {
        fn drop(&mut self) {
            let mut m = self.0.take().unwrap();
            m.blocked(|| self.1.send(()).unwrap());
        }
    }
    let heap = calm().nursery_bytes(256 << 10).build().unwrap();
    while_another_leads(&heap, collects, |m, send| {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let sends = Sends(Some(m), send);
            let m = sends.0.as_ref().unwrap();
            (0..100_000).for_each(|n| _ = m.alloc([n; 4]));
            panic!("a request that fails");
        }));
        assert!(panicked.is_err());
    });
}
