//! The hasher that maps have unless they are given another one.

use core::hash::{BuildHasher, Hasher};

/// The hasher of a [`GcMap`](crate::GcMap) that is given no other one: fast, of good quality, and
/// seeded at random for each map.
///
/// The seed keeps keys that somebody has chosen beforehand from falling into one place of the
/// table. It does not keep a secret from those who measure for long how a running program answers:
/// where they are to be feared, take [`RandomState`](std::hash::RandomState). The hashes differ
/// from run to run, and from version to version.
///
/// It is foldhash in its fast variant (Orson Peters), as hashbrown has it.
///
/// ```
/// use gc_core::map::DefaultHashBuilder;
/// use std::hash::BuildHasher;
///
/// let (one, other) = (DefaultHashBuilder::default(), DefaultHashBuilder::default());
/// assert_eq!(one.hash_one("key"), one.clone().hash_one("key"));
/// assert_ne!(one.hash_one("key"), other.hash_one("key"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct DefaultHashBuilder(foldhash::fast::RandomState);

/// What [`DefaultHashBuilder`] builds.
///
/// ```
/// use gc_core::map::DefaultHashBuilder;
/// use std::hash::{BuildHasher, Hasher};
///
/// let mut hasher = DefaultHashBuilder::default().build_hasher();
/// hasher.write_u64(7);
/// println!("{:x}", hasher.finish());
/// ```
#[derive(Clone)]
pub struct DefaultHasher(foldhash::fast::FoldHasher<'static>);

impl BuildHasher for DefaultHashBuilder {
    type Hasher = DefaultHasher;

    #[inline(always)]
    fn build_hasher(&self) -> DefaultHasher {
        DefaultHasher(self.0.build_hasher())
    }
}

/// Hands each method on: those of a number are shorter than those of its bytes.
macro_rules! hands_on {
    ($($method:ident: $t:ty),* $(,)?) => {
        impl Hasher for DefaultHasher {
            $(
                #[inline(always)]
                fn $method(&mut self, value: $t) {
                    self.0.$method(value);
                }
            )*

            #[inline(always)]
            fn finish(&self) -> u64 {
                self.0.finish()
            }
        }
    };
}

hands_on! {
    write: &[u8],
    write_u8: u8,
    write_u16: u16,
    write_u32: u32,
    write_u64: u64,
    write_u128: u128,
    write_usize: usize,
    write_i8: i8,
    write_i16: i16,
    write_i32: i32,
    write_i64: i64,
    write_i128: i128,
    write_isize: isize,
}

/// Prints no state: it would tell the seed.
impl core::fmt::Debug for DefaultHasher {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("DefaultHasher").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(any(gc_loom, gc_shuttle))))]
mod tests {
    use core::hash::Hash;

    use crate::GcMap;

    /// The homes that so many keys have in a table of 2¹⁶ slots.
    fn homes<K: Hash>(keys: impl Iterator<Item = K>) -> usize {
        let map = GcMap::<K, u64>::new();
        keys.map(|key| map.hash(&key) >> 16).collect::<std::collections::HashSet<_>>().len()
    }

    /// By chance, 2¹⁵ keys have 25 787 homes, give or take 60.
    #[test]
    fn keys_of_all_patterns_have_homes_as_by_chance() {
        let many = 1 << 15;
        for shift in [0, 3, 12, 16, 31, 32, 40, 48] {
            let found = homes((0..many).map(|n: u64| n << shift));
            assert!(found > 25_300, "{found} homes of numbers shifted by {shift}");
        }
        let found = homes((0..many).map(|n: u64| format!("key number {n}")));
        assert!(found > 25_300, "{found} homes of texts");
        let found = homes((0..many).map(|n: u64| (n % 256, n / 256)));
        assert!(found > 25_300, "{found} homes of pairs");
    }
}
