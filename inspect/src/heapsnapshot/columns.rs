//! The columns of a snapshot.

use std::ops::Range;

/// A column for each field of a node that is used, and where its edges end: they begin where those of the node before end.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub(super) kinds: Vec<u8>,
    pub(super) names: Vec<u32>,
    pub(super) ids: Vec<u64>,
    pub(super) sizes: Vec<u64>,
    pub(super) edges_end: Vec<u32>,
}

impl Nodes {
    pub(super) fn with_capacity(count: usize) -> Self {
        Self {
            kinds: Vec::with_capacity(count),
            names: Vec::with_capacity(count),
            ids: Vec::with_capacity(count),
            sizes: Vec::with_capacity(count),
            edges_end: Vec::with_capacity(count),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.kinds.len()
    }

    pub(super) fn edges_of(&self, index: usize) -> Range<usize> {
        let begin = index.checked_sub(1).map_or(0, |before| self.edges_end[before]);
        begin as usize..self.edges_end[index] as usize
    }
}

/// A column for each field of an edge.
#[derive(Debug, Default)]
pub(super) struct Edges {
    pub(super) kinds: Vec<u8>,
    pub(super) names: Vec<u32>,
    pub(super) targets: Vec<u32>,
}

impl Edges {
    pub(super) fn with_capacity(count: usize) -> Self {
        Self { kinds: Vec::with_capacity(count), names: Vec::with_capacity(count), targets: Vec::with_capacity(count) }
    }

    pub(super) fn len(&self) -> usize {
        self.kinds.len()
    }
}

/// All strings in one text.
#[derive(Debug, Default)]
pub(super) struct Strings {
    text: String,
    ends: Vec<usize>,
}

impl Strings {
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn at(&self, index: u32) -> &str {
        let index = index as usize;
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[begin..self.ends[index]]
    }
}
