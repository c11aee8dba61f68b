//! Compaction: memory does not stay in sparse blocks, and what is moved is whole.

#![forbid(unsafe_code)]

mod cells;
mod density;
mod drops;
mod ends;
mod large;
mod near_the_limit;
mod recorded;
mod roots;
mod settings;
mod shapes;
mod stores;
mod support;
