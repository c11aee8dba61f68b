//! What threads do to which keys, and the hasher.

use std::hash::{BuildHasherDefault, Hasher};

use gc_benches::random::Random;

/// Mixes the bits of a word: a multiplication and an exclusive or, twice.
#[derive(Clone, Copy, Default)]
pub struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word ^ 0x51_7c_c1_b7_27_22_0a_95).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

pub type Hash = BuildHasherDefault<Mix>;

/// What a thread does next.
#[derive(Clone, Copy)]
pub enum Operation {
    Get(u64),
    Insert(u64),
    Remove(u64),
}

impl Operation {
    /// The operation as a word: Java reads it.
    pub fn word(self) -> u64 {
        match self {
            Self::Get(key) => key << 2,
            Self::Insert(key) => key << 2 | 1,
            Self::Remove(key) => key << 2 | 2,
        }
    }
}

/// What one thread does.
pub fn operations(entries: u64, reads: u64, zipf: Option<&Zipf>, seed: u32, count: usize) -> Vec<Operation> {
    let mut random = Random::new(seed);
    let mut below = |n: u64| random.below(n as usize) as u64;
    (0..count)
        .map(|n| {
            let key = match zipf {
                Some(zipf) => zipf.0[below(zipf.0.len() as u64) as usize],
                None => below(entries),
            };
            match n % 3 {
                _ if below(100) < reads => Operation::Get(key),
                0 => Operation::Remove(key),
                _ => Operation::Insert(key),
            }
        })
        .collect()
}

/// A million keys, each as often as Zipf's law with the exponent 0.99 has it, at random places.
pub struct Zipf(Vec<u64>);

impl Zipf {
    pub fn new(entries: u64) -> Self {
        const SAMPLES: f64 = 1e6;
        let weight = |rank: u64| 1.0 / (rank as f64 + 1.0).powf(0.99);
        let all: f64 = (0..entries).map(weight).sum();
        let (mut keys, mut until) = (Vec::new(), 0.0);
        for rank in 0..entries {
            until += weight(rank) / all * SAMPLES;
            let key = rank.wrapping_mul(0x9E37_79B9_7F4A_7C15) % entries;
            while (keys.len() as f64) < until {
                keys.push(key);
            }
        }
        Self(keys)
    }
}
