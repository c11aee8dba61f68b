//! `pprof`: allocation sites, for pprof.

use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
};

use gc_inspect::{Contents, pprof::Profile};

use crate::{Answer, Failure};

use super::{Page, Show, beside};

pub(crate) fn pprof(show: &Show, path: &Path, output: Option<PathBuf>) -> Result<Answer, Failure> {
    let Contents::Sites(sites) = show.contents(path)? else {
        return Err(Failure::Usage(format!(
            "{}: expected allocation sites, as gc-core's `sites::Snapshot::save` writes them, found a file of another kind",
            path.display()
        )));
    };
    let profile = Profile::from(&sites);
    let output = output.unwrap_or_else(|| beside(path, ".pb.gz"));
    let failed = |error| Failure::Write(output.clone(), error);
    profile.write(BufWriter::new(File::create(&output).map_err(failed)?)).map_err(failed)?;
    let mut page = Page::new();
    page.line(format!("{}: {} rows", output.display(), profile.rows.len()))?;
    page.end()?;
    Ok(Answer::Found)
}
