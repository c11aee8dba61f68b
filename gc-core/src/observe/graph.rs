//! The picture of a heap: its objects, and what leads from each to others, as owned data that can
//! be asked, kept and sent.
//!
//! A [`GraphBuilder`](build::GraphBuilder) takes nodes and edges, from a heap or from a file, and
//! checks them. The [`Graph`](data::Graph) answers: what leads where, the shortest path from a
//! root, what dies without an object.

pub(crate) mod build;
pub(crate) mod data;
pub(crate) mod dominators;
pub(crate) mod dot;
pub(crate) mod links;
pub(crate) mod names;
pub(crate) mod node;
pub(crate) mod paths;
pub(crate) mod types;

pub use build::{GraphBuilder, GraphError, NewNode};
pub use data::Graph;
pub use dominators::Dominators;
pub use node::{Edge, Label, Node, NodeKind, Strength};
pub use paths::{Path, PathStep};
pub use types::{TypeChange, TypeTotal};

#[cfg(test)]
mod tests;
