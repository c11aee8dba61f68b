//! What is written: paths and pictures.

use super::*;

/// A root with a place, an object with a weak edge and several strong ones, native memory, and a
/// name with all that DOT could trip over.
fn drawn() -> Graph {
    let mut builder = GraphBuilder::new();
    let [list, text, odd] =
        ["demo::List<demo::Item>", "str", "a\"b\\c\n{|}<x>\u{7}"].map(|name| builder.type_named(name));
    let [items, next] = ["items[]", "next"].map(|name| builder.field_named(name));
    let place = Some(builder.place_named("src/main.rs:10:5"));
    builder.node(NewNode { kind: NodeKind::Rooted, type_: list, place, ..NewNode::default() });
    builder.edge(Node::at(2), None, None, Strength::Strong);
    builder.node(NewNode { type_: list, size: 24, owned: 64, ..NewNode::default() });
    (0..3).for_each(|index| builder.edge(Node::at(4), Some(items), Some(index), Strength::Strong));
    builder.edge(Node::at(4), Some(next), None, Strength::Weak);
    builder.edge(Node::at(3), None, None, Strength::Strong);
    builder.node(NewNode { kind: NodeKind::Native, type_: text, size: 5, ..NewNode::default() });
    builder.node(NewNode { type_: odd, size: 1, ..NewNode::default() });
    builder.edge(Node::at(2), None, Some(7), Strength::Strong);
    builder.finish().unwrap()
}

#[test]
fn paths_read_as_one_would_say_them() {
    let graph = drawn();
    let path = |node| graph.path_to(Node::at(node)).unwrap();
    assert_eq!(path(1).to_string(), "root of List<Item> made at src/main.rs:10:5");
    assert_eq!(path(3).to_string(), "root of List<Item> made at src/main.rs:10:5 → List<Item> → str");
    assert_eq!(
        format!("{:#}", graph.chain_from(Node::at(4), |node| node == Node::at(3)).unwrap()),
        "a\"b\\c\n{|}<x>\u{7}[7] → demo::List<demo::Item> → str"
    );
    let chain = graph.chain_from(Node::at(2), |node| node == Node::at(4)).unwrap();
    assert!(chain.to_string().starts_with("List<Item>.items[0] → "));
    assert_eq!(chain.steps()[0].edge.unwrap().label.index(), Some(0));
}

#[test]
fn an_index_goes_into_the_last_brackets() {
    let label = |field, index| Label::new(field, index).to_string();
    assert_eq!(label(Some("rows[][].cell"), Some(3)), "rows[][3].cell");
    assert_eq!(label(Some("rows[][].cell"), None), "rows[][].cell");
    assert_eq!(label(Some(""), Some(3)), "[3]");
}

#[test]
fn a_picture_is_this() {
    let picture = drawn().dot(&[Node::at(1)], 9, 9);
    let expected = r##"digraph heap {
  node [shape=box, fontname="sans-serif"];
  subgraph cluster_roots {
    label="roots"; style=dotted;
    n1 [label="root of List<Item>\nsrc/main.rs:10:5", style=filled, fillcolor="#ffd8a8", penwidth=3];
  }
  subgraph cluster_objects {
    label="objects"; style=dotted;
    n2 [label="List<Item>\n24 B, owns 64 B", style=filled, fillcolor="#d0ebff"];
    n4 [label="a\"b\\c\n{|}<x>�\n1 B", style=filled, fillcolor="#d0ebff"];
  }
  subgraph cluster_native {
    label="native"; style=dotted;
    n3 [label="str\n5 B", style=filled, fillcolor="#d3f9d8"];
  }
  n1 -> n2 [label=""];
  n2 -> n4 [label="items[0] (and 2 more)"];
  n2 -> n4 [label="next", style=dashed];
  n2 -> n3 [label=""];
  n4 -> n2 [label="[7]"];
}
"##;
    assert_eq!(picture, expected);
}

#[test]
fn a_picture_is_as_deep_and_as_large_as_asked() {
    let graph = drawn();
    let nodes = |picture: &str| picture.matches("fillcolor").count();
    assert_eq!([0, 1, 2, 3].map(|depth| nodes(&graph.dot(&[Node::at(1)], depth, 9))), [1, 2, 4, 4]);
    assert_eq!([0, 1, 2, 3].map(|limit| nodes(&graph.dot(&[Node::at(1)], 9, limit))), [0, 1, 2, 3]);
    assert_eq!([0, 1, 2, 9].map(|depth| nodes(&graph.dot_referrers(&[Node::at(3)], depth, 9))), [1, 2, 4, 5]);
    assert!(graph.dot(&[Node::at(2)], 0, 9).contains(r#"m2 [shape=plaintext, label="5 more"]"#));
    assert!(graph.dot_referrers(&[Node::at(2)], 0, 9).contains("m2 -> n2 [style=dotted]"));
    assert_eq!(nodes(&graph.dot(&[Node::at(2), Node::at(2)], 0, 9)), 1, "asked for twice, drawn once");
}
