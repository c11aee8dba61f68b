//! Thousands of small graphs by chance: all that a graph says, against what a scan or the removal
//! of a node says.

use super::*;

const GRAPHS: u64 = if cfg!(miri) { 20 } else { 4000 };

fn graphs(mut check: impl FnMut(&Plain, &Graph)) {
    for seed in 0..GRAPHS {
        let mut random = Random(seed);
        let size = 2 + random.below(24);
        let plain = Plain::random(&mut random, size);
        let graph = plain.build(1 + seed as usize % 2);
        check(&plain.led_to_roots(), &graph);
    }
}

fn nodes(numbers: impl IntoIterator<Item = usize>) -> Vec<Node> {
    numbers.into_iter().map(|number| Node::at(number as u32)).collect()
}

#[test]
fn it_holds_what_was_added() {
    graphs(|plain, graph| {
        assert_eq!(graph.node_count(), plain.nodes.len());
        assert_eq!(graph.edge_count(), plain.edges.iter().map(Vec::len).sum::<usize>());
        assert_eq!(graph.nodes().collect::<Vec<_>>(), nodes(0..plain.nodes.len()));
        let roots = (1..plain.nodes.len()).filter(|&node| plain.nodes[node].kind == NodeKind::Rooted);
        assert_eq!(graph.roots().collect::<Vec<_>>(), nodes(roots));
        for (node, added) in graph.nodes().zip(&plain.nodes) {
            let place = added.place.map(|_| "src/main.rs:10:5");
            let held = (graph.kind(node), graph.type_name(node), graph.size(node), graph.owned(node), graph.id(node));
            assert_eq!(held, (added.kind, TYPES[added.type_ as usize], added.size, added.owned, added.id));
            assert_eq!((graph.place(node), graph.node(node.index())), (place, Some(node)));
            assert_eq!(
                graph.node_with_id(added.id).unwrap().index(),
                plain.nodes.iter().position(|n| n.id == added.id).unwrap()
            );
            let edges = graph.edges(node).map(|edge| {
                assert_eq!(edge.from, node);
                (edge.to.index(), edge.label, edge.strength)
            });
            let label = |field: Option<u32>, index| Label::new(field.map(|field| FIELDS[field as usize]), index);
            let added = plain.edges[node.index()]
                .iter()
                .map(|&(to, field, index, strength)| (to, label(field, index), strength));
            assert!(edges.eq(added));
        }
        assert_eq!(graph.node(plain.nodes.len()), None);
    });
}

#[test]
fn neighbours_are_those_that_a_scan_finds() {
    graphs(|plain, graph| {
        let all = 0..plain.nodes.len();
        let leads = |from: usize, to: usize| plain.edges[from].iter().any(|edge| edge.0 == to);
        for node in graph.nodes() {
            let at = node.index();
            assert_eq!(graph.referents(node), nodes(all.clone().filter(|&to| leads(at, to))));
            assert_eq!(graph.referrers(node).collect::<Vec<_>>(), nodes(all.clone().filter(|&from| leads(from, at))));
            let edges = graph.nodes().flat_map(|from| graph.edges(from)).filter(|edge| edge.to == node);
            assert!(graph.edges_to(node).eq(edges));
        }
    });
}

#[test]
fn paths_are_the_shortest() {
    graphs(|plain, graph| {
        let from_root = plain.distances(0, &[]);
        for node in graph.nodes() {
            assert_eq!(graph.is_reachable(node), from_root[node.index()].is_some());
            let path = graph.path_to(node);
            // The virtual root is not in it.
            let steps = path.as_ref().map(|path| path.steps().len().max(usize::from(node != Node::ROOT)));
            assert_eq!(steps, from_root[node.index()].map(|distance| distance.max(usize::from(node == Node::ROOT))));
            if let Some(path) = path {
                is_a_path(plain, &path);
                assert_eq!(path.last(), node);
                assert!(node == Node::ROOT || plain.strong(0).any(|to| to == path.first().index()));
            }
            let distances = plain.distances(node.index(), &[]);
            for to in graph.nodes() {
                let [there, back] = [graph.chain_from(node, |n| n == to), graph.chain_to(to, |n| n == node)];
                for chain in [&there, &back] {
                    let length = chain.as_ref().map(|chain| chain.steps().len() - 1);
                    assert_eq!(length, distances[to.index()]);
                    if let Some(chain) = chain {
                        is_a_path(plain, chain);
                        assert_eq!((chain.first(), chain.last()), (node, to));
                    }
                }
            }
        }
        let any = graph.path_to_any(|node| graph.type_name(node) == "demo::Tree");
        let trees = (0..plain.nodes.len()).filter(|&node| plain.nodes[node].type_ == 1);
        assert_eq!(any.map(|path| path.steps().len()), trees.filter_map(|node| from_root[node]).min());
    });
}

fn is_a_path(plain: &Plain, path: &Path<'_>) {
    let steps = path.steps();
    assert!(path.nodes().eq(steps.iter().map(|step| step.node)));
    for pair in steps.windows(2) {
        let edge = pair[0].edge.unwrap();
        assert_eq!((edge.from, edge.to, edge.strength), (pair[0].node, pair[1].node, Strength::Strong));
        assert!(plain.strong(edge.from.index()).any(|to| to == edge.to.index()));
    }
    assert_eq!(steps[steps.len() - 1].edge, None);
}

#[test]
fn ways_around_nodes_are_found_where_there_are_any() {
    let mut random = Random(1);
    graphs(|plain, graph| {
        let count = plain.nodes.len() as u64;
        let avoided = [random.below(count) as usize, random.below(count) as usize];
        let distances = plain.distances(0, &avoided);
        for node in graph.nodes() {
            let path = graph.path_avoiding(|node| avoided.contains(&node.index()), |found| found == node);
            assert_eq!(path.is_some(), distances[node.index()].is_some());
            if let Some(path) = path {
                assert!(path.nodes().all(|node| !avoided.contains(&node.index())));
                assert_eq!(path.steps().len(), distances[node.index()].unwrap().max(usize::from(node == Node::ROOT)));
            }
        }
    });
}

/// For each node, the nodes that are reached no more without it, itself among them. Empty if it is
/// not reached.
fn dominated(plain: &Plain) -> Vec<Vec<usize>> {
    let reached = plain.distances(0, &[]);
    let all = 0..plain.nodes.len();
    let of = |node: usize| {
        let left = plain.distances(0, &[node]);
        all.clone()
            .filter(|&other| reached[node].is_some() && reached[other].is_some() && left[other].is_none())
            .collect()
    };
    all.clone().map(of).collect()
}

#[test]
fn dominators_are_the_nodes_without_which_others_die() {
    graphs(|plain, graph| {
        let (dominated, dominators) = (dominated(plain), graph.dominators());
        for node in graph.nodes() {
            let at = node.index();
            let mut above: Vec<usize> =
                (0..plain.nodes.len()).filter(|&a| a != at && dominated[a].contains(&at)).collect();
            // The nearer a dominator, the less it dominates: they are a chain.
            above.sort_by_key(|&above| dominated[above].len());
            assert_eq!(dominators.of(node).collect::<Vec<_>>(), nodes(above.iter().copied()), "{plain:?}");
            assert_eq!(dominators.immediate(node), above.first().map(|&above| Node::at(above as u32)));
            assert_eq!(dominators.retained(node), dominated[at].iter().map(|&node| plain.bytes(node)).sum::<u64>());
            for other in graph.nodes() {
                assert_eq!(dominators.is_dominated(other, node), dominated[at].contains(&other.index()));
            }
            let children = graph.nodes().filter(|&other| dominators.immediate(other) == Some(node));
            assert!(dominators.children(node).iter().copied().eq(children));
        }
        let counted =
            |node: &usize| *node != 0 && plain.nodes[*node].kind != NodeKind::Rooted && !dominated[*node].is_empty();
        let mut largest: Vec<_> = (0..plain.nodes.len())
            .filter(counted)
            .map(|node| (node, dominators.retained(Node::at(node as u32))))
            .collect();
        largest.sort_by_key(|&(node, retained)| (std::cmp::Reverse(retained), node));
        let largest: Vec<_> = largest.into_iter().map(|(node, retained)| (Node::at(node as u32), retained)).collect();
        for count in [0, 1, 3, 1000] {
            assert_eq!(dominators.largest(count), largest[..count.min(largest.len())]);
        }
    });
}

#[test]
fn what_types_retain_is_the_union_of_what_their_objects_do() {
    graphs(|plain, graph| {
        let dominated = dominated(plain);
        let retained = graph.dominators().retained_by_type();
        for (type_, name) in TYPES.iter().enumerate() {
            let is_counted = |node: &usize| *node != 0 && plain.nodes[*node].kind != NodeKind::Rooted;
            let of_type = |node: &usize| plain.nodes[*node].type_ as usize == type_ && is_counted(node);
            let instances: Vec<usize> = (0..plain.nodes.len()).filter(of_type).collect();
            let mut all: Vec<usize> = instances.iter().flat_map(|&node| dominated[node].iter().copied()).collect();
            all.sort_unstable();
            all.dedup();
            let expected = TypeTotal {
                name: (*name).to_owned(),
                objects: instances.iter().filter(|&&node| !dominated[node].is_empty()).count() as u64,
                bytes: all.iter().map(|&node| plain.nodes[node].size).sum(),
                owned: all.iter().map(|&node| plain.nodes[node].owned).sum(),
            };
            let found = retained.iter().find(|total| total.name == *name).cloned();
            assert_eq!(
                found.unwrap_or_else(|| TypeTotal { name: (*name).to_owned(), ..TypeTotal::default() }),
                expected
            );

            let total = graph.by_type().into_iter().find(|total| total.name == *name);
            let expected = TypeTotal {
                name: (*name).to_owned(),
                objects: instances.len() as u64,
                bytes: instances.iter().map(|&node| plain.nodes[node].size).sum(),
                owned: instances.iter().map(|&node| plain.nodes[node].owned).sum(),
            };
            assert_eq!(total, (expected.objects > 0).then_some(expected));
        }
        for totals in [retained, graph.by_type()] {
            assert!(totals.is_sorted_by_key(|total| std::cmp::Reverse(total.total())));
        }
        let is_tree = |node: &usize| [1, 3].contains(&plain.nodes[*node].type_) && *node != 0;
        let trees = (0..plain.nodes.len()).filter(|node| is_tree(node) && plain.nodes[*node].kind != NodeKind::Rooted);
        assert_eq!(graph.instances("Tree").collect::<Vec<_>>(), nodes(trees));
    });
}

#[test]
fn a_difference_is_that_of_the_sums() {
    let mut last: Option<Graph> = None;
    graphs(|_, graph| {
        if let Some(before) = &last {
            let changes = before.diff(graph);
            let of = |totals: &[TypeTotal], name: &str| totals.iter().find(|total| total.name == name).cloned();
            for name in TYPES {
                let sums = [before, graph].map(|graph| of(&graph.by_type(), name));
                let nothing = TypeTotal { name: name.to_owned(), ..TypeTotal::default() };
                let found = changes.iter().find(|change| change.name() == name);
                let found = found.map(|change| [change.before.clone(), change.after.clone()]);
                let differs = sums[0] != sums[1];
                assert_eq!(found, differs.then(|| sums.map(|sum| sum.unwrap_or(nothing.clone()))));
            }
            assert!(changes.is_sorted_by_key(|change| std::cmp::Reverse(change.bytes())));
            assert!(before.diff(before).is_empty());
        }
        last = Some(graph.clone());
    });
}
