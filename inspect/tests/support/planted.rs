//! A graph of which the answers are known by arithmetic, not by a search: a cache that keeps sessions, in the middle of much else.

use super::writer::{ARRAY, File, INTERNAL, NATIVE, OBJECT, PROPERTY, SYNTHETIC, WEAK};

/// What is true of a planted graph.
#[derive(Debug)]
pub struct Planted {
    pub file: File,
    pub sessions: u64,
    /// The bytes that only the cache keeps alive.
    pub retained: u64,
}

const CACHE: u64 = 48;
const SESSION: u64 = 64;
const BUFFER: u64 = 1024;

/// A graph with so many sessions, and so many other objects.
pub fn planted(sessions: u64, others: usize) -> Planted {
    let mut file = File::new();
    let roots = file.node(SYNTHETIC, "(GC roots)", 0);
    file.element(0, 1, roots);
    let stack = file.node(SYNTHETIC, "(mutator 1 stack)", 0);
    file.element(roots, 1, stack);
    let handles = file.node(SYNTHETIC, "(global handles)", 0);
    file.element(roots, 2, handles);

    let config = file.node(OBJECT, "demo::Config", 200);
    file.element(stack, 0, config);
    let cache = file.node(OBJECT, "demo::Cache", CACHE);
    file.element(handles, 0, cache);
    let list = 16 + 8 * sessions;
    let array = file.node(ARRAY, "[gc_core::gc::Gc<demo::Session>]", list);
    file.field(cache, PROPERTY, "sessions", array);
    let mut first = None;
    for index in 0..sessions {
        let session = file.node(OBJECT, "demo::Session", SESSION);
        first.get_or_insert(session);
        file.element(array, index as usize, session);
        file.field(session, PROPERTY, "config", config);
        let buffer = file.node(NATIVE, "alloc::vec::Vec<u8>", BUFFER);
        file.field(session, INTERNAL, "owned", buffer);
    }

    // A tree, each node of which is left or right of an earlier one, with edges across and back.
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % limit.max(1) as u64) as usize
    };
    let begin = file.nodes.len();
    let (left, right) = (file.string("left"), file.string("right"));
    let (back, seen) = (file.string("back"), file.string("seen"));
    let names = ["demo::Tree", "demo::Leaf", "alloc::string::String"].map(|name| file.string(name));
    for index in 0..others {
        let to = file.nodes.len();
        let id = to as u64 * 2 + 1;
        file.nodes.push([OBJECT, names[index % 3], id, 24 + 8 * (index as u64 % 5)]);
        file.edges.push(Vec::new());
        let from = if index == 0 { stack } else { begin + below(index) };
        if index == 0 {
            file.element(stack, 1, to);
        } else {
            let field = [left, right][index % 2];
            file.edges[from].push([PROPERTY, field, to as u64]);
        }
        if index % 3 == 1 {
            let earlier = begin + below(index);
            file.edges[to].push([PROPERTY, back, earlier as u64]);
        }
        // It keeps none of them alive.
        if index % 100 == 7
            && let Some(first) = first
        {
            file.edges[to].push([WEAK, seen, first as u64]);
        }
    }
    Planted { sessions, retained: CACHE + list + sessions * (SESSION + BUFFER), file }
}

impl Planted {
    pub fn edge_count(&self) -> usize {
        self.file.edges.iter().map(Vec::len).sum()
    }
}
