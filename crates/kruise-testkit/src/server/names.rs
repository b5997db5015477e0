//! What names, labels and the like may look like, and how a real server says that they don't.

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN: &str = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const KEY: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const KEY_SAYS: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/// What a kind's names must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NameRule {
    Subdomain,
    Label,
    PathSegment,
}

impl NameRule {
    /// What is wrong with this name. Of a prefix, the last dash doesn't count.
    pub(crate) fn check(self, name: &str, is_prefix: bool) -> Vec<String> {
        let masked;
        let name = match name.strip_suffix('-') {
            Some(stem) if is_prefix && !stem.is_empty() => {
                masked = format!("{stem}a");
                &masked
            }
            _ => name,
        };
        match self {
            Self::Subdomain => subdomain(name),
            Self::Label => label(name),
            Self::PathSegment => path_segment(name),
        }
    }
}

fn pattern(says: &str, regex: &str, examples: &[&str]) -> String {
    let examples: Vec<_> = examples
        .iter()
        .map(|example| format!("'{example}', "))
        .collect();
    format!(
        "{says} (e.g. {}regex used for validation is '{regex}')",
        examples.join("or ")
    )
}

fn too_long(most: usize) -> String {
    format!("must be no more than {most} bytes")
}

fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|byte| plain(*byte))
        && bytes.last().is_some_and(|byte| plain(*byte))
        && bytes.iter().all(|byte| plain(*byte) || *byte == b'-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_key(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

pub(crate) fn label(text: &str) -> Vec<String> {
    let mut wrong = vec![];
    if text.len() > 63 {
        wrong.push(too_long(63));
    }
    if !is_label(text) {
        wrong.push(if is_subdomain(text) {
            "must not contain dots".to_owned()
        } else {
            let says = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', \
                        and must start and end with an alphanumeric character";
            pattern(says, LABEL, &["my-name", "123-abc"])
        });
    }
    wrong
}

pub(crate) fn subdomain(text: &str) -> Vec<String> {
    let mut wrong = vec![];
    if text.len() > 253 {
        wrong.push(too_long(253));
    }
    if !is_subdomain(text) {
        let says = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
                    and must start and end with an alphanumeric character";
        wrong.push(pattern(says, SUBDOMAIN, &["example.com"]));
    }
    wrong
}

fn path_segment(text: &str) -> Vec<String> {
    if text == "." || text == ".." {
        return vec![format!("may not be '{text}'")];
    }
    let forbidden = ["/", "%"].into_iter().filter(|part| text.contains(part));
    forbidden
        .map(|part| format!("may not contain '{part}'"))
        .collect()
}

/// Keys of labels, and names of finalizers.
pub(crate) fn qualified(text: &str) -> Vec<String> {
    let mut wrong = vec![];
    let examples = ["MyName", "my.name", "123-abc"];
    let parts: Vec<_> = text.split('/').collect();
    let name = match parts.as_slice() {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                let inner = subdomain(prefix);
                wrong.extend(inner.iter().map(|message| format!("prefix part {message}")));
            }
            name
        }
        _ => {
            let says = pattern(KEY_SAYS, KEY, &examples);
            return vec![format!(
                "a valid label key {says} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        wrong.push(format!("name part {}", too_long(63)));
    }
    if !is_key(name) {
        wrong.push(format!("name part {}", pattern(KEY_SAYS, KEY, &examples)));
    }
    wrong
}

pub(crate) fn label_value(text: &str) -> Vec<String> {
    let mut wrong = vec![];
    if text.len() > 63 {
        wrong.push(too_long(63));
    }
    if !text.is_empty() && !is_key(text) {
        let says = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
                    and must start and end with an alphanumeric character";
        let regex = format!("({KEY})?");
        wrong.push(pattern(says, &regex, &["MyValue", "my_value", "12345"]));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_in_the_servers_words() {
        assert_eq!(NameRule::Subdomain.check("a.b-c", false), [] as [&str; 0]);
        assert_eq!(NameRule::Subdomain.check("web-", true), [] as [&str; 0]);
        assert_eq!(
            NameRule::Subdomain.check("A", false),
            [
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
              must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
              '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            ]
        );
        assert_eq!(
            NameRule::Label.check("a.b", false),
            ["must not contain dots"]
        );
        assert_eq!(
            NameRule::PathSegment.check("a/b", false),
            ["may not contain '/'"]
        );
        assert_eq!(qualified("/x"), ["prefix part must be non-empty"]);
        assert_eq!(
            label_value("-"),
            [
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
              must start and end with an alphanumeric character (e.g. 'MyValue', or 'my_value', or '12345', regex \
              used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
            ]
        );
    }
}
