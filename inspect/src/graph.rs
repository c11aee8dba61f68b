//! From a snapshot to a graph that can be asked.

use gc_core::observe::{Graph, GraphBuilder, NewNode, Node as GraphNode, NodeKind as GraphKind, Strength};

use crate::{
    error::{Damage, ReadError, Section},
    heapsnapshot::{Edge, EdgeKind, Label, NodeKind, Snapshot},
};

/// Not numbered yet.
const NONE: u32 = u32::MAX;

impl Snapshot {
    /// Makes it a graph of which paths, dominators, retained sizes and sums by type may be asked. Nodes keep their places: that of the
    /// file's root is the graph's virtual root.
    ///
    /// A type is what [`type_name`](crate::heapsnapshot::Node::type_name) says. Weak edges and shortcuts are weak, except shortcuts from
    /// the root, as in DevTools. Native memory that one object has, by an internal edge, and that leads nowhere, is what this object *owns*;
    /// its own node is then of no size. Linear.
    ///
    /// # Errors
    ///
    /// If there are more nodes than a graph can have, which is 2³¹.
    pub fn into_graph(mut self) -> Result<Graph, ReadError> {
        let (node_count, edge_count) = (self.node_count(), self.edge_count());
        let owned = self.owned();
        let mut builder = GraphBuilder::with_capacity(node_count, edge_count);
        let mut types = Numbers::new(self.string_count());
        for index in 1..node_count {
            let node = self.node(index);
            let (kind, own_name) = match node.kind {
                NodeKind::Synthetic => (GraphKind::Other, true),
                NodeKind::Native => (GraphKind::Native, true),
                NodeKind::Object => (GraphKind::InHeap, true),
                _ => (GraphKind::InHeap, false),
            };
            let type_ = match own_name {
                true => types.number(self.name_number(index), || builder.type_named(node.name)),
                false => builder.type_named(node.type_name()),
            };
            let (size, owned) = match owned[index] {
                Owned::Bytes(bytes) => (node.size, bytes),
                Owned::ByAnother => (0, 0),
            };
            builder.node(NewNode { kind, type_, size, owned, id: node.id, place: None });
        }
        drop(owned);
        self.release_nodes();
        let mut fields = Numbers::new(self.string_count());
        for index in 0..node_count {
            builder.edges_of(GraphNode::at(index as u32));
            for (place, Edge { kind, label, to }) in self.edges_with_places(index) {
                let strength = match kind {
                    EdgeKind::Weak => Strength::Weak,
                    EdgeKind::Shortcut if index != 0 => Strength::Weak,
                    _ => Strength::Strong,
                };
                let (field, number) = match label {
                    Label::Name(name) => {
                        (Some(fields.number(self.label_number(place), || builder.field_named(name))), None)
                    }
                    Label::Index(number) => (None, Some(number)),
                };
                builder.edge(GraphNode::at(to as u32), field, number, strength);
            }
        }
        builder.finish().map_err(|error| {
            let damage = Damage::new("a graph of at most 2^31 nodes", error.to_string());
            damage.advise(Damage::TOO_LARGE).at(Section::Nodes, 0).into()
        })
    }

    /// What each node owns.
    fn owned(&self) -> Vec<Owned> {
        // Where the only edge to a node comes from, if there is one, and it is an internal one.
        let mut from = vec![From::Nowhere; self.node_count()];
        for index in 0..self.node_count() {
            for edge in self.edges(index) {
                let from = &mut from[edge.to];
                *from = match (*from, edge.kind) {
                    (From::Nowhere, EdgeKind::Internal) if index != 0 => From::One(index as u32),
                    _ => From::More,
                };
            }
        }
        let mut owned = vec![Owned::Bytes(0); self.node_count()];
        for (index, from) in from.into_iter().enumerate() {
            let node = self.node(index);
            if let From::One(owner) = from
                && node.kind == NodeKind::Native
                && self.edges(index).len() == 0
                && matches!(self.node(owner as usize).kind, NodeKind::Object | NodeKind::Array)
                && let Owned::Bytes(bytes) = &mut owned[owner as usize]
            {
                *bytes += node.size;
                owned[index] = Owned::ByAnother;
            }
        }
        owned
    }
}

#[derive(Clone, Copy)]
enum From {
    Nowhere,
    One(u32),
    More,
}

#[derive(Clone, Copy)]
enum Owned {
    /// It owns so many bytes elsewhere.
    Bytes(u64),
    /// It is what another owns.
    ByAnother,
}

/// What the builder calls a string, by the file's number of it.
struct Numbers(Vec<u32>);

impl Numbers {
    fn new(count: usize) -> Self {
        Self(vec![NONE; count])
    }

    fn number(&mut self, string: u32, new: impl FnOnce() -> u32) -> u32 {
        let number = &mut self.0[string as usize];
        if *number == NONE {
            *number = new();
        }
        *number
    }
}
