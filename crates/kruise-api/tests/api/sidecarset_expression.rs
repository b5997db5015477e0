//! Expressions for resources (SS-153 to SS-162).

use kruise_api::{
    kinds::sidecarset::expression::{Amount, Expression, ExpressionError, variable_of},
    quantity::Quantity,
};
use proptest::prelude::*;
use rstest::rstest;

use crate::instances::config;

fn evaluate(text: &str, variable: &str, value: Amount) -> Result<String, ExpressionError> {
    let quantity = Expression::parse(text)?.evaluate(variable, value)?;
    Ok(quantity.write().unwrap())
}

/// As in the pod webhook.
fn in_pod(text: &str, value: &str) -> Result<String, ExpressionError> {
    let value = Amount::Quantity(Some(Quantity::parse(value).unwrap()));
    evaluate(text, variable_of(text), value)
}

/// As at admission.
fn with_one(text: &str) -> Result<String, ExpressionError> {
    evaluate(text, "cpu", Amount::Number(1.0))
}

#[rstest]
// SS-A28 to SS-A33
#[case("max(cpu*25%, 100m)", "800m", "200m")]
#[case("memory*25%", "1624Mi", "406Mi")]
#[case("cpu*50%", "400m", "200m")]
#[case("cpu*50%", "0", "0")]
#[case("max(cpu*50%, 50m)", "0", "50m")]
#[case("(cpu-1)*2/3", "3", "1333m")]
#[case("memory/3", "100Mi", "34952533333m")]
#[case("max(cpu,1)-950m", "100m", "50m")]
#[case("max(memory-64Mi, 32Mi)", "1Gi", "960Mi")]
#[case("200mi", "1Gi", "0")]
// SS-160: numbers are cut off at thousandths, quantities are rounded up to them.
#[case("cpu+0.0019", "1", "1001m")]
#[case("cpu-0.0019", "1", "999m")]
#[case("cpu*1", "1500u", "2m")]
#[case("cpu*0.9", "1m", "0")]
#[case("2*cpu", "1", "2")]
#[case("cpu/0.5", "100m", "200m")]
#[case("min(cpu, 1)", "1", "1")]
#[case("-(-cpu)", "2", "2")]
#[case("--cpu", "2", "2")]
#[case("1--cpu", "2", "3")]
// SS-161
#[case("memory+1M", "1Mi", "2048576")]
#[case("0Mi+memory", "1024", "1024")]
#[case("0+memory", "2Mi", "2Mi")]
#[case("memory*1000", "1Ki", "1000Ki")]
#[case("min(1Ki, memory)", "1024", "1Ki")]
fn what_an_expression_amounts_to(#[case] text: &str, #[case] value: &str, #[case] expected: &str) {
    assert_eq!(in_pod(text, value).as_deref(), Ok(expected));
}

#[rstest]
// SS-157
#[case("1.5", "1500m")]
#[case(".5", "500m")]
#[case("1.", "1")]
#[case("1e3", "1k")]
#[case("1E-3", "1m")]
#[case("50%", "500m")]
#[case("1e1%", "100m")]
#[case("1.5Gi", "1536Mi")]
#[case("2k", "2k")]
#[case("1K", "0")]
#[case("100MB", "0")]
#[case("1E", "0")]
#[case("1n", "0")]
#[case("2cpu", "0")]
#[case("1e", "0")]
#[case(".", "0")]
#[case("50%m", "0")]
#[case("5%5", "0")]
#[case("1e+", "0")]
// SS-156, SS-158, SS-159
#[case(" 1\t+\n2 ", "3")]
#[case("2+3*4-6/2", "11")]
#[case("(2+3)*4", "20")]
#[case("8/2/2", "2")]
#[case("8-2-2", "4")]
#[case("-2*-3", "6")]
#[case("3 - -2", "5")]
#[case("-(1-3)*2", "4")]
#[case("MAX(1, Min(5, 3))", "3")]
#[case("max((1), -(2)) + CPU", "2")]
#[case("1-1.0009", "0")]
fn what_an_expression_of_numbers_amounts_to(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(with_one(text).as_deref(), Ok(expected));
}

fn syntax(at: usize) -> ExpressionError {
    ExpressionError::Syntax { at }
}

#[rstest]
#[case("", syntax(1))]
#[case("  ", syntax(3))]
#[case("1 2", syntax(3))]
#[case("1+", syntax(3))]
#[case("+1", syntax(1))]
#[case("*1", syntax(1))]
#[case("(1", syntax(3))]
#[case("1)", syntax(2))]
#[case("()", syntax(2))]
#[case("1,2", syntax(2))]
#[case("(1,2)", syntax(3))]
#[case("max()", syntax(5))]
#[case("max(1,2,3)", syntax(8))]
#[case("max(1,)", syntax(7))]
#[case("1Ei", syntax(3))]
#[case("1.2.3", syntax(4))]
#[case("1%%", syntax(3))]
#[case("2^3", syntax(2))]
#[case("cpu=1", syntax(4))]
#[case("_a", syntax(1))]
#[case("é", syntax(1))]
#[case("max(1)", ExpressionError::OneArgument)]
#[case("sum(1, 2)", ExpressionError::UnknownFunction { name: "sum".to_owned() })]
#[case("Memory", ExpressionError::UnknownVariable { name: "memory".to_owned() })]
#[case("1e3Mi", ExpressionError::NoQuantity { text: "1e3Mi".to_owned() })]
#[case("1Mi*1Mi", ExpressionError::QuantityTimesQuantity)]
#[case("1/1m", ExpressionError::QuantityAsDivisor)]
#[case("1/0", ExpressionError::DivisionByZero)]
#[case("1m/(1-1)", ExpressionError::DivisionByZero)]
#[case("cpu-2", ExpressionError::Negative)]
#[case("cpu-64Mi", ExpressionError::Negative)]
#[case("-1e30", ExpressionError::Negative)]
// SS-162
#[case("1e400", ExpressionError::TooLarge)]
#[case("1e400-1e400", ExpressionError::TooLarge)]
#[case("1e17", ExpressionError::TooLarge)]
#[case("1Pi*10", ExpressionError::TooLarge)]
#[case("10Pi*1", ExpressionError::TooLarge)]
#[case("1m+1e30", ExpressionError::TooLarge)]
// A value that is too large hides nothing else that is wrong.
#[case("1e400*1m*1m", ExpressionError::QuantityTimesQuantity)]
#[case("1Pi*10+memory", ExpressionError::UnknownVariable { name: "memory".to_owned() })]
fn what_is_wrong_with_an_expression(#[case] text: &str, #[case] expected: ExpressionError) {
    assert_eq!(with_one(text), Err(expected));
}

// SS-160: with the pod's amount in the place of 1.
#[rstest]
#[case("cpu*cpu", ExpressionError::QuantityTimesQuantity)]
#[case("1/cpu", ExpressionError::QuantityAsDivisor)]
#[case("MEMORY*50%", ExpressionError::UnknownVariable { name: "memory".to_owned() })]
fn what_is_wrong_in_a_pod_only(#[case] text: &str, #[case] expected: ExpressionError) {
    assert_eq!(in_pod(text, "1"), Err(expected));
    assert_eq!(in_pod("CPU*50%", "1").as_deref(), Ok("500m"));
}

// SS-153
#[rstest]
#[case("", "cpu")]
#[case("cpu", "cpu")]
#[case("max(memory, 1)", "memory")]
#[case("memory_a + xmemory", "cpu")]
#[case("memory1+memory", "memory")]
#[case("Memory", "cpu")]
fn an_expression_has_one_variable(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(variable_of(text), expected);
}

// SS-162
#[test]
fn nesting_has_no_limit() {
    let depth = 200_000;
    let nested = format!("{}cpu{}", "-(".repeat(depth), ")".repeat(depth));
    assert_eq!(with_one(&nested).as_deref(), Ok("1"));
    let calls = format!("{}cpu{}", "max(1,".repeat(depth), ")".repeat(depth));
    assert_eq!(with_one(&calls).as_deref(), Ok("1"));
    assert!(with_one(&"(".repeat(depth)).is_err());
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_text_breaks_it(text in "[-0-9.eEmiMk%+*/(), cpumax\u{85}é]{0,30}") {
        let _ = with_one(&text);
        let _ = in_pod(&text, "1500m");
    }
}
