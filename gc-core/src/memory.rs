//! Address space, how much of it the heap may take, bitmaps over it, and lists in pieces. Knows
//! neither objects nor collections.
//!
//! One contiguous reservation per heap in three parts, in this order:
//!
//! ```text
//!   | young: chunks        | large: runs of lines   | old: blocks of one size class each |
//!     generations 0 and 1    any age, never moves     generation 2, moves when blocks are sparse
//! ```
//!
//! The values that the write barrier looks for are young or large, the source objects are large or
//! old: each is one range.

pub(crate) mod address_map;
mod backing;
pub(crate) mod bitmap;
pub(crate) mod budget;
mod frontier;
pub(crate) mod poison;
pub(crate) mod process_limits;
mod reservation;
mod segments;

pub(crate) use address_map::{AddressMap, BLOCK, GRANULE, PAGE, Part};
pub(crate) use backing::Memory;
#[cfg(test)]
pub(crate) use reservation::calls;
pub(crate) use reservation::{MapFaults, Reservation, ReserveError};
pub(crate) use segments::Segments;
