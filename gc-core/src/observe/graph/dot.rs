//! A neighbourhood as a picture, in the language of Graphviz.

use core::fmt::Write;
use std::collections::{BTreeSet, HashMap};

use super::{
    data::Graph,
    names::short,
    node::{Node, NodeKind, Strength},
};

impl Graph {
    /// Returns a picture of these nodes and of what they lead to, in DOT, the language of Graphviz:
    /// up to `depth` edges away, and `limit` nodes at most. Edges between all nodes of the picture
    /// are drawn; how many lead out of it is said.
    ///
    /// Roots, native memory and what is of other kinds are boxes of their own colours; weak edges
    /// are dashed. Several edges from one node to another are drawn as one. More than some hundreds
    /// of nodes nobody can read.
    ///
    /// It looks at all edges of the nodes that it draws.
    ///
    /// ```
    /// # use gc_core::observe::{GraphBuilder, NewNode, Node, Strength};
    /// # let mut builder = GraphBuilder::new();
    /// # let (type_, next) = (builder.type_named("demo::List"), builder.field_named("next"));
    /// # builder.node(NewNode { type_, size: 16, ..NewNode::default() });
    /// # builder.edge(Node::at(1), Some(next), None, Strength::Strong);
    /// # let graph = builder.finish()?;
    /// let picture = graph.dot(&[Node::at(1)], 3, 100);
    /// assert!(picture.starts_with("digraph heap {") && picture.contains(r#"n1 -> n1 [label="next"]"#));
    /// # Ok::<(), gc_core::observe::GraphError>(())
    /// ```
    #[must_use]
    pub fn dot(&self, nodes: &[Node], depth: usize, limit: usize) -> String {
        let drawn = neighbourhood(nodes, depth, limit, |node| self.referents(node));
        let more = |node| self.edges(node).filter(|edge| !drawn.contains(&edge.to)).count();
        self.picture(&drawn, nodes, |text, node| {
            if let left @ 1.. = more(node) {
                let number = node.index();
                writeln!(
                    text,
                    "  m{number} [shape=plaintext, label=\"{left} more\"];\n  n{number} -> m{number} [style=dotted];"
                )?;
            }
            Ok(())
        })
    }

    /// Returns a picture of these nodes and of what leads to them, as [`dot`](Self::dot).
    ///
    /// The first call of a graph sorts its edges, as [`referrers`](Self::referrers) does.
    #[must_use]
    pub fn dot_referrers(&self, nodes: &[Node], depth: usize, limit: usize) -> String {
        let drawn = neighbourhood(nodes, depth, limit, |node| self.referrers(node).collect());
        let more = |node| self.referrers(node).filter(|from| !drawn.contains(from)).count();
        self.picture(&drawn, nodes, |text, node| {
            if let left @ 1.. = more(node) {
                let number = node.index();
                writeln!(
                    text,
                    "  m{number} [shape=plaintext, label=\"{left} more\"];\n  m{number} -> n{number} [style=dotted];"
                )?;
            }
            Ok(())
        })
    }

    /// `more` writes what is left out at a node.
    fn picture(
        &self,
        drawn: &BTreeSet<Node>,
        asked: &[Node],
        more: impl Fn(&mut String, Node) -> core::fmt::Result,
    ) -> String {
        let mut text = String::from("digraph heap {\n  node [shape=box, fontname=\"sans-serif\"];\n");
        let written =
            self.write_nodes(&mut text, drawn, asked).and_then(|()| self.write_edges(&mut text, drawn, &more));
        debug_assert!(written.is_ok(), "a String takes what is written");
        text + "}\n"
    }

    fn write_nodes(&self, text: &mut String, drawn: &BTreeSet<Node>, asked: &[Node]) -> core::fmt::Result {
        for (kind, name, colour) in KINDS {
            let of_kind: Vec<_> = drawn.iter().filter(|&&node| self.kind(node) == kind).collect();
            if of_kind.is_empty() {
                continue;
            }
            writeln!(text, "  subgraph cluster_{name} {{\n    label=\"{name}\"; style=dotted;")?;
            for &node in of_kind {
                let bold = if asked.contains(&node) { ", penwidth=3" } else { "" };
                let label = escaped(&self.describe(node));
                writeln!(
                    text,
                    "    n{} [label=\"{label}\", style=filled, fillcolor=\"{colour}\"{bold}];",
                    node.index()
                )?;
            }
            text.push_str("  }\n");
        }
        Ok(())
    }

    fn write_edges(
        &self,
        text: &mut String,
        drawn: &BTreeSet<Node>,
        more: &impl Fn(&mut String, Node) -> core::fmt::Result,
    ) -> core::fmt::Result {
        for &from in drawn.iter() {
            // In the order of the first of each.
            let mut lines: Vec<(String, usize, Node, Strength)> = Vec::new();
            let mut known = HashMap::new();
            for edge in self.edges(from).filter(|edge| drawn.contains(&edge.to)) {
                let at = *known.entry((edge.to, edge.strength)).or_insert(lines.len());
                match lines.get_mut(at) {
                    Some(line) => line.1 += 1,
                    None => lines.push((edge.label.to_string(), 0, edge.to, edge.strength)),
                }
            }
            for (label, others, to, strength) in lines {
                let others = if others > 0 { format!(" (and {others} more)") } else { String::new() };
                let label = escaped(&format!("{label}{others}"));
                let dashed = if strength == Strength::Weak { ", style=dashed" } else { "" };
                writeln!(text, "  n{} -> n{} [label=\"{label}\"{dashed}];", from.index(), to.index())?;
            }
            more(text, from)?;
        }
        Ok(())
    }

    /// What is written into a node.
    fn describe(&self, node: Node) -> String {
        let name = short(self.type_name(node));
        let place = self.place(node).map_or_else(String::new, |place| format!("\n{place}"));
        match (self.kind(node), self.size(node), self.owned(node)) {
            _ if node == Node::ROOT && name.is_empty() => "roots".to_owned(),
            (NodeKind::Rooted, ..) => format!("root of {name}{place}"),
            (_, size, 0) => format!("{name}\n{size} B"),
            (_, size, owned) => format!("{name}\n{size} B, owns {owned} B"),
        }
    }
}

/// Kinds with the names and colours of their boxes.
const KINDS: [(NodeKind, &str, &str); 4] = [
    (NodeKind::Rooted, "roots", "#ffd8a8"),
    (NodeKind::InHeap, "objects", "#d0ebff"),
    (NodeKind::Native, "native", "#d3f9d8"),
    (NodeKind::Other, "other", "#e9ecef"),
];

/// The nodes up to `depth` steps away, nearest first, and `limit` of them at most.
fn neighbourhood(nodes: &[Node], depth: usize, limit: usize, next: impl Fn(Node) -> Vec<Node>) -> BTreeSet<Node> {
    let mut drawn = BTreeSet::new();
    let mut ring: Vec<Node> = Vec::new();
    for &node in nodes {
        if drawn.len() < limit && drawn.insert(node) {
            ring.push(node);
        }
    }
    for _ in 0..depth {
        let mut outer = Vec::new();
        for node in ring.iter().flat_map(|&node| next(node)) {
            if drawn.len() >= limit {
                return drawn;
            }
            if drawn.insert(node) {
                outer.push(node);
            }
        }
        if outer.is_empty() {
            break;
        }
        ring = outer;
    }
    drawn
}

/// A text as it stands between quotes in DOT: `\` and `"` are what they are, and lines break where
/// they do.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
