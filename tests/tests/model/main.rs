//! Heap and model agree, whatever the program, whenever it is collected, on one thread and on several.

#![forbid(unsafe_code)]

mod many_mutators;
mod one_mutator;
