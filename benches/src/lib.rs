//! What the benchmarks share: measured code, clocks, and the way in which contestants take turns.
//!
//! - [`paths`]: the operations of a program, one by one. Timed by `benches/paths.rs`, compared by `src/bin/rows.rs`, counted in
//!   instructions by `.ci/instructions` through `src/bin/path.rs`.
//! - [`collections`]: pauses, copying, marking, sweeping. Timed by `benches/collections.rs` and `src/bin/rows.rs`.
//! - [`weak`]: those of weak references, ephemerons and identities. `src/bin/weak.rs` has the pauses.
//! - [`counted`]: reference counts side by side. Compared by `src/bin/counted.rs`.
//! - [`contest`]: whole programs against what users could pick instead, each contestant in processes of its own, in turns.
//! - [`shift`]: memory that stays resident as the sizes of objects change. Compared with other allocators and other languages by
//!   `peers/sizes_that_shift`.
//!
//! Times drift up to twice from run to run on a shared machine, so nothing here compares a time with one of another run:
//! yardsticks (an arena, `Box`, `RefCell`, plain pointers) run in between.

pub mod churn;
pub mod clock;
pub mod collections;
pub mod contest;
pub mod counted;
pub mod nodes;
pub mod paths;
pub mod random;
pub mod shift;
pub mod weak;
