//! A cyclic graph: 100 000 live nodes of 4 mutable edges, 3 million replacements. A step is 256 of them.
//!
//! A node that is replaced loses its edges, so that counts can free it too; some live node may point to it for a while.

use std::{cell::RefCell, rc::Rc, time::Instant};

use gc_benches::{
    churn,
    churn::STEP,
    clock::Steps,
    contest::{Contestant, Outcome, run},
    random::Random,
};
use gc_core::Heap;

const LIVE: usize = 100_000;
const REPLACEMENTS: u64 = 3_000_000;

fn ours() -> Outcome {
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let table = churn::table(&m, LIVE);
    let (checksum, steps) = churn::run(&mut m, &table, REPLACEMENTS, 5);
    Outcome { checksum, steps: Some(steps) }
}

struct RcNode {
    value: u64,
    edges: RefCell<[Option<Rc<RcNode>>; 4]>,
}

fn rc() -> Outcome {
    let new_node = |value| Rc::new(RcNode { value, edges: RefCell::default() });
    let mut table: Vec<Rc<RcNode>> = (0..LIVE as u64).map(new_node).collect();
    let mut random = Random::new(5);
    let mut steps = Steps::with_capacity((REPLACEMENTS / STEP) as usize + 1);
    let mut sum = 0;
    for step in 0..REPLACEMENTS / STEP {
        let start = Instant::now();
        for index in 0..STEP {
            let place = random.below(LIVE);
            let new = new_node(step * STEP + index);
            let old = std::mem::replace(&mut table[place], new.clone());
            sum += old.value;
            let edges = old.edges.take();
            drop(edges);
            for at in 0..4 {
                let target = table[random.below(LIVE)].clone();
                let before = new.edges.borrow_mut()[at].replace(target);
                drop(before);
                let other = table[random.below(LIVE)].clone();
                let before = other.edges.borrow_mut()[random.below(4)].replace(new.clone());
                drop(before);
            }
        }
        steps.push(start.elapsed());
    }
    for node in &table {
        drop(node.edges.take());
    }
    Outcome { checksum: sum, steps: Some(steps) }
}

fn main() {
    run(
        "cyclic graph churn",
        &[
            Contestant { name: "rc", run: rc, at_most: None },
            Contestant { name: "gc-core", run: ours, at_most: Some((0.6, "rc")) },
        ],
    );
}
