//! One object: its header and layout, its pointer slots, the lock of a cell. One object at a time,
//! in whichever space it is.

mod cell_word;
mod copy;
mod forwarding;
mod header;
mod layout;
mod pair;
mod pointer_slot;
pub(crate) mod size_class;
mod threaded;

pub use cell_word::CellWord;
pub(crate) use cell_word::{CellConflict, CellUser, LAST_NUMBER};
pub(crate) use copy::copy_object;
pub(crate) use header::{Flag, Header, HeaderWord, TraceFn, TraceFns, TypeInfo, TypeShape, forwarded};
pub(crate) use layout::{HEADER, MAX_ALIGN, MAX_SMALL, elements_offset, slice_size, tailed_size, young_start};
pub use pair::{EphemeronPair, WatchedPair};
pub(crate) use pair::{PairList, PairRef};
pub use pointer_slot::PointerSlot;
pub(crate) use threaded::{is_threaded, unthread};
