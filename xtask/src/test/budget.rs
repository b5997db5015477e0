//! What end-to-end tests cost, in seconds of the cluster's time: as declared, as allowed, and as it was.
//!
//! Costs are declared by test and not measured, so that a slow machine fails nobody's run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use localkube::workspace;
use serde::Deserialize;

/// Where costs are declared.
const COSTS: &str = "tests/e2e/costs.yaml";

/// How many of the tests that took longest are told.
const LONGEST: usize = 20;

/// The file's content.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Costs {
    /// What the tests of a deployable may cost.
    budget: u64,
    /// What those of some may cost.
    budgets: BTreeMap<String, u64>,
    /// What a test costs.
    usual: u64,
    /// What some cost.
    tests: BTreeMap<String, u64>,
}

/// The tests of each deployable.
#[derive(Debug, Default)]
pub(super) struct Budget {
    rows: BTreeMap<String, Row>,
    /// The tests that took longest, in seconds.
    longest: Vec<(String, f64)>,
}

#[derive(Debug, Default, PartialEq)]
struct Row {
    tests: u64,
    /// None where the tests of CI don't count.
    cost: Option<u64>,
    budget: u64,
    /// Seconds in which at least one of its tests ran.
    ran: f64,
}

impl Budget {
    /// Of the tests with these names.
    pub(super) fn of(names: &[String]) -> Result<Self> {
        let path = workspace::root().join(COSTS);
        let text = std::fs::read_to_string(&path).context(COSTS)?;
        let costs: Costs = serde_yaml_ng::from_str(&text).context(COSTS)?;
        let listed: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        if let Some(gone) = costs.tests.keys().find(|test| !listed.contains(&***test)) {
            bail!("{COSTS}: no test of CI is called {gone}");
        }
        Ok(Self::adding_up(&costs, names))
    }

    fn adding_up(costs: &Costs, names: &[String]) -> Self {
        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        for name in names {
            let deployable = deployable(name);
            let row = rows.entry(deployable.to_owned()).or_default();
            row.tests += 1;
            let cost = costs.tests.get(name).copied().unwrap_or(costs.usual);
            *row.cost.get_or_insert_default() += cost;
            row.budget = costs
                .budgets
                .get(deployable)
                .copied()
                .unwrap_or(costs.budget);
        }
        Self {
            rows,
            ..Self::default()
        }
    }

    /// Of all tests of a deployable, the dear ones too: how long they took is told, and nothing is too much.
    pub(super) fn without_limit(names: &[String]) -> Self {
        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        for name in names {
            rows.entry(deployable(name).to_owned()).or_default().tests += 1;
        }
        Self {
            rows,
            ..Self::default()
        }
    }

    /// An error that names each deployable whose tests cost too much.
    pub(super) fn check(&self) -> Result<()> {
        let over = self.rows.iter().filter_map(|(name, row)| {
            let (cost, budget) = (row.cost.filter(|cost| *cost > row.budget)?, row.budget);
            Some(format!(
                "tests of {name} cost {cost} s of cluster time, {budget} s are allowed"
            ))
        });
        let over: Vec<String> = over.collect();
        ensure!(over.is_empty(), "{} ({COSTS})", over.join("; "));
        Ok(())
    }

    /// Adds what the tests have noted of their times.
    pub(super) fn ran(&mut self, times: &Path) -> Result<()> {
        let text = std::fs::read_to_string(times).context("read the times of tests")?;
        let noted: serde_json::Result<Vec<Noted>> =
            text.lines().map(serde_json::from_str).collect();
        let noted = noted.context("read the times of tests")?;
        for (deployable, ran) in by_deployable(&noted) {
            self.rows.entry(deployable).or_default().ran = ran;
        }
        let mut longest: Vec<(String, f64)> = noted
            .into_iter()
            .map(|Noted { test, from, to }| (test, to - from))
            .collect();
        longest.sort_by(|a, b| b.1.total_cmp(&a.1));
        longest.truncate(LONGEST);
        self.longest = longest;
        Ok(())
    }
}

/// When a test ran.
#[derive(Deserialize)]
struct Noted {
    test: String,
    from: f64,
    to: f64,
}

/// How long at least one test of each deployable ran.
fn by_deployable(noted: &[Noted]) -> BTreeMap<String, f64> {
    let mut times: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for Noted { test, from, to } in noted {
        let times = times.entry(deployable(test).to_owned()).or_default();
        times.push((*from, *to));
    }
    let together = |mut times: Vec<(f64, f64)>| {
        times.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut until = f64::MIN;
        times.iter().fold(0.0, |sum, (from, to)| {
            let new = (to - from.max(until)).max(0.0);
            until = until.max(*to);
            sum + new
        })
    };
    let times = times.into_iter();
    times
        .map(|(deployable, times)| (deployable, together(times)))
        .collect()
}

/// The module that a test is in.
fn deployable(test: &str) -> &str {
    test.split("::").next().unwrap_or(test)
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n{:<20} {:>6} {:>8} {:>8} {:>8}",
            "end-to-end tests of", "tests", "cost s", "budget", "took s"
        )?;
        for (name, row) in &self.rows {
            let Row { tests, ran, .. } = row;
            let declared = row
                .cost
                .map(|cost| (cost.to_string(), row.budget.to_string()));
            let (cost, budget) = declared.unwrap_or_else(|| ("-".to_owned(), "-".to_owned()));
            writeln!(f, "{name:<20} {tests:>6} {cost:>8} {budget:>8} {ran:>8.0}")?;
        }
        if !self.longest.is_empty() {
            writeln!(f, "\nthe longest, most of them beside others:")?;
        }
        for (test, seconds) in &self.longest {
            writeln!(f, "{seconds:>6.0} s  {test}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs() -> Costs {
        let text = "budget: 10\nbudgets: { b: 20 }\nusual: 3\ntests: { 'a::x::dear': 9 }\n";
        serde_yaml_ng::from_str(text).unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_deployable_whose_tests_cost_too_much_is_named() {
        let within = Budget::adding_up(&costs(), &names(&["a::x::dear", "b::x", "b::y"]));
        within.check().unwrap();
        let over = names(&["a::x::dear", "a::x::usual", "b::x"]);
        let error = Budget::adding_up(&costs(), &over).check().unwrap_err();
        let expected =
            "tests of a cost 12 s of cluster time, 10 s are allowed (tests/e2e/costs.yaml)";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn all_tests_of_a_deployable_may_take_what_they_take() {
        let budget = Budget::without_limit(&names(&["a::x", "a::full::y"]));
        budget.check().unwrap();
        let told = budget.to_string();
        let row = told.lines().last().unwrap();
        let row: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(row, ["a", "2", "-", "-", "0"]);
    }

    #[test]
    fn a_cost_of_a_test_that_is_gone_is_an_error() {
        let error = Budget::of(&[]).unwrap_err().to_string();
        assert!(
            error.starts_with("tests/e2e/costs.yaml: no test of CI is called "),
            "{error}"
        );
    }

    #[test]
    fn tests_that_run_at_once_take_the_cluster_once() {
        let noted = |test: &str, from, to| Noted {
            test: test.to_owned(),
            from,
            to,
        };
        let noted = [
            noted("a::x", 4.0, 6.0),
            noted("a::y", 1.0, 3.0),
            noted("a::z", 2.0, 5.0),
            noted("b::x", 0.0, 9.0),
        ];
        let expected = [("a".to_owned(), 5.0), ("b".to_owned(), 9.0)];
        assert_eq!(by_deployable(&noted), expected.into());
    }
}
