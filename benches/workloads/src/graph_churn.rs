//! `graph_churn`: a cyclic graph in which nodes are replaced all the time.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{Arc, Mutex},
    time::Instant,
};

use gc_benches::{churn, churn::STEP, clock::Steps, random::Random};
use gc_core::Heap;

use crate::{
    Outcome, Program,
    peers::{bacon, boa, dumpster, gc_arena},
    workload::sizes,
};

pub(crate) const CONTESTANTS: &[Program] = &[
    ("gc-core", collected),
    ("rc", |sizes| counted::<Rc<RcNode>>(sizes, || ())),
    ("arc", |sizes| counted::<Arc<ArcNode>>(sizes, || ())),
    ("gc-arena", gc_arena::graph_churn),
    ("dumpster", dumpster::graph_churn),
    ("boa_gc", boa::graph_churn),
    ("bacon_rajan_cc", bacon::graph_churn),
];

fn collected(arguments: &[u64]) -> Outcome {
    let [live, replacements, lag] = sizes(arguments);
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let table = churn::table(&m, live as usize);
    let (sum, steps) = churn::run(&mut m, &table, replacements, lag as usize, 5);
    Outcome::with_steps(sum, steps)
}

/// A node by a pointer that is cloned. What an edge held is dropped when the edges are free again.
pub(crate) trait Node: Clone {
    fn new(value: u64) -> Self;
    fn value(&self) -> u64;
    fn set(&self, edge: usize, to: Self);
    /// Drops what all edges hold. Where nodes are counted, nothing else breaks their cycles.
    fn cut(&self);
}

struct RcNode {
    value: u64,
    edges: RefCell<[Option<Rc<RcNode>>; 4]>,
}

impl Node for Rc<RcNode> {
    fn new(value: u64) -> Self {
        Self::new(RcNode { value, edges: RefCell::default() })
    }

    fn value(&self) -> u64 {
        self.value
    }

    fn set(&self, edge: usize, to: Self) {
        let before = self.edges.borrow_mut()[edge].replace(to);
        drop(before);
    }

    fn cut(&self) {
        drop(self.edges.take());
    }
}

struct ArcNode {
    value: u64,
    edges: Mutex<[Option<Arc<ArcNode>>; 4]>,
}

impl Node for Arc<ArcNode> {
    fn new(value: u64) -> Self {
        Self::new(ArcNode { value, edges: Mutex::default() })
    }

    fn value(&self) -> u64 {
        self.value
    }

    fn set(&self, edge: usize, to: Self) {
        let before = self.edges.lock().expect("no panic")[edge].replace(to);
        drop(before);
    }

    fn cut(&self) {
        let before = std::mem::take(&mut *self.edges.lock().expect("no panic"));
        drop(before);
    }
}

/// By pointers that are cloned. `poll` is called after each step.
pub(crate) fn counted<N: Node>(arguments: &[u64], poll: fn()) -> Outcome {
    let [live, replacements, lag] = sizes(arguments);
    let (live, lag) = (live as usize, lag as usize);
    let mut table: Vec<N> = (0..live as u64).map(N::new).collect();
    let mut replaced: Vec<Option<N>> = vec![None; lag];
    let mut random = Random::new(5);
    let mut steps = Steps::with_capacity((replacements / STEP) as usize + 1);
    let mut sum = 0;
    for step in 0..replacements / STEP {
        let start = Instant::now();
        for index in 0..STEP {
            let number = step * STEP + index;
            let place = random.below(live);
            let new = N::new(number);
            let mut old = Some(std::mem::replace(&mut table[place], new.clone()));
            sum += old.as_ref().map_or(0, N::value);
            if lag > 0 {
                old = std::mem::replace(&mut replaced[number as usize % lag], old);
            }
            if let Some(old) = old {
                old.cut();
            }
            for edge in 0..4 {
                new.set(edge, table[random.below(live)].clone());
                let source = table[random.below(live)].clone();
                source.set(random.below(4), new.clone());
            }
        }
        poll();
        steps.push(start.elapsed());
    }
    let outcome = Outcome::with_steps(sum, steps);
    table.iter().chain(replaced.iter().flatten()).for_each(N::cut);
    outcome
}
