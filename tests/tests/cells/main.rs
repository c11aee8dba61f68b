//! Cells and slots: who may write when, and that every write is a barriered one.

#![forbid(unsafe_code)]

mod forgotten;
mod modes;
mod on_stacks;
mod parts;
mod starvation;
mod writers_wait;
mod writes;
