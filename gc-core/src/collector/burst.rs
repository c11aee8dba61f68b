//! Memory that a burst of allocation without safepoints has taken: chunks, and blocks to promote
//! all of that.
//!
//! - **[burst.look]** Memory is given back after a full collection. A busy program of which nothing
//!   becomes old has none. So every [`LOOK`] pauses the leader looks whether far more chunks are
//!   empty than the nursery needs. If so, what is empty is given back as after a full collection.

use super::generations::Young;

/// Pauses between two looks.
const LOOK: u32 = 16;

/// Returns whether what is empty is to be given back: there are at least twice the chunks that
/// [`release_chunks`] keeps at most. Called once in each pause.
///
/// [`release_chunks`]: super::trim::release_chunks
pub(crate) fn is_over(young: &mut Young, budget: usize) -> bool {
    young.not_looked += 1;
    if young.not_looked < LOOK {
        return false;
    }
    young.not_looked = 0;
    young.space.empty_bytes() > budget.saturating_mul(4)
}
