//! Roots keep what they hold, may be dropped anywhere, and are good for their own heap only.

#![forbid(unsafe_code)]

mod anywhere;
mod boxed;
mod chains;
mod counting;
mod detaching;
mod frames;
mod frames_elsewhere;
mod in_numbers;
mod last;
mod writes;
