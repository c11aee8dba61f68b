//! The builder: the two ways in, wrong input of every kind, and calls by chance.

use super::*;

fn edge(builder: &mut GraphBuilder, to: u32) {
    builder.edge(Node::at(to), None, None, Strength::Strong);
}

#[test]
fn an_empty_graph_has_the_virtual_root() {
    let graph = GraphBuilder::new().finish().unwrap();
    assert_eq!((graph.node_count(), graph.edge_count()), (1, 0));
    assert_eq!((graph.kind(Node::ROOT), graph.type_name(Node::ROOT)), (NodeKind::Other, ""));
    assert!(graph.is_reachable(Node::ROOT) && graph.roots().next().is_none() && graph.by_type().is_empty());
    assert_eq!(graph.path_to(Node::ROOT).unwrap().to_string(), "(roots)");
    assert_eq!(graph.referrers(Node::ROOT).count(), 0);
    let dominators = graph.dominators();
    assert_eq!((dominators.immediate(Node::ROOT), dominators.retained(Node::ROOT)), (None, 0));
    assert!(dominators.children(Node::ROOT).is_empty() && dominators.largest(9).is_empty());
    assert!(dominators.retained_by_type().is_empty() && graph.diff(&graph).is_empty());
    assert!(graph.dot(&[Node::ROOT], 9, 9).contains("n0 "));
}

#[test]
fn names_are_interned() {
    let mut builder = GraphBuilder::new();
    assert_eq!(builder.type_named(""), 0);
    assert_eq!([builder.type_named("a"), builder.type_named("b"), builder.type_named("a")], [1, 2, 1]);
    assert_eq!([builder.field_named("a"), builder.field_named("b"), builder.field_named("a")], [0, 1, 0]);
    assert_eq!([builder.place_named("b"), builder.place_named("b")], [0, 0]);
}

#[test]
fn an_index_may_be_any_number() {
    let mut builder = GraphBuilder::new();
    let field = builder.field_named("all[]");
    for (field, index) in [(None, None), (Some(field), None), (None, Some(u32::MAX)), (Some(field), Some(0))] {
        builder.edge(Node::ROOT, field, index, Strength::Weak);
    }
    let graph = builder.finish().unwrap();
    let labels: Vec<_> = graph.edges(Node::ROOT).map(|edge| edge.label.to_string()).collect();
    assert_eq!(labels, ["", "all[]", "[4294967295]", "all[0]"]);
}

#[test]
fn the_virtual_root_leads_to_each_root_once() {
    let mut builder = GraphBuilder::new();
    let root = NewNode { kind: NodeKind::Rooted, ..NewNode::default() };
    edge(&mut builder, 2);
    builder.edge(Node::at(3), None, None, Strength::Weak);
    (0..3).for_each(|_| _ = builder.node(root));
    edge(&mut builder, 1);
    let graph = builder.finish().unwrap();
    let led: Vec<_> = graph.edges(Node::ROOT).map(|edge| (edge.to.index(), edge.strength)).collect();
    assert_eq!(led, [(1, Strength::Strong), (3, Strength::Strong), (2, Strength::Strong), (3, Strength::Weak)]);
    assert_eq!(graph.edges(Node::at(3)).map(|edge| edge.to.index()).collect::<Vec<_>>(), [1]);
}

#[test]
fn what_is_not_there_is_named() {
    let error = |wrong: &dyn Fn(&mut GraphBuilder)| {
        let mut builder = GraphBuilder::new();
        builder.node(NewNode::default());
        wrong(&mut builder);
        builder.node(NewNode::default());
        builder.finish().unwrap_err()
    };
    let node = Node::at(1);
    for to in [3, 4, u32::MAX >> 1, u32::MAX] {
        let expected = GraphError::NoSuchNode { from: node, to: Node::at(to), nodes: 3 };
        assert_eq!(error(&|builder| edge(builder, to)), expected);
    }
    let wrong = |field| error(&move |builder| builder.edge(Node::ROOT, Some(field), None, Strength::Strong));
    for field in [0, 1 << 30, (1 << 31) - 1, 1 << 31, u32::MAX] {
        assert_eq!(wrong(field), GraphError::NoSuchField { node, field, fields: 0 });
    }
    let error_of = |new| error(&move |builder| _ = builder.node(new));
    let node = Node::at(2);
    let type_ = NewNode { type_: 1, ..NewNode::default() };
    assert_eq!(error_of(type_), GraphError::NoSuchType { node, type_: 1, types: 1 });
    let place = NewNode { place: Some(0), ..NewNode::default() };
    assert_eq!(error_of(place), GraphError::NoSuchPlace { node, place: 0, places: 0 });
    assert_eq!(error(&|builder| builder.edges_of(node)), GraphError::NotYetAdded { node, nodes: 2 });
    let back = |builder: &mut GraphBuilder| {
        edge(builder, 0);
        builder.edges_of(Node::ROOT);
    };
    assert_eq!(error(&back), GraphError::OutOfOrder { node: Node::ROOT, after: Node::at(1) });
    let first = |builder: &mut GraphBuilder| {
        builder.edges_of(Node::at(7));
        builder.edges_of(Node::at(9));
    };
    assert_eq!(error(&first), GraphError::NotYetAdded { node: Node::at(7), nodes: 2 });
    for error in [error(&back), error(&first), error_of(type_), error_of(place), wrong(0), error(&|b| edge(b, 3))] {
        assert!(error.to_string().contains("node") || error.to_string().contains("root"), "{error}");
    }
}

#[test]
fn a_name_may_come_after_its_number() {
    let mut builder = GraphBuilder::new();
    builder.node(NewNode { type_: 1, ..NewNode::default() });
    builder.edge(Node::ROOT, Some(0), None, Strength::Weak);
    builder.type_named("late");
    builder.field_named("later");
    let graph = builder.finish().unwrap();
    assert_eq!(graph.type_name(Node::at(1)), "late");
}

#[test]
fn there_are_no_more_nodes_than_can_be_numbered() {
    let mut builder = GraphBuilder::new();
    builder.limit = 3;
    assert_eq!([(); 4].map(|()| builder.node(NewNode::default()).index()), [1, 2, 2, 2]);
    assert_eq!(builder.finish().unwrap_err(), GraphError::TooMany { what: "nodes", limit: 3 });
}

/// The builder with calls by chance, many of them wrong, beside a plain list of what was said.
#[test]
fn calls_by_chance_make_a_graph_or_an_error() {
    let (mut good, mut bad) = (0, 0);
    for seed in 0..if cfg!(miri) { 100 } else { 20_000 } {
        let mut random = Random(seed);
        let mut builder = GraphBuilder::with_capacity(random.below(9) as usize, random.below(9) as usize);
        let (mut plain, mut current, mut begun) = (Plain::new(), 0, 0);
        let (mut wrong, mut types, mut fields, mut places) = (false, 1, 0, 0);
        // How far numbers are beyond what is there: in most graphs not at all.
        let beyond = if random.below(3) == 0 { 2 } else { 0 };
        for _ in 0..random.below(40) {
            match random.below(8) {
                0 => types = types.max(1 + builder.type_named(TYPES[random.below(5) as usize])),
                1 => fields = fields.max(1 + builder.field_named(FIELDS[random.below(3) as usize])),
                2 => places = places.max(1 + builder.place_named(FIELDS[random.below(3) as usize])),
                3 | 4 => {
                    let kind = [NodeKind::Rooted, NodeKind::InHeap, NodeKind::Native][random.below(3) as usize];
                    let place = (random.below(4) == 0 && places + beyond > 0)
                        .then(|| random.below(u64::from(places + beyond)) as u32);
                    let type_ = random.below(u64::from(types + beyond)) as u32;
                    let new = NewNode { kind, type_, place, size: random.draw(), owned: random.draw(), id: 0 };
                    current = plain.node(new);
                    assert_eq!(builder.node(new).index(), current);
                }
                5 => {
                    let node = random.below(plain.nodes.len() as u64 + u64::from(beyond)) as usize;
                    builder.edges_of(Node::at(node as u32));
                    if node >= plain.nodes.len() || node < begun {
                        wrong = true;
                    } else {
                        current = node;
                    }
                }
                _ => {
                    let far = if random.below(50) == 0 { u64::from(u32::MAX) } else { 8 };
                    let to = random.below(far) as usize;
                    let field = (random.below(3) == 0 && fields + beyond > 0)
                        .then(|| random.below(u64::from(fields + beyond)) as u32);
                    let index = (random.below(2) == 0).then(|| random.draw() as u32);
                    let strength = if random.below(4) == 0 { Strength::Weak } else { Strength::Strong };
                    builder.edge(Node::at(to as u32), field, index, strength);
                    plain.edges[current].push((to, field, index, strength));
                    begun = current;
                }
            }
        }
        let edges = || plain.edges.iter().flatten();
        wrong |= edges().any(|edge| edge.0 >= plain.nodes.len() || edge.1.is_some_and(|field| field >= fields));
        wrong |= plain.nodes.iter().any(|n| n.type_ >= types || n.place.is_some_and(|place| place >= places));
        match builder.finish() {
            Ok(graph) => {
                assert!(!wrong, "seed {seed}");
                good += 1;
                let plain = plain.led_to_roots();
                for node in graph.nodes() {
                    let ends = plain.edges[node.index()].iter().map(|edge| (edge.0, edge.3));
                    assert!(graph.edges(node).map(|edge| (edge.to.index(), edge.strength)).eq(ends));
                    let held = (graph.kind(node), graph.size(node), graph.place(node).is_some());
                    let added = &plain.nodes[node.index()];
                    assert_eq!(held, (added.kind, added.size, added.place.is_some()));
                }
                // Sizes are any numbers: sums end where numbers do.
                assert!(
                    graph.dominators().retained(Node::ROOT) >= graph.dominators().largest(1).first().map_or(0, |l| l.1)
                );
                assert!(graph.dot(&[Node::ROOT], 3, 20).ends_with("}\n"));
                assert!(graph.by_type().iter().all(|total| total.objects > 0));
            }
            Err(error) => {
                assert!(wrong, "seed {seed}: {error}");
                bad += 1;
            }
        }
    }
    assert!(good > 20 && bad > 20, "{good} graphs, {bad} errors");
}
