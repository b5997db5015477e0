//! Who we are to a registry: credentials from Docker's configuration file, and the token that a
//! registry's challenge asks for.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// User name and password (or access token).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    pub(super) fn basic_header(&self) -> String {
        format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{}", self.user, self.password))
        )
    }

    /// What `docker login` or `podman login` wrote for the registry, if anything.
    pub(super) fn find(registry: &str) -> Result<Option<Self>> {
        let Some(path) = docker_config_path() else {
            return Ok(None);
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        };
        let config = serde_json::from_str(&text)
            .with_context(|| format!("{} is not JSON", path.display()))?;
        Self::in_config(&config, registry)
            .with_context(|| format!("credentials for {registry} in {}", path.display()))
    }

    fn in_config(config: &Value, registry: &str) -> Result<Option<Self>> {
        let auths = config.get("auths");
        let entry = auth_keys(registry)
            .into_iter()
            .find_map(|key| auths?.get(key));
        let Some(auth) = entry
            .and_then(|entry| entry.get("auth"))
            .and_then(Value::as_str)
        else {
            return Ok(None);
        };
        let decoded = STANDARD
            .decode(auth.trim())
            .context("`auth` is not base64")?;
        let decoded = String::from_utf8(decoded).context("`auth` is not UTF-8")?;
        let Some((user, password)) = decoded.split_once(':') else {
            bail!("`auth` is not user:password in base64");
        };
        Ok(Some(Self {
            user: user.to_owned(),
            password: password.to_owned(),
        }))
    }
}

fn docker_config_path() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("DOCKER_CONFIG") {
        return Some(PathBuf::from(dir).join("config.json"));
    }
    std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker/config.json"))
}

/// Under which names a registry's credentials are found.
fn auth_keys(registry: &str) -> Vec<String> {
    let mut keys = vec![
        registry.to_owned(),
        format!("https://{registry}"),
        format!("http://{registry}"),
    ];
    if matches!(registry, "docker.io" | "index.docker.io") {
        keys.push("https://index.docker.io/v1/".to_owned());
    }
    keys
}

/// What a registry's 401 asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    /// A token from another server.
    Bearer {
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

impl Challenge {
    /// Reads a `WWW-Authenticate` header.
    pub(super) fn parse(header: &str) -> Result<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Ok(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            bail!(
                "the registry wants the authentication scheme \"{scheme}\", which is not supported"
            );
        }
        let mut realm = None;
        let mut service = None;
        let mut scope = None;
        for (key, value) in parameters(rest) {
            match key {
                "realm" => realm = Some(value.to_owned()),
                "service" => service = Some(value.to_owned()),
                "scope" => scope = Some(value.to_owned()),
                _ => {}
            }
        }
        let realm = realm.context("the registry's challenge names no token server (realm)")?;
        Ok(Self::Bearer {
            realm,
            service,
            scope,
        })
    }
}

/// `key="value"` pairs; a value may hold commas (`scope="repository:a:pull,push"`).
fn parameters(mut text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    while let Some((key, rest)) = text.split_once('=') {
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        found.push((key.trim_matches([' ', ',']), value));
        text = after;
    }
    found
}

/// The token in a token server's answer; both spellings are in use.
pub(super) fn token(answer: &Value) -> Result<String> {
    ["token", "access_token"]
        .into_iter()
        .find_map(|key| answer.get(key)?.as_str())
        .map(ToOwned::to_owned)
        .context("the token server's answer has no token")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credentials_come_from_auths() {
        let config = json!({ "auths": { "example.com": { "auth": STANDARD.encode("me:a:b") } } });
        let found = Credentials::in_config(&config, "example.com")
            .unwrap()
            .unwrap();
        assert_eq!(
            found,
            Credentials {
                user: "me".into(),
                password: "a:b".into()
            }
        );
        assert_eq!(Credentials::in_config(&config, "other.com").unwrap(), None);
        assert_eq!(
            Credentials::in_config(&json!({}), "example.com").unwrap(),
            None
        );
    }

    #[test]
    fn docker_hub_has_its_historic_key() {
        let auth = json!({ "auth": STANDARD.encode("me:x") });
        let config = json!({ "auths": { "https://index.docker.io/v1/": auth } });
        assert!(
            Credentials::in_config(&config, "docker.io")
                .unwrap()
                .is_some()
        );
    }

    #[test]
    fn bearer_challenge_with_commas_in_the_scope() {
        let header = r#"Bearer realm="https://auth.example/token",service="reg",scope="repository:a/b:pull,push""#;
        assert_eq!(
            Challenge::parse(header).unwrap(),
            Challenge::Bearer {
                realm: "https://auth.example/token".into(),
                service: Some("reg".into()),
                scope: Some("repository:a/b:pull,push".into()),
            }
        );
        assert_eq!(
            Challenge::parse("Basic realm=\"x\"").unwrap(),
            Challenge::Basic
        );
        assert!(Challenge::parse("Negotiate").is_err());
    }
}
