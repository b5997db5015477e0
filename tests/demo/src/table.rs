//! The demo's tables as text: aligned columns, the same with and without a terminal.

use std::time::Duration;

use crate::pods::{ContainerView, PodView};

/// Characters of a UID that are shown: enough to tell pods apart.
const UID_TAIL: usize = 5;
/// Widths of the columns; the last one is open.
const WIDTHS: [usize; 8] = [7, 10, 6, 12, 6, 9, 9, 6];

/// The line above the changes.
pub(crate) fn header() -> String {
    line(
        &[
            "time", "pod", "node", "ip", "uid", "app", "sidecar", "ready",
        ]
        .map(str::to_owned),
        "state",
    )
}

/// One pod as a line, `since` the phase began.
pub(crate) fn row(since: Duration, pod: &PodView) -> String {
    let mut state = pod.state.clone();
    if pod.terminating {
        state.push_str(", terminating");
    }
    line(&cells(since, pod), &state)
}

/// A pod that is no more.
pub(crate) fn gone(since: Duration, pod: &PodView) -> String {
    line(&cells(since, pod), "gone")
}

/// Whether a reader sees a difference between the two.
pub(crate) fn looks_the_same(a: &PodView, b: &PodView) -> bool {
    row(Duration::ZERO, a) == row(Duration::ZERO, b)
}

/// A heading, a column for each of `columns`, and rows with a value for each.
pub(crate) fn comparison(columns: [&str; 2], rows: &[(String, [String; 2])]) -> Vec<String> {
    let width = |n: usize| {
        let title = columns.get(n).map_or(0, |title| title.chars().count());
        rows.iter()
            .filter_map(|(_, values)| values.get(n).map(|value| value.chars().count()))
            .fold(title, usize::max)
    };
    let label = rows
        .iter()
        .map(|(label, _)| label.chars().count())
        .max()
        .unwrap_or(0);
    let (first, second) = (width(0), width(1));
    let [left, right] = columns;
    std::iter::once(format!("{:label$}  {left:>first$}  {right:>second$}", ""))
        .chain(rows.iter().map(|(name, [left, right])| {
            format!("{name:label$}  {left:>first$}  {right:>second$}")
        }))
        .map(|line| line.trim_end().to_owned())
        .collect()
}

fn cells(since: Duration, pod: &PodView) -> [String; 8] {
    let or_dash = |text: &str| {
        if text.is_empty() {
            "-".to_owned()
        } else {
            text.to_owned()
        }
    };
    let tail_start = pod.uid.len().saturating_sub(UID_TAIL);
    [
        format!("{:5.1}s", since.as_secs_f64()),
        pod.name.clone(),
        or_dash(&pod.node),
        or_dash(&pod.ip),
        or_dash(pod.uid.get(tail_start..).unwrap_or(&pod.uid)),
        container(&pod.app),
        container(&pod.sidecar),
        if pod.ready { "yes" } else { "no" }.to_owned(),
    ]
}

/// `1 r0`: tag 1, no restarts. `1>2 r0`: 1 runs, 2 is wanted.
fn container(container: &ContainerView) -> String {
    let tag = if container.running.is_empty() {
        format!(">{}", container.wanted)
    } else if container.running == container.wanted {
        container.running.clone()
    } else {
        format!("{}>{}", container.running, container.wanted)
    };
    format!("{tag} r{}", container.restarts)
}

fn line(cells: &[String; 8], last: &str) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(WIDTHS) {
        line.push_str(&format!("{cell:width$}  "));
    }
    line.push_str(last);
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pods::tests::pod;

    #[test]
    fn rows_stand_below_their_headings() {
        let mut pod = pod("web-abcde", "2");
        pod.ip = "10.120.1.7".to_owned();
        pod.uid = "c0ffee12-0000-4000-8000-0000000a1b2c".to_owned();
        pod.app.running = "1".to_owned();
        pod.app.restarts = 3;
        pod.state = "Updating".to_owned();
        pod.ready = false;
        assert_eq!(
            header(),
            "time     pod         node    ip            uid     app        sidecar    ready   state"
        );
        assert_eq!(
            row(Duration::from_millis(1_230), &pod),
            "  1.2s   web-abcde   node1   10.120.1.7    a1b2c   1>2 r3     1 r0       no      Updating"
        );
    }

    #[test]
    fn a_new_pod_shows_what_is_not_known_yet() {
        let mut pod = pod("web-abcde", "1");
        pod.ip.clear();
        pod.node.clear();
        pod.app.running.clear();
        let row = row(Duration::ZERO, &pod);
        assert!(row.contains("web-abcde   -       -  "), "{row}");
        assert!(row.contains(">1 r0"), "{row}");
    }

    #[test]
    fn what_no_column_shows_is_no_change() {
        let before = pod("a", "1");
        let mut after = before.clone();
        after.app.ready = false;
        assert!(looks_the_same(&before, &after));
        after.terminating = true;
        assert!(!looks_the_same(&before, &after));
    }

    #[test]
    fn a_comparison_is_aligned_to_the_right() {
        let rows = [
            ("seconds".to_owned(), ["9.8".to_owned(), "31.0".to_owned()]),
            (
                "IPs kept".to_owned(),
                ["6 of 6".to_owned(), "0 of 6".to_owned()],
            ),
        ];
        assert_eq!(
            comparison(["in place", "ReCreate"], &rows),
            [
                "          in place  ReCreate",
                "seconds        9.8      31.0",
                "IPs kept    6 of 6    0 of 6"
            ]
        );
    }
}
