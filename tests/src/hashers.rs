//! Hashers by which many keys have the same hash, or the same home.

use core::hash::{BuildHasher, Hasher};

/// A hasher of which so many bits are left: with few, many keys have the same hash.
#[derive(Clone, Copy)]
pub struct Bits(pub u32);

pub struct Low(u64, u32);

impl BuildHasher for Bits {
    type Hasher = Low;

    fn build_hasher(&self) -> Low {
        Low(0, self.0)
    }
}

impl Hasher for Low {
    fn finish(&self) -> u64 {
        self.0 & ((1_u128 << self.1) - 1) as u64
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.wrapping_mul(0x0100_0000_01B3) ^ u64::from(byte);
        }
    }
}

/// A hasher by which keys have one of three homes.
#[derive(Clone, Copy, Default)]
pub struct Few;

pub struct Sum(u64);

impl BuildHasher for Few {
    type Hasher = Sum;

    fn build_hasher(&self) -> Sum {
        Sum(0)
    }
}

impl Hasher for Sum {
    fn finish(&self) -> u64 {
        self.0 % 3
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are numbers");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
