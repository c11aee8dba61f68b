//! Sums by type, and how they differ between two graphs.

use std::collections::HashMap;

use super::{
    data::Graph,
    names::is_named,
    node::{Node, NodeKind},
};

/// How much there is of a type.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub struct TypeTotal {
    /// The name of the type.
    pub name: String,
    /// How many objects.
    pub objects: u64,
    /// Their own bytes.
    pub bytes: u64,
    /// The bytes that they own elsewhere.
    pub owned: u64,
}

impl TypeTotal {
    /// Returns `bytes` and `owned` together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.bytes.saturating_add(self.owned)
    }

    pub(super) fn add(&mut self, objects: u64, bytes: u64, owned: u64) {
        self.objects += objects;
        self.bytes = self.bytes.saturating_add(bytes);
        self.owned = self.owned.saturating_add(owned);
    }
}

/// How much there was of a type in one graph and is in another: see [`Graph::diff`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct TypeChange {
    /// What was there before.
    pub before: TypeTotal,
    /// What is there now, of the same name.
    pub after: TypeTotal,
}

impl TypeChange {
    /// Returns the name of the type.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.after.name
    }

    /// Returns how many objects more there are; less, if negative.
    #[must_use]
    pub fn objects(&self) -> i64 {
        change(self.before.objects, self.after.objects)
    }

    /// Returns by how many bytes it grew, with what the objects own elsewhere; shrank, if negative.
    #[must_use]
    pub fn bytes(&self) -> i64 {
        change(self.before.total(), self.after.total())
    }
}

fn change(before: u64, after: u64) -> i64 {
    let difference = i128::from(after) - i128::from(before);
    difference.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

impl Graph {
    /// Whether a node is drawn for memory of its own, as roots are not.
    pub(super) fn is_counted(&self, node: Node) -> bool {
        node != Node::ROOT && self.kind(node) != NodeKind::Rooted
    }

    /// Returns the objects of a type, in the order of nodes: `type_name` is its whole name, or the
    /// last segment of its path, with or without generic arguments. Roots, whose type is that of
    /// what is rooted, are not among them.
    ///
    /// Linear in the types, and then in the nodes.
    ///
    /// ```
    /// # use gc_core::observe::{GraphBuilder, NewNode};
    /// let mut builder = GraphBuilder::new();
    /// let type_ = builder.type_named("demo::Tree<u32>");
    /// builder.node(NewNode { type_, ..NewNode::default() });
    /// let graph = builder.finish()?;
    /// for name in ["demo::Tree<u32>", "Tree<u32>", "Tree"] {
    ///     assert_eq!(graph.instances(name).count(), 1);
    /// }
    /// # Ok::<(), gc_core::observe::GraphError>(())
    /// ```
    pub fn instances(&self, type_name: &str) -> impl Iterator<Item = Node> + use<'_> {
        let wanted: Vec<bool> = self.types.iter().map(|name| is_named(name, type_name)).collect();
        self.nodes().filter(move |&node| wanted[self.node_types[node.index()] as usize] && self.is_counted(node))
    }

    /// Returns what there is of each type, roots not counted: the most bytes first, then by name.
    /// What is not reachable counts too.
    ///
    /// Linear in the nodes.
    #[must_use]
    pub fn by_type(&self) -> Vec<TypeTotal> {
        let mut totals = vec![TypeTotal::default(); self.types.len()];
        for node in self.nodes().filter(|&node| self.is_counted(node)) {
            totals[self.node_types[node.index()] as usize].add(1, self.size(node), self.owned(node));
        }
        self.named_and_sorted(totals)
    }

    /// Gives totals by type their names, without those of which there is nothing.
    pub(super) fn named_and_sorted(&self, totals: Vec<TypeTotal>) -> Vec<TypeTotal> {
        let named = totals.into_iter().zip(&self.types).filter(|(total, _)| total.objects > 0);
        let mut totals: Vec<_> = named.map(|(total, name)| TypeTotal { name: name.to_string(), ..total }).collect();
        totals.sort_by(|a, b| b.total().cmp(&a.total()).then_with(|| a.name.cmp(&b.name)));
        totals
    }

    /// Returns by type what is different in `later`: what grew by the most bytes first, what shrank
    /// the most last.
    ///
    /// Types are the same if they have the same name. Linear in the nodes of both.
    ///
    /// ```
    /// # use gc_core::observe::{GraphBuilder, NewNode};
    /// let graph = |nodes: usize| {
    ///     let mut builder = GraphBuilder::new();
    ///     let type_ = builder.type_named("demo::Session");
    ///     (0..nodes).for_each(|_| _ = builder.node(NewNode { type_, size: 32, owned: 8, ..NewNode::default() }));
    ///     builder.finish()
    /// };
    /// let changes = graph(2)?.diff(&graph(5)?);
    /// assert_eq!((changes[0].name(), changes[0].objects(), changes[0].bytes()), ("demo::Session", 3, 120));
    /// assert!(graph(2)?.diff(&graph(2)?).is_empty());
    /// # Ok::<(), gc_core::observe::GraphError>(())
    /// ```
    #[must_use]
    pub fn diff(&self, later: &Self) -> Vec<TypeChange> {
        let mut earlier: HashMap<String, TypeTotal> =
            self.by_type().into_iter().map(|total| (total.name.clone(), total)).collect();
        let mut changes = Vec::new();
        for after in later.by_type() {
            let nothing = || TypeTotal { name: after.name.clone(), ..TypeTotal::default() };
            let before = earlier.remove(&after.name).unwrap_or_else(nothing);
            changes.push(TypeChange { before, after });
        }
        changes.extend(earlier.into_values().map(|before| {
            let after = TypeTotal { name: before.name.clone(), ..TypeTotal::default() };
            TypeChange { before, after }
        }));
        changes.retain(|change| change.before != change.after);
        changes.sort_by(|a, b| b.bytes().cmp(&a.bytes()).then_with(|| a.name().cmp(b.name())));
        changes
    }
}
