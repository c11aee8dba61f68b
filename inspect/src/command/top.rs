//! `top`: by type, and the objects that retain most.

use std::{collections::HashMap, path::Path};

use gc_core::observe::{Graph, NodeKind, TypeTotal};

use crate::{Answer, Failure};

use super::{Page, Show};

/// How many nodes of the writer's own, such as groups of roots, are looked past.
const GROUPS: usize = 256;

/// What has memory: groups of roots have none.
pub(super) fn with_bytes(mut totals: Vec<TypeTotal>) -> Vec<TypeTotal> {
    totals.retain(|total| total.total() > 0);
    totals
}

pub(crate) fn top(show: &Show, path: &Path, count: usize) -> Result<Answer, Failure> {
    let snapshot = show.snapshot(path)?;
    let (objects, edges, bytes) = (snapshot.node_count(), snapshot.edge_count(), snapshot.total_size());
    let graph = show.graph(path, snapshot)?;
    let dominators = show.during("finding what retains what", || graph.dominators());
    let totals = with_bytes(graph.by_type());
    let retained: HashMap<_, _> =
        dominators.retained_by_type().into_iter().map(|total| (total.name.clone(), total.total())).collect();

    let mut page = Page::new();
    page.line(format!("{objects} nodes, {edges} edges, {}, {} types", show.size(bytes), totals.len()))?;
    page.line("")?;
    let rows: Vec<_> = totals
        .iter()
        .take(count)
        .map(|total| {
            let TypeTotal { name, objects, bytes, owned, .. } = total;
            let retained = retained.get(name).copied().unwrap_or(0);
            vec![objects.to_string(), show.size(*bytes), show.size(*owned), show.size(retained), name.clone()]
        })
        .collect();
    page.table(&["objects", "shallow", "owned", "retained", "type"], &rows)?;
    if totals.len() > count {
        page.line(format!("… and {} more types: --count shows them", totals.len() - count))?;
    }
    page.line("")?;
    page.line("The objects that retain most:")?;
    let largest = dominators.largest(count.saturating_add(GROUPS));
    let rows: Vec<_> = largest
        .into_iter()
        .filter(|&(node, _)| graph.kind(node) != NodeKind::Other)
        .take(count)
        .map(|(node, retained)| {
            let dominated = dominators.children(node).len();
            vec![show.size(retained), dominated.to_string(), named(&graph, node)]
        })
        .collect();
    page.table(&["retained", "children", "object"], &rows)?;
    page.end()?;
    Ok(Answer::Found)
}

/// A node, as all commands call it.
pub(super) fn named(graph: &Graph, node: gc_core::observe::Node) -> String {
    match (graph.type_name(node), graph.kind(node)) {
        ("", NodeKind::Other) => "(root)".into(),
        (name, NodeKind::Other) => name.into(),
        (name, _) => format!("{name} @{}", graph.id(node)),
    }
}
