//! A series as pictures: SVG, without fonts of its own.

use std::{error::Error, path::Path};

use plotters::{coord::Shift, prelude::*};

use crate::{
    contestant::{Group, group},
    growth::{Curve, Growth},
    results::{Entry, Results, Runs, Steps},
};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

const WIDTH: u32 = 1200;
/// A contestant.
const LINE: i32 = 20;
/// Above and below those of a workload.
const HEAD: i32 = 44;
const FOOT: i32 = 26;
/// Left of the bars: the names.
const NAMES: i32 = 190;
/// Right of them: figures.
const FIGURES: i32 = 70;

/// Bars: time relative to the best, a panel for each workload.
///
/// # Errors
///
/// A file that cannot be written.
pub fn times(results: &Results, file: &Path) -> Result<(), String> {
    let workloads: Vec<&Runs> = results.workloads.iter().filter(|runs| !runs.entries.is_empty()).collect();
    panels(file, &workloads, time_panel)
}

/// Percentiles of steps, a panel for each workload that has them.
///
/// # Errors
///
/// A file that cannot be written.
pub fn steps(results: &Results, file: &Path) -> Result<(), String> {
    let with_steps = |runs: &&Runs| runs.entries.iter().any(|entry| entry.median.steps.is_some());
    let workloads: Vec<&Runs> = results.workloads.iter().filter(with_steps).collect();
    panels(file, &workloads, step_panel)
}

/// Draws a panel for each workload, two in a row.
fn panels(file: &Path, workloads: &[&Runs], panel: fn(&Area, &Runs) -> Drawn) -> Result<(), String> {
    let height = |runs: &[&Runs]| {
        let most = runs.iter().map(|runs| runs.entries.len()).max().unwrap_or(0);
        (HEAD + FOOT + LINE * most as i32) as u32
    };
    let total: u32 = workloads.chunks(2).map(height).sum();
    drawn(file, total.max(1), |root| {
        let mut rest = root.clone();
        for row in workloads.chunks(2) {
            let (this, below) = rest.split_vertically(height(row));
            rest = below;
            for (area, runs) in this.split_evenly((1, 2)).iter().zip(row) {
                panel(area, runs)?;
            }
        }
        Ok(())
    })
}

fn drawn(file: &Path, height: u32, draw: impl FnOnce(&Area) -> Drawn) -> Result<(), String> {
    let picture = || -> Drawn {
        let root = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE)?;
        draw(&root)?;
        root.present()?;
        Ok(())
    };
    picture().map_err(|error| format!("{}: {error}", file.display()))
}

fn font(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&RGBColor(40, 40, 40))
}

fn colour(contestant: &str) -> RGBColor {
    match group(contestant) {
        Group::Ours => RGBColor(31, 119, 180),
        Group::Manual => RGBColor(150, 150, 150),
        Group::Collectors => RGBColor(255, 152, 62),
        Group::Languages => RGBColor(84, 163, 92),
    }
}

fn title(area: &Area, runs: &Runs) -> Drawn {
    area.draw(&Text::new(runs.title.clone(), (10, 8), font(17)))?;
    Ok(())
}

fn name(area: &Area, entry: &Entry, top: i32) -> Drawn {
    area.draw(&Text::new(entry.contestant.clone(), (10, top + 3), font(13)))?;
    Ok(())
}

/// Bars longer than so many times the best are cut.
const CUT: f64 = 8.0;

fn time_panel(area: &Area, runs: &Runs) -> Drawn {
    title(area, runs)?;
    let room = area.dim_in_pixel().0 as i32 - NAMES - FIGURES - 40;
    let best = runs.entries[0].median.wall_s;
    for (index, entry) in runs.entries.iter().enumerate() {
        let top = HEAD - 10 + LINE * index as i32;
        let ratio = entry.median.wall_s / best;
        let length = (f64::from(room) * ratio.min(CUT) / CUT) as i32;
        name(area, entry, top)?;
        let corners = [(NAMES, top + 2), (NAMES + length, top + LINE - 3)];
        area.draw(&Rectangle::new(corners, colour(&entry.contestant).filled()))?;
        let cut = if ratio > CUT { "… " } else { "" };
        let text = format!("{cut}{ratio:.2} ×, {} s", seconds(entry.median.wall_s));
        area.draw(&Text::new(text, (NAMES + length + 6, top + 3), font(12)))?;
    }
    Ok(())
}

fn seconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{seconds:.3}") } else { format!("{seconds:.2}") }
}

/// Dots for p50, p99, p99.9 and the longest, on a logarithmic axis from 10 ns to 1 s.
fn step_panel(area: &Area, runs: &Runs) -> Drawn {
    const FROM: f64 = -2.0;
    const TO: f64 = 6.0;
    title(area, runs)?;
    let room = f64::from(area.dim_in_pixel().0 as i32 - NAMES - 40);
    let x = |us: f64| NAMES + (room * (us.log10().clamp(FROM, TO) - FROM) / (TO - FROM)) as i32;
    area.draw(&Text::new("dots: p50, p99, p99.9; stroke: the longest", (WIDTH as i32 / 2 - 290, 10), font(13)))?;
    let bottom = HEAD + LINE * runs.entries.len() as i32 - 8;
    for (us, text) in [
        (0.1, "100 ns"),
        (1.0, "1 µs"),
        (10.0, "10 µs"),
        (100.0, "0.1 ms"),
        (1e3, "1 ms"),
        (1e4, "10 ms"),
        (1e5, "0.1 s"),
    ] {
        let line = vec![(x(us), HEAD - 10), (x(us), bottom)];
        area.draw(&PathElement::new(line, RGBColor(225, 225, 225)))?;
        area.draw(&Text::new(text, (x(us) - 16, bottom + 4), font(11)))?;
    }
    for (index, entry) in runs.entries.iter().enumerate() {
        let top = HEAD - 10 + LINE * index as i32;
        let middle = top + LINE / 2 - 1;
        name(area, entry, top)?;
        let Some(Steps { p50_us, p99_us, p999_us, max_us }) = entry.median.steps else { continue };
        let colour = colour(&entry.contestant);
        area.draw(&PathElement::new(vec![(x(p50_us), middle), (x(max_us), middle)], colour.stroke_width(2)))?;
        for (us, size) in [(p50_us, 3), (p99_us, 4), (p999_us, 5)] {
            area.draw(&Circle::new((x(us), middle), size, colour.filled()))?;
        }
        area.draw(&PathElement::new(vec![(x(max_us), middle - 6), (x(max_us), middle + 6)], colour.stroke_width(3)))?;
    }
    Ok(())
}

/// A curve: on the left what an allocation takes, on the right how long pauses are.
///
/// # Errors
///
/// A file that cannot be written.
pub fn curve(growth: &Growth, curve: &Curve, file: &Path) -> Result<(), String> {
    let at = |figure: fn(&crate::growth::Point) -> f64| -> Vec<(f64, f64)> {
        curve.points.iter().map(|point| (point.x, figure(point))).collect()
    };
    drawn(file, 420, |root| {
        let (head, rest) = root.split_vertically(30);
        head.draw(&Text::new(format!("{} ({})", curve.title, growth.machine), (10, 8), font(16)))?;
        let halves = rest.split_evenly((1, 2));
        let of_time = [("elapsed", at(|point| point.wall_ns)), ("processor time", at(|point| point.cpu_ns))];
        lines(&halves[0], curve, "ns for each allocation", &of_time)?;
        let of_pauses = [
            ("longest pause", at(|point| point.pause_max_ms)),
            ("p99.9", at(|point| point.pause_p999_ms)),
            ("median", at(|point| point.pause_p50_ms)),
        ];
        lines(&halves[1], curve, "ms", &of_pauses)
    })
}

/// The power of ten below or above: an axis of part of a decade would have no labels.
fn decade(value: f64, round: fn(f64) -> f64) -> f64 {
    10_f64.powf(round(value.log10()))
}

fn lines(area: &Area, curve: &Curve, unit: &str, series: &[(&str, Vec<(f64, f64)>)]) -> Drawn {
    const COLOURS: [RGBColor; 3] = [RGBColor(31, 119, 180), RGBColor(255, 152, 62), RGBColor(84, 163, 92)];
    let points = || series.iter().flat_map(|(_, points)| points.iter().copied()).filter(|&(_, y)| y > 0.0);
    let range = |of: fn(&(f64, f64)) -> f64| {
        points().fold((f64::MAX, f64::MIN), |(least, most), point| (least.min(of(&point)), most.max(of(&point))))
    };
    let ((left, right), (low, high)) = (range(|point| point.0), range(|point| point.1));
    if low > high {
        return Ok(());
    }
    // A logarithmic axis has no place for 0, which some curves begin with.
    let places: Vec<f64> = curve.points.iter().map(|point| point.x).collect();
    let place = |x: f64| places.iter().position(|&place| place == x).unwrap_or(0) as f64;
    let label = |at: &f64| {
        let near = at.round();
        let shown = (at - near).abs() < 0.01 && near >= 0.0;
        if shown { places.get(near as usize).map_or(String::new(), f64::to_string) } else { String::new() }
    };
    debug_assert!(left <= right);
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(-0.2..place(right) + 0.2, (decade(low, f64::floor)..decade(high, f64::ceil)).log_scale())?;
    chart
        .configure_mesh()
        .x_labels(2 * places.len() + 1)
        .x_label_formatter(&label)
        .x_desc(curve.unit.clone())
        .y_desc(unit)
        .disable_x_mesh()
        .light_line_style(RGBColor(240, 240, 240))
        .draw()?;
    for ((name, points), colour) in series.iter().zip(COLOURS) {
        let points: Vec<(f64, f64)> =
            points.iter().filter(|point| point.1 > 0.0).map(|&(x, y)| (place(x), y)).collect();
        chart.draw_series(points.iter().map(|&point| Circle::new(point, 4, colour.filled())))?;
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart.configure_series_labels().position(SeriesLabelPosition::UpperLeft).background_style(WHITE.mix(0.8)).draw()?;
    Ok(())
}
