//! Tests of what a user of `gc-core` relies on: see `tests/`.
