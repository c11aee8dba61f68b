//! `SettingError`: what is wrong with a setting, wherever it is set.

use core::{fmt, str::FromStr};
use std::{env, ffi::OsString};

/// A setting that a heap cannot have: which one, what was expected, what was found, and what to do.
///
/// It is the same for a value that is out of its range, for text that is no
/// [`Stress`](crate::Stress) or [`SitesConfig`](crate::observe::sites::SitesConfig), and for a
/// variable of the environment.
///
/// ```
/// use gc_core::{Heap, Thresholds};
///
/// let heap = Heap::builder().build()?;
/// let error = heap.set_thresholds(Thresholds { growth_percent: 0, ..heap.thresholds() }).unwrap_err();
/// assert_eq!((error.name, &*error.found), ("growth_percent", "0"));
/// assert!(error.to_string().starts_with("growth_percent: expected at least 1 percent, found 0: "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SettingError {
    /// The setting: the name of the method of [`HeapBuilder`](crate::HeapBuilder), of the field of
    /// [`Thresholds`](crate::Thresholds), or of the variable of the environment. For text that the
    /// program parses itself it is `stress` or `sites`.
    pub name: &'static str,
    /// What is accepted.
    pub expected: String,
    /// What was found, as text.
    pub found: String,
    /// What to do.
    pub advice: String,
}

impl std::error::Error for SettingError {}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, expected, found, advice } = self;
        write!(f, "{name}: expected {expected}, found {found}: {advice}")
    }
}

impl SettingError {
    pub(super) fn new(
        name: &'static str,
        expected: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { name, expected: expected.into(), found: found.into(), advice: advice.into() }
    }
}

/// Reads a setting from the environment. `None` if the variable is not set, or empty.
pub(crate) fn from_environment<T: FromStr<Err = SettingError>>(name: &'static str) -> Result<Option<T>, SettingError> {
    env::var_os(name).filter(|text| !text.is_empty()).map(|text| from_text(name, text)).transpose()
}

fn from_text<T: FromStr<Err = SettingError>>(name: &'static str, text: OsString) -> Result<T, SettingError> {
    match text.into_string() {
        Ok(text) => text.parse().map_err(|error| SettingError { name, ..error }),
        Err(text) => {
            Err(SettingError::new(name, "Unicode", format!("{text:?}"), "set the variable to other text, or unset it"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;
    use crate::Stress;

    #[test]
    fn what_the_environment_says_is_read_or_named() {
        assert_eq!(from_environment::<Stress>("GC_CORE_NOT_SET"), Ok(None));
        assert_eq!(from_text::<Stress>("IT", "random=7".into()), Ok(Stress::random(7)));
        for (text, found) in [(b"random=\xff".to_vec(), r#""random=\xFF""#), (b"often".to_vec(), "`often`")] {
            let error = from_text::<Stress>("IT", OsString::from_vec(text)).unwrap_err();
            assert_eq!((error.name, &*error.found), ("IT", found));
        }
    }
}
