//! Regular expressions in Go's syntax (SS-63, SS-150, SS-172).

use kruise_api::go_regex::GoRegex;
use rstest::rstest;

#[rstest]
#[case::a_part_is_enough("b", "abc", true)]
#[case::anchored("^b$", "abc", false)]
#[case::all(".*", "", true)]
#[case::class("^[a-c_-]+$", "a-b_c", true)]
#[case::other_class("[^a-c]", "abc", false)]
#[case::bracket_first("^[]a]+$", "]a", true)]
#[case::bracket_inside("^[[a]+$", "[a", true)]
#[case::no_intersection("^[a&&b]+$", "a&b", true)]
#[case::no_difference("^[+--]+$", "+,-", true)]
#[case::no_symmetric_difference("^[a~~b]+$", "a~b", true)]
#[case::named("^[[:alpha:]_]+$", "a_", true)]
#[case::named_negated("^[[:^digit:]]+$", "a1", false)]
#[case::bracket_and_colon("^[[:]+$", "[:", true)]
#[case::escapes_in_class(r"^[\d\]\-]+$", "1]-", true)]
#[case::range_of_escapes(r"^[\x61-\x{63}]+$", "abc", true)]
#[case::property_in_class(r"^[\pL-]+$", "a-b", true)]
#[case::property(r"^\p{Lu}\pL$", "Ab", true)]
#[case::octal(r"^\141\060\0?$", "a0", true)]
#[case::quoted(r"^\Qa.b*\E+$", "a.b**", true)]
#[case::quoted_not_matching(r"^\Qa.b\E$", "axb", false)]
#[case::quoted_to_the_end(r"^\Q(a", "(a", true)]
#[case::brace("^a{$", "a{", true)]
#[case::brace_with_text("^{a}{,2}$", "{a}{,2}", true)]
#[case::repeated("^a{2,3}$", "aa", true)]
#[case::repeated_at_least("^a{2,}$", "a", false)]
#[case::lazy("^a{1,2}?b??$", "aa", true)]
#[case::angle_brackets(r"^\<a\>$", "<a>", true)]
#[case::angle_bracket_in_class(r"^[<\>]+$", "<>", true)]
#[case::boundary(r"\bb\b", "a b c", true)]
#[case::boundary_and_brace(r"^a\b{$", "a{", true)]
#[case::flags("(?i)^ABC$", "abc", true)]
#[case::flags_of_a_group("^(?i:A)B$", "ab", false)]
#[case::named_group("^(?P<x>a)(?<y>b)(?:c)$", "abc", true)]
#[case::punctuation(r"^\/\_\-\.$", "/_-.", true)]
fn what_matches(#[case] pattern: &str, #[case] text: &str, #[case] matches: bool) {
    assert_eq!(GoRegex::parse(pattern).unwrap().matches(text), matches);
}

// Patterns come from users, and admission reads them.
#[test]
fn a_long_expression_is_read_at_once() {
    for part in ["{", "{1", "[:", "\\Q", "a"] {
        let _ = GoRegex::parse(&part.repeat(200_000));
        let _ = GoRegex::parse(&format!("[{}", part.repeat(200_000)));
    }
}

#[rstest]
#[case("*")]
#[case("(")]
#[case("[a")]
#[case("[]")]
#[case("a**")]
#[case("a+*")]
#[case("a{2}{3}")]
#[case("a???")]
#[case("a{2,1}")]
#[case("a{1001}")]
#[case("[b-a]")]
#[case("[[:letter:]]")]
#[case(r"\")]
#[case(r"\1")]
#[case(r"\8")]
#[case(r"\p{L")]
#[case(r"\u0061")]
#[case("(?x)a")]
#[case("(?=a)")]
#[case("(?<!a)")]
fn what_is_no_expression(#[case] pattern: &str) {
    let error = GoRegex::parse(pattern).unwrap_err();
    assert_eq!(error.pattern, pattern);
}
