//! A profile that is written is read, and what is wrong with one is told.

use std::time::{Duration, SystemTime};

use gc_inspect::{
    ReadError,
    pprof::{Frame, Profile, Row, Samples},
};

fn frame(function: &str, line: u32) -> Frame {
    Frame { function: function.into(), file: "src/demo.rs".into(), line }
}

pub fn profile() -> Profile {
    let mut profile = Profile::new(512 << 10);
    profile.taken = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    profile.tracked = Some(Duration::from_secs(60));
    for (number, function) in ["demo::a", "demo::b", "demo::a"].into_iter().enumerate() {
        profile.rows.push(Row {
            stack: vec![frame(function, number as u32), frame("demo::main", 3)],
            type_name: if number == 2 { String::new() } else { "demo::Tree".into() },
            generation: "old".into(),
            alloc_objects: 1000,
            alloc_space: 64_000,
            inuse_objects: 10,
            inuse_space: 640 * number as u64,
        });
    }
    profile
}

pub fn written(profile: &Profile) -> Vec<u8> {
    let mut file = Vec::new();
    profile.write(&mut file).unwrap();
    file
}

#[test]
fn what_is_written_is_read() {
    let profile = profile();
    let read = Samples::from_reader(&written(&profile)[..]).unwrap();
    let types: Vec<_> = read.types.iter().map(|of| (of.name.as_str(), of.unit.as_str())).collect();
    assert_eq!(
        types,
        [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")]
    );
    assert_eq!(read.shown_first, 3);
    assert_eq!(read.frames.len(), 4, "a place is written once");
    for (sample, row) in read.samples.iter().zip(&profile.rows) {
        let stack: Vec<_> = sample.stack.iter().map(|&frame| read.frames[frame as usize].clone()).collect();
        assert_eq!(stack, row.stack);
        assert_eq!(sample.type_name.as_deref().unwrap_or(""), row.type_name);
        let values = [row.alloc_objects, row.alloc_space, row.inuse_objects, row.inuse_space];
        assert_eq!(sample.values, values.map(|value| value as i64));
    }
}

#[test]
fn a_value_that_is_too_large_is_the_greatest() {
    let mut profile = profile();
    profile.rows[0].alloc_space = u64::MAX;
    assert_eq!(Samples::from_reader(&written(&profile)[..]).unwrap().samples[0].values[1], i64::MAX);
}

#[test]
fn damage_is_told() {
    let file = written(&profile());
    let said = |bytes: &[u8]| match Samples::from_reader(bytes) {
        Err(ReadError::Damaged(damage)) => damage.to_string(),
        other => panic!("expected damage, found {other:?}"),
    };
    assert!(said(&file[..file.len() / 2]).contains("cut off"));
    let mut changed = file.clone();
    changed[file.len() / 2] ^= 0x55;
    assert!(said(&changed).starts_with("damaged in the gzip stream"), "{}", said(&changed));
    assert!(said(b"no profile at all").starts_with("damaged in the pprof profile"));
    assert!(said(b"").contains("a table of strings"));
}
