//! When a mutator takes the next sample of what it allocates.
//!
//! Each byte of an object is hit with the same small probability: the distances from one hit to the
//! next are exponential (a Poisson process over the bytes that are allocated), and an object with a
//! hit is a sample. So an object of *s* bytes is one with the probability *p* = 1 − exp(−*s* /
//! *mean*), whatever the program allocates when, and each sample stands for 1/*p* objects: a
//! Horvitz-Thompson estimate, which has no bias. That is what the heap profilers of TCMalloc,
//! jemalloc (`prof_sample`) and Go do.
//!
//! - **[sampler.owner]** The running owner touches it, nobody else.

use core::{
    cell::{Cell, RefCell},
    num::NonZero,
};
use std::sync::Arc;

use crate::registered::{ONE, Session};

use super::buffer::Buffer;

/// The sampler of one mutator.
pub(crate) struct Sampler {
    /// The number of the session in which it takes samples; 0 for none.
    number: Cell<u64>,
    session: RefCell<Option<Arc<Session>>>,
    random: Cell<u64>,
}

impl Sampler {
    pub(crate) fn new() -> Self {
        Self { number: Cell::new(0), session: RefCell::new(None), random: Cell::new(0) }
    }

    /// Returns the number of the session in which it takes samples; 0 for none.
    #[inline(always)]
    pub(crate) fn number(&self) -> u64 {
        self.number.get()
    }

    /// Takes samples in this session from now on, or none. `seed` differs from mutator to mutator.
    pub(crate) fn follow(&self, session: Option<Arc<Session>>, seed: u32, buffer: &Buffer) {
        self.number.set(session.as_ref().map_or(0, |session| session.number));
        // Whatever the seed is, it is not zero, which would stay zero.
        self.random.set((u64::from(seed) << 32 ^ self.number.get()).wrapping_mul(GOLDEN) | 1);
        *self.session.borrow_mut() = session;
        buffer.sample_after(self.distance());
    }

    /// Returns the session with this number, if it takes samples in that one.
    pub(crate) fn session(&self, number: NonZero<u64>) -> Option<Arc<Session>> {
        self.session.borrow().clone().filter(|session| session.number == number.get())
    }

    /// Has the next sample be due after one that was taken just now. Returns the number of the
    /// session.
    pub(crate) fn sampled(&self, buffer: &Buffer) -> Option<NonZero<u64>> {
        buffer.sample_after(self.distance());
        NonZero::new(self.number.get())
    }

    /// Returns the number of the session if an object of so many bytes is a sample that is not in
    /// the buffer.
    pub(crate) fn is_sample(&self, bytes: usize) -> Option<NonZero<u64>> {
        let number = NonZero::new(self.number.get())?;
        (self.distance() < bytes).then_some(number)
    }

    /// Returns how many bytes come before the next one that is hit. `usize::MAX`: none is.
    fn distance(&self) -> usize {
        match self.session.borrow().as_deref() {
            None => usize::MAX,
            Some(session) => distance(session.config.sample_bytes, self.uniform()),
        }
    }

    /// Returns a number above 0, up to 1.
    fn uniform(&self) -> f64 {
        // Xorshift (Marsaglia 2003), with a multiplication (Vigna 2016).
        let mut x = self.random.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.random.set(x);
        ((x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

/// 2⁶⁴ divided by the golden ratio: neighbouring seeds lie far apart.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Returns an exponential distance of this mean for a uniform number.
fn distance(mean: usize, uniform: f64) -> usize {
    // As casts of numbers out of range do, this saturates; but it is never "none is".
    ((-uniform.ln() * mean as f64) as usize).min(usize::MAX - 1)
}

/// Returns for how many objects a sample of so many bytes stands, in the unit of weights.
pub(crate) fn weight(mean: usize, bytes: usize) -> u64 {
    if mean == 0 {
        return ONE;
    }
    let probability = -(-(bytes as f64) / mean as f64).exp_m1();
    (ONE as f64 / probability).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{registered::Sites, settings::SitesConfig};

    fn sampler(sample_bytes: usize, seed: u32) -> Sampler {
        let sites = Sites::new();
        sites.start(SitesConfig { sample_bytes, ..SitesConfig::default() });
        let sampler = Sampler::new();
        sampler.follow(sites.session(), seed, &Buffer::new());
        sampler
    }

    /// The mean of 100 000 exponential distances lies within 1.6 percent in all but one case of a
    /// million.
    #[test]
    fn distances_have_their_mean_and_weights_undo_them() {
        for seed in 0..4 {
            const MEAN: usize = 10_000;
            let sampler = sampler(MEAN, seed);
            let count = 100_000;
            let sum: usize = (0..count).map(|_| sampler.distance()).sum();
            let mean = sum as f64 / f64::from(count);
            assert!((mean / MEAN as f64 - 1.0).abs() < 0.02, "seed {seed}: {mean}");
            for bytes in [100, 5_000, 10_000, 30_000] {
                let hits = (0..count).filter(|_| sampler.is_sample(bytes).is_some()).count() as f64;
                let objects = hits * weight(MEAN, bytes) as f64 / ONE as f64;
                let error = objects / f64::from(count) - 1.0;
                assert!(error.abs() < 0.2, "seed {seed}, {bytes} bytes: {error}");
            }
        }
    }

    #[test]
    fn every_allocation_is_a_sample_that_stands_for_itself() {
        let sampler = sampler(0, 7);
        assert!((0..1000).all(|_| sampler.is_sample(1).is_some()));
        assert_eq!((weight(0, 16), weight(1 << 20, 1 << 40)), (ONE, ONE));
        // What is as good as never hit is no sample, and there is nothing to overflow.
        let sampler = self::sampler(usize::MAX, 7);
        assert!((0..1000).all(|_| sampler.is_sample(1 << 20).is_none()));
        assert!(weight(usize::MAX, 16) > 1 << 60);
    }

    #[test]
    fn who_takes_no_samples_takes_none() {
        let sampler = Sampler::new();
        assert!(sampler.is_sample(usize::MAX).is_none());
        assert_eq!(sampler.distance(), usize::MAX);
    }
}
