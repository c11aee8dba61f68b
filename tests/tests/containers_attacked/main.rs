//! Containers that the collector looks into, attacked: what is lent, forgotten, left by a panic and taken apart, also while it is marked.

#![forbid(unsafe_code)]

mod beside_the_marker;
mod lent;
mod lost;
mod sizes;
mod std_maps;
