use kruise_api::quantity::{canonical, round_up_to_milli};
use rstest::rstest;

// IP-133, CS-9; seen from apimachinery.
#[rstest]
#[case("0", "0", "0")]
#[case("0Gi", "0", "0")]
#[case("1000m", "1", "1")]
#[case("1024Mi", "1Gi", "1Gi")]
#[case("1.5Gi", "1536Mi", "1536Mi")]
#[case("0.5Mi", "512Ki", "512Ki")]
#[case("0.1", "100m", "100m")]
#[case("1.5", "1500m", "1500m")]
#[case("1.500", "1.500", "1.500")]
#[case("0.250", "250m", "250m")]
#[case("1e3", "1e3", "1e3")]
#[case("1e2", "100", "100")]
#[case("100n", "100n", "1m")]
#[case("1500u", "1500u", "2m")]
#[case("-1500u", "-1500u", "-2m")]
#[case("0.1n", "1n", "1m")]
#[case("0.0001Ki", "102400u", "103m")]
#[case("1.1Ki", "1126400m", "1126400m")]
// Read again, the text is 64k.
#[case("62.5Ki", "64000", "64000")]
#[case("16Ei", "9223372036854775807", "9223372036854775807")]
fn canonical_text_ip_133(#[case] text: &str, #[case] written: &str, #[case] rounded: &str) {
    assert_eq!(canonical(text).as_deref(), Some(written));
    assert_eq!(round_up_to_milli(text).as_deref(), Some(rounded));
}

#[rstest]
#[case("")]
#[case("-")]
#[case("abc")]
#[case("1.2.3")]
#[case("1 Gi")]
#[case("1e")]
fn what_is_no_quantity(#[case] text: &str) {
    assert_eq!(canonical(text), None);
}
