//! Roots: the production files that have a model.

#[path = "../../gc-core/src/roots/live_count.rs"]
pub(crate) mod live_count;
#[path = "../../gc-core/src/roots/root_word.rs"]
pub(crate) mod root_word;
