//! Compaction: memory does not stay in sparse blocks, and what is moved is whole.

#![forbid(unsafe_code)]

mod density;
mod near_the_limit;
mod recorded;
