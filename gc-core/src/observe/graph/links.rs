//! Which node leads to which: compressed sparse rows, forward or backward.
//!
//! - **[links.rows]** `first` ascends and has one number more than there are rows. The ends of row
//!   `k` are at `first[k]..first[k + 1]` in `ends`, whose length is the last number of `first`.

use super::node::{Node, Strength};

/// Nodes have numbers below this: the bit of it says that an edge is weak.
pub(crate) const WEAK: u32 = 1 << 31;

/// The other end of an edge, and whether the edge is weak, in a word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct End(u32);

impl End {
    /// `node` is below [`WEAK`].
    pub(crate) fn new(node: u32, strength: Strength) -> Self {
        debug_assert!(node < WEAK);
        Self(if strength == Strength::Weak { node | WEAK } else { node })
    }

    #[inline]
    pub(crate) fn node(self) -> u32 {
        self.0 & !WEAK
    }

    #[inline]
    pub(crate) fn is_strong(self) -> bool {
        self.0 & WEAK == 0
    }

    pub(crate) fn strength(self) -> Strength {
        if self.is_strong() { Strength::Strong } else { Strength::Weak }
    }
}

/// The edges of all nodes: 4 bytes for each, and 8 for each node.
#[derive(Clone)]
pub(crate) struct Links {
    pub(crate) first: Vec<u64>,
    pub(crate) ends: Vec<End>,
}

impl Links {
    /// Where the ends of a row are.
    #[inline]
    pub(crate) fn range(&self, row: u32) -> std::ops::Range<usize> {
        self.first[row as usize] as usize..self.first[row as usize + 1] as usize
    }

    /// The ends of a row.
    #[inline]
    pub(crate) fn row(&self, row: u32) -> &[End] {
        &self.ends[self.range(row)]
    }

    /// The row that has the end at `at`.
    pub(crate) fn row_of(&self, at: usize) -> Node {
        Node::at((self.first.partition_point(|&first| first <= at as u64) - 1) as u32)
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.first.len() - 1
    }

    /// The same edges by their other ends. The ends of each row ascend.
    ///
    /// Linear: a counting sort.
    pub(crate) fn reversed(&self) -> Self {
        // One row ahead of where they belong, so that filling a row moves its begin to where the next begins.
        let mut first = vec![0; self.rows() + 2];
        for end in &self.ends {
            first[end.node() as usize + 2] += 1;
        }
        let mut sum = 0;
        for count in &mut first {
            sum += *count;
            *count = sum;
        }
        let mut ends = vec![End(0); self.ends.len()];
        for row in 0..self.rows() as u32 {
            for end in self.row(row) {
                let at = &mut first[end.node() as usize + 1];
                ends[*at as usize] = End::new(row, end.strength());
                *at += 1;
            }
        }
        first.pop();
        Self { first, ends }
    }
}
