//! How figures are spread: least, median, ninth tenth, greatest.

use std::fmt;

/// Four figures of many. The median and the ninth tenth are figures that occurred (nearest rank).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) n: usize,
    pub(super) min: f64,
    pub(super) median: f64,
    pub(super) p90: f64,
    pub(super) max: f64,
}

impl Spread {
    /// Of at least one figure.
    pub(super) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let n = figures.len();
        let rank = |tenths: usize| figures.get((n * tenths).div_ceil(10).max(1) - 1).copied();
        Some(Self {
            n,
            min: rank(0)?,
            median: rank(5)?,
            p90: rank(9)?,
            max: rank(10)?,
        })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "min {:.2}, median {:.2}, p90 {:.2}, max {:.2} s (n={})",
            self.min, self.median, self.p90, self.max, self.n
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_that_occurred() {
        let spread = Spread::of((1..=20).rev().map(f64::from)).unwrap();
        assert_eq!(
            (spread.min, spread.median, spread.p90, spread.max, spread.n),
            (1.0, 10.0, 18.0, 20.0, 20)
        );
        let one = Spread::of([-0.5]).unwrap();
        assert_eq!(
            (one.min, one.median, one.p90, one.max),
            (-0.5, -0.5, -0.5, -0.5)
        );
        assert_eq!(Spread::of([]), None);
    }
}
