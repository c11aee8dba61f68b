//! Random numbers: the same for every contestant, in any language.

/// Marsaglia's xorshift128 (*Xorshift RNGs*, 2003): 32-bit words, shifts and exclusive ors only.
pub struct Random([u32; 4]);

impl Random {
    /// A sequence that depends on `seed` alone.
    pub fn new(seed: u32) -> Self {
        let mut random = Self([123_456_789 ^ seed, 362_436_069, 521_288_629, 88_675_123]);
        // Seeds that differ in few bits begin alike.
        for _ in 0..16 {
            random.next_u32();
        }
        random
    }

    /// The next number.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        let [x, y, z, w] = self.0;
        let t = x ^ (x << 11);
        let next = w ^ (w >> 19) ^ t ^ (t >> 8);
        self.0 = [y, z, w, next];
        next
    }

    /// A number below `end`, which is at most 2³².
    #[inline]
    pub fn below(&mut self, end: usize) -> usize {
        ((u64::from(self.next_u32()) * end as u64) >> 32) as usize
    }

    /// The numbers below `count` in random order.
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            order.swap(last, self.below(last + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    /// What `benches/workloads/README.md` says, so that other languages can compare.
    #[test]
    fn the_sequence_is_the_one_that_the_protocol_names() {
        let mut random = Random::new(1);
        assert_eq!([1_819_186_237, 444_329_485, 647_643_471, 925_969_300], [(); 4].map(|()| random.next_u32()));
        let mut random = Random::new(5);
        assert_eq!([14_901, 9_951, 14_783, 20_779, 23_725, 91_945], [(); 6].map(|()| random.below(100_000)));
    }
}
