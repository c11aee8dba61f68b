//! Reading a profile, gc-core's or another program's.

use std::{collections::HashMap, io, path::Path};

use prost::Message;

use crate::{
    error::{Damage, ReadError, Section},
    input::Input,
};

use super::{Frame, message};

/// A larger profile is not read: it is held in memory as a whole, and a message takes many times its bytes. Go's own are some 100 KB.
const MOST_BYTES: u64 = 64 << 20;

/// The most calls in all stacks, and bytes in all their names: by tables in tables, a small file can tell of many.
const MOST_CALLS: usize = 1 << 26;
const MOST_TEXT: usize = 256 << 20;

/// What a value of each sample is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleType {
    /// Its name, such as `inuse_space`.
    pub name: String,
    /// Its unit, such as `bytes`.
    pub unit: String,
}

/// A stack and what was measured of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The calls, the innermost first, by their numbers in [`Samples::frames`].
    pub stack: Vec<u32>,
    /// A value of each type.
    pub values: Vec<i64>,
    /// The label `type`, if it has one.
    pub type_name: Option<String>,
}

/// What a profile holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    /// What the values are.
    pub types: Vec<SampleType>,
    /// The calls of all stacks, each once.
    pub frames: Vec<Frame>,
    /// The samples.
    pub samples: Vec<Sample>,
    /// The number, in `types`, of what its writer wants to be shown first.
    pub shown_first: usize,
}

impl Samples {
    /// Reads a file, plain or compressed by gzip, at most of 64 MiB.
    ///
    /// # Errors
    ///
    /// The system's, and damage: see [`Damage`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        Self::read(Input::open(path.as_ref(), |_| {})?)
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
        use io::Read;
        let mut bytes = Vec::new();
        if let Err(error) = input.by_ref().take(MOST_BYTES + 1).read_to_end(&mut bytes) {
            return Err(ReadError::of_reading(input.failed.take().unwrap_or(error), input.offset()));
        }
        let failed = |damage: Damage| damage.at(Section::Profile, bytes.len() as u64);
        if bytes.len() as u64 > MOST_BYTES {
            let damage = Damage::new(format!("at most {MOST_BYTES} bytes"), "more");
            return Err(failed(damage.advise("take a profile with a larger period")).into());
        }
        let profile = message::Profile::decode(&bytes[..]).map_err(|error| {
            let found = format!("bytes that are none ({error})");
            let advice = "give a heap snapshot or a pprof profile, as `go tool pprof` reads them; if this was one, write it again";
            failed(Damage::new("a message of pprof's format", found).advise(advice))
        })?;
        Ok(check(profile).map_err(failed)?)
    }
}

/// What may still be taken, so that memory is bounded.
struct Room {
    calls: usize,
    text: usize,
}

impl Room {
    fn calls(&mut self, count: usize) -> Result<(), Damage> {
        let too_many = || Damage::new(format!("at most {MOST_CALLS} calls in all stacks"), "more");
        self.calls = self.calls.checked_sub(count).ok_or_else(too_many)?;
        Ok(())
    }

    fn text(&mut self, count: usize) -> Result<(), Damage> {
        let too_many = || Damage::new(format!("at most {MOST_TEXT} bytes in all names"), "more");
        self.text = self.text.checked_sub(count).ok_or_else(too_many)?;
        Ok(())
    }
}

/// The text of a number.
fn text(strings: &[String], number: i64) -> Result<&String, Damage> {
    usize::try_from(number).ok().and_then(|number| strings.get(number)).ok_or_else(|| {
        Damage::new(format!("the number of one of {} strings", strings.len()), format!("number {number}"))
    })
}

fn check(profile: message::Profile) -> Result<Samples, Damage> {
    let strings = &profile.string_table;
    if strings.first().is_none_or(|first| !first.is_empty()) {
        return Err(Damage::new("a table of strings that begins with an empty one", "none"));
    }
    let mut types = Vec::new();
    for of in &profile.sample_type {
        types.push(SampleType { name: text(strings, of.r#type)?.clone(), unit: text(strings, of.unit)?.clone() });
    }
    if types.is_empty() {
        return Err(Damage::new("one sample type or more", "none"));
    }
    let functions: HashMap<_, _> = profile.function.iter().map(|function| (function.id, function)).collect();
    // A location is one frame, or several where functions were inlined: a range of `frames`.
    let (mut frames, mut locations) = (Vec::new(), HashMap::new());
    let mut room = Room { calls: MOST_CALLS, text: MOST_TEXT };
    for location in &profile.location {
        let begin = frames.len();
        for line in &location.line {
            let Some(function) = functions.get(&line.function_id) else {
                let expected = format!("a function of number {}", line.function_id);
                return Err(Damage::new(expected, "none"));
            };
            let (function, file) = (text(strings, function.name)?, text(strings, function.filename)?);
            room.text(function.len() + file.len())?;
            let (function, file) = (function.clone(), file.clone());
            frames.push(Frame { function, file, line: u32::try_from(line.line).unwrap_or(0) });
        }
        if location.line.is_empty() {
            let function = format!("{:#x}", location.address);
            frames.push(Frame { function, ..Frame::default() });
        }
        locations.insert(location.id, begin as u32..frames.len() as u32);
    }
    let mut samples = Vec::with_capacity(profile.sample.len());
    for (number, sample) in profile.sample.iter().enumerate() {
        if sample.value.len() != types.len() {
            let expected = format!("{} values of sample {number}, one of each type", types.len());
            return Err(Damage::new(expected, sample.value.len().to_string()));
        }
        let mut stack = Vec::new();
        for id in &sample.location_id {
            let Some(frames) = locations.get(id) else {
                return Err(Damage::new(format!("a location of number {id}, for sample {number}"), "none"));
            };
            room.calls(frames.len())?;
            stack.extend(frames.clone());
        }
        let mut type_name = None;
        for label in &sample.label {
            if text(strings, label.key)? == "type" {
                let name = text(strings, label.str)?;
                room.text(name.len())?;
                type_name = Some(name.clone());
            }
        }
        samples.push(Sample { stack, values: sample.value.clone(), type_name });
    }
    let shown = text(strings, profile.default_sample_type)?;
    let shown_first = types.iter().position(|of| of.name == *shown).unwrap_or(types.len() - 1);
    Ok(Samples { types, frames, samples, shown_first })
}
