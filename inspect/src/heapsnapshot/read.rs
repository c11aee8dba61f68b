//! Reading a snapshot: in one pass, a number at a time, into columns.
//!
//! Memory is bounded by what has been read: the counts in the header reserve no more than a file of this length can hold.

use std::{
    cell::{Cell, RefCell},
    fmt, io,
    path::Path,
};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{
    error::{Damage, ReadError, Section},
    input::Input,
};

use super::{
    Snapshot,
    columns::{Edges, Nodes, Strings},
    header::{EdgeField, Header, Layout, MOST, NodeField},
};

impl Snapshot {
    /// Reads a file, plain or compressed by gzip. Time and memory grow with its length: some 70 MB a second, and less memory than the file
    /// has bytes.
    ///
    /// # Errors
    ///
    /// The system's, and damage: see [`Damage`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        Self::open_watched(path, |_| {})
    }

    /// [`open`](Self::open) that tells, now and then, how many bytes of the file have been read.
    ///
    /// # Errors
    ///
    /// Those of `open`.
    pub fn open_watched(path: impl AsRef<Path>, progress: impl FnMut(u64)) -> Result<Self, ReadError> {
        Self::read(Input::open(path.as_ref(), progress)?)
    }

    /// [`open`](Self::open) for what is no file.
    ///
    /// # Errors
    ///
    /// Those of `open`.
    pub fn from_reader(reader: impl io::Read) -> Result<Self, ReadError> {
        Self::read(Input::new(reader)?)
    }

    pub(crate) fn read(mut input: Input<'_>) -> Result<Self, ReadError> {
        let kind = |found: String, offset| {
            Damage::new("`{`, which begins a heap snapshot", found).advise(Damage::OTHER_KIND).at(Section::File, offset)
        };
        match input.peek()? {
            Some(b'{' | b' ' | b'\t' | b'\r' | b'\n') => {}
            Some(byte) => return Err(kind(format!("byte {byte:#04x}"), 0).into()),
            None => return Err(kind("an empty file".into(), 0).into()),
        }
        let state = State { section: Cell::new(Section::File), damage: RefCell::new(None), length: input.length };
        let mut json = serde_json::Deserializer::from_reader(&mut input);
        let read = json.deserialize_map(File(&state)).and_then(|snapshot| json.end().map(|()| snapshot));
        read.map_err(|error| state.explain(&error, &mut input))
    }
}

/// What errors need to know while a file is read.
struct State {
    section: Cell<Section>,
    /// What was wrong, where this module found it: serde's errors are texts.
    damage: RefCell<Option<Damage>>,
    length: Option<u64>,
}

impl State {
    fn fail<E: Error>(&self, damage: Damage) -> E {
        *self.damage.borrow_mut() = Some(damage);
        E::custom("damaged")
    }

    fn explain(&self, error: &serde_json::Error, input: &mut Input<'_>) -> ReadError {
        use serde_json::error::Category;
        let (section, offset) = (self.section.get(), input.offset());
        if let Some(failed) = input.failed.take() {
            return ReadError::of_reading(failed, offset);
        }
        let text = error.to_string();
        let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
        let damage = match (self.damage.borrow_mut().take(), error.classify()) {
            (Some(damage), _) => damage,
            (None, Category::Eof) => Damage::new("more", "the end of the file").advise(Damage::CUT_OFF),
            (None, Category::Data) => match text.rsplit_once(", expected ") {
                Some((found, expected)) => Damage::new(expected, found),
                None => Damage::new("what V8's format has here", text),
            },
            (None, Category::Syntax | Category::Io) => Damage::new("JSON", text),
        };
        damage.at(section, offset).into()
    }

    /// How many rows of so many numbers to have room for: no more than there can be.
    fn room(&self, count: u64, fields: usize) -> usize {
        // A number takes a digit and a comma.
        let most = self.length.map_or(1 << 16, |length| length / (2 * fields as u64));
        count.min(most) as usize
    }
}

/// The object that is the file.
struct File<'s>(&'s State);

impl<'de> Visitor<'de> for File<'_> {
    type Value = Snapshot;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the object of a heap snapshot")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Snapshot, A::Error> {
        let Self(state) = self;
        let (mut layout, mut nodes, mut edges, mut strings) = (None, None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            let (section, again) = match key.as_str() {
                "snapshot" => (Section::Header, layout.is_some()),
                "nodes" => (Section::Nodes, nodes.is_some()),
                "edges" => (Section::Edges, edges.is_some()),
                "strings" => (Section::Strings, strings.is_some()),
                _ => (Section::Other, false),
            };
            state.section.set(section);
            if again {
                return Err(state.fail(Damage::new("this section once", "it again")));
            }
            match section {
                Section::Header => {
                    let header: Header = map.next_value()?;
                    layout = Some(header.check().map_err(|damage| state.fail(damage))?);
                }
                Section::Nodes => {
                    let layout = before(state, layout.as_ref(), "snapshot")?;
                    nodes = Some(map.next_value_seed(NodeRows { state, layout })?);
                }
                Section::Edges => {
                    let layout = before(state, layout.as_ref(), "snapshot")?;
                    before(state, nodes.as_ref(), "nodes")?;
                    edges = Some(map.next_value_seed(EdgeRows { state, layout })?);
                }
                Section::Strings => strings = Some(map.next_value_seed(Texts)?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
            state.section.set(Section::File);
        }
        let layout = there(state, layout, "snapshot")?;
        let nodes = there(state, nodes, "nodes")?;
        let edges = there(state, edges, "edges")?;
        let strings = there(state, strings, "strings")?;
        let snapshot = Snapshot { node_kinds: layout.node_kinds, edge_kinds: layout.edge_kinds, nodes, edges, strings };
        snapshot.check_names().map_err(|damage| state.fail(damage))?;
        Ok(snapshot)
    }
}

/// A section that has to come earlier.
fn before<'l, T, E: Error>(state: &State, section: Option<&'l T>, name: &str) -> Result<&'l T, E> {
    section.ok_or_else(|| state.fail(Damage::new(format!("\"{name}\" before this section"), "this section first")))
}

/// A section that has to be there.
fn there<T, E: Error>(state: &State, section: Option<T>, name: &str) -> Result<T, E> {
    section.ok_or_else(|| state.fail(Damage::new(format!("the section \"{name}\""), "none")))
}

impl Snapshot {
    /// Names are numbers of strings, which come last.
    fn check_names(&self) -> Result<(), Damage> {
        let count = self.strings.len() as u64;
        let wrong = |what: &str, row: usize, name: u32| {
            Damage::new(format!("the name of {what} {row} to be one of {count} strings"), format!("number {name}"))
        };
        let out = |&name: &u32| u64::from(name) >= count;
        if let Some(row) = self.nodes.names.iter().position(out) {
            return Err(wrong("node", row, self.nodes.names[row]));
        }
        let named = |&(kind, name): &(&u8, &u32)| !self.edge_kinds[usize::from(*kind)].has_index() && out(name);
        let names = self.edges.kinds.iter().zip(&self.edges.names);
        match names.enumerate().find(|(_, edge)| named(edge)) {
            Some((row, (_, name))) => Err(wrong("edge", row, *name)),
            None => Ok(()),
        }
    }
}

/// Reads one row of numbers; false where there is none.
fn row<'de, A: SeqAccess<'de>, F: Copy>(
    sequence: &mut A,
    state: &State,
    fields: &[F],
    mut put: impl FnMut(F, u64),
) -> Result<bool, A::Error> {
    for (index, &field) in fields.iter().enumerate() {
        match sequence.next_element()? {
            Some(number) => put(field, number),
            None if index == 0 => return Ok(false),
            None => {
                let expected = format!("{} numbers in each row", fields.len());
                return Err(state.fail(Damage::new(expected, format!("{index} in the last"))));
            }
        }
    }
    Ok(true)
}

/// `"nodes"`.
struct NodeRows<'s> {
    state: &'s State,
    layout: &'s Layout,
}

impl<'de> DeserializeSeed<'de> for NodeRows<'_> {
    type Value = Nodes;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Nodes, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for NodeRows<'_> {
    type Value = Nodes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of unsigned numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Nodes, A::Error> {
        let Self { state, layout } = self;
        let mut nodes = Nodes::with_capacity(state.room(layout.node_count, layout.node_fields.len()));
        let mut edges = 0;
        loop {
            let (mut kind, mut name, mut id, mut size, mut edge_count) = (0, 0, 0, 0, 0);
            let more = row(&mut sequence, state, &layout.node_fields, |field, number| match field {
                NodeField::Kind => kind = number,
                NodeField::Name => name = number,
                NodeField::Id => id = number,
                NodeField::Size => size = number,
                NodeField::EdgeCount => edge_count = number,
                NodeField::Unused => {}
            })?;
            let node = nodes.len();
            if !more {
                break;
            }
            if node as u64 == layout.node_count {
                return Err(state.fail(Damage::new(format!("{node} nodes, by \"node_count\""), "more")));
            }
            if kind >= layout.node_kinds.len() as u64 {
                let expected = format!("the type of node {node} to be one of {}", layout.node_kinds.len());
                return Err(state.fail(Damage::new(expected, format!("number {kind}"))));
            }
            let Ok(name) = u32::try_from(name) else {
                let expected = format!("the name of node {node} to be the number of a string");
                return Err(state.fail(Damage::new(expected, name.to_string())));
            };
            edges = match u64::checked_add(edges, edge_count) {
                Some(edges) if edges <= layout.edge_count => edges,
                _ => {
                    let expected = format!("{} edges of all nodes, by \"edge_count\"", layout.edge_count);
                    return Err(state.fail(Damage::new(expected, format!("more, with those of node {node}"))));
                }
            };
            nodes.kinds.push(kind as u8);
            nodes.names.push(name);
            nodes.ids.push(id);
            nodes.sizes.push(size);
            nodes.edges_end.push(edges as u32);
        }
        let (count, sizes) = (nodes.len() as u64, &nodes.sizes);
        if count != layout.node_count {
            let expected = format!("{} nodes, by \"node_count\"", layout.node_count);
            return Err(state.fail(Damage::new(expected, count.to_string())));
        }
        if edges != layout.edge_count {
            let expected = format!("{} edges of all nodes, by \"edge_count\"", layout.edge_count);
            return Err(state.fail(Damage::new(expected, edges.to_string())));
        }
        if sizes.iter().try_fold(0, |sum: u64, size| sum.checked_add(*size)).is_none() {
            return Err(state.fail(Damage::new("less than 2^64 bytes of all nodes", "more")));
        }
        Ok(nodes)
    }
}

/// `"edges"`.
struct EdgeRows<'s> {
    state: &'s State,
    layout: &'s Layout,
}

impl<'de> DeserializeSeed<'de> for EdgeRows<'_> {
    type Value = Edges;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Edges, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for EdgeRows<'_> {
    type Value = Edges;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of unsigned numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Edges, A::Error> {
        let Self { state, layout } = self;
        let mut edges = Edges::with_capacity(state.room(layout.edge_count, layout.edge_fields.len()));
        let step = layout.node_fields.len() as u64;
        loop {
            let (mut kind, mut name, mut target) = (0, 0, 0);
            let more = row(&mut sequence, state, &layout.edge_fields, |field, number| match field {
                EdgeField::Kind => kind = number,
                EdgeField::Name => name = number,
                EdgeField::Target => target = number,
                EdgeField::Unused => {}
            })?;
            let edge = edges.len();
            if !more {
                break;
            }
            if edge as u64 == layout.edge_count {
                return Err(state.fail(Damage::new(format!("{edge} edges, by \"edge_count\""), "more")));
            }
            if kind >= layout.edge_kinds.len() as u64 {
                let expected = format!("the type of edge {edge} to be one of {}", layout.edge_kinds.len());
                return Err(state.fail(Damage::new(expected, format!("number {kind}"))));
            }
            let Ok(name) = u32::try_from(name) else {
                let expected = format!("a name or an index below 2^32 of edge {edge}");
                return Err(state.fail(Damage::new(expected, name.to_string())));
            };
            if target % step != 0 || target / step >= layout.node_count {
                let expected = format!(
                    "the target of edge {edge} to be a multiple of {step} below {}",
                    u128::from(layout.node_count) * u128::from(step)
                );
                return Err(state.fail(Damage::new(expected, target.to_string())));
            }
            edges.kinds.push(kind as u8);
            edges.names.push(name);
            edges.targets.push((target / step) as u32);
        }
        match edges.len() as u64 {
            count if count == layout.edge_count => Ok(edges),
            count => {
                let expected = format!("{} edges, by \"edge_count\"", layout.edge_count);
                Err(state.fail(Damage::new(expected, count.to_string())))
            }
        }
    }
}

/// `"strings"`.
struct Texts;

impl<'de> DeserializeSeed<'de> for Texts {
    type Value = Strings;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Strings, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Texts {
    type Value = Strings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Strings, A::Error> {
        let mut strings = Strings::default();
        while sequence.next_element_seed(Text(&mut strings))?.is_some() {}
        Ok(strings)
    }
}

/// One of them. V8 writes halves of surrogate pairs, which are no text: as bytes they are read, and replaced.
struct Text<'s>(&'s mut Strings);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Text<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<(), E> {
        if self.0.len() as u64 > MOST {
            return Err(E::custom("too many strings"));
        }
        self.0.push(&String::from_utf8_lossy(bytes));
        Ok(())
    }
}
