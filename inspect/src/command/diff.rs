//! `diff`: what changed between two snapshots.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use gc_core::observe::{Graph, Node, NodeKind};

use crate::{Answer, Failure};

use super::{Page, Show, sign};

pub(crate) fn diff(show: &Show, before: &Path, after: &Path, count: usize) -> Result<Answer, Failure> {
    let load = |path: &Path| show.graph(path, show.snapshot(path)?);
    let (earlier, later) = (load(before)?, load(after)?);
    let mut changes = show.during("comparing", || earlier.diff(&later));
    changes.retain(|change| change.before.total() > 0 || change.after.total() > 0);
    let kept = show.during("comparing", || Kept::between(&earlier, &later));

    let mut page = Page::new();
    let total = |graph: &Graph| graph.nodes().map(|node| graph.size(node) + graph.owned(node)).sum::<u64>();
    let (was, is) = (total(&earlier), total(&later));
    let (objects_was, objects_is) = (earlier.node_count(), later.node_count());
    page.line(format!(
        "{objects_was} → {objects_is} nodes, {} → {} ({})",
        show.size(was),
        show.size(is),
        show.change(is.wrapping_sub(was) as i64)
    ))?;
    if kept.is_none() {
        page.line("The snapshots name objects differently, so which of them are new cannot be told.")?;
    }
    page.line("")?;
    let mut heads = vec!["objects", "before", "after", "bytes", "before", "after"];
    if kept.is_some() {
        heads.extend(["new", "gone"]);
    }
    heads.push("type");
    // Both ends are of interest: what grew most, and what shrank most.
    let grown = changes.iter().filter(|change| change.bytes() >= 0).take(count);
    let shrunk = changes.iter().rev().filter(|change| change.bytes() < 0).take(count);
    let mut rows = Vec::new();
    for change in grown.chain(shrunk) {
        let (was, is) = (&change.before, &change.after);
        let more = format!("{}{}", sign(change.objects()), change.objects().unsigned_abs());
        let mut row = vec![more, was.objects.to_string(), is.objects.to_string()];
        row.extend([show.change(change.bytes()), show.size(was.total()), show.size(is.total())]);
        if let Some(Kept(kept)) = &kept {
            let same = kept.get(change.name()).copied().unwrap_or(0);
            row.extend([is.objects - same, was.objects - same].map(|objects| objects.to_string()));
        }
        row.push(change.name().into());
        rows.push(row);
    }
    page.table(&heads, &rows)?;
    if changes.len() > rows.len() {
        page.line(format!("… and {} more types: --count shows them", changes.len() - rows.len()))?;
    }
    page.end()?;
    Ok(Answer::Found)
}

/// Of each type, how many objects are in both snapshots.
struct Kept<'g>(HashMap<&'g str, u64>);

impl<'g> Kept<'g> {
    /// `None` if ids do not name objects: if one occurs twice, or many that are in both are of different types.
    fn between(earlier: &'g Graph, later: &'g Graph) -> Option<Self> {
        let objects = |graph: &'g Graph| {
            graph.nodes().filter(|&node| node != Node::ROOT && graph.kind(node) != NodeKind::Other).collect::<Vec<_>>()
        };
        let mut ids = HashMap::new();
        for node in objects(earlier) {
            if ids.insert(earlier.id(node), earlier.type_name(node)).is_some() {
                return None;
            }
        }
        let (mut same, mut other) = (HashMap::new(), 0_u64);
        let mut seen = HashSet::new();
        for node in objects(later) {
            let name = later.type_name(node);
            if !seen.insert(later.id(node)) {
                return None;
            }
            match ids.get(&later.id(node)) {
                Some(was) if *was == name => *same.entry(name).or_insert(0) += 1,
                Some(_) => other += 1,
                None => {}
            }
        }
        // V8 has a few whose type changes; numbers that mean nothing agree by chance only.
        let agree: u64 = same.values().sum();
        (agree > 0 && other <= agree / 20).then_some(Self(same))
    }
}
