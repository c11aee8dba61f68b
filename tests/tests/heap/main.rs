//! A heap: its settings, what its collections do and report, and user code that panics anywhere.

#![forbid(unsafe_code)]

mod burst;
mod collections;
mod cyclic;
mod idle;
mod idle_once;
mod nursery_in_turns;
mod nursery_of_many;
mod panics;
mod regions;
mod settings;
mod weak;
