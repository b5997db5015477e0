//! What a request to the API server is about, from its method, path and query.

use http::Method;

/// What a request is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// As in RBAC: get, list, watch, create, patch, update, delete. `try` is a patch that changes nothing.
    pub verb: &'static str,
    /// Plural; empty for what isn't about a resource.
    pub resource: String,
    /// Empty when none is named.
    pub subresource: String,
    /// Empty when none is named.
    pub namespace: String,
    /// Empty when none is named.
    pub name: String,
}

impl Call {
    pub(super) fn of(method: &Method, path: &str, query: &str) -> Self {
        let mut parts = path.split('/').skip(1);
        let rest: Vec<&str> = match parts.next() {
            Some("api") => parts.skip(1).collect(),
            Some("apis") => parts.skip(2).collect(),
            _ => vec![],
        };
        let (namespace, rest) = match rest.as_slice() {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            rest => ("", rest),
        };
        let part = |n: usize| rest.get(n).copied().unwrap_or_default().to_owned();
        let verb = match (method.as_str(), rest.len()) {
            ("GET", _) if query.split('&').any(|pair| pair == "watch=true") => "watch",
            ("GET", 1) => "list",
            ("GET", _) => "get",
            ("POST", _) => "create",
            ("PATCH", _) if query.split('&').any(|pair| pair == "dryRun=All") => "try",
            ("PATCH", _) => "patch",
            ("PUT", _) => "update",
            ("DELETE", _) => "delete",
            _ => "other",
        };
        Self {
            verb,
            namespace: namespace.to_owned(),
            resource: part(0),
            name: part(1),
            subresource: part(2),
        }
    }

    pub(super) fn is_write(&self) -> bool {
        matches!(self.verb, "create" | "patch" | "update" | "delete")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(method: Method, path: &str, query: &str) -> String {
        let call = Call::of(&method, path, query);
        let Call {
            verb,
            resource,
            subresource,
            namespace,
            name,
        } = call;
        format!("{verb} {resource} {subresource} {namespace} {name}")
    }

    #[test]
    fn a_path_says_what_a_request_is_about() {
        let pods = "/api/v1/namespaces/ns/pods";
        assert_eq!(words(Method::POST, pods, ""), "create pods  ns ");
        assert_eq!(words(Method::GET, pods, "limit=1"), "list pods  ns ");
        assert_eq!(
            words(Method::GET, "/api/v1/pods", "watch=true&x=y"),
            "watch pods   "
        );
        assert_eq!(
            words(Method::DELETE, &format!("{pods}/a"), ""),
            "delete pods  ns a"
        );
        assert_eq!(
            words(
                Method::PATCH,
                "/apis/apps.kruise.io/v1beta1/namespaces/ns/clonesets/web/status",
                ""
            ),
            "patch clonesets status ns web"
        );
        assert_eq!(
            words(Method::GET, "/api/v1/namespaces/ns", ""),
            "get namespaces   ns"
        );
        assert_eq!(words(Method::GET, "/version", ""), "get    ");
    }
}
