//! Weak references, identities, ephemerons and finalization.

mod identity;
mod random;
mod references;
