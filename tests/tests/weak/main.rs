//! Weak references, identities, ephemerons and finalization.

mod finalization;
mod identity;
mod random;
mod references;
