//! How many pods must stay available (PB-26 to PB-28).

use kruise_api::{
    int_or_string::{NumberError, Rounding, strict_percent},
    policy::v1beta1::PodUnavailableBudgetSpec,
};

/// How many of so many expected pods must stay available. `maxUnavailable` wins.
///
/// # Errors
/// When the limit is neither a number nor a percentage.
pub fn desired(spec: &PodUnavailableBudgetSpec, expected: i32) -> Result<i32, NumberError> {
    let number = |limit| strict_percent(limit, expected, Rounding::Up);
    if let Some(limit) = &spec.max_unavailable {
        return Ok(expected.saturating_sub(number(limit)?).max(0));
    }
    spec.min_available.as_ref().map_or(Ok(0), number)
}

#[cfg(test)]
mod tests {
    use kruise_api::int_or_string::IntOrString;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn spec(field: &str, limit: &str) -> PodUnavailableBudgetSpec {
        let limit = limit
            .parse()
            .map_or_else(|_| IntOrString::String(limit.to_owned()), IntOrString::Int);
        serde_json::from_value(json!({ field: limit })).unwrap()
    }

    // PB-23, PB-26, PB-27, PB-57
    #[rstest]
    #[case::a_share("maxUnavailable", "30%", 10, 7)]
    #[case::rounded_up("maxUnavailable", "10%", 15, 13)]
    #[case::of_one("maxUnavailable", "30%", 1, 0)]
    #[case::a_number("maxUnavailable", "2", 10, 8)]
    #[case::more_than_there_are("maxUnavailable", "12", 10, 0)]
    #[case::none("maxUnavailable", "0", 10, 10)]
    #[case::none_in_percent("maxUnavailable", "0%", 10, 10)]
    #[case::unknown("maxUnavailable", "1", -1, 0)]
    #[case::unknown_share("maxUnavailable", "30%", -1, 0)]
    #[case::half("minAvailable", "50%", 7, 4)]
    #[case::of_one_again("minAvailable", "30%", 1, 1)]
    #[case::of_none("minAvailable", "30%", 0, 0)]
    #[case::more_than_expected("minAvailable", "100", 10, 100)]
    #[case::of_none_expected("minAvailable", "2", 0, 2)]
    #[case::unknown_half("minAvailable", "50%", -1, 0)]
    #[case::unknown_whole("minAvailable", "100%", -1, -1)]
    fn limits(#[case] field: &str, #[case] limit: &str, #[case] expected: i32, #[case] is: i32) {
        assert_eq!(desired(&spec(field, limit), expected), Ok(is));
    }

    // PB-28
    #[test]
    fn without_a_limit_nothing_is_desired_and_nonsense_is_an_error() {
        let none = PodUnavailableBudgetSpec::default();
        assert_eq!(desired(&none, 10), Ok(0));
        assert!(desired(&spec("maxUnavailable", "some"), 10).is_err());
        assert!(desired(&spec("minAvailable", "1.5%"), 10).is_err());
    }
}
