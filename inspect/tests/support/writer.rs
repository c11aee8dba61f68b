//! A small writer of heap snapshots that shares nothing with the library: by what the viewers' loaders want.

use std::fmt::Write;

/// The kinds of nodes and edges that are written, by number.
const NODE_KINDS: &str =
    r#"["hidden","array","string","object","code","closure","regexp","number","native","synthetic"]"#;
const EDGE_KINDS: &str = r#"["context","element","property","internal","hidden","shortcut","weak"]"#;

pub const ARRAY: u64 = 1;
pub const OBJECT: u64 = 3;
pub const NATIVE: u64 = 8;
pub const SYNTHETIC: u64 = 9;

pub const ELEMENT: u64 = 1;
pub const PROPERTY: u64 = 2;
pub const INTERNAL: u64 = 3;
pub const WEAK: u64 = 6;

/// The fields of a node, in an order that a file may have.
pub const V8: [&str; 7] = ["type", "name", "id", "self_size", "edge_count", "trace_node_id", "detachedness"];
#[allow(dead_code, reason = "not all that include this use it")]
pub const OTHER: [&str; 6] = ["edge_count", "detachedness", "self_size", "type", "id", "name"];

/// A graph, node 0 the root.
#[derive(Debug, Default)]
pub struct File {
    pub nodes: Vec<[u64; 4]>,
    pub edges: Vec<Vec<[u64; 3]>>,
    pub strings: Vec<String>,
}

impl File {
    pub fn new() -> Self {
        let mut file = Self::default();
        file.node(SYNTHETIC, "", 0);
        file
    }

    pub fn string(&mut self, text: &str) -> u64 {
        let known = self.strings.iter().position(|string| string == text);
        known.unwrap_or_else(|| {
            self.strings.push(text.into());
            self.strings.len() - 1
        }) as u64
    }

    /// Adds a node, and returns its place. Its id is odd, as V8's are.
    pub fn node(&mut self, kind: u64, name: &str, size: u64) -> usize {
        let name = self.string(name);
        self.nodes.push([kind, name, self.nodes.len() as u64 * 2 + 1, size]);
        self.edges.push(Vec::new());
        self.nodes.len() - 1
    }

    pub fn field(&mut self, from: usize, kind: u64, name: &str, to: usize) {
        let name = self.string(name);
        self.edges[from].push([kind, name, to as u64]);
    }

    pub fn element(&mut self, from: usize, index: usize, to: usize) {
        self.edges[from].push([ELEMENT, index as u64, to as u64]);
    }

    pub fn total(&self) -> u64 {
        self.nodes.iter().map(|[.., size]| size).sum()
    }

    pub fn text(&self) -> String {
        self.text_with(&V8, &["type", "name_or_index", "to_node"])
    }

    /// The file, with the fields of nodes and edges in these orders.
    pub fn text_with(&self, node_fields: &[&str], edge_fields: &[&str]) -> String {
        let quoted = |names: &[&str]| format!("[\"{}\"]", names.join("\",\""));
        let types = |names: &[&str], kinds: &str| {
            let of = |name: &&str| if *name == "type" { kinds.into() } else { String::from("\"number\"") };
            format!("[{}]", names.iter().map(of).collect::<Vec<_>>().join(","))
        };
        let edge_count: usize = self.edges.iter().map(Vec::len).sum();
        let mut text = format!(
            "{{\"snapshot\":{{\"meta\":{{\"node_fields\":{},\"node_types\":{},\"edge_fields\":{},\"edge_types\":{},\
             \"trace_function_info_fields\":[\"function_id\",\"name\",\"script_name\",\"script_id\",\"line\",\"column\"],\
             \"trace_node_fields\":[\"id\",\"function_info_index\",\"count\",\"size\",\"children\"],\
             \"sample_fields\":[\"timestamp_us\",\"last_assigned_id\"],\
             \"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]}},\
             \"node_count\":{},\"edge_count\":{edge_count},\"trace_function_count\":0}},\n\"nodes\":[",
            quoted(node_fields),
            types(node_fields, NODE_KINDS),
            quoted(edge_fields),
            types(edge_fields, EDGE_KINDS),
            self.nodes.len(),
        );
        let mut between = "";
        for (&[kind, name, id, size], edges) in self.nodes.iter().zip(&self.edges) {
            for field in node_fields {
                let number = match *field {
                    "type" => kind,
                    "name" => name,
                    "id" => id,
                    "self_size" => size,
                    "edge_count" => edges.len() as u64,
                    _ => 0,
                };
                write!(text, "{between}{number}").unwrap();
                between = ",";
            }
            between = "\n,";
        }
        text.push_str("],\n\"edges\":[");
        between = "";
        for &[kind, name, to] in self.edges.iter().flatten() {
            for field in edge_fields {
                let number = match *field {
                    "type" => kind,
                    "name_or_index" => name,
                    "to_node" => to * node_fields.len() as u64,
                    _ => 0,
                };
                write!(text, "{between}{number}").unwrap();
                between = ",";
            }
            between = "\n,";
        }
        text.push_str(
            "],\n\"trace_function_infos\":[],\"trace_tree\":[],\"samples\":[],\"locations\":[],\n\"strings\":[",
        );
        for (index, string) in self.strings.iter().enumerate() {
            // No other character of these strings has to be escaped.
            let string = string.replace('\\', "\\\\").replace('"', "\\\"");
            write!(text, "{}\"{string}\"", if index == 0 { "" } else { ",\n" }).unwrap();
        }
        text.push_str("]}\n");
        text
    }
}
