//! What is wrong with a file is told: where, what was expected, what was found, what to do.

use gc_inspect::{Damage, ReadError, Section, Snapshot};

use crate::support::writer::{File, OBJECT, PROPERTY};

fn text() -> String {
    let mut file = File::new();
    let node = file.node(OBJECT, "demo::Tree", 24);
    file.element(0, 5, node);
    file.field(node, PROPERTY, "left", 0);
    file.text()
}

fn damage(text: &str) -> Damage {
    match Snapshot::from_reader(text.as_bytes()) {
        Err(ReadError::Damaged(damage)) => damage,
        other => panic!("expected damage, found {other:?}"),
    }
}

/// Replaces the first of `from` by `to`, which is the damage, and checks what is said, and that the place is just behind it.
fn found(from: &str, to: &str, section: Section, expected: &str, found: &str) {
    let text = text();
    let at = text.find(from).unwrap_or_else(|| panic!("{from} is not in {text}"));
    let damage = damage(&format!("{}{to}{}", &text[..at], &text[at + from.len()..]));
    assert_eq!(damage.section, section, "{damage}");
    assert!(damage.expected.contains(expected), "{damage}");
    assert!(damage.found.contains(found), "{damage}");
    assert!(damage.offset >= at as u64, "{damage}, changed at {at}");
    if ![Section::File, Section::Strings].contains(&section) {
        assert!(damage.offset <= (at + to.len() + 800) as u64, "{damage}, changed at {at}");
    }
}

#[test]
fn a_header_that_is_wrong() {
    let header = |from, to, expected, what| found(from, to, Section::Header, expected, what);
    header(r#""self_size""#, r#""size""#, "\"self_size\" once in \"node_fields\"", "0 times");
    header(r#""id""#, r#""name""#, "\"name\" once", "2 times");
    header(r#""to_node""#, r#""to""#, "\"to_node\" once in \"edge_fields\"", "0 times");
    header(r#""node_count":2"#, r#""node_count":0"#, "1 or more", "0");
    header(r#""node_count":2"#, r#""node_count":-2"#, "u64", "-2");
    header(r#""node_count":2"#, r#""node_count":99999999999"#, "at most", "99999999999");
    header(r#""node_count":2,"#, "", "here", "missing field `node_count`");
    header(r#"["hidden""#, r#""a", ["hidden""#, "as many \"node_types\"", "8 and 7");
}

#[test]
fn nodes_that_are_wrong() {
    let nodes = |from, to, expected, what| found(from, to, Section::Nodes, expected, what);
    nodes("\n,3,1,3,24,1,0,0", "\n,10,1,3,24,1,0,0", "type of node 1 to be one of 10", "number 10");
    nodes("\n,3,1,3,24,1,0,0", "\n,3,1,3,24,2,0,0", "2 edges of all nodes", "node 1");
    nodes("\n,3,1,3,24,1,0,0", "\n,3,1,3,24,0,0,0", "2 edges of all nodes", "1");
    nodes("\n,3,1,3,24,1,0,0", "\n,3,1,3,24,1,0", "7 numbers in each row", "6 in the last");
    nodes("\n,3,1,3,24,1,0,0", "", "2 nodes", "1");
    nodes("\n,3,1,3,24,1,0,0", "\n,3,1,3,24,1,0,0,3,1,3,24,0,0,0", "2 nodes", "more");
    nodes("\n,3,1,3,24,1,0,0", "\n,3,1,3,-24,1,0,0", "u64", "-24");
    nodes("\n,3,1,3,24,1,0,0", "\n,3,1,3,2.5,1,0,0", "u64", "2.5");
    nodes("\n,3,1,3,24,1,0,0", "\n,3,1,3,99999999999999999999,1,0,0", "u64", "floating point");
    nodes("\n,3,1,3,24,1,0,0", "\n,3,4294967296,3,24,1,0,0", "the name of node 1", "4294967296");
    nodes("\n,3,1,3,24,1,0,0", "\n,3,1,3,\"24\",1,0,0", "u64", "string \"24\"");
    nodes("\n,3,1,3,24,1,0,0", "\n,3,1,3,24 1,0,0", "JSON", "expected `,` or `]`");
    found("\n,3,1,3,24,1,0,0", "\n,3,77,3,24,1,0,0", Section::File, "the name of node 1 to be one of 3", "number 77");
}

#[test]
fn edges_that_are_wrong() {
    let edges = |from, to, expected, what| found(from, to, Section::Edges, expected, what);
    edges("[1,5,7", "[7,5,7", "type of edge 0 to be one of 7", "number 7");
    edges("[1,5,7", "[1,5,8", "target of edge 0 to be a multiple of 7 below 14", "8");
    edges("[1,5,7", "[1,5,14", "target of edge 0 to be a multiple of 7 below 14", "14");
    edges("[1,5,7", "[1,4294967296,7", "a name or an index below 2^32 of edge 0", "4294967296");
    edges("\n,2,2,0", "", "2 edges", "1");
    edges("\n,2,2,0", "\n,2,2,0,2,2,0", "2 edges", "more");
    found("\n,2,2,0", "\n,2,3,0", Section::File, "the name of edge 1 to be one of 3", "number 3");
}

#[test]
fn sections_that_are_wrong() {
    found("\"nodes\"", "\"knots\"", Section::Edges, "\"nodes\" before this section", "this section first");
    found("\"edges\"", "\"nodes\"", Section::Nodes, "this section once", "again");
    found("\"strings\"", "\"texts\"", Section::File, "the section \"strings\"", "none");
    found("\"demo::Tree\"", "7", Section::Strings, "a string", "integer `7`");
    found("\n\"edges\":", "\n\"edges\":7,\"e\":", Section::Edges, "a list of unsigned numbers", "integer `7`");
    let trailing = damage(&format!("{}x", text()));
    assert!(trailing.found.contains("trailing characters"), "{trailing}");
}

#[test]
fn a_file_of_another_kind() {
    for (text, found) in [("", "an empty file"), ("%PDF-1.7", "byte 0x25"), ("[1]", "byte 0x5b")] {
        let damage = damage(text);
        assert_eq!((damage.offset, damage.found.as_str()), (0, found));
        assert!(damage.advice.contains(".heapsnapshot"), "{damage}");
    }
}

#[test]
fn wherever_a_file_is_cut_off_this_is_what_is_said() {
    let text = text();
    let end = text.trim_end().len();
    for length in 1..end {
        let damage = damage(&text[..length]);
        assert_eq!(damage.offset, length as u64, "{damage}");
        assert!(damage.advice.contains("cut off"), "{damage}");
    }
    Snapshot::from_reader(&text.as_bytes()[..end]).unwrap();
}

#[test]
fn a_text_for_people() {
    let text = text().replace("[1,5,7", "[1,5,8");
    let (damage, end) = (damage(&text), text.find("[1,5,8").unwrap() as u64 + 6);
    let at = damage.offset;
    assert!((end..end + 4).contains(&at), "{at}, and the number ends at {end}");
    assert_eq!(
        damage.to_string(),
        format!(
            "damaged in \"edges\", at byte {at}: expected the target of edge 0 to be a multiple of 7 below 14, found 8; \
             the file was damaged after it was written, or its writer has a fault: write it again, or copy it again from \
             where it came from"
        )
    );
}

#[test]
fn what_the_system_says_is_no_damage() {
    let error = Snapshot::open("/no/such/file").unwrap_err();
    assert!(error.damage().is_none() && error.to_string().starts_with("cannot be read: "), "{error}");
}
