//! Taking a [`Graph`] of a heap, in one pause.
//!
//! - **[take.no-user-code]** In the pause runs no code of the user but derived `Trace`. What is
//!   told is copied, so no pointer gets out.
//! - **[take.numbers]** The nodes are the virtual root, the roots, the objects by rank
//!   ([walk.rank]), and the memory that values share, in this order. So the end of an edge is known
//!   before its node is added.

use core::any::type_name;
use std::collections::HashMap;

use super::{Graph, GraphBuilder, GraphError, NewNode, Node, NodeKind, Strength};
use crate::{
    Collect, Mutator,
    collector::{
        inspect::{self, FieldPath, Part, Sink},
        request,
        stopped_heap::StoppedHeap,
        type_info::WEAK_CELL,
        walk::Walk,
    },
    object::{EphemeronPair, Flag, Header, PairRef, TypeInfo, WatchedPair},
    registered::WeakCell,
};

impl Graph {
    /// Takes a picture of the heap: the objects that are alive, what leads to what, and the roots.
    ///
    /// First it collects garbage in a full collection. Then it stops the world, promotes
    /// everything, and looks at each object. What is left of garbage has no path from a root
    /// ([`is_reachable`](Self::is_reachable)). Sizes are those of the objects with their headers;
    /// [`owned`](Self::owned) is the memory that their values have elsewhere: of `String`, `Vec`,
    /// `Box` and the maps, by their capacities, but not of fields that are skipped. The memory of
    /// `Counted` and `Arc` is a node of its own, as several objects may share it.
    ///
    /// The id of a node is the identity of its object ([`Gc::id`](crate::Gc::id)) if it has one,
    /// otherwise 0: so the node of an object is found by [`node_with_id`](Self::node_with_id).
    /// While [allocation sites](super::sites) are tracked, roots say where they were made, and
    /// objects that are sampled have an id.
    ///
    /// The pause takes some 140 ns for an object with a pointer: half a second for four million.
    /// The graph takes 37 bytes for each object and 12 for each pointer, of the program's memory
    /// and not of the heap's. Python: `gc.get_objects`, `gc.get_referrers`, objgraph.
    ///
    /// # Errors
    ///
    /// [`GraphError::TooMany`] if there are more than 2³¹ roots and objects.
    ///
    /// # Panics
    ///
    /// In the child of a fork in which the heap cannot be collected.
    ///
    /// ```
    /// use gc_core::{Gc, Heap, Trace, observe::Graph};
    ///
    /// #[derive(Trace)]
    /// struct Session<'gc> {
    ///     user: Gc<'gc, str>,
    /// }
    ///
    /// let heap = Heap::builder().build()?;
    /// let mut m = heap.attach()?;
    /// let sessions = m.root(vec![m.alloc(Session { user: m.alloc_str("Ada") })]);
    /// let id = Gc::id(sessions.borrow(&m)[0].user, &m);
    ///
    /// let graph = Graph::take(&mut m)?;
    /// let name = graph.node_with_id(id).unwrap();
    /// let path = graph.path_to(name).unwrap().to_string();
    /// assert!(path.ends_with(".user → str"), "{path}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn take(m: &mut Mutator) -> Result<Self, GraphError> {
        m.collect(Collect::Full);
        let mut taken = None;
        request::look(m.local(), &mut |heap| taken = Some(fill(heap)));
        taken.expect("a pause that a thread leads shows it the heap")
    }
}

/// Makes the graph of a stopped heap, in which nothing is young.
fn fill(heap: &StoppedHeap<'_>) -> Result<Graph, GraphError> {
    let too_many = |_| GraphError::TooMany { what: "objects", limit: u32::MAX as usize };
    let walk = Walk::new(heap).map_err(too_many)?;
    let mut roots = 0;
    heap.for_each_root(|_, _, _| roots += 1);
    // Most objects lead to two others.
    let mut filler = Filler {
        builder: GraphBuilder::with_capacity(roots + walk.len(), 2 * walk.len()),
        first: roots + 1,
        walk: &walk,
        types: HashMap::new(),
        fields: Fields::default(),
        shared: HashMap::new(),
        memory: Vec::new(),
        edges: Vec::new(),
        owned: 0,
    };
    heap.for_each_root(|info, value, place| {
        // SAFETY: a live root of a stopped heap, of this type.
        unsafe { inspect::inspect_root(value, info, &mut filler) };
        let place = place.map(|place| filler.builder.place_named(&place.to_string()));
        filler.add(NewNode { kind: NodeKind::Rooted, place, ..NewNode::default() }, info);
    });
    let identities = identities(heap);
    walk.for_each(|address, info| {
        // SAFETY: an object of a stopped heap.
        unsafe { inspect::inspect(address, info, &mut filler) };
        if core::ptr::eq(info, &WEAK_CELL) {
            // SAFETY: as above, of the type that this static is for.
            let cell = unsafe { &*address.cast::<WeakCell>() };
            filler.edge_to(cell.target().get().addr(), Some("target"), Strength::Weak);
        }
        // SAFETY: as above.
        let (size, is_registered) =
            unsafe { (info.size_with_header(address), Header::of(address).has(Flag::Registered)) };
        let id = if is_registered { identities.get(&address.addr()).copied().unwrap_or(0) } else { 0 };
        filler.add(NewNode { size: size as u64, id, ..NewNode::default() }, info);
    });
    filler.finish()
}

/// Returns the identities of registered objects, by address.
fn identities(heap: &StoppedHeap<'_>) -> HashMap<usize, u64> {
    let mut identities = HashMap::new();
    heap.registered().for_each(|entry, _| _ = identities.insert(entry.object.addr().get(), entry.id));
    identities
}

/// Takes what is told of a value, and then adds its node.
struct Filler<'a> {
    builder: GraphBuilder,
    /// The node of the first object.
    first: usize,
    walk: &'a Walk<'a>,
    /// The numbers of types, by the addresses of their static infos.
    types: HashMap<*const TypeInfo, u32>,
    fields: Fields,
    /// The nodes of memory that values share, by its address.
    shared: HashMap<usize, Node>,
    /// The bytes of that memory.
    memory: Vec<usize>,
    /// The edges of the node that comes next, and the bytes that it owns.
    edges: Vec<(Node, Option<u32>, Option<u32>, Strength)>,
    owned: usize,
}

impl Filler<'_> {
    /// Adds a node of this type, with what was told of it.
    fn add(&mut self, node: NewNode, info: &'static TypeInfo) {
        let type_ = *self.types.entry(info).or_insert_with(|| self.builder.type_named(name_of(info)));
        let owned = core::mem::take(&mut self.owned) as u64;
        self.builder.node(NewNode { type_, owned, ..node });
        for (to, field, index, strength) in self.edges.drain(..) {
            self.builder.edge(to, field, index, strength);
        }
    }

    /// Adds an edge to the object at an address, if there is one.
    fn edge_to(&mut self, target: usize, field: Option<&'static str>, strength: Strength) {
        if let Some(to) = self.object_at(target) {
            let field = field.map(|name| self.builder.field_named(name));
            self.edges.push((to, field, None, strength));
        }
    }

    fn object_at(&self, address: usize) -> Option<Node> {
        let number = if address == 0 { None } else { self.walk.number(address) };
        number.map(|number| Node::at((self.first + number as usize) as u32))
    }

    fn finish(mut self) -> Result<Graph, GraphError> {
        let type_ = self.builder.type_named("(shared memory)");
        for bytes in self.memory {
            let size = bytes as u64;
            self.builder.node(NewNode { kind: NodeKind::Native, type_, size, ..NewNode::default() });
        }
        self.builder.finish()
    }
}

impl Sink for Filler<'_> {
    fn pointer(&mut self, _: usize, target: usize, _: Option<usize>, path: &FieldPath) {
        if let Some(to) = self.object_at(target) {
            let (field, index) = self.fields.label(&mut self.builder, path);
            self.edges.push((to, field, index, Strength::Strong));
        }
    }

    fn ephemeron(&mut self, pair: PairRef) {
        // What is reachable from a pair that is alive is what its key lets be reachable.
        self.edge_to(pair.key().addr(), Some("key"), Strength::Weak);
        self.edge_to(pair.value().addr(), Some("value"), Strength::Strong);
    }

    fn owns(&mut self, bytes: usize) {
        self.owned += bytes;
    }

    fn shares(&mut self, address: usize, bytes: usize) {
        let next = Node::at((self.first + self.walk.len() + self.memory.len()) as u32);
        let memory = *self.shared.entry(address).or_insert(next);
        if memory == next {
            self.memory.push(bytes);
        }
        self.edges.push((memory, None, None, Strength::Strong));
    }
}

/// Returns the name of a type as it is told.
pub(super) fn name_of(info: &'static TypeInfo) -> &'static str {
    match (info.name)() {
        name if name == type_name::<WeakCell>() => "(weak cell)",
        name if name == type_name::<EphemeronPair>() => "(ephemeron)",
        name if name == type_name::<WatchedPair>() => "(entry of a weak table)",
        name => name,
    }
}

/// The patterns of paths that came lately. Neighbouring pointers have the same, or one of a few.
#[derive(Default)]
struct Fields {
    known: Vec<(Vec<Part>, u32)>,
    next: usize,
}

/// How many patterns are looked at before the builder is asked.
const KNOWN: usize = 16;

impl Fields {
    /// Returns the number of a path's pattern, in which indices are left out, and the last index.
    fn label(&mut self, builder: &mut GraphBuilder, path: &FieldPath) -> (Option<u32>, Option<u32>) {
        let parts = path.parts();
        let index = path.index().map(|index| u32::try_from(index).unwrap_or(u32::MAX - 1));
        if parts.is_empty() {
            return (None, None);
        }
        if path.is_long() {
            return (Some(builder.field_named(&path.pattern())), index);
        }
        if let Some((_, field)) = self.known.iter().find(|(known, _)| same(known, parts)) {
            return (Some(*field), index);
        }
        let field = builder.field_named(&path.pattern());
        if self.known.len() < KNOWN {
            self.known.push((parts.to_vec(), field));
        } else {
            self.known[self.next] = (parts.to_vec(), field);
            self.next = (self.next + 1) % KNOWN;
        }
        (Some(field), index)
    }
}

/// Returns whether two paths have the same pattern. Names of fields are constants: one at the same
/// address is the same.
fn same(known: &[Part], parts: &[Part]) -> bool {
    known.len() == parts.len()
        && known.iter().zip(parts).all(|pair| match pair {
            (Part::Field(known), Part::Field(name)) => core::ptr::eq(*known, *name),
            (Part::Element(_), Part::Element(_)) => true,
            _ => false,
        })
}
