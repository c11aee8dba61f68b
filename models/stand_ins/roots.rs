//! Roots: the production files that have a model.

#[path = "../../gc-core/src/roots/attendance.rs"]
pub(crate) mod attendance;
#[path = "../../gc-core/src/roots/chunk_word.rs"]
pub(crate) mod chunk_word;
#[path = "../../gc-core/src/roots/noted.rs"]
pub(crate) mod noted;
#[path = "../../gc-core/src/roots/question.rs"]
pub(crate) mod question;
#[path = "../../gc-core/src/roots/root_word.rs"]
pub(crate) mod root_word;
