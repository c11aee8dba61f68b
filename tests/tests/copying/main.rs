//! Copying: each object arrives once and whole, whatever its shape and however many workers copy.

#![forbid(unsafe_code)]

mod allocated_old;
mod allocated_old_kinds;
mod allocated_old_types;
mod claims;
mod depth;
mod gaps;
mod helpers;
mod layout;
mod lockstep;
mod order;
mod pieces;
mod two_paths;
