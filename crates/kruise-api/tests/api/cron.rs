//! Cron schedules: which texts are some, and when they are due. Times are the vectors of advancedcronjob.md, 5.2.

use std::collections::BTreeSet;

use jiff::{civil::DateTime, tz::TimeZone};
use kruise_api::{
    cron::{Schedule, Zone, has_own_zone},
    meta::Time,
};
use proptest::prelude::*;
use rstest::rstest;

use crate::instances::config;

fn next(schedule: &str, after: &str, n_times: usize, process: &TimeZone) -> Vec<String> {
    let schedule = Schedule::parse(schedule).unwrap();
    let mut time: Time = after.parse().unwrap();
    let mut times = Vec::new();
    while times.len() < n_times {
        let Some(next) = schedule.next(time, process) else {
            times.push("none".to_owned());
            break;
        };
        times.push(next.to_string());
        time = next;
    }
    times
}

// AC-24 to AC-28, DV-AC1
#[rstest]
#[case(
    "*/15 * * * *",
    "2026-01-10T08:00:00.5Z",
    "2026-01-10T08:15:00Z 2026-01-10T08:30:00Z"
)]
#[case("*/15 * * * *", "2026-01-10T07:59:59.999Z", "2026-01-10T08:00:00Z")]
#[case(
    "5/20 * * * *",
    "2026-01-10T08:00:00Z",
    "2026-01-10T08:05:00Z 2026-01-10T08:25:00Z 2026-01-10T08:45:00Z 2026-01-10T09:05:00Z"
)]
#[case(
    "*/7 * * * *",
    "2026-01-10T08:50:00Z",
    "2026-01-10T08:56:00Z 2026-01-10T09:00:00Z 2026-01-10T09:07:00Z"
)]
#[case(
    "0/90 * * * *",
    "2026-01-10T00:10:00Z",
    "2026-01-10T01:00:00Z 2026-01-10T02:00:00Z"
)]
#[case(
    "*-5/2 * * * *",
    "2026-01-10T00:10:00Z",
    "2026-01-10T00:12:00Z 2026-01-10T00:14:00Z"
)]
#[case(
    "1,,2 * * * *",
    "2026-01-10T00:00:00Z",
    "2026-01-10T00:01:00Z 2026-01-10T00:02:00Z 2026-01-10T01:01:00Z"
)]
#[case(
    "0 0 1,15 * MON",
    "2026-01-10T00:00:00Z",
    "2026-01-12T00:00:00Z 2026-01-15T00:00:00Z 2026-01-19T00:00:00Z 2026-01-26T00:00:00Z"
)]
#[case(
    "0 0 */2 * 1",
    "2026-01-10T00:00:00Z",
    "2026-01-11T00:00:00Z 2026-01-12T00:00:00Z 2026-01-13T00:00:00Z 2026-01-15T00:00:00Z 2026-01-17T00:00:00Z"
)]
#[case(
    "0 0 */1 * 1",
    "2026-01-10T00:00:00Z",
    "2026-01-12T00:00:00Z 2026-01-19T00:00:00Z"
)]
#[case(
    "0 0 31 * *",
    "2026-01-31T00:00:00Z",
    "2026-03-31T00:00:00Z 2026-05-31T00:00:00Z 2026-07-31T00:00:00Z"
)]
#[case(
    "0 0 29 2 *",
    "2026-01-10T00:00:00Z",
    "2028-02-29T00:00:00Z 2032-02-29T00:00:00Z"
)]
#[case("0 0 30 2 *", "2026-01-10T00:00:00Z", "none")]
#[case(", * * * *", "2026-01-10T00:00:00Z", "none")]
#[case("@weekly", "2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z")]
#[case("@monthly", "2026-01-10T00:00:00Z", "2026-02-01T00:00:00Z")]
#[case("@yearly", "2026-01-10T00:00:00Z", "2027-01-01T00:00:00Z")]
#[case("@annually", "2026-01-10T00:00:00Z", "2027-01-01T00:00:00Z")]
#[case("@midnight", "2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z")]
#[case(
    "@every 90s",
    "2026-01-10T08:00:07.25Z",
    "2026-01-10T08:01:37Z 2026-01-10T08:03:07Z"
)]
#[case(
    "@every 1.5s",
    "2026-01-10T08:00:07.25Z",
    "2026-01-10T08:00:08Z 2026-01-10T08:00:09Z"
)]
#[case(
    "@every 500ms",
    "2026-01-10T08:00:07.25Z",
    "2026-01-10T08:00:08Z 2026-01-10T08:00:09Z"
)]
#[case("@every -1h", "2026-01-10T08:00:07.25Z", "2026-01-10T08:00:08Z")]
#[case(
    "@every 1h30m10s",
    "2026-01-10T08:00:07Z",
    "2026-01-10T09:30:17Z 2026-01-10T11:00:27Z"
)]
#[case(
    "TZ=Asia/Shanghai @every 1h",
    "2026-01-10T08:00:07Z",
    "2026-01-10T09:00:07Z"
)]
#[case(
    "TZ=Asia/Shanghai 0 8 * * *",
    "2026-01-10T08:00:00Z",
    "2026-01-11T00:00:00Z 2026-01-12T00:00:00Z"
)]
#[case(
    "TZ=America/New_York 30 2 * * *",
    "2026-03-07T12:00:00Z",
    "2026-03-09T06:30:00Z 2026-03-10T06:30:00Z"
)]
#[case(
    "TZ=America/New_York 0 3 * * *",
    "2026-03-07T12:00:00Z",
    "2026-03-08T07:00:00Z 2026-03-09T07:00:00Z"
)]
#[case(
    "TZ=America/New_York */30 * * * *",
    "2026-03-08T06:15:00Z",
    "2026-03-08T06:30:00Z 2026-03-08T07:00:00Z 2026-03-08T07:30:00Z 2026-03-08T08:00:00Z"
)]
#[case(
    "TZ=America/New_York 30 1 * * *",
    "2026-10-31T12:00:00Z",
    "2026-11-01T05:30:00Z 2026-11-01T06:30:00Z 2026-11-02T06:30:00Z"
)]
#[case(
    "TZ=America/New_York 0 2 * * *",
    "2026-10-31T12:00:00Z",
    "2026-11-01T07:00:00Z 2026-11-02T07:00:00Z"
)]
#[case(
    "TZ=America/New_York 0 0 * * *",
    "2026-03-07T12:00:00Z",
    "2026-03-08T05:00:00Z 2026-03-09T04:00:00Z"
)]
#[case(
    "TZ=Asia/Kolkata 0 9 * * *",
    "2026-01-10T00:00:00Z",
    "2026-01-10T03:30:00Z"
)]
#[case(
    "TZ=Australia/Lord_Howe 45 1 * * *",
    "2026-04-04T00:00:00Z",
    "2026-04-04T14:45:00Z 2026-04-04T15:15:00Z 2026-04-05T15:15:00Z"
)]
#[case(
    "TZ=America/Santiago 0 0 * * *",
    "2026-09-04T12:00:00Z",
    "2026-09-05T04:00:00Z 2026-09-07T03:00:00Z"
)]
#[case(
    "TZ=Africa/Cairo 0 12 24 4 *",
    "2026-04-22T12:00:00Z",
    "2026-04-24T09:00:00Z"
)]
#[case(
    "TZ=Australia/Lord_Howe 0 3 * * *",
    "2021-10-02T06:43:00Z",
    "2021-10-02T16:00:00Z"
)]
// A change at 00:01 repeats times of two days: 00:00:30 of the second is before the first's 23:30 comes again.
#[case(
    "TZ=America/St_Johns 30 23 * * *",
    "2010-11-06T12:00:00Z",
    "2010-11-07T02:00:00Z 2010-11-07T03:00:00Z 2010-11-08T03:00:00Z"
)]
fn schedules_are_due(#[case] schedule: &str, #[case] after: &str, #[case] expected: &str) {
    let expected: Vec<_> = expected.split(' ').collect();
    assert_eq!(
        next(schedule, after, expected.len(), &TimeZone::UTC),
        expected
    );
}

// AC-22
#[test]
fn a_schedule_without_a_zone_is_in_that_of_the_process() {
    let process = TimeZone::fixed(jiff::tz::offset(-3));
    let after = "2026-01-10T00:00:00Z";
    let due = |schedule| next(schedule, after, 1, &process);
    assert_eq!(due("0 9 * * *"), ["2026-01-10T12:00:00Z"]);
    assert_eq!(due("TZ=Local 0 9 * * *"), ["2026-01-10T12:00:00Z"]);
    assert_eq!(due("TZ= 0 9 * * *"), ["2026-01-10T09:00:00Z"]);
    let schedule = Schedule::parse("0 9 * * *").unwrap();
    let schedule = schedule.in_zone(Zone::named("Asia/Shanghai").unwrap());
    let due = schedule.next(after.parse().unwrap(), &process);
    assert_eq!(due.unwrap().to_string(), "2026-01-10T01:00:00Z");
}

// AC-20 to AC-26
#[rstest]
#[case("+5 * * * *")]
#[case("05 08 * * *")]
#[case(" 0 0 * * * ")]
#[case("TZ=UTC   @daily  ")]
#[case("CRON_TZ=UTC @hourly")]
#[case("0 0 * jan,DEC sun")]
#[case("0 0 ? * 1-5")]
#[case("0\t0\n* * *")]
#[case("1-5/100 * * * *")]
#[case("TZ=Etc/UTC 0 0 * * *")]
#[case("TZ=US/Eastern 0 0 * * *")]
#[case("@every 0")]
#[case("@every +.5h")]
#[case("@every 1\u{b5}s2\u{3bc}s3us4ns")]
fn a_schedule_is_read(#[case] text: &str) {
    Schedule::parse(text).unwrap();
}

// AC-20 to AC-26, AC-P2
#[rstest]
#[case("")]
#[case("* * * *")]
#[case("* * * * * *")]
#[case("60 * * * *")]
#[case("* 24 * * *")]
#[case("* * 0 * *")]
#[case("* * * 13 *")]
#[case("* * * * 7")]
#[case("* * * * sunday")]
#[case("*/0 * * * *")]
#[case("*/-1 * * * *")]
#[case("*/1/2 * * * *")]
#[case("1-2-3 * * * *")]
#[case("-1 * * * *")]
#[case("1.5 * * * *")]
#[case("* * L * *")]
#[case("5000000000 * * * *")]
#[case("22-2 * * * *")]
#[case("0 0 * * mon-sun")]
#[case("*/mon * * * *")]
#[case("jan * * * *")]
#[case("@Daily")]
#[case("@daily ")]
#[case(" @daily")]
#[case("@weekly 5")]
#[case("@reboot")]
#[case("@every 5")]
#[case("@every 1d")]
#[case("@every  5m")]
#[case("@every ")]
#[case("@every .s")]
#[case("@every 1h-5m")]
#[case("@every 2562048h")]
#[case("TZ=utc 0 0 * * *")]
#[case("tz=UTC 0 0 * * *")]
#[case("TZ=UTC")]
#[case("TZ=UTC ")]
#[case("TZ=UTC\t0 0 * * *")]
#[case("TZ=../UTC 0 0 * * *")]
#[case("TZ=/UTC 0 0 * * *")]
#[case("TZ=local 0 0 * * *")]
#[case("TZ=Etc/Unknown 0 0 * * *")]
#[case("0 0 * * * TZ=UTC")]
fn what_is_no_schedule_is_refused(#[case] text: &str) {
    assert!(Schedule::parse(text).is_err());
}

// AC-12, AC-22
#[rstest]
#[case("TZ=UTC 0 0 * * *", true)]
#[case("0 0 * * * TZ", true)]
#[case("0 0 * * *", false)]
fn a_zone_is_seen_wherever_it_stands(#[case] schedule: &str, #[case] expected: bool) {
    assert_eq!(has_own_zone(schedule), expected);
}

fn field() -> impl Strategy<Value = String> {
    let number = || (0..24_u32).prop_map(|number| number.to_string());
    let part = prop_oneof![
        Just("*".to_owned()),
        number(),
        (0..12_u32, 0..12_u32).prop_map(|(from, n)| format!("{from}-{}", from + n)),
        (1..30_u32).prop_map(|step| format!("*/{step}")),
    ];
    prop::collection::vec(part, 1..3).prop_map(|parts| parts.join(","))
}

/// Zones whose changes are unusual.
const ZONES: [&str; 6] = [
    "UTC",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Santiago",
    "Pacific/Apia",
];

proptest! {
    #![proptest_config(config())]

    // AC-P2
    #[test]
    fn no_text_breaks_the_reader(text in "((CRON_)?TZ=[A-Za-z/]{0,8} )?[-0-9*?/,a-z @.+]{0,24}|\\PC{0,24}") {
        if let Ok(schedule) = Schedule::parse(&text) {
            let _ = schedule.next(Time::MAX, &TimeZone::UTC);
            let _ = schedule.next(Time::MIN, &TimeZone::UTC);
        }
    }

    // AC-27: in the next three days, minute by minute, nothing else is due, and what is due matches by the wall clock.
    #[test]
    fn nothing_is_due_in_between(
        minute in field(),
        hour in field(),
        zone in prop::sample::select(&ZONES[..]),
        seconds in 1_000_000_000_i64..1_900_000_000,
    ) {
        let text = format!("TZ={zone} {minute} {hour} * * *");
        if let Ok(schedule) = Schedule::parse(&text) {
            let zone = TimeZone::get(zone).unwrap();
            let after = Time::from_second(seconds).unwrap();
            let due = schedule.next(after, &TimeZone::UTC);
            // A day in UTC has every minute of the clock once.
            let mut of_clock = BTreeSet::new();
            let of_utc = Schedule::parse(&format!("{minute} {hour} * * *")).unwrap();
            let mut time = Time::from_second(-1).unwrap();
            while let Some(next) = of_utc.next(time, &TimeZone::UTC).filter(|next| next.as_second() < 86_400) {
                of_clock.insert(next.as_second() / 60);
                time = next;
            }
            let is_due = |clock: DateTime| {
                of_clock.contains(&(i64::from(clock.hour()) * 60 + i64::from(clock.minute())))
            };
            let first = (seconds / 60 + 1) * 60;
            let expected = (0..3 * 24 * 60)
                .map(|index| Time::from_second(first + index * 60).unwrap())
                .find(|time| is_due(zone.to_datetime(*time)));
            if let Some(expected) = expected {
                prop_assert_eq!(due, Some(expected));
            }
        }
    }
}
