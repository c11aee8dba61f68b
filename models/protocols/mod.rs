//! The models, one file per protocol. `loom` and `shuttle` run the same ones.

mod attendance;
mod big_cells;
mod candidates;
mod cell_word;
mod chunk_word;
mod claims;
mod clock;
mod counted;
mod dormant;
mod empty_blocks;
mod forwarding;
mod free_runs;
mod job_queue;
mod kept_end;
mod major_cycle;
mod mark;
mod pointer_slot;
mod presence;
mod question;
mod ranges;
mod raw_lock;
mod root_word;
mod safepoint;
mod satb;
mod sharing;
mod sweep;
