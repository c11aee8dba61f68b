//! Graphs of certain shapes: deep, wide, circular, weak; and those on which a simpler algorithm
//! would take forever.

use super::*;

const MANY: usize = if cfg!(miri) { 300 } else { 300_000 };

/// Roots of the objects with these numbers.
fn roots(plain: &mut Plain, objects: &[usize]) {
    for &object in objects {
        let root = plain.node(NewNode { kind: NodeKind::Rooted, type_: 1, ..NewNode::default() });
        plain.edge(root, object);
    }
}

#[test]
fn a_long_list_is_no_deep_recursion() {
    let mut plain = Plain::new();
    let list: Vec<usize> = (0..MANY).map(|_| plain.object()).collect();
    list.windows(2).for_each(|pair| plain.edge(pair[0], pair[1]));
    roots(&mut plain, &list[..1]);
    let graph = plain.build(2);
    let dominators = graph.dominators();
    for (at, &node) in list.iter().enumerate() {
        assert_eq!(dominators.retained(Node::at(node as u32)), (MANY - at) as u64);
    }
    let last = Node::at(list[MANY - 1] as u32);
    assert_eq!(dominators.of(last).count(), MANY + 1);
    assert_eq!(graph.path_to(last).unwrap().steps().len(), MANY + 1);
    assert_eq!(graph.chain_to(last, |node| node.index() == list[0]).unwrap().steps().len(), MANY);
    assert!(graph.is_reachable(last));
    let retained = &dominators.retained_by_type()[0];
    assert_eq!((retained.objects, retained.bytes), (MANY as u64, MANY as u64), "the list retains itself once");
}

/// The values of a long list are in a table too: their dominator is far above their parents, and
/// looked for from each.
#[test]
fn a_list_whose_values_are_in_a_table_takes_no_quadratic_time() {
    let mut plain = Plain::new();
    let list: Vec<usize> = (0..MANY).map(|_| plain.object()).collect();
    let values: Vec<usize> = (0..MANY).map(|_| plain.object()).collect();
    let table = plain.object();
    for at in 0..MANY {
        if at + 1 < MANY {
            plain.edge(list[at], list[at + 1]);
        }
        plain.edge(list[at], values[at]);
        plain.edge(table, values[at]);
    }
    roots(&mut plain, &[list[0], table]);
    let dominators_of = plain.build(1);
    let dominators = dominators_of.dominators();
    assert!(values.iter().all(|&value| dominators.immediate(Node::at(value as u32)) == Some(Node::ROOT)));
    assert_eq!(dominators.retained(Node::at(list[0] as u32)), MANY as u64);
    assert_eq!(dominators.retained(Node::at(table as u32)), 1);
}

#[test]
fn a_wide_node_and_one_with_many_referrers() {
    let mut plain = Plain::new();
    let [wide, narrow] = [plain.object(), plain.object()];
    for _ in 0..MANY {
        let node = plain.object();
        plain.edge(wide, node);
        plain.edge(node, narrow);
    }
    roots(&mut plain, &[wide]);
    let graph = plain.build(1);
    let [wide, narrow] = [wide, narrow].map(|node| Node::at(node as u32));
    assert_eq!((graph.referents(wide).len(), graph.referrers(narrow).count()), (MANY, MANY));
    let dominators = graph.dominators();
    assert_eq!((dominators.immediate(narrow), dominators.children(wide).len()), (Some(wide), MANY + 1));
    assert_eq!(dominators.retained(wide), MANY as u64 + 2);
    let picture = graph.dot(&[wide], 1, 10);
    assert!(picture.contains(&format!("{} more", MANY - 9)), "{picture}");
    assert!(graph.dot_referrers(&[narrow], 1, 10).contains(&format!("{} more", MANY - 9)));
}

#[test]
fn circles_retain_what_leads_into_them_cannot() {
    let mut plain = Plain::new();
    let circle: Vec<usize> = (0..4).map(|_| plain.object()).collect();
    (0..4).for_each(|at| plain.edge(circle[at], circle[(at + 1) % 4]));
    let itself = plain.object();
    plain.edge(itself, itself);
    plain.edge(circle[3], itself);
    roots(&mut plain, &circle[2..3]);
    let graph = plain.build(1);
    let dominators = graph.dominators();
    assert_eq!(circle.iter().map(|&node| dominators.retained(Node::at(node as u32))).collect::<Vec<_>>(), [2, 1, 5, 4]);
    assert_eq!(graph.referrers(Node::at(itself as u32)).map(Node::index).collect::<Vec<_>>(), [circle[3], itself]);
}

#[test]
fn a_weak_edge_keeps_nothing_alive() {
    let mut plain = Plain::new();
    let [from, target, below] = [plain.object(), plain.object(), plain.object()];
    plain.edges[from].push((target, Some(0), None, Strength::Weak));
    plain.edge(target, below);
    roots(&mut plain, &[from]);
    let graph = plain.build(1);
    let [from, target, below] = [from, target, below].map(|node| Node::at(node as u32));
    assert!(graph.is_reachable(from) && !graph.is_reachable(target) && !graph.is_reachable(below));
    assert!(graph.path_to(target).is_none() && graph.chain_from(from, |node| node == target).is_none());
    assert!(
        graph.chain_to(below, |node| node == target).is_some() && graph.chain_to(target, |node| node == from).is_none()
    );
    assert_eq!((graph.referents(from), graph.referrers(target).collect::<Vec<_>>()), (vec![target], vec![from]));
    let dominators = graph.dominators();
    assert_eq!((dominators.retained(from), dominators.retained(target), dominators.immediate(target)), (1, 0, None));
    assert!(dominators.children(target).is_empty() && !dominators.is_dominated(target, target));
    assert_eq!(graph.by_type()[0].objects, 3, "what is not reachable counts too");
}

#[test]
fn a_node_of_another_graph_panics() {
    let graph = Plain::new().build(1);
    let other = Node::at(1);
    let asked: [&dyn Fn(); 7] = [
        &|| _ = graph.size(other),
        &|| _ = graph.edges(other),
        &|| _ = graph.referrers(other),
        &|| _ = graph.path_to(other),
        &|| _ = graph.is_reachable(other),
        &|| _ = graph.dominators().retained(other),
        &|| _ = graph.dot(&[other], 1, 1),
    ];
    for (number, ask) in asked.into_iter().enumerate() {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(ask)).is_err();
        assert!(panicked, "question {number}");
    }
}
