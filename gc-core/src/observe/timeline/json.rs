//! JSON, as far as a timeline needs it.

use core::fmt::{self, Write as _};

/// Writes a text as a JSON string, with its quotation marks (RFC 8259, section 7).
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                // Viewers may put the text into a page, or into a script.
                '\0'..='\u{1f}' | '\u{7f}' | '<' | '\u{2028}' | '\u{2029}' => write!(f, "\\u{:04x}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

/// Writes nanoseconds as microseconds, exactly.
#[derive(Clone, Copy)]
pub(super) struct Micros(pub(super) i64);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:03}", nanos / 1000, nanos % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_string_whatever_it_holds() {
        assert_eq!(Text("a\"b\\c\n\u{0}ä</script>").to_string(), r#""a\"b\\c\u000a\u0000ä\u003c/script>""#);
    }

    #[test]
    fn microseconds_are_exact() {
        let written = [0, 1, 999, 1000, 1_234_567, -1, -1500].map(|nanos| Micros(nanos).to_string());
        assert_eq!(written, ["0.000", "0.001", "0.999", "1.000", "1234.567", "-0.001", "-1.500"]);
    }
}
