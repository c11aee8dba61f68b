//! `GcMap`: it is a map, for one thread and for many, whatever user code does in it.

#![forbid(unsafe_code)]

mod answers;
mod attacks;
mod churn;
mod contents;
mod histories;
mod identity;
mod kept;
mod lies;
mod lockstep;
mod made;
mod old;
mod refused;
mod set;
mod text;
mod threads;
mod walks;
mod without_memory;
