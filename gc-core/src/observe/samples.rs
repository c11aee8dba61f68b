//! Sample paths: why objects of a type are alive, by the paths to some of them.

use std::collections::HashMap;

use super::Graph;

/// Objects of a type to which paths are looked for.
const SAMPLES: usize = 8;
/// Different paths that are shown.
const SHOWN: usize = 2;

/// Returns the most frequent paths to some objects of a type, which lie apart from each other.
/// Paths that differ in numbers only, such as indices, are one. Each is a breadth-first search of
/// the graph.
pub(super) fn sample_paths(graph: &Graph, type_name: &str) -> Vec<String> {
    let instances: Vec<_> = graph
        .instances(type_name)
        .filter(|&node| graph.type_name(node) == type_name && graph.is_reachable(node))
        .collect();
    let step = instances.len().div_ceil(SAMPLES).max(1);
    let mut paths: Vec<(String, usize)> = Vec::new();
    let mut by_pattern: HashMap<String, usize> = HashMap::new();
    let sampled = instances.iter().step_by(step).filter_map(|&node| graph.path_to(node));
    for path in sampled.map(|path| path.to_string()) {
        let pattern = path.chars().filter(|c| !c.is_ascii_digit()).collect();
        let index = *by_pattern.entry(pattern).or_insert_with(|| {
            paths.push((path, 0));
            paths.len() - 1
        });
        paths[index].1 += 1;
    }
    let all: usize = paths.iter().map(|(_, count)| count).sum();
    paths.sort_by_key(|&(_, count)| core::cmp::Reverse(count));
    paths.into_iter().take(SHOWN).map(|(path, count)| format!("{count} of {all} sampled: {path}")).collect()
}
