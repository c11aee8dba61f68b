//! `why`: what keeps objects of a type alive.

use std::{collections::BTreeMap, path::Path};

use gc_core::observe::{Dominators, Graph, Node, NodeKind};

use crate::{Answer, Failure};

use super::{
    Page, Show,
    top::{named, with_bytes},
};

/// How many names are offered where a type is not found.
const OFFERED: usize = 10;

pub(crate) fn why(show: &Show, path: &Path, type_name: &str) -> Result<Answer, Failure> {
    let snapshot = show.snapshot(path)?;
    let graph = show.graph(path, snapshot)?;
    let mut page = Page::new();
    let mut wanted = vec![false; graph.node_count()];
    let mut found: BTreeMap<&str, (u64, Vec<Node>)> = BTreeMap::new();
    for node in graph.instances(type_name) {
        wanted[node.index()] = true;
        let (bytes, nodes) = found.entry(graph.type_name(node)).or_default();
        *bytes += graph.size(node) + graph.owned(node);
        nodes.push(node);
    }
    if found.is_empty() {
        offer(&graph, type_name);
        return Ok(Answer::Nothing);
    }
    let dominators = show.during("finding what retains what", || graph.dominators());
    let retained = dominators.retained_by_type();
    for (name, (bytes, nodes)) in &found {
        let retained = retained.iter().find(|total| total.name == *name).map_or(0, |total| total.total());
        let (count, bytes, retained) = (nodes.len(), show.size(*bytes), show.size(retained));
        page.line(format!("{name}: {count} objects, {bytes} of their own, {retained} retained"))?;
        let dead = nodes.iter().filter(|&&node| !graph.is_reachable(node)).count();
        if dead > 0 {
            page.line(format!("  {dead} of them are reached from no root"))?;
        }
    }
    if let Some(path) = graph.path_to_any(|node| wanted[node.index()]) {
        page.line("")?;
        page.line("A shortest path from a root to one of them:")?;
        for step in path.steps() {
            let label = step.edge.map(|edge| edge.label).filter(|label| !label.is_empty());
            let dot = label.is_some_and(|label| label.field().is_some_and(|field| !field.starts_with('[')));
            let label = label.map(|label| format!("{}{label}", if dot { "." } else { "" })).unwrap_or_default();
            page.line(format!("  {} {label}", named(&graph, step.node)).trim_end())?;
        }
        print_dominators(show, &mut page, &graph, &dominators, path.last())?;
    }
    page.end()?;
    Ok(Answer::Found)
}

/// How many objects are shown through which every path goes.
const SHOWN: usize = 10;

fn print_dominators(
    show: &Show,
    page: &mut Page,
    graph: &Graph,
    dominators: &Dominators<'_>,
    node: Node,
) -> Result<(), Failure> {
    let of: Vec<_> = dominators.of(node).filter(|&above| graph.kind(above) != NodeKind::Other).collect();
    page.line("")?;
    if of.is_empty() {
        return page.line(
            "More than one object, or a root itself, keeps it: there is none through which every path to it goes.",
        );
    }
    page.line("Every path to it goes through these; it would be free without one of them:")?;
    let rows: Vec<_> = of
        .iter()
        .take(SHOWN)
        .map(|&above| vec![format!("  {}", show.size(dominators.retained(above))), named(graph, above)])
        .collect();
    page.table(&["  retained", "object"], &rows)?;
    match of.len().checked_sub(SHOWN) {
        Some(more @ 1..) => page.line(format!("  … and {more} further up")),
        _ => Ok(()),
    }
}

/// Says which types have such a name.
fn offer(graph: &Graph, type_name: &str) {
    let wanted = type_name.to_lowercase();
    let totals = with_bytes(graph.by_type());
    let near: Vec<_> = totals.iter().filter(|total| total.name.to_lowercase().contains(&wanted)).collect();
    eprintln!("gc-inspect: there is nothing of type `{type_name}`: it was freed, or it has another name");
    match near.len() {
        0 => eprintln!("`gc-inspect top` shows which types there are"),
        _ => eprintln!("these have it in their names:"),
    }
    for total in near.iter().take(OFFERED) {
        eprintln!("  {}", total.name);
    }
}
