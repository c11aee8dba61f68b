//! How numbers are printed: as C's `%g` does, six significant digits without trailing zeros.

use std::fmt;

/// Prints a number as Lox does.
pub(crate) struct Shown(pub(crate) f64);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number) = *self;
        if number.is_nan() {
            return f.write_str(if number.is_sign_negative() { "-nan" } else { "nan" });
        }
        if number.is_infinite() {
            return f.write_str(if number < 0.0 { "-inf" } else { "inf" });
        }
        // Rounded to the digits shown first: 999999.5 has the exponent of 1e+06.
        let scientific = format!("{number:.*e}", DIGITS - 1);
        let (mantissa, exponent) = scientific.split_once('e').expect("`e` notation has an exponent");
        let exponent: i32 = exponent.parse().expect("the exponent is an integer");
        let point = DIGITS as i32 - 1 - exponent;
        if exponent < -4 || point < 0 {
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(f, "{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
        } else {
            f.write_str(trimmed(&format!("{number:.*}", point as usize)))
        }
    }
}

fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// Significant digits.
const DIGITS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_printf_g() {
        let cases: [(f64, &str); 17] = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1 + 0.2, "0.3"),
            (123456.0, "123456"),
            (999_999.4, "999999"),
            (999_999.5, "1e+06"),
            (1_234_567.0, "1.23457e+06"),
            (1e100, "1e+100"),
            (0.0001, "0.0001"),
            (0.00001234, "1.234e-05"),
            (1.0 / 3.0, "0.333333"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (-f64::NAN, "-nan"),
        ];
        for (number, shown) in cases {
            assert_eq!(Shown(number).to_string(), shown);
        }
    }
}
