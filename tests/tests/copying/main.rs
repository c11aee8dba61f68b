//! Copying: each object arrives once and whole, whatever its shape and however many workers copy.

#![forbid(unsafe_code)]

mod claims;
mod depth;
mod helpers;
mod layout;
mod lockstep;
mod pieces;
mod two_paths;
