//! A list of 10 million nodes: built, walked, dropped.

use gc_benches::contest::{Contestant, Outcome, run};
use gc_core::{Gc, Generation, Heap, Trace};

const COUNT: u64 = 10_000_000;

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn ours() -> Outcome {
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let mut head = m.root(None::<Gc<Node>>);
    for value in 0..COUNT {
        let next = head.get(&m);
        head.set(&m, Some(m.alloc(Node { value, next })));
        m.safepoint();
    }
    let mut sum = 0;
    let mut at = head.get(&m);
    while let Some(node) = at {
        sum += node.value;
        at = node.next;
    }
    drop(head);
    m.collect(Generation::Old);
    Outcome::of(sum)
}

struct BoxNode {
    value: u64,
    next: Option<Box<BoxNode>>,
}

impl Drop for BoxNode {
    fn drop(&mut self) {
        let mut at = self.next.take();
        while let Some(mut node) = at {
            at = node.next.take();
        }
    }
}

fn boxes() -> Outcome {
    let mut head = None;
    for value in 0..COUNT {
        head = Some(Box::new(BoxNode { value, next: head }));
    }
    let mut sum = 0;
    let mut at = &head;
    while let Some(node) = at {
        sum += node.value;
        at = &node.next;
    }
    drop(head);
    Outcome::of(sum)
}

fn main() {
    run(
        "list of 10 million",
        &[
            Contestant { name: "box", run: boxes, at_most: None },
            Contestant { name: "gc-core", run: ours, at_most: Some((1.0, "box")) },
        ],
    );
}
