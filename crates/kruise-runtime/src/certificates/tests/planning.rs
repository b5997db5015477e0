use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::cluster::start_time;
use crate::certificates::{
    Lifetimes,
    authority::Authority,
    lifetimes::after,
    material::{Material, Stored},
    names::ServingNames,
    plan::{MOST_RETIRED, Occasion, RETIRED_FOR, Step, View, carry_out, plan},
    serving::Verdict,
    x509::Certificate,
};

const DAY: Duration = Duration::from_secs(86_400);

struct Given {
    now: Timestamp,
    names: ServingNames,
    lifetimes: Lifetimes,
    stored: Stored,
    remembered: Option<Material>,
    served_under: Option<Certificate>,
    next_is_trusted: bool,
}

impl Given {
    fn new(stored: Stored) -> Self {
        Self {
            now: start_time(),
            names: ServingNames::of_services("ns", ["app"]),
            lifetimes: Lifetimes::default(),
            stored,
            remembered: None,
            served_under: None,
            next_is_trusted: false,
        }
    }

    /// What the first replica makes.
    fn begun() -> Self {
        let mut given = Self::new(Stored::Missing);
        given.step(Step::Begin(Occasion::NothingStored));
        given.served_under = Some(given.material().authority.certificate.clone());
        given
    }

    fn view(&self) -> View<'_> {
        View {
            now: self.now,
            names: &self.names,
            lifetimes: &self.lifetimes,
            remembered: self.remembered.as_ref(),
            served_under: self.served_under.as_ref(),
            next_is_trusted: self.next_is_trusted,
        }
    }

    fn plan(&self) -> Step {
        plan(&self.stored, &self.view())
    }

    /// Expects the step and carries it out, by way of what is stored.
    fn step(&mut self, expected: Step) {
        assert_eq!(self.plan(), expected);
        let material = carry_out(expected, &self.stored, &self.view())
            .unwrap()
            .unwrap();
        self.stored = Stored::read(Some(&json!({ "data": material.data() })));
    }

    fn material(&mut self) -> &mut Material {
        match &mut self.stored {
            Stored::Material(material) => material,
            other => panic!("{other:?}"),
        }
    }

    fn days_later(&mut self, days: u32) {
        self.now = after(self.now, days * DAY);
    }
}

#[test]
fn certificates_that_were_just_made_are_kept() {
    let given = Given::begun();
    assert_eq!(given.plan(), Step::Keep);
    let stored = Stored::read(Some(&json!({ "data": {} })));
    assert_eq!(
        Given::new(stored).plan(),
        Step::Begin(Occasion::NothingStored)
    );
}

#[test]
fn what_is_stored_has_openkruises_keys() {
    let mut given = Given::begun();
    let data = given.material().data();
    let keys = data.as_object().unwrap().iter();
    let keys: Vec<_> = keys
        .filter(|(_, value)| !value.is_null())
        .map(|(key, _)| key.as_str())
        .collect();
    assert_eq!(
        keys,
        [
            "ca-cert.pem",
            "ca-key.pem",
            "cert.pem",
            "key.pem",
            "tls.crt",
            "tls.key"
        ]
    );
    assert_eq!(data["cert.pem"], data["tls.crt"]);
    assert_eq!(data["key.pem"], data["tls.key"]);
}

#[test]
fn nonsense_is_replaced() {
    for data in [
        json!({ "ca-cert.pem": "!" }),
        json!({ "x": "eA==" }),
        json!({ "ca-cert.pem": "eA==" }),
    ] {
        let given = Given::new(Stored::read(Some(&json!({ "data": data }))));
        assert_eq!(given.plan(), Step::Begin(Occasion::Unreadable), "{data}");
    }
}

#[test]
fn what_is_remembered_is_restored_and_a_rotation_begun() {
    let mut given = Given::begun();
    let remembered = given.material().clone();
    given.remembered = Some(remembered.clone());
    given.stored = Stored::Missing;
    given.step(Step::Restore(Occasion::NothingStored));
    let restored = given.material();
    assert_eq!(
        restored.authority.certificate,
        remembered.authority.certificate
    );
    assert!(restored.next.is_some());
    assert_eq!(given.plan(), Step::Keep);
}

/// A day must not have to pass between two deletions: the second leak of a key is as bad as the first.
#[test]
fn deleting_the_secret_asks_for_a_new_authority_each_time_but_not_without_end() {
    let mut given = Given::begun();
    for n_retired in 0..=MOST_RETIRED {
        assert_eq!(given.material().retired.len(), n_retired);
        given.remembered = Some(given.material().clone());
        given.stored = Stored::Missing;
        given.step(Step::Restore(Occasion::NothingStored));
        if n_retired == MOST_RETIRED {
            break;
        }
        given.next_is_trusted = true;
        given.step(Step::Promote);
        given.next_is_trusted = false;
        given.served_under = Some(given.material().authority.certificate.clone());
    }
    assert!(given.material().next.is_none());
    assert_eq!(given.material().trusted().len(), MOST_RETIRED + 1);
    given.now = after(given.now, RETIRED_FOR);
    given.step(Step::Retire);
    assert_eq!(given.material().trusted().len(), 1);
}

#[test]
fn what_has_expired_is_not_restored() {
    let mut given = Given::begun();
    given.remembered = Some(given.material().clone());
    given.stored = Stored::Missing;
    given.days_later(3651);
    assert_eq!(given.plan(), Step::Begin(Occasion::NothingStored));
}

#[test]
fn a_serving_certificate_that_cant_be_used_is_signed_anew_by_the_same_authority() {
    let mut given = Given::begun();
    let authority = given.material().authority.certificate.clone();
    let mut data = given.material().data();
    data["key.pem"] = json!("eA==");
    given.stored = Stored::read(Some(&json!({ "data": data })));
    given.step(Step::Renew(Occasion::Unreadable));
    assert_eq!(given.material().authority.certificate, authority);
    assert_eq!(given.plan(), Step::Keep);
    given.names = ServingNames::of_services("ns", ["renamed"]);
    given.step(Step::Renew(Occasion::Serving(Verdict::WrongNames)));
    assert_eq!(given.plan(), Step::Keep);
}

/// PF-S3: an authority that lasts is not replaced with the certificate.
#[test]
fn renewal_keeps_an_authority_that_lasts() {
    let mut given = Given::begun();
    given.lifetimes.serving = 1000 * DAY;
    given.names = ServingNames::of_services("ns", ["renamed"]);
    given.step(Step::Renew(Occasion::Serving(Verdict::WrongNames)));
    given.days_later(821);
    given.step(Step::Renew(Occasion::Serving(Verdict::EndsSoon)));
    assert_eq!(given.plan(), Step::Keep);
}

/// PF-S4, in two phases.
#[test]
fn an_authority_is_trusted_before_it_signs_and_after_it_has_signed() {
    let mut given = Given::begun();
    let old = given.material().authority.certificate.clone();
    given.days_later(3480);
    given.step(Step::Announce(Occasion::Serving(Verdict::EndsSoon)));
    let next = given.material().next.clone().unwrap().certificate;
    assert_eq!(given.material().trusted(), [&old, &next]);
    assert_eq!(given.material().authority.certificate, old);
    assert_eq!(given.plan(), Step::Keep, "until it is trusted");

    given.next_is_trusted = true;
    given.step(Step::Promote);
    given.next_is_trusted = false;
    assert_eq!(given.material().trusted(), [&next, &old]);
    assert_eq!(given.material().authority.certificate, next);
    given.served_under = Some(next.clone());
    assert_eq!(given.plan(), Step::Keep);

    given.now = after(given.now, RETIRED_FOR);
    given.step(Step::Retire);
    assert_eq!(given.material().trusted(), [&next]);
    assert_eq!(given.plan(), Step::Keep);
}

#[test]
fn whoever_still_serves_under_an_old_authority_keeps_it_trusted() {
    let mut given = Given::begun();
    let old = given.served_under.clone();
    given.days_later(3480);
    given.step(Step::Announce(Occasion::Serving(Verdict::EndsSoon)));
    given.next_is_trusted = true;
    given.step(Step::Promote);
    given.now = after(given.now, RETIRED_FOR * 2 / 3);
    given.step(Step::Vouch);
    given.now = after(given.now, RETIRED_FOR / 3);
    assert_eq!(given.plan(), Step::Keep);

    let mut foreign = Given::begun();
    foreign.served_under = old.clone();
    foreign.now = given.now;
    // By now the foreign material is old as well, but lasts long enough for this.
    foreign.stored = Given::begun().stored;
    foreign.now = start_time();
    foreign.step(Step::Vouch);
    assert!(foreign.material().trusts(&old.unwrap()));
    assert_eq!(foreign.plan(), Step::Keep);
}

#[test]
fn an_authority_without_a_key_is_used_until_it_has_to_sign() {
    let mut given = Given::begun();
    let pem = given.material().authority.certificate.to_pem();
    given.material().authority = Authority::read(pem.as_bytes(), None).unwrap();
    assert_eq!(given.plan(), Step::Keep);
    given.days_later(3480);
    given.step(Step::Announce(Occasion::Serving(Verdict::EndsSoon)));
    let next = given.material().next.clone().unwrap();
    given.material().next =
        Some(Authority::read(next.certificate.to_pem().as_bytes(), None).unwrap());
    given.next_is_trusted = true;
    assert_eq!(given.plan(), Step::Announce(Occasion::NextUnusable));
}

#[test]
fn when_nothing_can_be_saved_all_is_made_anew_and_the_old_stays_trusted() {
    let mut given = Given::begun();
    let old = given.material().authority.certificate.clone();
    given.material().authority = Authority::read(old.to_pem().as_bytes(), None).unwrap();
    given.names = ServingNames::of_services("ns", ["renamed"]);
    given.step(Step::Begin(Occasion::Serving(Verdict::WrongNames)));
    assert!(given.material().trusts(&old));
    assert_ne!(given.material().authority.certificate, old);
}
