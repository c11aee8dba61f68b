//! Writing a profile.

use std::{
    collections::HashMap,
    hash::Hash,
    io::{self, Write},
    time::SystemTime,
};

use flate2::{Compression, write::GzEncoder};
use prost::Message;

use super::{
    Frame, Profile, Row,
    message::{self, Function, Label, Line, Location, Mapping, ValueType},
};

/// The values of each row and their units, in order.
const TYPES: [(&str, &str); 4] =
    [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")];

/// Things that are written once and meant by number, from 1.
struct Table<K>(HashMap<K, u64>);

impl<K: Eq + Hash> Table<K> {
    /// The number of a thing, and whether it is new.
    fn number(&mut self, key: K) -> (u64, bool) {
        let next = self.0.len() as u64 + 1;
        let number = *self.0.entry(key).or_insert(next);
        (number, number == next)
    }
}

/// A profile that rows are added to.
struct Encoder<'p> {
    strings: Table<&'p str>,
    functions: Table<(&'p str, &'p str)>,
    locations: Table<&'p Frame>,
    profile: message::Profile,
}

/// The format's numbers have a sign.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl<'p> Encoder<'p> {
    fn new() -> Self {
        // The empty string is number 0 by the format.
        let profile = message::Profile { string_table: vec![String::new()], ..Default::default() };
        let (strings, functions) = (Table(HashMap::new()), Table(HashMap::new()));
        Self { strings, functions, locations: Table(HashMap::new()), profile }
    }

    fn string(&mut self, text: &'p str) -> i64 {
        if text.is_empty() {
            return 0;
        }
        let (number, new) = self.strings.number(text);
        if new {
            self.profile.string_table.push(text.into());
        }
        signed(number)
    }

    fn value_type(&mut self, (name, unit): (&'p str, &'p str)) -> ValueType {
        ValueType { r#type: self.string(name), unit: self.string(unit) }
    }

    fn location(&mut self, frame: &'p Frame) -> u64 {
        let (id, new) = self.locations.number(frame);
        if new {
            let (function_id, new) = self.functions.number((&frame.function, &frame.file));
            if new {
                let (name, filename) = (self.string(&frame.function), self.string(&frame.file));
                self.profile.function.push(Function { id: function_id, name, system_name: name, filename });
            }
            let line = vec![Line { function_id, line: frame.line.into() }];
            self.profile.location.push(Location { id, mapping_id: 1, address: 0, line });
        }
        id
    }

    fn row(&mut self, row: &'p Row) {
        let Row { stack, type_name, generation, alloc_objects, alloc_space, inuse_objects, inuse_space } = row;
        let location_id = stack.iter().map(|frame| self.location(frame)).collect();
        let value = [alloc_objects, alloc_space, inuse_objects, inuse_space].map(|value| signed(*value)).to_vec();
        let mut label = Vec::new();
        for (key, text) in [("type", type_name), ("generation", generation)] {
            if !text.is_empty() {
                label.push(Label { key: self.string(key), str: self.string(text) });
            }
        }
        self.profile.sample.push(message::Sample { location_id, value, label });
    }
}

impl Profile {
    /// Writes it, compressed. A value of 2⁶³ or more is written as the greatest that the format has.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn write(&self, writer: impl Write) -> io::Result<()> {
        let mut encoder = Encoder::new();
        encoder.profile.sample_type = TYPES.map(|of| encoder.value_type(of)).to_vec();
        encoder.profile.period_type = Some(encoder.value_type(("space", "bytes")));
        encoder.profile.period = signed(self.period);
        encoder.profile.default_sample_type = encoder.string(TYPES[3].0);
        // A reader does not look for symbols of a mapping that has them.
        let mapping = Mapping { id: 1, has_functions: true, has_filenames: true, has_line_numbers: true };
        encoder.profile.mapping.push(mapping);
        let taken = self.taken.and_then(|taken| taken.duration_since(SystemTime::UNIX_EPOCH).ok());
        let nanoseconds = |time: std::time::Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        encoder.profile.time_nanos = taken.map_or(0, nanoseconds);
        encoder.profile.duration_nanos = self.tracked.map_or(0, nanoseconds);
        for row in &self.rows {
            encoder.row(row);
        }
        let mut gzip = GzEncoder::new(writer, Compression::default());
        gzip.write_all(&encoder.profile.encode_to_vec())?;
        gzip.finish()?.flush()
    }
}
