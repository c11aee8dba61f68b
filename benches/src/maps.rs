//! The concurrent map: the operations of [`paths`](crate::paths) that concern it.

use std::{
    collections::HashSet,
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
    time::Duration,
};

use gc_core::{Gc, GcMap, GcTextMap, Interner, WeakKeyMap, map::DefaultHashBuilder};

use crate::{
    clock::sink_word,
    paths::{attached, timed},
};

/// Keys that an operation goes through: they stay in the first cache.
const KEYS: u64 = 128;

/// A hasher that leaves numbers as they are, as Java's hash of a number does: so the map is counted and not the hasher.
#[derive(Clone, Copy, Default)]
pub struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are numbers");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// Looks up keys that are there.
pub fn get(count: u64) -> Duration {
    let m = attached();
    let map = m.alloc(GcMap::with_hasher(BuildHasherDefault::<Same>::default()));
    map.extend(&m, (0..KEYS).map(|key| (key, key)));
    timed(count, |index| sink_word(map.get(&(index % KEYS)).copied().unwrap_or_default()))
}

/// Looks up keys that are not there.
pub fn get_missing(count: u64) -> Duration {
    let m = attached();
    let map = m.alloc(GcMap::with_hasher(BuildHasherDefault::<Same>::default()));
    map.extend(&m, (0..KEYS).map(|key| (key, key)));
    timed(count, |index| sink_word(map.get(&(KEYS + index % KEYS)).copied().unwrap_or_default()))
}

/// Looks up keys that are there, by the default hasher.
pub fn get_default(count: u64) -> Duration {
    get_hashed::<DefaultHashBuilder>(count)
}

/// Looks up keys that are there, by the hasher of std.
pub fn get_std(count: u64) -> Duration {
    get_hashed::<RandomState>(count)
}

/// Looks up texts of 10 bytes that are there, by the default hasher.
pub fn get_text(count: u64) -> Duration {
    const MAPS: u64 = 32;
    let m = attached();
    let texts: Vec<String> = (0..KEYS).map(|key| format!("{key:010}")).collect();
    let maps: Vec<Gc<GcTextMap<u64>>> = (0..MAPS)
        .map(|_| {
            let map = m.alloc(GcTextMap::new());
            map.extend(&m, texts.iter().zip(0..KEYS));
            map
        })
        .collect();
    timed(count, |index| {
        let text = &texts[(index % KEYS) as usize];
        sink_word(maps[(index % MAPS) as usize].get(text).copied().unwrap_or_default());
    })
}

/// Goes through some maps, as the seed of each says how far its keys are from their homes.
fn get_hashed<S: BuildHasher + Default + Send + Sync + 'static>(count: u64) -> Duration {
    const MAPS: u64 = 32;
    let m = attached();
    let maps: Vec<Gc<GcMap<u64, u64, S>>> = (0..MAPS)
        .map(|_| {
            let map = m.alloc(GcMap::with_hasher(S::default()));
            map.extend(&m, (0..KEYS).map(|key| (key, key)));
            map
        })
        .collect();
    timed(count, |index| sink_word(maps[(index % MAPS) as usize].get(&(index % KEYS)).copied().unwrap_or_default()))
}

/// Replaces the values of keys that are there.
pub fn insert_existing(count: u64) -> Duration {
    let mut m = attached();
    let map = m.root(m.alloc(GcMap::<u64, u64, BuildHasherDefault<Same>>::default()));
    map.get(&m).extend(&m, (0..KEYS).map(|key| (key, key)));
    timed(count.div_ceil(KEYS), |_| {
        {
            let map = map.get(&m);
            for key in 0..KEYS {
                sink_word(map.insert(&m, key, key).copied().unwrap_or_default());
            }
        }
        m.safepoint();
    })
}

/// Puts a key in and removes it.
pub fn insert_remove(count: u64) -> Duration {
    let mut m = attached();
    let map = m.root(m.alloc(GcMap::<u64, u64, BuildHasherDefault<Same>>::default()));
    map.get(&m).extend(&m, (0..KEYS).map(|key| (key, key)));
    timed(count, |key| {
        {
            let map = map.get(&m);
            map.insert(&m, KEYS + key, key);
            map.remove(&m, &(KEYS + key));
        }
        m.safepoint();
    })
}

/// Hashes texts eight bytes at a time, so that the table is counted and not the hasher.
#[derive(Default)]
struct Words(u64);

impl Hasher for Words {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.write_u64(u64::from_le_bytes(chunk.try_into().expect("eight bytes")));
        }
        chunks.remainder().iter().for_each(|&byte| self.write_u8(byte));
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(byte.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95);
    }
}

type Fast = BuildHasherDefault<Words>;

fn texts() -> Vec<String> {
    (0..KEYS).map(|key| format!("a text of {key:06}")).collect()
}

/// Interns texts that are there.
pub fn intern<S: BuildHasher + Default + Send + Sync + 'static>(count: u64) -> Duration {
    let m = attached();
    let (texts, names) = (texts(), Interner::<str, S>::with_hasher(&m, S::default()));
    texts.iter().for_each(|text| _ = names.intern(&m, text));
    timed(count, |index| sink_word(names.intern(&m, &texts[(index % KEYS) as usize]).len() as u64))
}

/// Does the same with the hasher that leaves least to do.
pub fn intern_fast(count: u64) -> Duration {
    intern::<Fast>(count)
}

/// Looks up texts that are there in a set of std, which is hashbrown's.
pub fn text_of_std<S: BuildHasher + Default>(count: u64) -> Duration {
    let texts = texts();
    let names: HashSet<Box<str>, S> = texts.iter().map(|text| text.as_str().into()).collect();
    timed(count, |index| {
        sink_word(names.get(texts[(index % KEYS) as usize].as_str()).map_or(0, |text| text.len() as u64))
    })
}

/// Does the same with the hasher that leaves least to do.
pub fn text_of_std_fast(count: u64) -> Duration {
    text_of_std::<Fast>(count)
}

/// Looks up the values of objects that are there.
pub fn weak_key_get(count: u64) -> Duration {
    let m = attached();
    let map = WeakKeyMap::new(&m);
    let keys: Vec<_> = (0..KEYS).map(|key| m.alloc(key)).collect();
    keys.iter().for_each(|&key| _ = map.insert(&m, key, *key));
    timed(count, |index| sink_word(map.get(&m, keys[(index % KEYS) as usize]).copied().unwrap_or_default()))
}
