//! What is in a file is what is read, whatever the order of its fields, compressed or not.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use gc_core::observe::{Node, NodeKind as GraphKind, Strength};
use gc_inspect::{
    Snapshot,
    heapsnapshot::{EdgeKind, Label, NodeKind},
};

use crate::support::{
    planted::planted,
    writer::{File, INTERNAL, NATIVE, OBJECT, OTHER, PROPERTY, V8, WEAK},
};

/// Node by node and edge by edge.
fn agrees(snapshot: &Snapshot, file: &File) {
    assert_eq!(snapshot.node_count(), file.nodes.len());
    assert_eq!(snapshot.total_size(), file.total());
    for (index, (&[_, name, id, size], edges)) in file.nodes.iter().zip(&file.edges).enumerate() {
        let node = snapshot.node(index);
        assert_eq!((node.name, node.id, node.size), (file.strings[name as usize].as_str(), id, size));
        assert_eq!(snapshot.edges(index).len(), edges.len());
        for (edge, &[_, name, to]) in snapshot.edges(index).zip(edges) {
            assert_eq!(edge.to, to as usize);
            match edge.label {
                Label::Index(index) => assert_eq!(u64::from(index), name),
                Label::Name(text) => assert_eq!(text, file.strings[name as usize]),
            }
        }
    }
}

#[test]
fn fields_are_where_the_file_says() {
    let file = planted(20, 500).file;
    let edge_orders: [&[&str]; 2] =
        [&["type", "name_or_index", "to_node"], &["to_node", "weight", "name_or_index", "type"]];
    for node_fields in [&V8[..], &OTHER[..]] {
        for edge_fields in edge_orders {
            let text = file.text_with(node_fields, edge_fields);
            agrees(&Snapshot::from_reader(text.as_bytes()).unwrap(), &file);
        }
    }
}

#[test]
fn a_compressed_file_is_decompressed() {
    let file = planted(20, 500).file;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(file.text().as_bytes()).unwrap();
    let bytes = gzip.finish().unwrap();
    agrees(&Snapshot::from_reader(&bytes[..]).unwrap(), &file);
}

#[test]
fn kinds_are_by_name_and_new_ones_are_no_error() {
    let mut file = File::new();
    let node = file.node(OBJECT, "a", 1);
    file.field(0, PROPERTY, "b", node);
    let text = file.text().replace(r#""property""#, r#""new""#).replace(r#""object""#, r#""newer""#);
    let snapshot = Snapshot::from_reader(text.as_bytes()).unwrap();
    assert_eq!(snapshot.node(1).kind, NodeKind::Other);
    assert_eq!(snapshot.node(1).type_name(), "(unknown kind)");
    assert_eq!(snapshot.edges(0).next().unwrap().kind, EdgeKind::Other);
}

/// V8 writes half of a surrogate pair where a string of JavaScript has one.
#[test]
fn half_a_surrogate_pair_is_replaced() {
    let mut file = File::new();
    file.node(OBJECT, "half", 1);
    for (text, read) in [(r"\ud800", "\u{fffd}"), (r"\ud83d\ude00", "😀"), (r"\u0000\t", "\0\t")] {
        let text = file.text().replace("half", text);
        let snapshot = Snapshot::from_reader(text.as_bytes()).unwrap();
        assert!(snapshot.node(1).name.starts_with(read), "{:?}", snapshot.node(1).name);
    }
}

#[test]
fn the_graph_says_what_was_planted() {
    let planted = planted(100, 3000);
    let graph = Snapshot::from_reader(planted.file.text().as_bytes()).unwrap().into_graph().unwrap();
    assert_eq!((graph.node_count(), graph.edge_count()), (planted.file.nodes.len(), planted.edge_count()));
    let cache = graph.instances("Cache").next().unwrap();
    assert_eq!(graph.dominators().retained(cache), planted.retained);
    assert_eq!(graph.dominators().retained(Node::ROOT), planted.file.total());
    assert_eq!(graph.instances("demo::Session").count() as u64, planted.sessions);
    let session = graph.instances("Session").next().unwrap();
    assert_eq!((graph.size(session), graph.owned(session)), (64, 1024));
    let path = graph.path_to_any(|node| graph.type_name(node) == "demo::Session").unwrap();
    let labels: Vec<_> = path.steps().iter().filter_map(|step| Some(step.edge?.label.to_string())).collect();
    assert_eq!(labels, ["[2]", "[0]", "sessions", "[0]"]);
    assert_eq!(graph.kind(path.first()), GraphKind::Other);
}

#[test]
fn weak_edges_keep_nothing_and_what_two_have_no_one_owns() {
    let mut file = File::new();
    let [one, two, weak] = ["One", "Two", "Weak"].map(|name| file.node(OBJECT, name, 10));
    let native = file.node(NATIVE, "shared", 100);
    file.element(0, 0, one);
    file.element(0, 1, two);
    file.field(one, WEAK, "weak", weak);
    file.field(one, INTERNAL, "owned", native);
    file.field(two, INTERNAL, "owned", native);
    let graph = Snapshot::from_reader(file.text().as_bytes()).unwrap().into_graph().unwrap();
    let node = |index: usize| graph.node(index).unwrap();
    assert!(!graph.is_reachable(node(weak)) && graph.is_reachable(node(native)));
    assert_eq!((graph.owned(node(one)), graph.size(node(native))), (0, 100));
    let strengths: Vec<_> = graph.edges(node(one)).map(|edge| edge.strength).collect();
    assert_eq!(strengths, [Strength::Weak, Strength::Strong]);
}

/// Another writer's file: that of the Node.js of this machine, if it has one.
#[test]
fn a_file_of_v8s_is_read() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("node.heapsnapshot");
    let program = format!(
        "class Planted {{}}; global.planted = Array.from({{length: 321}}, () => new Planted());\
         require('v8').writeHeapSnapshot({path:?})"
    );
    match std::process::Command::new("node").arg("-e").arg(program).status() {
        Ok(status) => assert!(status.success()),
        Err(error) => return eprintln!("not tested, since there is no Node.js here: {error}"),
    }
    let graph = Snapshot::open(&path).unwrap().into_graph().unwrap();
    assert_eq!(graph.instances("Planted").count(), 321);
    let path = graph.path_to_any(|node| graph.type_name(node) == "Planted").unwrap().to_string();
    assert!(path.ends_with(".planted → Array[0] → Planted"), "{path}");
}
