//! What the collector lets std containers enumerate is whole, whatever user code did in them.

#![forbid(unsafe_code)]

mod broken_maps;
mod fuzz;
mod lent;
mod lost;
mod map_methods;
mod sizes;
mod std_maps;
mod while_marking;
