//! Serializes a `Counted` as its contents. A shared object is written once per reference, and each
//! copy is read as an object of its own.

use serde_core::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Counted, contents::Contents};
use crate::trace::Acyclic;

impl<T: Contents + Serialize + ?Sized> Serialize for Counted<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize(self, serializer)
    }
}

impl<'de, T: Acyclic + Deserialize<'de>> Deserialize<'de> for Counted<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}

impl<'de, T: Acyclic + Deserialize<'de>> Deserialize<'de> for Counted<[T]> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

impl<'de> Deserialize<'de> for Counted<str> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
