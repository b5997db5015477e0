//! A controller's own figures, from its `/metrics`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use ureq::Agent;

const PORT: u16 = 8080;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Values by name and labels, as they stand in the text.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Asks the pod at this address.
    pub(super) fn of(address: IpAddr) -> Result<Self> {
        let agent: Agent = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .proxy(None)
            .build()
            .into();
        let url = format!("http://{address}:{PORT}/metrics");
        let text = agent
            .get(&url)
            .call()
            .with_context(|| format!("ask {url}"))?
            .into_body()
            .read_to_string()
            .with_context(|| format!("read {url}"))?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let values = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let (name, value) = line.rsplit_once(' ')?;
                Some((name.to_owned(), value.parse().ok()?))
            });
        Self(values.collect())
    }

    /// How much a metric has grown since `before`, by the values of one of its labels.
    pub(super) fn growth(&self, before: &Self, metric: &str, label: &str) -> BTreeMap<String, f64> {
        let mut growth = BTreeMap::new();
        for (name, value) in &self.0 {
            let labels = name
                .strip_prefix(metric)
                .and_then(|rest| rest.strip_prefix('{')?.strip_suffix('}'));
            let Some(by) = labels.and_then(|labels| value_of(labels, label)) else {
                continue;
            };
            let more = value - before.0.get(name).copied().unwrap_or(0.0);
            if more > 0.0 {
                *growth.entry(by.to_owned()).or_insert(0.0) += more;
            }
        }
        growth
    }
}

/// Labels here have no commas in their values.
fn value_of<'a>(labels: &'a str, label: &str) -> Option<&'a str> {
    labels.split(',').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (name == label).then(|| value.trim_matches('"'))
    })
}

/// "3 gone, 1 silent", or "none".
pub(super) fn list(counts: &BTreeMap<String, f64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts
        .iter()
        .map(|(what, count)| format!("{count} {what}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_summed_by_a_label() {
        let before = Figures::parse("# HELP x\nx_total{code=\"200\",method=\"GET\"} 5\n");
        let after = Figures::parse(
            "x_total{code=\"200\",method=\"GET\"} 7\nx_total{code=\"200\",method=\"PATCH\"} 1\n\
             x_total{code=\"<error>\",method=\"GET\"} 4\nx_total_other{code=\"200\"} 9\ny 1\n",
        );
        let growth = after.growth(&before, "x_total", "code");
        assert_eq!(list(&growth), "3 200, 4 <error>");
        assert_eq!(list(&after.growth(&after, "x_total", "code")), "none");
    }
}
