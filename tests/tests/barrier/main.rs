//! The remembered set: what old objects are told to hold is found by the next young collection.

#![forbid(unsafe_code)]

mod full_remembered_set;
mod remembered_twice;
