//! Dominators, and retained sizes: what would die without a node.
//!
//! A node dominates another if every path from the virtual root to that one leads through it. The
//! immediate dominators of all nodes form a tree; a node retains what is below it.
//!
//! Nodes are numbered in the order of a depth-first search, in which a dominator comes before what
//! it dominates. Then, by Semi-NCA (Georgiadis, *Linear-Time Algorithms for Dominators and Related
//! Problems*, 2005):
//!
//! 1. In descending order, each node's semidominator (Lengauer, Tarjan 1979): the least node from
//!    which a path leads to it by nodes with greater numbers than its own. The forest of the nodes
//!    seen so far is asked for least labels, with its paths compressed.
//! 2. In ascending order, each node's immediate dominator: the nearest ancestor of its parent, in
//!    the dominator tree so far, whose number is not above the semidominator's. As a rule that is a
//!    step or two. In a long list whose values are in a table too it is the whole list for each
//!    value, so ancestors are found with jump pointers (Myers, *An applicative random-access
//!    stack*, 1983).
//! 3. In descending order, each node's retained size is added to that of its immediate dominator.
//!
//! So it takes O(m log n) of m edges and n nodes at worst. Nothing recurs: lists are as deep as
//! they are long.
//!
//! - **[dominators.ascend]** In these numbers, the immediate dominator of a node is less than the
//!   node.

use core::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::memory::bitmap::prefetch;

use super::{data::Graph, links::End, node::Node, types::TypeTotal};

/// The dominator tree of a [`Graph`], with retained sizes.
///
/// It takes 28 bytes for each node.
///
/// ```
/// use gc_core::observe::{GraphBuilder, NewNode, Node, NodeKind, Strength};
///
/// let mut builder = GraphBuilder::new();
/// builder.node(NewNode { kind: NodeKind::Rooted, ..NewNode::default() });
/// builder.edge(Node::at(2), None, None, Strength::Strong);
/// for to in [[3, 4], [5, 5], [5, 5]] {
///     builder.node(NewNode { size: 10, owned: 1, ..NewNode::default() });
///     to.map(|to| builder.edge(Node::at(to), None, None, Strength::Strong));
/// }
/// builder.node(NewNode { size: 100, ..NewNode::default() });
/// let graph = builder.finish()?;
///
/// let [top, left, right, shared] = [2, 3, 4, 5].map(Node::at);
/// let dominators = graph.dominators();
/// assert_eq!(dominators.immediate(shared), Some(top)); // neither `left` nor `right` alone keeps it
/// assert_eq!(dominators.retained(left), 11);
/// assert_eq!(dominators.retained(top), 133);
/// assert_eq!(dominators.children(top), [left, right, shared]);
/// assert_eq!(dominators.largest(1), [(top, 133)]);
/// # Ok::<(), gc_core::observe::GraphError>(())
/// ```
#[derive(Clone)]
pub struct Dominators<'g> {
    graph: &'g Graph,
    /// The numbers of nodes: [`UNREACHED`], or an index into what follows.
    numbers: Vec<u32>,
    /// The nodes in the order of their numbers.
    nodes: Vec<Node>,
    /// By number: that of the immediate dominator; 0 of 0.
    immediate: Vec<u32>,
    /// By number.
    retained: Vec<u64>,
    /// By number: where the children begin; one more than there are nodes.
    first_child: Vec<u32>,
    children: Vec<Node>,
}

const UNREACHED: u32 = u32::MAX;

impl Graph {
    /// Computes the dominators and the retained sizes of all nodes that are reachable.
    ///
    /// Semi-NCA (Georgiadis 2005) with jump pointers: O(m log n) of m edges and n nodes at worst,
    /// in practice linear. While it is under way it takes 16 bytes for each node besides the
    /// result, and the first call of a graph sorts its edges as [`referrers`](Self::referrers)
    /// does. A million nodes with four million edges, by chance, take about a second.
    #[must_use]
    pub fn dominators(&self) -> Dominators<'_> {
        let search = Search::of(self);
        let immediate = immediate_dominators(self, &search);
        let mut retained = sums(&search.nodes, &immediate, |node| self.size(node).saturating_add(self.owned(node)));
        retained.shrink_to_fit();
        let (first_child, children) = children(self, &search, &immediate);
        Dominators {
            graph: self,
            numbers: search.numbers,
            nodes: search.nodes,
            immediate,
            retained,
            first_child,
            children,
        }
    }
}

/// The depth-first search.
struct Search {
    numbers: Vec<u32>,
    nodes: Vec<Node>,
    /// By number: that of the node from which it was reached.
    parents: Vec<u32>,
}

impl Search {
    fn of(graph: &Graph) -> Self {
        let mut numbers = vec![UNREACHED; graph.node_count()];
        let (mut nodes, mut parents) = (vec![Node::ROOT], vec![0]);
        numbers[0] = 0;
        // By number, the nodes that the search is within, with the edges by which each goes on. One that has none left is not kept
        // while the search is below it, so a list takes no more than an object.
        let mut within = vec![(0, graph.links.range(0))];
        while let Some((parent, edges)) = within.last_mut() {
            let unseen = |end: &End| end.is_strong() && numbers[end.node() as usize] == UNREACHED;
            let Some(skipped) = graph.links.ends[edges.clone()].iter().position(unseen) else {
                within.pop();
                continue;
            };
            let (parent, to) = (*parent, Node::at(graph.links.ends[edges.start + skipped].node()));
            edges.start += skipped + 1;
            if edges.start == edges.end {
                within.pop();
            }
            let number = nodes.len() as u32;
            numbers[to.index()] = number;
            nodes.push(to);
            parents.push(parent);
            let edges = graph.links.range(to.number());
            for end in graph.links.ends[edges.clone()].iter().take(PREFETCHED) {
                prefetch(numbers.as_ptr().wrapping_add(end.node() as usize).cast());
                prefetch(graph.links.first.as_ptr().wrapping_add(end.node() as usize).cast());
            }
            within.push((number, edges));
        }
        Self { numbers, nodes, parents }
    }
}

/// By number, the number of the immediate dominator.
fn immediate_dominators(graph: &Graph, search: &Search) -> Vec<u32> {
    let semi = semidominators(graph, search);
    let count = search.nodes.len();
    let (mut immediate, mut jumps, mut depths) = (vec![0; count], vec![0_u32; count], vec![0_u32; count]);
    for node in 1..count {
        let mut up = search.parents[node];
        while up > semi[node] {
            let jump = jumps[up as usize];
            up = if jump > semi[node] { jump } else { immediate[up as usize] };
        }
        immediate[node] = up;
        // A jump is as long as the two before it together, plus one, if those are of the same length; else it is a step.
        let (depth, jump) = (depths[up as usize], jumps[up as usize]);
        let (first, second) =
            (depth - depths[jump as usize], depths[jump as usize] - depths[jumps[jump as usize] as usize]);
        depths[node] = depth + 1;
        jumps[node] = if first == second { jumps[jump as usize] } else { up };
    }
    immediate
}

/// By number, the number of the semidominator.
fn semidominators(graph: &Graph, search: &Search) -> Vec<u32> {
    let backward = graph.backward();
    let count = search.nodes.len();
    let mut semi: Vec<u32> = vec![0; count];
    let mut forest = Forest::of(&search.parents);
    // What leads to some nodes is read ahead, all of it before it is asked about: so the processor waits for memory once for many.
    let mut sources = Vec::new();
    let mut ends = [0; READ_AHEAD];
    let mut node = count;
    while node > 1 {
        let ahead = READ_AHEAD.min(node - 1);
        sources.clear();
        let mut start = 0;
        for (ago, end) in ends[..ahead].iter_mut().enumerate() {
            let row = backward.row(search.nodes[node - 1 - ago].number()).iter().filter(|end| end.is_strong());
            sources.extend(row.map(|end| search.numbers[end.node() as usize]));
            sources[start..]
                .iter()
                .for_each(|&number| prefetch(forest.trees.as_ptr().wrapping_add(number as usize).cast()));
            start = sources.len();
            *end = sources.len();
        }
        let mut start = 0;
        for &end in &ends[..ahead] {
            node -= 1;
            let reached = sources[start..end].iter().filter(|&&number| number != UNREACHED);
            let least = reached.map(|&from| forest.least(from, node as u32)).min().unwrap_or(0);
            semi[node] = least;
            forest.trees[node].1 = least;
            start = end;
        }
    }
    semi
}

/// Of how many edges of a node it is prefetched what the search will ask about their ends.
const PREFETCHED: usize = 8;
/// Of how many nodes it is read ahead what leads to them.
const READ_AHEAD: usize = 64;

/// The nodes above a number, each below its parent of the search; the rest are trees of one node.
struct Forest {
    /// By number: an ancestor, and the least label on the way there, not counting the ancestor's.
    /// Together, since both are read.
    trees: Vec<(u32, u32)>,
    /// Reused.
    path: Vec<u32>,
}

impl Forest {
    fn of(parents: &[u32]) -> Self {
        Self { trees: parents.iter().copied().zip(0..).collect(), path: Vec::new() }
    }

    /// The least label on the way from `from` up to the first node that is not above `linked`: its
    /// own, if it is that.
    #[inline]
    fn least(&mut self, from: u32, linked: u32) -> u32 {
        if from <= linked {
            return from;
        }
        let (ancestor, least) = self.trees[from as usize];
        if ancestor <= linked { least } else { self.compressed(from, linked) }
    }

    /// The same, of a node that is not the topmost of its tree. All on the way get the ancestor of
    /// the topmost for theirs.
    fn compressed(&mut self, from: u32, linked: u32) -> u32 {
        let (mut node, mut label) = (from, self.trees[from as usize]);
        while label.0 > linked {
            self.path.push(node);
            node = label.0;
            label = self.trees[node as usize];
        }
        let (top, mut least) = label;
        while let Some(node) = self.path.pop() {
            let label = &mut self.trees[node as usize];
            least = least.min(label.1);
            *label = (top, least);
        }
        least
    }
}

/// By number, the sum of a figure over what a node dominates, itself included.
fn sums(nodes: &[Node], immediate: &[u32], figure: impl Fn(Node) -> u64) -> Vec<u64> {
    let mut sums: Vec<u64> = nodes.iter().map(|&node| figure(node)).collect();
    for node in (1..nodes.len()).rev() {
        let up = &mut sums[..=node].split_at_mut(node);
        let above = &mut up.0[immediate[node] as usize];
        *above = above.saturating_add(up.1[0]);
    }
    sums
}

/// The children of all nodes in rows, and each row in the order of nodes.
fn children(graph: &Graph, search: &Search, immediate: &[u32]) -> (Vec<u32>, Vec<Node>) {
    let count = search.nodes.len();
    let mut first = vec![0_u32; count + 2];
    immediate[1..].iter().for_each(|&up| first[up as usize + 2] += 1);
    let mut sum = 0;
    for count in &mut first {
        sum += *count;
        *count = sum;
    }
    let mut children = vec![Node::ROOT; count - 1];
    for node in graph.nodes().skip(1) {
        let number = search.numbers[node.index()];
        if number != UNREACHED {
            let at = &mut first[immediate[number as usize] as usize + 1];
            children[*at as usize] = node;
            *at += 1;
        }
    }
    first.pop();
    (first, children)
}

impl<'g> Dominators<'g> {
    /// Returns the graph of which these are the dominators.
    #[must_use]
    pub fn graph(&self) -> &'g Graph {
        self.graph
    }

    fn number(&self, node: Node) -> Option<usize> {
        let number = self.numbers[node.index()];
        (number != UNREACHED).then_some(number as usize)
    }

    /// Returns the nearest node without which this one would die, other than itself. `None` of the
    /// virtual root, and of what is not reachable. Constant.
    #[must_use]
    pub fn immediate(&self, node: Node) -> Option<Node> {
        let number = self.number(node).filter(|&number| number > 0)?;
        Some(self.nodes[self.immediate[number] as usize])
    }

    /// Returns the nodes without each of which this one would die: the nearest first, the virtual
    /// root last.
    pub fn of(&self, node: Node) -> impl Iterator<Item = Node> + '_ {
        std::iter::successors(self.immediate(node), |&above| self.immediate(above))
    }

    /// Whether `node` would die without `above`; true of itself. False if `node` is not reachable.
    ///
    /// As many steps as there are [dominators](Self::of).
    #[must_use]
    pub fn is_dominated(&self, node: Node, above: Node) -> bool {
        self.number(node).is_some() && (node == above || self.of(node).any(|dominator| dominator == above))
    }

    /// Returns the bytes that would be free without the node: its own and what it owns, and those
    /// of all that it dominates. 0 if it is not reachable. Constant.
    #[must_use]
    pub fn retained(&self, node: Node) -> u64 {
        self.number(node).map_or(0, |number| self.retained[number])
    }

    /// Returns the nodes of which this one is the [immediate](Self::immediate) dominator, in
    /// ascending order. Constant.
    #[must_use]
    pub fn children(&self, node: Node) -> &[Node] {
        let Some(number) = self.number(node) else { return &[] };
        &self.children[self.first_child[number] as usize..self.first_child[number + 1] as usize]
    }

    /// Returns the nodes that retain the most bytes, the most first, and how many: `count` at most.
    /// The virtual root and the roots are not among them.
    ///
    /// One may retain another, whose bytes are in both. Linear in the nodes, with memory for
    /// `count`.
    #[must_use]
    pub fn largest(&self, count: usize) -> Vec<(Node, u64)> {
        let mut largest = BinaryHeap::new();
        for (&node, &retained) in
            self.nodes.iter().zip(&self.retained).filter(|&(&node, _)| self.graph.is_counted(node))
        {
            let entry = Reverse((retained, Reverse(node)));
            if largest.len() < count {
                largest.push(entry);
            } else if let Some(mut least) = largest.peek_mut()
                && entry < *least
            {
                *least = entry;
            }
        }
        largest.into_sorted_vec().into_iter().map(|Reverse((retained, Reverse(node)))| (node, retained)).collect()
    }

    /// Returns for each type how many reachable objects there are, and what all of them together
    /// retain: `bytes` of the retained nodes themselves, `owned` elsewhere. The most first.
    ///
    /// What is retained by an object that is itself retained by one of the same type counts once.
    /// Among several types it counts for each. Linear in the nodes, with 16 bytes for each.
    ///
    /// ```
    /// use gc_core::observe::{GraphBuilder, NewNode, Node, NodeKind, Strength};
    ///
    /// let mut builder = GraphBuilder::new();
    /// let (list, text) = (builder.type_named("demo::List"), builder.type_named("demo::Text"));
    /// builder.node(NewNode { kind: NodeKind::Rooted, type_: list, ..NewNode::default() });
    /// builder.edge(Node::at(2), None, None, Strength::Strong);
    /// for next in [3, 4] {
    ///     builder.node(NewNode { type_: list, size: 16, ..NewNode::default() });
    ///     builder.edge(Node::at(next), None, None, Strength::Strong);
    /// }
    /// builder.node(NewNode { type_: text, size: 24, owned: 100, ..NewNode::default() });
    /// let graph = builder.finish()?;
    ///
    /// let retained = graph.dominators().retained_by_type();
    /// assert_eq!((retained[0].name.as_str(), retained[0].objects), ("demo::List", 2));
    /// assert_eq!((retained[0].bytes, retained[0].owned), (16 + 16 + 24, 100));
    /// assert_eq!(retained[1].total(), 124);
    /// # Ok::<(), gc_core::observe::GraphError>(())
    /// ```
    #[must_use]
    pub fn retained_by_type(&self) -> Vec<TypeTotal> {
        let types = self.graph.types.len();
        let owned = sums(&self.nodes, &self.immediate, |node| self.graph.owned(node));
        let bytes = sums(&self.nodes, &self.immediate, |node| self.graph.size(node));
        let mut totals = vec![TypeTotal::default(); types];
        // How many objects of each type the walk is within.
        let mut within = vec![0_u32; types];
        let mut pending = vec![(Node::ROOT, 0)];
        while let Some((node, next)) = pending.last_mut() {
            let (node, at) = (*node, *next);
            *next += 1;
            let (counted, type_) = (self.graph.is_counted(node), self.graph.node_types[node.index()] as usize);
            if at == 0 && counted {
                let number = self.numbers[node.index()] as usize;
                let topmost = within[type_] == 0;
                let (bytes, owned) = if topmost { (bytes[number], owned[number]) } else { (0, 0) };
                totals[type_].add(1, bytes, owned);
                within[type_] += 1;
            }
            if let Some(&child) = self.children(node).get(at) {
                pending.push((child, 0));
            } else {
                within[type_] -= u32::from(counted);
                pending.pop();
            }
        }
        self.graph.named_and_sorted(totals)
    }
}

impl core::fmt::Debug for Dominators<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Dominators").field("reachable", &self.nodes.len()).finish_non_exhaustive()
    }
}
