//! Figures as text: aligned columns, and a verdict for each aim.

/// Aligned lines: the first column to the left, the others to the right.
pub(super) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..n_columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).enumerate();
            let cells: Vec<String> = cells
                .map(|(idx, (cell, width))| match idx {
                    0 => format!("{cell:width$}"),
                    _ => format!("{cell:>width$}"),
                })
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}

/// Prints them.
pub(super) fn print(rows: &[Vec<String>]) {
    for line in aligned(rows) {
        println!("{line}");
    }
}

/// One aim and what was measured.
#[derive(Debug, Clone)]
pub(super) struct Aim {
    pub(super) what: String,
    pub(super) measured: f64,
    pub(super) at_most: f64,
    pub(super) unit: &'static str,
}

impl Aim {
    pub(super) fn is_met(&self) -> bool {
        self.measured <= self.at_most
    }

    pub(super) fn verdict(&self) -> Vec<String> {
        let figure = |value: f64| {
            let text = format!("{value:.2} {}", self.unit);
            text.trim_end().to_owned()
        };
        vec![
            self.what.clone(),
            figure(self.measured),
            format!("at most {}", figure(self.at_most)),
            if self.is_met() { "met" } else { "MISSED" }.to_owned(),
        ]
    }
}

/// Bytes in MB, as aims are given in.
pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let lines = aligned(&[
            row(["", "RSS"]),
            row(["idle", "9.5"]),
            row(["10000 pods", "30.25"]),
        ]);
        assert_eq!(
            lines,
            [
                "              RSS",
                "idle          9.5",
                "10000 pods  30.25"
            ]
        );
    }

    #[test]
    fn an_aim_is_met_up_to_its_limit() {
        let aim = |measured| Aim {
            what: "peak / settled".to_owned(),
            measured,
            at_most: 1.5,
            unit: "",
        };
        assert!(aim(1.5).is_met());
        assert_eq!(
            aim(1.6).verdict(),
            ["peak / settled", "1.60", "at most 1.50", "MISSED"]
        );
    }
}
