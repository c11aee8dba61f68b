//! Retained sizes of a million nodes: `retained [SHAPE]`. Without a shape, each in a process of its own, since memory is that of a process.
//!
//! The musts: from a finished graph to retained sizes in 3 s of processor time, and 200 MiB for all of it, the graph too.
//! It ends with 1 if one is missed.
//!
//! - **random**: four edges from each node, to any.
//! - **list**: one edge from each node, to the next.
//! - **values**: a list whose values are in a table too, so that dominators are far above.
//! - **tree**: a binary tree with edges back to parents and up to the root.

use std::{
    env,
    process::{Command, ExitCode},
    time::Duration,
};

use gc_benches::{
    clock::{peak_memory, processor_time},
    random::Random,
};
use gc_core::observe::{Graph, GraphBuilder, NewNode, Node, NodeKind, Strength};

const NODES: usize = 1_000_000;
const TIME: Duration = Duration::from_secs(3);
const MEMORY: u64 = 200 << 20;
const SHAPES: [&str; 4] = ["random", "list", "values", "tree"];

/// A graph of [`NODES`] objects behind one root. `edges` says where those of an object lead, by number from 0 on.
fn graph(count: usize, mut edges: impl FnMut(usize, &mut dyn FnMut(usize))) -> Graph {
    let mut builder = GraphBuilder::with_capacity(NODES + 1, count + 2);
    let types: Vec<u32> = (0..100).map(|number| builder.type_named(&format!("bench::Type{number}"))).collect();
    let field = Some(builder.field_named("items[]"));
    let at = |object: usize| Node::at(object as u32 + 2);
    builder.node(NewNode { kind: NodeKind::Rooted, type_: types[0], ..NewNode::default() });
    builder.edge(at(0), None, None, Strength::Strong);
    for object in 0..NODES {
        let type_ = types[object % types.len()];
        builder.node(NewNode { type_, size: 48, owned: 16, id: object as u64, ..NewNode::default() });
        let mut index = 0;
        edges(object, &mut |to| {
            builder.edge(at(to), field, Some(index), Strength::Strong);
            index += 1;
        });
    }
    builder.finish().expect("all nodes are there")
}

fn of_shape(shape: &str) -> Option<Graph> {
    let mut random = Random::new(1);
    Some(match shape {
        "random" => graph(4 * NODES, |_, edge| (0..4).for_each(|_| edge(random.below(NODES)))),
        "list" => graph(NODES, |object, edge| {
            if object + 1 < NODES {
                edge(object + 1);
            }
        }),
        // The table, the list, the values.
        "values" => graph(2 * NODES, |object, edge| {
            let half = NODES / 2;
            match object {
                0 => (1..half).for_each(|list| edge(list + half)),
                _ if object < half => {
                    if object + 1 < half {
                        edge(object + 1);
                    }
                    edge(object + half);
                }
                // From the first value to the list, so that it is reached through the table.
                _ if object == half => edge(1),
                _ => {}
            }
            if object == 0 {
                edge(half);
            }
        }),
        "tree" => graph(4 * NODES, |object, edge| {
            (2 * object + 1..2 * object + 3).filter(|&child| child < NODES).for_each(&mut *edge);
            edge(object.saturating_sub(1) / 2);
            edge(0);
        }),
        _ => return None,
    })
}

fn measure(shape: &str) -> Result<(), String> {
    let started = processor_time();
    let graph = of_shape(shape).ok_or_else(|| format!("there is no shape {shape}: expected one of {SHAPES:?}"))?;
    let (built, after_building) = (processor_time() - started, peak_memory());
    let started = processor_time();
    let dominators = graph.dominators();
    let took = processor_time() - started;
    let peak = peak_memory();
    let started = processor_time();
    let types = dominators.retained_by_type();
    let by_type = processor_time() - started;
    let root = dominators.retained(Node::ROOT);
    println!(
        "{shape:8} {} nodes {} edges: built {:.2} s, {} MiB; retained sizes {:.2} s, peak {} MiB; \
         by type ({}) {:.2} s, peak {} MiB; {root} bytes reachable",
        graph.node_count(),
        graph.edge_count(),
        built.as_secs_f64(),
        after_building >> 20,
        took.as_secs_f64(),
        peak >> 20,
        types.len(),
        by_type.as_secs_f64(),
        peak_memory() >> 20,
    );
    if took > TIME {
        return Err(format!("{shape}: expected at most {TIME:?}, took {took:?}"));
    }
    if peak > MEMORY {
        return Err(format!("{shape}: expected at most {MEMORY} bytes, used {peak}"));
    }
    Ok(())
}

fn main() -> ExitCode {
    if let Some(shape) = env::args().nth(1) {
        return match measure(&shape) {
            Ok(()) => ExitCode::SUCCESS,
            Err(missed) => {
                eprintln!("{missed}");
                ExitCode::FAILURE
            }
        };
    }
    let program = env::current_exe().expect("a program knows where it is");
    let met = SHAPES.map(|shape| Command::new(&program).arg(shape).status().is_ok_and(|status| status.success()));
    if met == [true; SHAPES.len()] { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
