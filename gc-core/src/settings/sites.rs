//! The settings of the tracking of allocation sites.

use core::str::FromStr;

use super::error::SettingError;

/// How allocation sites are tracked: see [`observe::sites`](crate::observe::sites).
///
/// ```
/// use gc_core::observe::sites::SitesConfig;
///
/// let config = SitesConfig { sample_bytes: 64 << 10, ..SitesConfig::default() };
/// assert_eq!("65536".parse(), Ok(config));
/// assert_eq!("exact,frames=8".parse(), Ok(SitesConfig { frames: 8, ..SitesConfig::exact() }));
/// assert!("often".parse::<SitesConfig>().unwrap_err().to_string().contains("found `often`"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SitesConfig {
    /// The mean of the bytes from one sample to the next: 512 KiB by default. With 0 every
    /// allocation is a sample.
    pub sample_bytes: usize,
    /// How many frames of the stack are recorded with each sample: none by default; more than 255
    /// count as 255. Takes effect with the crate's feature `backtraces`.
    pub frames: usize,
    /// How many different sites are told apart: 16 384 by default. A site is a place in the source
    /// with a type and a backtrace. What is allocated at others counts as allocated at the site
    /// `(others)`.
    pub max_sites: usize,
    /// How many samples of live objects are kept: 2²⁰ by default, of some 150 bytes each. What
    /// finds no room counts as allocated, and never as live. There are as many places of live roots
    /// at most.
    pub max_samples: usize,
}

impl Default for SitesConfig {
    fn default() -> Self {
        Self { sample_bytes: 512 << 10, frames: 0, max_sites: 1 << 14, max_samples: 1 << 20 }
    }
}

/// More frames are not recorded.
pub(crate) const MAX_FRAMES: usize = 255;

impl SitesConfig {
    /// Returns the settings with which every allocation is a sample: exact figures, for tests. Each
    /// allocation takes some hundred nanoseconds then.
    ///
    /// ```
    /// assert_eq!(gc_core::observe::sites::SitesConfig::exact().sample_bytes, 0);
    /// ```
    #[must_use]
    pub fn exact() -> Self {
        Self { sample_bytes: 0, ..Self::default() }
    }
}

impl FromStr for SitesConfig {
    type Err = SettingError;

    /// Parses what the environment variable `GC_CORE_SITES` may hold: bytes or `exact`, and perhaps
    /// `,frames=N`.
    fn from_str(text: &str) -> Result<Self, SettingError> {
        let error = || {
            let expected = "`exact` or the mean bytes from one sample to the next, and perhaps `,frames=N` behind it, with N up to 255";
            SettingError::new(
                "sites",
                expected,
                format!("`{text}`"),
                "524288 is cheap enough for production, `exact` is for tests",
            )
        };
        let mut parts = text.split(',').map(str::trim);
        let mut config = match parts.next().unwrap_or_default() {
            "exact" => Self::exact(),
            bytes => Self { sample_bytes: bytes.parse().map_err(|_| error())?, ..Self::default() },
        };
        for part in parts {
            let frames = part.strip_prefix("frames=").ok_or_else(error)?;
            config.frames = frames.parse().ok().filter(|&frames| frames <= MAX_FRAMES).ok_or_else(error)?;
        }
        Ok(config)
    }
}
