//! Public workloads, for gc-core with its default settings and for what one would use instead. `README.md` defines them and the protocol
//! by which contestants are run.
//!
//! - A workload is a module: its contestants in this language, by name. [`WORKLOADS`] lists them with their sizes; [`foreign`] has
//!   the contestants in other languages.
//! - [`series`] runs contestants in turns, each in a process of its own, which [`process`] measures from outside. [`results`] is what a
//!   series found, as a file; [`table`], [`plot`] and [`readme`] show it.

mod allocate_and_die;
mod binary_trees;
mod command;
mod conditions;
mod contestant;
pub mod foreign;
mod gcbench;
mod graph_churn;
pub mod growth;
mod list;
mod message_window;
mod outcome;
mod owned;
mod peers;
mod persistent_map;
pub mod plot;
pub mod process;
pub mod readme;
pub mod results;
mod ring;
pub mod series;
mod shared_cache;
mod splay;
pub mod table;
mod workload;

pub use command::main;
pub use outcome::Outcome;
pub use workload::{Program, WORKLOADS, Workload};
