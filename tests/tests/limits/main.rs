//! Limits: what is refused is an error and costs nothing, and what is young can always be promoted.

#![forbid(unsafe_code)]

mod absurd_lengths;
mod eviction;
mod external_anywhere;
mod external_bytes;
mod figures;
mod given_back;
mod grown_nursery;
mod many_at_the_limit;
mod near_the_limit;
mod never_refused;
mod observers;
mod pressure;
mod promotion;
mod promotion_by_many;
mod refusals;
mod regions_in_hand;
mod rests;
mod ring;
mod runs_leaving;
mod settings;
mod shared_pages;
mod slow_drops;
mod storms;
mod system_refuses;
mod system_refuses_many;
