//! What came of it, for readers.

use std::collections::BTreeMap;
use std::fmt;

use crate::play::Difference;
use crate::request::Request;

/// A sequence that differs, as short as it could be made.
#[derive(Debug)]
pub struct Differing {
    pub(crate) seed: u64,
    pub(crate) requests: Vec<Request>,
    pub(crate) difference: Difference,
}

/// What came of all sequences.
#[derive(Debug, Default)]
pub struct Report {
    /// How many were played.
    pub sequences: usize,
    /// Those that differ, at most one of a kind of difference.
    pub differing: Vec<Differing>,
    /// How often each kind of difference was met.
    pub(crate) kinds: BTreeMap<String, Vec<u64>>,
    /// Requests by verb and by kind.
    pub(crate) verbs: BTreeMap<String, usize>,
    pub(crate) plurals: BTreeMap<String, usize>,
    /// Seeds of sequences that differed once and not again.
    pub(crate) once: Vec<(u64, Difference)>,
    /// How often a sequence was played again because of what the cluster does by the clock.
    pub(crate) disturbed: usize,
}

impl Report {
    /// How many sequences differ.
    #[must_use]
    pub fn differences(&self) -> usize {
        self.kinds.values().map(Vec::len).sum()
    }

    pub(crate) fn count(&mut self, requests: &[Request]) {
        self.sequences += 1;
        for request in requests {
            let verb = match request.subresource {
                "" => request.verb.name().to_owned(),
                subresource => format!("{} {subresource}", request.verb.name()),
            };
            *self.verbs.entry(verb).or_default() += 1;
            *self
                .plurals
                .entry(request.kind.plural.to_owned())
                .or_default() += 1;
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for differing in &self.differing {
            writeln!(formatter, "{differing}")?;
        }
        for (kind, seeds) in &self.kinds {
            let some: Vec<String> = seeds.iter().take(5).map(u64::to_string).collect();
            writeln!(
                formatter,
                "{:>5} × {kind} (seeds {} …)",
                seeds.len(),
                some.join(", ")
            )?;
        }
        let requests: usize = self.verbs.values().sum();
        for counts in [&self.verbs, &self.plurals] {
            let shown: Vec<String> = counts
                .iter()
                .map(|(name, count)| format!("{name} {count}"))
                .collect();
            writeln!(formatter, "{}", shown.join(", "))?;
        }
        for (seed, difference) in &self.once {
            let (place, of) = (&difference.place, &difference.of);
            writeln!(
                formatter,
                "seed {seed} differed once and not when played again, after {:?} in {of} at {}:\n  {}\n  {}",
                difference.request, place.pointer, place.kit, place.cluster
            )?;
        }
        if self.disturbed > 0 {
            writeln!(
                formatter,
                "played again {} times, as pods were collected or versions forgotten meanwhile",
                self.disturbed
            )?;
        }
        writeln!(
            formatter,
            "{} sequences, {requests} requests, {} differences",
            self.sequences,
            self.differences()
        )
    }
}

impl fmt::Display for Differing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let difference = &self.difference;
        writeln!(formatter, "seed {} differs; what is left of it:", self.seed)?;
        for request in &self.requests {
            writeln!(formatter, "  {request}")?;
            let answer = difference.answers.iter().find(|(id, ..)| *id == request.id);
            if let Some((_, kit, cluster)) = answer {
                if kit == cluster {
                    writeln!(formatter, "      both:     {kit}")?;
                } else {
                    writeln!(formatter, "      test kit: {kit}")?;
                    writeln!(formatter, "      cluster:  {cluster}")?;
                }
            }
        }
        let after = difference.request.map_or_else(
            || "at the end".to_owned(),
            |id| format!("after request {id}"),
        );
        let place = &difference.place;
        writeln!(
            formatter,
            "  {after}, {} differs at {}",
            difference.of, place.pointer
        )?;
        writeln!(formatter, "      test kit: {}", place.kit)?;
        writeln!(formatter, "      cluster:  {}", place.cluster)?;
        writeln!(
            formatter,
            "  again: cargo xtask conformance --sequences 1 --seed {}",
            self.seed
        )
    }
}
