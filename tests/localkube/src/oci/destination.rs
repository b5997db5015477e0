//! Where an image is pushed: `HOST[:PORT]/PATH`, and how to speak with it.

use anyhow::{Result, bail};

/// The path is everything between registry and tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    /// Host and port as written in image references.
    pub(crate) registry: String,
    /// Repository below it, without the image's own name; may be empty.
    pub(crate) path: String,
    /// Plain HTTP instead of TLS.
    pub(crate) insecure: bool,
}

impl Destination {
    /// Reads `HOST[:PORT][/PATH]`.
    pub(crate) fn parse(text: &str, insecure: bool) -> Result<Self> {
        if let Some((scheme, rest)) = text.split_once("://") {
            bail!("registry \"{text}\": leave out {scheme}:// (\"{rest}\"); --insecure means HTTP");
        }
        let (registry, path) = text.split_once('/').unwrap_or((text, ""));
        let is_host = registry.contains(['.', ':']) || registry == "localhost";
        if !is_host {
            bail!(
                "registry \"{text}\": expected HOST[:PORT]/PATH, such as \
                 registry.example.com/kruise; for Docker Hub write docker.io/USER"
            );
        }
        let path = path.trim_matches('/');
        if path
            .chars()
            .any(|c| c.is_ascii_uppercase() || c.is_whitespace() || c == '@')
        {
            bail!("registry \"{text}\": repository paths are lower case, without tag or digest");
        }
        Ok(Self {
            registry: registry.to_owned(),
            path: path.to_owned(),
            insecure,
        })
    }

    /// The repository of an image, below the registry.
    pub(super) fn repository(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.path)
        }
    }

    /// What a pod names to get the image.
    pub(crate) fn reference(&self, name: &str, tag: &str) -> String {
        format!("{}/{}:{tag}", self.registry, self.repository(name))
    }

    /// Scheme and host of the HTTP API.
    pub(super) fn base_url(&self) -> String {
        let scheme = if self.insecure { "http" } else { "https" };
        let host = match self.registry.as_str() {
            // Docker Hub's references and its API have different hosts.
            "docker.io" | "index.docker.io" => "registry-1.docker.io",
            host => host,
        };
        format!("{scheme}://{host}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_path_are_told_apart() {
        let destination = Destination::parse("localhost:5000/a/b/", true).unwrap();
        assert_eq!(
            destination.reference("tool", "1"),
            "localhost:5000/a/b/tool:1"
        );
        assert_eq!(destination.base_url(), "http://localhost:5000");
        let bare = Destination::parse("10.1.0.1:5000", false).unwrap();
        assert_eq!(bare.reference("tool", "1"), "10.1.0.1:5000/tool:1");
        assert_eq!(bare.base_url(), "https://10.1.0.1:5000");
    }

    #[test]
    fn what_is_no_registry_is_refused_with_the_form_expected() {
        for (text, hint) in [
            ("https://example.com/x", "leave out https://"),
            ("kruise", "HOST[:PORT]/PATH"),
            ("example.com/Kruise", "lower case"),
        ] {
            let error = Destination::parse(text, false).unwrap_err().to_string();
            assert!(error.contains(hint), "{error}");
        }
    }
}
