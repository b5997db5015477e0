use kruise_api::int_or_string::{
    IntOrString, Rounding, kruise_percent, lenient_percent, partition, resolve_or_zero,
    strict_percent,
};
use rstest::rstest;

fn value(text: &str) -> IntOrString {
    text.parse()
        .map_or_else(|_| IntOrString::String(text.to_owned()), IntOrString::Int)
}

fn text(text: &str) -> IntOrString {
    IntOrString::String(text.to_owned())
}

// IP-162; the worked values of cloneset.md 5.5.
#[rstest]
#[case("0%", [0, 0, 0, 0, 0])]
#[case("1%", [1, 1, 1, 1, 1])]
#[case("50%", [1, 1, 2, 3, 5])]
#[case("99%", [1, 1, 2, 4, 9])]
#[case("100%", [1, 2, 3, 5, 10])]
#[case("100.0%", [1, 1, 2, 4, 9])]
#[case("150%", [1, 2, 3, 5, 10])]
#[case("33.4%", [1, 1, 2, 2, 4])]
#[case("7", [1, 2, 3, 5, 7])]
#[case("-7", [0, 0, 0, 0, 0])]
fn partition_ip_162(#[case] written: &str, #[case] expected: [i32; 5]) {
    let resolved =
        [1, 2, 3, 5, 10].map(|replicas| partition(Some(&value(written)), replicas).unwrap());
    assert_eq!(resolved, expected);
}

#[test]
fn no_partition_keeps_no_pod_ip_162() {
    assert_eq!(partition(None, 10), Ok(0));
}

// IP-162
#[rstest]
#[case("3", 10, 3, 3)]
#[case("-3", 10, -3, -3)]
#[case("20%", 10, 2, 2)]
#[case("0.5%", 10, 1, 0)]
#[case("33.5%", 10, 4, 3)]
#[case("30%", 5, 2, 1)]
#[case("-20%", 10, -2, -2)]
fn kruise_percent_ip_162(
    #[case] written: &str,
    #[case] total: i32,
    #[case] up: i32,
    #[case] down: i32,
) {
    assert_eq!(kruise_percent(&value(written), total, Rounding::Up), Ok(up));
    assert_eq!(
        kruise_percent(&value(written), total, Rounding::Down),
        Ok(down)
    );
}

#[rstest]
#[case("5")]
#[case("")]
#[case("%")]
#[case("abc%")]
#[case("inf%")]
#[case("NaN%")]
#[case("5 %")]
fn what_is_no_kruise_percent_is_an_error_ip_162(#[case] written: &str) {
    assert!(kruise_percent(&text(written), 10, Rounding::Up).is_err());
}

// IP-162
#[rstest]
#[case("5", 100, Some(5))]
#[case("1", 3, Some(1))]
#[case("%5%", 100, Some(5))]
#[case("5.5%", 100, None)]
#[case("x", 100, None)]
fn lenient_percent_ip_162(#[case] written: &str, #[case] total: i32, #[case] up: Option<i32>) {
    assert_eq!(
        lenient_percent(&text(written), total, Rounding::Up).ok(),
        up
    );
}

// IP-162
#[rstest]
#[case(text("5%"), Some(1), Some(0))]
#[case(text("150%"), Some(15), Some(15))]
#[case(text("-5%"), Some(0), Some(-1))]
#[case(text("5"), None, None)]
#[case(text("5.5%"), None, None)]
#[case(text("%5%"), None, None)]
#[case(text("%"), None, None)]
#[case(IntOrString::Int(7), Some(7), Some(7))]
fn strict_percent_of_ten_ip_162(
    #[case] value: IntOrString,
    #[case] up: Option<i32>,
    #[case] down: Option<i32>,
) {
    assert_eq!(strict_percent(&value, 10, Rounding::Up).ok(), up);
    assert_eq!(strict_percent(&value, 10, Rounding::Down).ok(), down);
}

#[test]
fn lenient_floor_of_one_of_three_is_none_ip_162() {
    assert_eq!(lenient_percent(&text("1"), 3, Rounding::Down), Ok(0));
}

// CS-43, DV-CS5, CS-S24
#[rstest]
#[case(text("33.5%"), Rounding::Up, 4)]
#[case(text("33.5%"), Rounding::Down, 3)]
#[case(text("5"), Rounding::Up, 1)]
#[case(text("many"), Rounding::Up, 0)]
#[case(text("many%"), Rounding::Up, 0)]
#[case(IntOrString::Int(4), Rounding::Down, 4)]
fn limits_of_ten_pods_cs_43(
    #[case] value: IntOrString,
    #[case] rounding: Rounding,
    #[case] expected: i32,
) {
    assert_eq!(resolve_or_zero(&value, 10, rounding), expected);
}

// CS-43: 20 % of 3
#[test]
fn default_unavailable_depends_on_rounding_cs_43() {
    assert_eq!(resolve_or_zero(&text("20%"), 3, Rounding::Up), 1);
    assert_eq!(resolve_or_zero(&text("20%"), 3, Rounding::Down), 0);
}
