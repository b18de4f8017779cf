//! A share of counted things with its 95 % interval: Wilson, "Probable inference, the law of
//! succession, and statistical inference", 1927. Unlike the normal interval it stays inside 0 to 1
//! and is honest where little was counted.

use serde::Serialize;

/// The quantile of the normal distribution for 95 %, both sides.
const Z: f64 = 1.959_963_984_540_054;

/// A share of counted things.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// How many.
    pub n: u64,
    /// Of how many.
    pub of: u64,
    /// The share, 0 to 1; none of none is unknown.
    pub value: Option<f64>,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Share {
    /// `n` of `of`, with the interval in which the true share lies in 95 of 100 cases.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "tickets are counted, far below 2^52"
    )]
    pub fn new(n: u64, of: u64) -> Self {
        if of == 0 {
            return Self {
                n,
                of,
                value: None,
                low: 0.0,
                high: 1.0,
            };
        }
        let (total, share) = (of as f64, n as f64 / of as f64);
        let z_squared = Z * Z;
        let middle = share + z_squared / (2.0 * total);
        let spread = Z * (share * (1.0 - share) / total + z_squared / (4.0 * total * total)).sqrt();
        let scale = 1.0 + z_squared / total;
        Self {
            n,
            of,
            value: Some(share),
            low: ((middle - spread) / scale).max(0.0),
            high: ((middle + spread) / scale).min(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of statsmodels' `proportion_confint(method="wilson")`.
    #[test]
    fn intervals_are_those_of_wilson() {
        let check = |n, of, low: f64, high: f64| {
            let share = Share::new(n, of);
            assert!((share.low - low).abs() < 5e-4, "{share:?}");
            assert!((share.high - high).abs() < 5e-4, "{share:?}");
        };
        check(9, 10, 0.5958, 0.9821);
        check(0, 10, 0.0, 0.2775);
        check(90, 100, 0.8256, 0.9448);
        assert_eq!(Share::new(0, 0).value, None);
    }
}
