//! The rules of the house that a program can check.

#![forbid(unsafe_code)]

mod arrangement;
mod floors;
mod notes;
mod pictures;
mod words;
