//! What the environment says of the events that go to stderr.

use core::str::FromStr;

use crate::stats::Level;

use super::error::SettingError;

/// The least level of events that are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Printed(pub(crate) Level);

/// By default warnings are printed.
impl Default for Printed {
    fn default() -> Self {
        Self(Level::Warning)
    }
}

impl FromStr for Printed {
    type Err = SettingError;

    /// Parses what the environment variable `GC_CORE_LOG` may hold.
    fn from_str(text: &str) -> Result<Self, SettingError> {
        match text {
            "debug" => Ok(Self(Level::Debug)),
            "warning" => Ok(Self(Level::Warning)),
            _ => {
                let advice = "unset it for warnings only, or give the heap a hook (`HeapBuilder::on_event`)";
                Err(SettingError::new("on_event", "`debug` or `warning`", format!("`{text}`"), advice))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_names() {
        assert_eq!(["debug", "warning"].map(str::parse), [Ok(Printed(Level::Debug)), Ok(Printed::default())]);
        assert_eq!("Debug".parse::<Printed>().unwrap_err().found, "`Debug`");
    }
}
