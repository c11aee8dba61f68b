//! Writing a [`Graph`] as a heap snapshot that the memory panel of Chrome's DevTools opens.
//!
//! The format is that of V8's serializer (`src/profiler/heap-snapshot-generator.cc`), as the loader
//! of DevTools reads it: one JSON object, whose arrays of numbers come in a fixed order.
//!
//! - **[heap-snapshot.rows]** Edges have no source: a node owns the next so many. So nodes and
//!   edges are written in one order: the virtual root, `(GC roots)`, and the other nodes of the
//!   graph, each followed by the memory that it owns, if any.
//! - **[heap-snapshot.ids]** All ids are odd and differ. An object with an identity has the same id
//!   in each snapshot of its heap.

use std::{
    collections::HashMap,
    io::{self, BufWriter, Write},
};

use super::{Graph, Node, NodeKind, Strength};

/// Before the numbers. `%n`, `%e`: how many nodes and edges there are.
const HEAD: &str = r#"{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count","trace_node_id","detachedness"],"node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic","concatenated string","sliced string","symbol","bigint","object shape","wasm object"],"string","number","number","number","number","number"],"edge_fields":["type","name_or_index","to_node"],"edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"],"trace_function_info_fields":["function_id","name","script_name","script_id","line","column"],"trace_node_fields":["id","function_info_index","count","size","children"],"sample_fields":["timestamp_us","last_assigned_id"],"location_fields":["object_index","script_id","line","column"]},"node_count":%n,"edge_count":%e,"trace_function_count":0},"#;

const NODE_FIELDS: u64 = 7;

/// Types of nodes, and of edges, by their places in the lists above.
const ARRAY: u64 = 1;
const STRING: u64 = 2;
const OBJECT: u64 = 3;
const NATIVE: u64 = 8;
const SYNTHETIC: u64 = 9;
const ELEMENT: u64 = 1;
const PROPERTY: u64 = 2;
const INTERNAL: u64 = 3;
const WEAK: u64 = 6;

impl Graph {
    /// Writes the graph as a `.heapsnapshot`, which the memory panel of Chrome's DevTools opens:
    /// *Load profile*, then *Summary*, *Comparison*, *Containment* or *Statistics*.
    ///
    /// Types are constructors there, fields are properties. Memory that an object owns elsewhere is
    /// a *native* node below it. Of strings and other objects only the type is written, never the
    /// content. Comparison goes by ids, which objects with an identity ([`Gc::id`](crate::Gc::id))
    /// keep; compare the others by their types.
    ///
    /// Linear in nodes and edges: 36 bytes of the file and 140 ns for an object with a pointer. It
    /// is written as it is made, through a buffer; only names are held. Python: guppy, memray.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    ///
    /// ```
    /// use gc_core::{Heap, observe::Graph};
    ///
    /// let heap = Heap::builder().build()?;
    /// let mut m = heap.attach()?;
    /// let names = m.root(vec![m.alloc_str("Ada")]);
    /// let mut file = Vec::new();
    /// Graph::take(&mut m)?.write_heap_snapshot(&mut file)?;
    /// let text = String::from_utf8(file)?;
    /// assert!(text.starts_with(r#"{"snapshot":{"meta""#) && !text.contains("Ada"));
    /// # drop(names);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_heap_snapshot(&self, out: impl Write) -> io::Result<()> {
        let file = File::of(self);
        file.write(&mut Numbers { out: BufWriter::with_capacity(1 << 16, out), first: true })
    }
}

/// A graph, and the numbers of what is in its file.
struct File<'g> {
    graph: &'g Graph,
    /// How many nodes with memory of their own come before each node's, 64 nodes to a number.
    owners: Vec<u32>,
}

impl<'g> File<'g> {
    fn of(graph: &'g Graph) -> Self {
        let mut owners = Vec::with_capacity(graph.node_count() / 64 + 1);
        let mut count = 0;
        for node in graph.nodes() {
            if node.index() % 64 == 0 {
                owners.push(count);
            }
            count += u32::from(graph.owned(node) > 0);
        }
        owners.push(count);
        Self { graph, owners }
    }

    fn owners(&self) -> u64 {
        self.owners.last().map_or(0, |&count| count.into())
    }

    /// Returns the number of a node in the file ([heap-snapshot.rows]).
    fn number(&self, node: Node) -> u64 {
        let index = node.index();
        if index == 0 {
            return 0;
        }
        let before = (index / 64 * 64..index).filter_map(|before| self.graph.node(before));
        let owners = before.filter(|&before| self.graph.owned(before) > 0).count();
        // `(GC roots)` is 1.
        index as u64 + 1 + u64::from(self.owners[index / 64]) + owners as u64
    }

    fn write(&self, out: &mut Numbers<impl Write>) -> io::Result<()> {
        let graph = self.graph;
        let nodes = graph.node_count() as u64 + 1 + self.owners();
        let edges = graph.edge_count() as u64 + 1 + self.owners();
        let head = HEAD.replace("%n", &nodes.to_string()).replace("%e", &edges.to_string());
        out.out.write_all(head.as_bytes())?;
        let mut names = Names::default();
        self.write_nodes(out, &mut names)?;
        self.write_edges(out, &mut names)?;
        out.out.write_all(br#""trace_function_infos":[],"trace_tree":[],"samples":[],"locations":[],"strings":["#)?;
        for (at, name) in names.list.iter().enumerate() {
            out.out.write_all(if at == 0 { b"" } else { b",\n" })?;
            write_string(&mut out.out, name)?;
        }
        out.out.write_all(b"]}\n")?;
        out.out.flush()
    }

    fn write_nodes(&self, out: &mut Numbers<impl Write>, names: &mut Names) -> io::Result<()> {
        let graph = self.graph;
        out.begin("nodes")?;
        out.row(&[SYNTHETIC, names.number(""), 1, 0, 1, 0, 0])?;
        let under = graph.edges(Node::ROOT).len() as u64;
        out.row(&[SYNTHETIC, names.number("(GC roots)"), 3, 0, under, 0, 0])?;
        for node in graph.nodes().skip(1) {
            let (type_, name) = match graph.kind(node) {
                NodeKind::Rooted => (SYNTHETIC, names.number(&root_name(graph, node))),
                NodeKind::Native => (NATIVE, names.number(graph.type_name(node))),
                _ => (type_of(graph.type_name(node)), names.number(graph.type_name(node))),
            };
            let owned = graph.owned(node);
            let edges = graph.edges(node).len() as u64 + u64::from(owned > 0);
            // Multiples of four and one: of identities; and three: of numbers.
            let id = match graph.id(node) {
                0 => 4 * (node.index() as u64 + 1) + 3,
                id => 4 * (id + 1) + 1,
            };
            out.row(&[type_, name, id, graph.size(node), edges, 0, 0])?;
            if owned > 0 {
                let name = names.number("(owned memory)");
                // Beyond all others.
                let id = 4 * (graph.node_count() as u64 + node.index() as u64 + 1) + 3;
                out.row(&[NATIVE, name, id, owned, 0, 0, 0])?;
            }
        }
        out.end()
    }

    fn write_edges(&self, out: &mut Numbers<impl Write>, names: &mut Names) -> io::Result<()> {
        let graph = self.graph;
        out.begin("edges")?;
        out.row(&[ELEMENT, 1, NODE_FIELDS])?;
        for node in graph.nodes() {
            for (at, edge) in graph.edges(node).enumerate() {
                let to = self.number(edge.to) * NODE_FIELDS;
                let label = edge.label.to_string();
                let indexed = label.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')?.parse().ok());
                let (type_, name) = match (edge.strength, indexed) {
                    (Strength::Weak, _) => (WEAK, names.number(&label)),
                    (_, Some(index)) => (ELEMENT, index),
                    _ if label.is_empty() => (ELEMENT, at as u64),
                    _ => (PROPERTY, names.field(&label)),
                };
                out.row(&[type_, name, to])?;
            }
            if graph.owned(node) > 0 && node != Node::ROOT {
                out.row(&[INTERNAL, names.number("(owned memory)"), (self.number(node) + 1) * NODE_FIELDS])?;
            }
        }
        out.end()
    }
}

fn root_name(graph: &Graph, node: Node) -> String {
    let type_name = graph.type_name(node);
    match graph.place(node) {
        Some(place) => format!("root of {type_name} made at {place}"),
        None => format!("root of {type_name}"),
    }
}

/// Returns how DevTools is to show objects of a type.
fn type_of(name: &str) -> u64 {
    match name {
        "str" => STRING,
        _ if name.starts_with('[') => ARRAY,
        _ => OBJECT,
    }
}

/// An array of numbers that is being written.
struct Numbers<W: Write> {
    out: BufWriter<W>,
    first: bool,
}

impl<W: Write> Numbers<W> {
    fn begin(&mut self, name: &str) -> io::Result<()> {
        self.first = true;
        write!(self.out, "\"{name}\":[")
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.write_all(b"],\n")
    }

    fn row(&mut self, numbers: &[u64]) -> io::Result<()> {
        // As many digits as a number has, and a comma, for each.
        let mut row = [0; 21 * NODE_FIELDS as usize + 1];
        let mut from = row.len();
        for &number in numbers.iter().rev() {
            let mut rest = number;
            loop {
                from -= 1;
                row[from] = b'0' + (rest % 10) as u8;
                rest /= 10;
                if rest == 0 {
                    break;
                }
            }
            from -= 1;
            row[from] = b',';
        }
        let row = &row[from + usize::from(core::mem::take(&mut self.first))..];
        self.out.write_all(row)
    }
}

/// Names with numbers. That of names is bounded by types and fields, and of fields with an index by
/// [`INDICES`] for each.
#[derive(Default)]
struct Names {
    list: Vec<String>,
    numbers: HashMap<String, u64>,
}

/// How many indices of a field have names of their own: `items[0]` to `items[9999]`. Beyond, they
/// have one: `items[…]`.
const INDICES: usize = 10_000;

impl Names {
    fn number(&mut self, name: &str) -> u64 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.list.len() as u64;
        self.list.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    fn field(&mut self, label: &str) -> u64 {
        let index = label.split_once('[').and_then(|(before, rest)| {
            let (index, after) = rest.split_once(']')?;
            (index.parse::<usize>().ok()? >= INDICES).then(|| format!("{before}[…]{after}"))
        });
        self.number(index.as_deref().unwrap_or(label))
    }
}

/// Writes a string of JSON (RFC 8259, section 7).
fn write_string(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(b"\"")?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(out, "\\{character}")?,
            '\0'..='\x1f' => write!(out, "\\u{:04x}", character as u32)?,
            _ => write!(out, "{character}")?,
        }
    }
    out.write_all(b"\"")
}
