//! What the benchmarks share: measured code, clocks, random numbers. Whole programs beside what one would use instead are in `workloads`.
//!
//! - [`paths`]: the operations of a program, one by one. Timed by `benches/paths.rs`, compared by `src/bin/rows.rs`, counted in
//!   instructions by `.ci/instructions` through `src/bin/path.rs`.
//! - [`collections`]: pauses, copying, marking, sweeping. Timed by `benches/collections.rs` and `src/bin/rows.rs`.
//! - [`weak`]: those of weak references, ephemerons and identities. `src/bin/weak.rs` has the pauses.
//! - [`maps`]: those of the concurrent map.
//! - [`churn`]: a cyclic graph in which nodes are replaced all the time, for `workloads` and `src/bin/threads.rs`.
//! - [`counted`]: reference counts side by side. Compared by `src/bin/counted.rs`.
//! - [`shift`]: memory that stays resident as the sizes of objects change. Compared with other allocators and other languages by
//!   `peers/sizes_that_shift`.
//!
//! Times drift up to twice from run to run on a shared machine, so nothing here compares a time with one of another run:
//! yardsticks (an arena, `Box`, `RefCell`, plain pointers) run in between.

pub mod churn;
pub mod clock;
pub mod collections;
pub mod counted;
pub mod maps;
pub mod nodes;
pub mod paths;
pub mod random;
pub mod shift;
pub mod weak;
