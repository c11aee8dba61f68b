//! The settings of a heap: the values that the builder takes, and the stress settings for tests.

pub(crate) mod config;
pub(crate) mod error;
pub(crate) mod log;
pub(crate) mod sites;
pub(crate) mod stress;
pub(crate) mod system_memory;

pub use config::{BuildError, Thresholds, Unfinalized};
pub use error::SettingError;
pub(crate) use sites::MAX_FRAMES;
pub use sites::SitesConfig;
pub use stress::Stress;
