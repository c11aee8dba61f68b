//! `flame`: a flame graph of what retains what, or of what allocated.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use gc_core::observe::{Dominators, Node};
use gc_inspect::{
    Contents,
    pprof::{Profile, Samples},
};
use inferno::flamegraph::{self, Options};

use crate::{Answer, Failure};

use super::{Page, Show, beside};

/// Boxes on one another: what is higher counts for the highest of them.
const HIGHEST: usize = 64;

/// A stack of names, joined as inferno wants them, and what it weighs.
type Weighed = (String, u64);

pub(crate) fn flame(show: &Show, path: &Path, output: Option<PathBuf>, value: Option<&str>) -> Result<Answer, Failure> {
    let (stacks, title, unit) = match show.contents(path)? {
        Contents::Snapshot(_) if value.is_some() => {
            return Err(Failure::Usage("--value is for profiles: of a snapshot, retained bytes are drawn".into()));
        }
        Contents::Snapshot(snapshot) => {
            let graph = show.graph(path, *snapshot)?;
            let dominators = show.during("finding what retains what", || graph.dominators());
            (retained(&dominators), "Retained by".to_owned(), "bytes".to_owned())
        }
        contents => {
            let samples = match contents {
                Contents::Profile(samples) => samples,
                Contents::Sites(sites) => {
                    Samples::try_from(&Profile::from(&sites)).map_err(|error| Failure::Read(path.into(), error))?
                }
                _ => return Err(Failure::Usage("this kind of file cannot be drawn".into())),
            };
            let shown = shown(&samples, value)?;
            let of = &samples.types[shown];
            (sampled(&samples, shown), of.name.clone(), of.unit.clone())
        }
    };
    if stacks.is_empty() {
        eprintln!("gc-inspect: there is nothing to draw: the file has no bytes and no samples");
        return Ok(Answer::Nothing);
    }
    let output = output.unwrap_or_else(|| beside(path, ".svg"));
    let failed = |error| Failure::Write(output.clone(), error);
    let mut svg = BufWriter::new(File::create(&output).map_err(failed)?);
    let mut options = Options::default();
    options.title = title;
    options.count_name = unit;
    let lines: Vec<_> = stacks.iter().map(|(stack, weight)| format!("{stack} {weight}")).collect();
    show.during("drawing", || flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut svg))
        .and_then(|()| svg.flush())
        .map_err(failed)?;
    let mut page = Page::new();
    page.line(format!("{}: {} stacks", output.display(), stacks.len()))?;
    page.end()?;
    Ok(Answer::Found)
}

/// A name without what has a meaning in a line of stacks.
fn plain(name: &str) -> String {
    name.replace(';', ",").replace(char::is_control, " ")
}

/// The number of the value to draw.
fn shown(samples: &Samples, value: Option<&str>) -> Result<usize, Failure> {
    let Some(value) = value else { return Ok(samples.shown_first) };
    samples.types.iter().position(|of| of.name == value).ok_or_else(|| {
        let names: Vec<_> = samples.types.iter().map(|of| of.name.as_str()).collect();
        Failure::Usage(format!("the profile has no value `{value}`: it has {}", names.join(", ")))
    })
}

/// The stacks of a profile: the outermost call first, the type last.
fn sampled(samples: &Samples, shown: usize) -> Vec<Weighed> {
    let mut stacks = HashMap::new();
    for sample in &samples.samples {
        let calls = sample.stack.iter().rev().map(|&frame| plain(&samples.frames[frame as usize].function));
        let type_name = sample.type_name.iter().map(|name| format!("[{}]", plain(name)));
        let stack = calls.chain(type_name).collect::<Vec<_>>().join(";");
        let weight = u64::try_from(sample.values[shown]).unwrap_or(0);
        if weight > 0 && !stack.is_empty() {
            *stacks.entry(stack).or_insert(0) += weight;
        }
    }
    sorted(stacks)
}

fn sorted(stacks: HashMap<String, u64>) -> Vec<Weighed> {
    let mut stacks: Vec<_> = stacks.into_iter().collect();
    stacks.sort_unstable();
    stacks
}

/// A box: all that has the same types below it.
struct Frame<'g> {
    below: usize,
    type_name: &'g str,
    height: usize,
    weight: u64,
}

/// The dominator tree by type. Objects of one type that keep each other, as those of a list do, are one box.
fn retained<'g>(dominators: &Dominators<'g>) -> Vec<Weighed> {
    let graph = dominators.graph();
    let mut frames = vec![Frame { below: 0, type_name: "", height: 0, weight: 0 }];
    let mut known: HashMap<(usize, &'g str), usize> = HashMap::new();
    let mut pending = vec![(Node::ROOT, 0)];
    while let Some((node, below)) = pending.pop() {
        let type_name = graph.type_name(node);
        let frame = if node == Node::ROOT || frames[below].type_name == type_name || frames[below].height == HIGHEST {
            below
        } else {
            *known.entry((below, type_name)).or_insert_with(|| {
                frames.push(Frame { below, type_name, height: frames[below].height + 1, weight: 0 });
                frames.len() - 1
            })
        };
        frames[frame].weight += graph.size(node) + graph.owned(node);
        pending.extend(dominators.children(node).iter().map(|&child| (child, frame)));
    }
    let mut stacks = HashMap::new();
    for frame in frames.iter().filter(|frame| frame.weight > 0 && frame.height > 0) {
        let mut names = vec![plain(frame.type_name)];
        let mut below = frame.below;
        while below != 0 {
            names.push(plain(frames[below].type_name));
            below = frames[below].below;
        }
        names.reverse();
        *stacks.entry(names.join(";")).or_insert(0) += frame.weight;
    }
    sorted(stacks)
}
