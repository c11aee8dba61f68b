//! What a user relies on of the library and of the command.

#[path = "../support/mod.rs"]
mod support;

mod command;
mod damage;
mod fuzz;
mod profile;
mod reading;
