//! Concurrent marking and sweeping: nothing that can be reached is lost, and every cycle ends once.

#![forbid(unsafe_code)]

mod big_cells;
mod big_objects;
mod concurrent;
mod counts;
mod ends_once;
mod overwrites;
