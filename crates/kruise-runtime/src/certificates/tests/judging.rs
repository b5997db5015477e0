use std::time::Duration;

use jiff::Timestamp;
use rstest::rstest;

use super::cluster::start_time;
use crate::certificates::{
    Lifetimes,
    authority::Authority,
    lifetimes::{after, before},
    names::ServingNames,
    serving::{Serving, Verdict},
};

const DAY: Duration = Duration::from_secs(86_400);

fn names() -> ServingNames {
    ServingNames::of_services("ns", ["app"])
}

fn make() -> (Authority, Serving) {
    let lifetimes = Lifetimes::default();
    let authority = Authority::generate(start_time(), &lifetimes).unwrap();
    let serving = authority.sign(&names(), start_time(), &lifetimes).unwrap();
    (authority, serving)
}

fn left(days: u32) -> Timestamp {
    before(after(start_time(), 3650 * DAY), days * DAY)
}

#[rstest]
#[case::at_once(start_time(), Verdict::Good)]
#[case::for_a_clock_that_is_behind(before(start_time(), Duration::from_secs(3500)), Verdict::Good)]
#[case::too_far_behind(before(start_time(), Duration::from_secs(3700)), Verdict::NotYetValid)]
#[case::before_the_time_to_renew(left(181), Verdict::Good)]
#[case::pf_s3(left(179), Verdict::EndsSoon)]
#[case::on_the_last_day(left(1), Verdict::EndsSoon)]
#[case::over(after(left(0), DAY), Verdict::Expired)]
fn time_decides(#[case] now: Timestamp, #[case] verdict: Verdict) {
    let (authority, serving) = make();
    let judged = serving.judge(&authority.certificate, &names(), now, &Lifetimes::default());
    assert_eq!(judged, verdict);
}

/// PF-S5.
#[test]
fn renewal_may_be_put_off() {
    let (authority, serving) = make();
    let lifetimes = Lifetimes {
        renew_before: 30 * DAY,
        ..Lifetimes::default()
    };
    let judge = |now| serving.judge(&authority.certificate, &names(), now, &lifetimes);
    assert_eq!(judge(left(31)), Verdict::Good);
    assert_eq!(judge(left(29)), Verdict::EndsSoon);
}

#[test]
fn a_short_life_is_used_for_two_thirds() {
    let lifetimes = Lifetimes {
        serving: 30 * DAY,
        ..Lifetimes::default()
    };
    let authority = Authority::generate(start_time(), &lifetimes).unwrap();
    let serving = authority.sign(&names(), start_time(), &lifetimes).unwrap();
    let judge = |days: u32| {
        let now = after(start_time(), days * DAY);
        serving.judge(&authority.certificate, &names(), now, &lifetimes)
    };
    assert_eq!(judge(19), Verdict::Good);
    assert_eq!(judge(21), Verdict::EndsSoon);
}

#[test]
fn names_and_signatures_count() {
    let (authority, serving) = make();
    let other = Authority::generate(start_time(), &Lifetimes::default()).unwrap();
    let lifetimes = Lifetimes::default();
    let more = ServingNames::of_services("ns", ["app", "another"]);
    assert_eq!(
        serving.judge(&authority.certificate, &more, start_time(), &lifetimes),
        Verdict::WrongNames
    );
    assert_eq!(
        serving.judge(&other.certificate, &names(), start_time(), &lifetimes),
        Verdict::NotSigned
    );
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let ((authority, one), (_, two)) = (make(), make());
    let error = Serving::read(one.chain_pem.as_bytes(), two.key_pem.as_bytes()).unwrap_err();
    assert!(crate::chain(&error).contains("KeyMismatch"), "{error:?}");
    let pem = authority.certificate.to_pem();
    let read = |key: &str| Authority::read(pem.as_bytes(), Some(key.as_bytes())).unwrap();
    assert!(read(authority.key_pem().unwrap()).can_sign());
    assert!(!read(&two.key_pem).can_sign());
    assert!(!read("nonsense").can_sign());
}

#[test]
fn what_is_written_is_what_go_writes() {
    let (authority, serving) = make();
    let pem = serving.chain_pem;
    let read = crate::certificates::x509::Certificate::from_pem(pem.as_bytes()).unwrap();
    assert_eq!(read.to_pem(), pem);
    assert!(
        authority
            .key_pem()
            .unwrap()
            .starts_with("-----BEGIN PRIVATE KEY-----\n")
    );
}

#[test]
fn serial_numbers_differ() {
    let (authority, one) = make();
    let two = authority
        .sign(&names(), start_time(), &Lifetimes::default())
        .unwrap();
    let serial = |serving: &Serving| {
        let (_, parsed) = x509_parser::parse_x509_certificate(&serving.certificate.der).unwrap();
        parsed.raw_serial().to_vec()
    };
    assert_ne!(serial(&one), serial(&two));
}

/// PF-1008.
#[rstest]
#[case("10d", 10)]
#[case("2m", 60)]
#[case("1y", 365)]
#[case("0d", 180)]
#[case("5x", 180)]
#[case("", 180)]
#[case("d", 180)]
#[case("-1d", 180)]
#[case("4294967295y", 180)]
fn the_time_to_renew_is_read_as_openkruise_reads_it(#[case] text: &str, #[case] days: u32) {
    let lifetimes = Lifetimes::default().with_renew_before(text);
    assert_eq!(lifetimes.renew_before, days * DAY);
}
