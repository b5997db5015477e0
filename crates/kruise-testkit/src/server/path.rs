//! What a request asks for: read from its method, path and query.

use http::Method;

/// The parts of a path below an API group's version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) subresource: String,
}

impl Target {
    /// Reads `/api/v1/…` and `/apis/GROUP/VERSION/…`.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let mut parts = path.trim_matches('/').split('/');
        let (group, version) = match parts.next()? {
            "api" => ("", parts.next()?),
            "apis" => (parts.next()?, parts.next()?),
            _ => return None,
        };
        let mut rest: Vec<&str> = parts.collect();
        let mut namespace = "";
        if rest.first() == Some(&"namespaces") && rest.len() > 2 {
            // A namespace has subresources of its own.
            if !["status", "finalize"].contains(&rest[2]) {
                namespace = rest[1];
                rest.drain(..2);
            }
        }
        let mut rest = rest.into_iter();
        let plural = rest.next().filter(|plural| !plural.is_empty())?;
        let target = Self {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: plural.to_owned(),
            namespace: decode(namespace),
            name: decode(rest.next().unwrap_or_default()),
            subresource: rest.next().unwrap_or_default().to_owned(),
        };
        rest.next().is_none().then_some(target)
    }
}

/// The parameters of a query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(&value.replace('+', " ")))
        });
        Self(pairs.collect())
    }

    /// The value of a parameter; empty when it isn't there.
    pub(crate) fn get(&self, name: &str) -> &str {
        let mut values = self.0.iter();
        let found = values.find(|(own, _)| own == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Whether a parameter says yes, as Kubernetes reads it: anything but `false` and `0`.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        let (_, value) = self.0.iter().find(|(own, _)| own == name)?;
        Some(value != "false" && value != "0")
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.get(name).parse().ok()
    }

    pub(crate) fn dry_run(&self) -> bool {
        self.0
            .iter()
            .any(|(name, value)| name == "dryRun" && value == "All")
    }
}

fn decode(text: &str) -> String {
    let mut bytes = vec![];
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = (byte == b'%').then(|| after.get(..2)).flatten();
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

impl Verb {
    /// What this method means on this path; `None` when nothing.
    pub(crate) fn of(method: &Method, target: &Target, query: &Query) -> Option<Self> {
        let named = !target.name.is_empty();
        Some(match method.as_str() {
            "GET" if query.flag("watch") == Some(true) => Self::Watch,
            "GET" if named => Self::Get,
            "GET" => Self::List,
            "POST" => Self::Create,
            "PUT" if named => Self::Update,
            "PATCH" if named => Self::Patch,
            "DELETE" if named => Self::Delete,
            "DELETE" => Self::DeleteCollection,
            _ => return None,
        })
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(path: &str) -> Option<[String; 6]> {
        let Target {
            group,
            version,
            plural,
            namespace,
            name,
            subresource,
        } = Target::parse(path)?;
        Some([group, version, plural, namespace, name, subresource])
    }

    #[test]
    fn paths_are_read() {
        for (path, expected) in [
            ("/api/v1/pods", ["", "v1", "pods", "", "", ""]),
            (
                "/api/v1/namespaces/ns/pods/a/status",
                ["", "v1", "pods", "ns", "a", "status"],
            ),
            (
                "/api/v1/namespaces/ns",
                ["", "v1", "namespaces", "", "ns", ""],
            ),
            (
                "/api/v1/namespaces/ns/status",
                ["", "v1", "namespaces", "", "ns", "status"],
            ),
            (
                "/apis/apps/v1/controllerrevisions",
                ["apps", "v1", "controllerrevisions", "", "", ""],
            ),
            ("/api/v1/nodes/n%2d1", ["", "v1", "nodes", "", "n-1", ""]),
        ] {
            assert_eq!(parts(path), Some(expected.map(str::to_owned)), "{path}");
        }
        for path in ["/version", "/api/v1", "/apis/apps", "/api/v1/pods/a/b/c"] {
            assert_eq!(parts(path), None, "{path}");
        }
    }

    #[test]
    fn queries_are_read() {
        let query = Query::parse("watch=true&labelSelector=a%3Db%2Cc&dryRun=All&limit=5&q=a+b");
        assert_eq!(query.flag("watch"), Some(true));
        assert_eq!(query.flag("other"), None);
        assert_eq!(query.get("labelSelector"), "a=b,c");
        assert_eq!(query.get("q"), "a b");
        assert_eq!(query.number("limit"), Some(5));
        assert!(query.dry_run());
    }
}
