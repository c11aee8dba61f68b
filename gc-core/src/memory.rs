//! The ground: address space, the three spaces in it, size classes, bitmaps and the object's layout. Which collection runs, and why, it does
//! not know; the spaces have what one needs of them: the flip of the chunks, and the beginning of a sweep.
//!
//! One contiguous reservation per heap in three parts, in this order:
//!
//! ```text
//!   | young: chunks        | large: runs of pages   | old: blocks of one size class each |
//!     generations 0 and 1    any age, never moves     generation 2, never moves
//! ```
//!
//! Values that the write barrier cares for are young or large, holders are large or old: each is one range.

pub(crate) mod bitmap;
pub(crate) mod blocks;
pub(crate) mod budget;
mod cell_word;
pub(crate) mod chunks;
mod copy;
mod edge;
mod forwarding;
mod header;
pub(crate) mod large;
mod layout;
mod map;
pub(crate) mod poison;
mod reservation;
pub(crate) mod size_class;

pub use cell_word::CellWord;
pub(crate) use cell_word::{CellConflict, CellUser};
pub(crate) use copy::copy_object;
pub use edge::Edge;
pub(crate) use header::{Header, HeaderWord, TraceFns, TypeInfo, TypeShape, forwarded};
pub(crate) use layout::{
    BLOCK, GRANULE, HEADER, MAX_ALIGN, MAX_SMALL, PAGE, elements_offset, slice_extent, young_start,
};
pub(crate) use map::{AddressMap, Part};
pub(crate) use reservation::{MapFaults, Reservation, ReserveError};
