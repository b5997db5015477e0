//! Label selectors as text: as `status.selector` of a scale subresource has them, and queries of the API (Kubernetes'
//! `labels.Parse`). The numeric operators `<` and `>` are not taken: no selector in an object can say them.

use std::{iter::Peekable, str::FromStr};

use super::Selector;
use crate::meta::{LabelSelector, LabelSelectorRequirement};

/// A text that is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found {found:?}, expected {expected}")]
pub struct SelectorTextError {
    /// Where the text stops making sense; empty: at its end.
    pub found: String,
    /// What should stand there.
    pub expected: &'static str,
}

/// A word, or one of the signs, of which `==` is `=`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Sign(&'a str),
}

impl<'a> Token<'a> {
    fn text(self) -> &'a str {
        match self {
            Self::Word(text) | Self::Sign(text) => text,
        }
    }
}

impl FromStr for Selector {
    type Err = SelectorTextError;

    /// Reads `a=b,c in (d, e),!f`. The empty text selects everything.
    fn from_str(text: &str) -> Result<Self, SelectorTextError> {
        let mut tokens = Tokens(tokens(text).into_iter().peekable());
        let mut expressions = vec![];
        if tokens.peek().is_some() {
            expressions.push(tokens.requirement()?);
        }
        while let Some(token) = tokens.next() {
            if token != Token::Sign(",") {
                return Err(unexpected(Some(token), "',' or the end"));
            }
            expressions.push(tokens.requirement()?);
        }
        let selector = LabelSelector {
            match_expressions: Some(expressions),
            ..LabelSelector::default()
        };
        // Its operators are ours.
        Self::parse(&selector).map_err(|_| unexpected(None, "an operator"))
    }
}

const SIGNS: [char; 7] = [',', '!', '(', ')', '=', '<', '>'];
const OPERATOR: &str = "one of =, ==, !=, in, notin";

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = vec![];
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '=' | '!' if rest.get(1..2) == Some("=") => rest.split_at(2),
            sign if SIGNS.contains(&sign) => rest.split_at(1),
            _ => {
                let ends = |it: char| SIGNS.contains(&it) || it.is_whitespace();
                rest.split_at(rest.find(ends).unwrap_or(rest.len()))
            }
        };
        tokens.push(match token {
            "==" => Token::Sign("="),
            _ if SIGNS.contains(&first) => Token::Sign(token),
            _ => Token::Word(token),
        });
        rest = after.trim_start();
    }
    tokens
}

fn unexpected(found: Option<Token<'_>>, expected: &'static str) -> SelectorTextError {
    SelectorTextError {
        found: found.map(Token::text).unwrap_or_default().to_owned(),
        expected,
    }
}

struct Tokens<'a>(Peekable<std::vec::IntoIter<Token<'a>>>);

impl<'a> Tokens<'a> {
    fn peek(&mut self) -> Option<Token<'a>> {
        self.0.peek().copied()
    }

    fn next(&mut self) -> Option<Token<'a>> {
        self.0.next()
    }

    fn word(&mut self, expected: &'static str) -> Result<&'a str, SelectorTextError> {
        match self.next() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(unexpected(other, expected)),
        }
    }

    fn requirement(&mut self) -> Result<LabelSelectorRequirement, SelectorTextError> {
        if self.peek() == Some(Token::Sign("!")) {
            self.next();
            let key = self.word("a key")?;
            return Ok(requirement(key, "DoesNotExist", vec![]));
        }
        let key = self.word("a key or '!'")?;
        if matches!(self.peek(), None | Some(Token::Sign(","))) {
            return Ok(requirement(key, "Exists", vec![]));
        }
        let (operator, values) = match self.next() {
            Some(Token::Sign("=")) => ("In", vec![self.value()]),
            Some(Token::Sign("!=")) => ("NotIn", vec![self.value()]),
            Some(Token::Word("in")) => ("In", self.values()?),
            Some(Token::Word("notin")) => ("NotIn", self.values()?),
            other => return Err(unexpected(other, OPERATOR)),
        };
        Ok(requirement(key, operator, values))
    }

    /// A value, which is empty where nothing stands.
    fn value(&mut self) -> &'a str {
        match self.peek() {
            Some(Token::Word(word)) => {
                self.next();
                word
            }
            _ => "",
        }
    }

    fn values(&mut self) -> Result<Vec<&'a str>, SelectorTextError> {
        match self.next() {
            Some(Token::Sign("(")) => {}
            other => return Err(unexpected(other, "'('")),
        }
        let mut values = vec![];
        loop {
            values.push(self.value());
            match self.next() {
                Some(Token::Sign(",")) => {}
                Some(Token::Sign(")")) => return Ok(values),
                other => return Err(unexpected(other, "',' or ')'")),
            }
        }
    }
}

fn requirement(key: &str, operator: &str, values: Vec<&str>) -> LabelSelectorRequirement {
    LabelSelectorRequirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values: Some(values.into_iter().map(str::to_owned).collect()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::text_map::TextMap;

    #[rstest]
    #[case("", true)]
    #[case("  ", true)]
    #[case("app", true)]
    #[case("app=web", true)]
    #[case("app==web,tier=front", true)]
    #[case(" app = web , tier ", true)]
    #[case("app in (web, db)", true)]
    #[case("app in(web)", true)]
    #[case("empty=", true)]
    #[case("empty=,app", true)]
    #[case("empty in ()", true)]
    #[case("empty in (a,)", true)]
    #[case("tier notin (back),app", true)]
    #[case("other notin (x)", true)]
    #[case("!other", true)]
    #[case("other!=x", true)]
    #[case("in", false)]
    #[case("app in (in)", false)]
    #[case("other", false)]
    #[case("app=db", false)]
    #[case("app in (db)", false)]
    #[case("app notin (web)", false)]
    #[case("!app", false)]
    #[case("app!=web", false)]
    fn texts_are_read(#[case] text: &str, #[case] is_selected: bool) {
        let labels = TextMap::from_iter([("app", "web"), ("tier", "front"), ("empty", "")]);
        let selector: Selector = text.parse().unwrap();
        assert_eq!(selector.matches(&labels), is_selected);
        assert_eq!(selector.is_empty(), text.trim().is_empty());
    }

    #[rstest]
    #[case("a,", "")]
    #[case(",a", ",")]
    #[case("a b", "b")]
    #[case("=b", "=")]
    #[case("a=b=c", "=")]
    #[case("a in b", "b")]
    #[case("a in (b", "")]
    #[case("a in (b c)", "c")]
    #[case("!", "")]
    #[case("!a=b", "=")]
    #[case("a>1", ">")]
    #[case("(a)", "(")]
    fn what_is_no_selector_is_an_error(#[case] text: &str, #[case] found: &str) {
        let error = text.parse::<Selector>().unwrap_err();
        assert_eq!(error.found, found, "{error}");
    }

    // CS-116: what is written for others can be read.
    #[test]
    fn a_selector_is_read_as_it_is_written() {
        for text in ["a in (b),c notin (d,e),!f,g", "", "a=,b"] {
            let selector: Selector = text.parse().unwrap();
            assert_eq!(selector.to_string().parse(), Ok(selector), "{text}");
        }
    }
}
