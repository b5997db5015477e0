//! Whether labels match a selector as it is written in a query. It understands only what our watches use: `key`,
//! `!key`, `key=value`, `key==value`, `key!=value`, joined by commas. Set-based requirements count as matched, since
//! the API server has applied them.

use kruise_api::{text::Text, text_map::TextMap};

pub(crate) fn matches(selector: &str, labels: &TextMap) -> bool {
    if selector.contains('(') {
        return true;
    }
    selector
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .all(|part| {
            if let Some((key, value)) = part.split_once("!=") {
                labels.get(key.trim()).map(Text::as_str) != Some(value.trim())
            } else if let Some((key, value)) = part.split_once('=') {
                labels.get(key.trim()).map(Text::as_str)
                    == Some(value.trim_start_matches('=').trim())
            } else if let Some(key) = part.strip_prefix('!') {
                !labels.contains_key(key.trim())
            } else {
                labels.contains_key(part)
            }
        })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("a", true)]
    #[case("a=1", true)]
    #[case("a==1,b", true)]
    #[case("a=2", false)]
    #[case("a!=2", true)]
    #[case("!a", false)]
    #[case("!c,b=", true)]
    #[case("c", false)]
    fn equality_and_existence(#[case] selector: &str, #[case] expected: bool) {
        let labels = TextMap::from_iter([("a", "1"), ("b", "")]);
        assert_eq!(matches(selector, &labels), expected);
    }
}
