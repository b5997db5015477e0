//! What to do about the Secret's content: one decision at a time, each of them one guarded write.
//!
//! A new authority is trusted first and used second, so that no client ever meets a certificate that
//! it has no reason to trust:
//!
//! ```text
//!            announce                   promote                        retire
//! steady ---------------> ca + next ---------------> next as ca, ------------------> steady
//!   |      (bundle: both)  once every place shows    old trusted     a day later
//!   |                      the new bundle for a
//!   `-- renew: same ca     minute
//! ```
//!
//! The state is in the Secret alone, so whoever goes on after a crash finds it; and because a write
//! names the version that it was decided on, of several replicas that decide at once one wins and the
//! others look again.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    authority::{Authority, MakeCertificateError},
    lifetimes::{Lifetimes, after},
    material::{Material, Stored},
    names::ServingNames,
    serving::{Serving, Verdict, ends_within},
    x509::Certificate,
};

/// How long an authority that signs no more stays trusted. Replicas take the new certificate within a minute or two.
/// A replica that still serves under the old authority makes this time begin anew.
pub(crate) const RETIRED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// When this many authorities that sign no more are still trusted, deleting the Secret asks for no further authority:
/// whatever deletes it again and again must not fill the places that trust us.
pub(crate) const MOST_RETIRED: usize = 16;

/// What a decision depends on, besides what is stored.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) now: Timestamp,
    pub(crate) names: &'a ServingNames,
    pub(crate) lifetimes: &'a Lifetimes,
    /// What this replica last read.
    pub(crate) remembered: Option<&'a Material>,
    /// The authority of the certificate that this replica serves.
    pub(crate) served_under: Option<&'a Certificate>,
    /// Whether every place that trusts us has shown the next authority for long enough.
    pub(crate) next_is_trusted: bool,
}

/// Why something is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Occasion {
    /// The Secret is missing or empty.
    NothingStored,
    /// There is something, but it can't be read.
    Unreadable,
    /// The serving certificate is not as it should be.
    Serving(Verdict),
    /// The next authority can't be used.
    NextUnusable,
}

/// One step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// All is well, or waits.
    Keep,
    /// Make everything: nobody can trust us yet, so nobody is cut off.
    Begin(Occasion),
    /// Write back what this replica remembers, and announce a new authority, unless there were many
    /// lately: deleting the Secret asks for new keys, but gets them without an interruption.
    Restore(Occasion),
    /// Sign a new serving certificate.
    Renew(Occasion),
    /// Make the next authority, to be trusted beside the one in use.
    Announce(Occasion),
    /// Sign with the next authority from now on.
    Promote,
    /// Keep the authority trusted under which this replica serves.
    Vouch,
    /// Stop trusting the authorities that signed before.
    Retire,
}

/// Decides.
pub(crate) fn plan(stored: &Stored, view: &View<'_>) -> Step {
    match stored {
        Stored::Missing | Stored::Empty => restore_or_begin(Occasion::NothingStored, view),
        Stored::Unreadable(_) => restore_or_begin(Occasion::Unreadable, view),
        Stored::Material(material) => plan_for(material, view),
    }
}

fn restore_or_begin(cause: Occasion, view: &View<'_>) -> Step {
    let usable = view.remembered.is_some_and(|material| {
        matches!(judge(material, view), Ok(Verdict::Good | Verdict::EndsSoon))
    });
    if usable {
        Step::Restore(cause)
    } else {
        Step::Begin(cause)
    }
}

fn judge(material: &Material, view: &View<'_>) -> Result<Verdict, Occasion> {
    let View {
        now,
        names,
        lifetimes,
        ..
    } = *view;
    match &material.serving {
        Ok(serving) => Ok(serving.judge(&material.authority.certificate, names, now, lifetimes)),
        Err(_) => Err(Occasion::Unreadable),
    }
}

fn plan_for(material: &Material, view: &View<'_>) -> Step {
    let bad = match judge(material, view) {
        Ok(Verdict::Good | Verdict::EndsSoon) => None,
        Ok(verdict) => Some(Occasion::Serving(verdict)),
        Err(cause) => Some(cause),
    };
    if let Some(cause) = bad {
        return if is_usable(&material.authority, view.now) {
            Step::Renew(cause)
        } else {
            Step::Begin(cause)
        };
    }
    if must_vouch(material, view) {
        return Step::Vouch;
    }
    match &material.next {
        Some(next) if !is_usable(next, view.now) => return Step::Announce(Occasion::NextUnusable),
        Some(_) if view.next_is_trusted => return Step::Promote,
        Some(_) => {}
        None if judge(material, view) == Ok(Verdict::EndsSoon) => {
            let cause = Occasion::Serving(Verdict::EndsSoon);
            return if lasts(&material.authority, view) {
                Step::Renew(cause)
            } else {
                Step::Announce(cause)
            };
        }
        None => {}
    }
    let over = material.retired_until.is_none_or(|until| view.now >= until);
    if over && !material.retired.is_empty() {
        return Step::Retire;
    }
    Step::Keep
}

fn is_usable(authority: &Authority, now: Timestamp) -> bool {
    let validity = authority.certificate.validity;
    authority.can_sign() && (validity.not_before..=validity.not_after).contains(&now)
}

/// Whether the authority lasts long enough to sign another serving certificate.
fn lasts(authority: &Authority, view: &View<'_>) -> bool {
    let left = view.lifetimes.replace_authority_before;
    authority.can_sign() && !ends_within(authority.certificate.validity, left, view.now)
}

/// Whether clients don't trust, or will soon not trust, the authority that this replica serves under.
fn must_vouch(material: &Material, view: &View<'_>) -> bool {
    let Some(served_under) = view.served_under else {
        return false;
    };
    if served_under.validity.not_after < view.now {
        return false;
    }
    let is_in_use = *served_under == material.authority.certificate
        || (material.next.as_ref()).is_some_and(|next| next.certificate == *served_under);
    let half = after(view.now, RETIRED_FOR / 2);
    !is_in_use
        && (!material.trusts(served_under)
            || material.retired_until.is_none_or(|until| until < half))
}

/// Carries a step out in memory; `None` when nothing changes.
pub(crate) fn carry_out(
    step: Step,
    stored: &Stored,
    view: &View<'_>,
) -> Result<Option<Material>, MakeCertificateError> {
    let View {
        now,
        names,
        lifetimes,
        ..
    } = *view;
    let material = match stored {
        Stored::Material(material) => Some(&**material),
        _ => None,
    };
    let changed = match (step, material, view.remembered) {
        (Step::Begin(_), material, _) => {
            let authority = Authority::generate(now, lifetimes)?;
            let serving = authority.sign(names, now, lifetimes)?;
            let mut begun = Material {
                serving: Ok(serving),
                authority,
                next: None,
                retired: vec![],
                retired_until: None,
            };
            for trusted in material.into_iter().flat_map(Material::trusted) {
                begun.keep_trusting(trusted.clone(), now);
            }
            begun
        }
        (Step::Restore(_), _, Some(remembered)) => {
            let mut restored = remembered.clone();
            if restored.next.is_none() && restored.retired.len() < MOST_RETIRED {
                restored.next = Some(Authority::generate(now, lifetimes)?);
            }
            restored
        }
        (Step::Renew(_), Some(material), _) => Material {
            serving: Ok(sign(&material.authority, view)?),
            ..material.clone()
        },
        (Step::Announce(_), Some(material), _) => Material {
            next: Some(Authority::generate(now, lifetimes)?),
            ..material.clone()
        },
        (Step::Promote, Some(material), _) => {
            let Some(next) = material.next.clone() else {
                return Ok(None);
            };
            let mut promoted = Material {
                serving: Ok(sign(&next, view)?),
                authority: next,
                next: None,
                ..material.clone()
            };
            promoted.keep_trusting(material.authority.certificate.clone(), now);
            promoted
        }
        (Step::Vouch, Some(material), _) => {
            let mut vouched = material.clone();
            if let Some(served_under) = view.served_under {
                vouched.keep_trusting(served_under.clone(), now);
            }
            vouched
        }
        (Step::Retire, Some(material), _) => Material {
            retired: vec![],
            retired_until: None,
            ..material.clone()
        },
        // `Keep` changes nothing. Other combinations don't occur, since `plan` decided on the same content.
        _ => return Ok(None),
    };
    Ok(Some(changed))
}

fn sign(authority: &Authority, view: &View<'_>) -> Result<Serving, MakeCertificateError> {
    authority.sign(view.names, view.now, view.lifetimes)
}

impl Material {
    /// Trusts an authority that doesn't sign (any more), and all others of that sort, for a day from
    /// now on.
    fn keep_trusting(&mut self, certificate: Certificate, now: Timestamp) {
        if !self.trusts(&certificate) {
            self.retired.push(certificate);
        }
        let lives = |retired: &Certificate| retired.validity.not_after >= now;
        self.retired.retain(lives);
        self.retired_until = Some(after(now, RETIRED_FOR));
    }
}
