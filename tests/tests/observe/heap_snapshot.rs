//! The file for DevTools, checked by the rules that its loader relies on.

use std::collections::BTreeMap;

use gc_core::{Gc, GcCell, Slot, Trace, observe::Graph};
use gc_tests::heaps::calm;
use serde_json::Value;

#[derive(Trace)]
struct Session<'gc> {
    user: Gc<'gc, str>,
    secret: String,
    next: Slot<'gc, Session<'gc>>,
    odd: GcCell<Option<Gc<'gc, [u8]>>>,
}

/// What a file says, read by its own description of itself.
struct Read {
    /// Type, name, id and bytes.
    nodes: Vec<(String, String, u64, u64)>,
    /// From, type, name or index, and to.
    edges: Vec<(usize, String, String, usize)>,
}

fn read(text: &str) -> Read {
    let file: Value = serde_json::from_str(text).unwrap();
    // The loader looks for the parts in this order.
    let at: Vec<_> =
        ["snapshot", "nodes", "edges", "trace_function_infos", "trace_tree", "samples", "locations", "strings"]
            .iter()
            .map(|name| text.find(&format!("\"{name}\":")).unwrap())
            .collect();
    assert!(at.is_sorted(), "{at:?}");
    let numbers =
        |name: &str| -> Vec<u64> { file[name].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect() };
    let (nodes, edges) = (numbers("nodes"), numbers("edges"));
    let strings: Vec<_> = file["strings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let meta = &file["snapshot"]["meta"];
    assert_eq!(meta["node_fields"].as_array().unwrap().len(), meta["node_types"].as_array().unwrap().len());
    let name = |list: &Value, number: u64| list[0][number as usize].as_str().unwrap().to_owned();
    assert_eq!(nodes.len() as u64, file["snapshot"]["node_count"].as_u64().unwrap() * 7);
    assert_eq!(edges.len() as u64, file["snapshot"]["edge_count"].as_u64().unwrap() * 3);
    let mut read = Read { nodes: Vec::new(), edges: Vec::new() };
    let mut rows = edges.chunks(3);
    for (from, node) in nodes.chunks(7).enumerate() {
        read.nodes.push((name(&meta["node_types"], node[0]), strings[node[1] as usize].to_owned(), node[2], node[3]));
        for _ in 0..node[4] {
            let edge = rows.next().expect("as many edges as the nodes count");
            assert!(edge[2].is_multiple_of(7) && edge[2] < nodes.len() as u64);
            let type_ = name(&meta["edge_types"], edge[0]);
            let label = match type_.as_str() {
                "element" | "hidden" => edge[1].to_string(),
                _ => strings[edge[1] as usize].to_owned(),
            };
            read.edges.push((from, type_, label, edge[2] as usize / 7));
        }
    }
    assert!(rows.next().is_none(), "more edges than the nodes count");
    let mut ids: Vec<_> = read.nodes.iter().map(|node| node.2).collect();
    assert!(ids.iter().all(|id| id % 2 == 1));
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "two nodes have one id");
    read
}

fn write(graph: &Graph) -> String {
    let mut file = Vec::new();
    graph.write_heap_snapshot(&mut file).unwrap();
    String::from_utf8(file).unwrap()
}

#[test]
fn a_file_says_what_the_graph_says_and_nothing_private() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let list = {
        let mut list = Vec::<Gc<'_, Session<'_>>>::new();
        for number in 0..200 {
            let odd = (number % 2 == 1).then(|| m.alloc_slice_copy(b"a private picture"));
            let (user, secret) = (m.alloc_str("a private name"), format!("a private number {number}"));
            let next = Slot::new(list.last().copied());
            list.push(m.alloc(Session { user, secret, next, odd: GcCell::new(odd) }));
        }
        list
    };
    let sessions = m.root(list);
    let id = Gc::id(sessions.borrow(&m)[7], &m);
    let graph = Graph::take(&mut m).unwrap();
    let text = write(&graph);
    assert!(!text.contains("private"));
    let file = read(&text);
    assert_eq!(file.nodes[0], ("synthetic".into(), String::new(), 1, 0));
    assert_eq!(file.edges[0], (0, "element".into(), "1".into(), 1));

    let mut kinds = BTreeMap::<_, usize>::new();
    for (type_, name, ..) in &file.nodes {
        *kinds.entry((type_.as_str(), name.rsplit("::").next().unwrap())).or_default() += 1;
    }
    for (kind, count) in [
        (("object", "Session<'_>"), 200),
        (("string", "str"), 200),
        (("array", "[u8]"), 100),
        (("native", "(owned memory)"), 201),
        (("synthetic", "(GC roots)"), 1),
    ] {
        assert_eq!(kinds.get(&kind), Some(&count), "{kind:?} of {kinds:?}");
    }
    // All bytes, and all edges by what they are.
    let bytes: u64 = file.nodes.iter().map(|node| node.3).sum();
    let expected: u64 = graph.nodes().map(|node| graph.size(node) + graph.owned(node)).sum();
    assert_eq!(bytes, expected);
    let mut edges = BTreeMap::<_, usize>::new();
    for (from, type_, label, _) in &file.edges {
        if file.nodes[*from].1.ends_with("Session<'_>") {
            *edges.entry((type_.as_str(), label.as_str())).or_default() += 1;
        }
    }
    let expected = [
        (("internal", "(owned memory)"), 200),
        (("property", "next"), 199),
        (("property", "odd"), 100),
        (("property", "user"), 200),
    ];
    assert_eq!(edges, BTreeMap::from(expected));
    // Each edge leads to what the graph says.
    let session = graph.node_with_id(id).unwrap();
    let here = file.nodes.iter().position(|node| node.2 == 4 * (id + 1) + 1).unwrap();
    let leads: Vec<_> =
        file.edges.iter().filter(|edge| edge.0 == here).map(|edge| file.nodes[edge.3].1.clone()).collect();
    let mut expected: Vec<_> = graph.edges(session).map(|edge| graph.type_name(edge.to).to_owned()).collect();
    expected.push("(owned memory)".into());
    assert_eq!(leads, expected);
}

/// An identity is the same in both files, also when the object has moved.
#[test]
fn identities_are_the_same_in_later_files() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let known = m.root(m.alloc([1_u64; 9]));
    Gc::id(known.get(&m), &m);
    let id_in = |text: &str| {
        let file = read(text);
        let found: Vec<_> = file.nodes.iter().filter(|node| node.1 == "[u64; 9]").map(|node| node.2).collect();
        assert_eq!(found.len(), 1);
        found[0]
    };
    let first = id_in(&write(&Graph::take(&mut m).unwrap()));
    let _more: Vec<_> = (0..1000).map(|n| m.root(m.alloc([n; 3]))).collect();
    m.compact();
    assert_eq!(id_in(&write(&Graph::take(&mut m).unwrap())), first);
}

/// A full disk is an error.
#[test]
fn an_error_of_the_file_is_returned() {
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let _list = m.root(m.alloc_slice_with(10_000, |n| m.alloc(n as u64)));
    let graph = Graph::take(&mut m).unwrap();
    let bytes = write(&graph).len();
    assert!(graph.write_heap_snapshot(Full(bytes)).is_ok());
    for room in [0, 100, bytes / 2, bytes - 1] {
        let error = graph.write_heap_snapshot(Full(room)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }
}
