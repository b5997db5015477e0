//! Names of images, in the form in which they are compared: `nginx`, `docker.io/library/nginx` and `nginx:latest` are
//! one image (IJ-10). The grammar is that of Docker's registries.

/// Where an image is from that names no registry.
const DEFAULT_DOMAIN: &str = "docker.io";
/// Another name for the same registry.
const LEGACY_DEFAULT_DOMAIN: &str = "index.docker.io";
/// Where that registry keeps images of one component.
const OFFICIAL: &str = "library/";
/// What an image is pulled by that has neither tag nor digest.
const DEFAULT_TAG: &str = "latest";

const MAX_NAME: usize = 255;
const MAX_TAG: usize = 128;

/// An image by name and tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName {
    /// The name as people write it: without the default registry, and without tag and digest.
    pub name: String,
    /// The tag, or the digest with its algorithm, such as `sha256:…`.
    pub tag: String,
}

/// A text that names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageNameError {
    /// It could be the ID of an image.
    #[error("must not be 64 hexadecimal digits, which are an image's ID")]
    Id,
    /// The repository has upper-case letters.
    #[error("the repository must be in lower case")]
    UpperCase,
    /// The registry is no host with or without a port.
    #[error("the registry must be a host, with a port or without")]
    Registry,
    /// The repository has a part that is empty, or has characters that may not be there.
    #[error(
        "the repository must consist of letters, digits, and single '.', '_', '__' or '-' between them"
    )]
    Repository,
    /// The name is too long.
    #[error("the name must have at most 255 characters")]
    TooLong,
    /// The tag is empty, too long, or has characters that may not be there.
    #[error(
        "the tag must consist of at most 128 letters, digits, '_', '.' and '-', and begin with none of the last two"
    )]
    Tag,
    /// The digest is of an unknown algorithm, or has another length.
    #[error(
        "the digest must be sha256, sha384 or sha512 with as many hexadecimal digits as it has"
    )]
    Digest,
}

impl ImageName {
    /// Reads an image as specs of containers have it.
    ///
    /// # Errors
    /// When the text names no image.
    pub fn parse(text: &str) -> Result<Self, ImageNameError> {
        if text.len() == 64 && is_lower_hex(text) {
            return Err(ImageNameError::Id);
        }
        let (domain, path) = domain_and_path(text);
        let (path, digest) = split(path, '@');
        let (path, tag) = split(path, ':');
        if path.chars().any(char::is_uppercase) {
            return Err(ImageNameError::UpperCase);
        }
        let is_official = domain == DEFAULT_DOMAIN && !path.contains('/');
        let path = if is_official {
            format!("{OFFICIAL}{path}")
        } else {
            path.to_owned()
        };
        // `a.b_c/d` is no host, but a repository of two parts without a registry.
        if !is_host(domain) && !is_component(domain) {
            return Err(ImageNameError::Registry);
        }
        if !path.split('/').all(is_component) {
            return Err(ImageNameError::Repository);
        }
        let name = format!("{domain}/{path}");
        if name.len() > MAX_NAME {
            return Err(ImageNameError::TooLong);
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(ImageNameError::Tag);
        }
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(ImageNameError::Digest);
        }
        Ok(Self {
            name: familiar(domain, &path).unwrap_or(name),
            tag: digest.or(tag).unwrap_or(DEFAULT_TAG).to_owned(),
        })
    }

    /// Whether the image is named by its digest.
    #[must_use]
    pub fn has_digest(&self) -> bool {
        // A tag has no colon.
        self.tag.contains(':')
    }
}

fn domain_and_path(text: &str) -> (&str, &str) {
    let is_domain = |first: &str| {
        first.contains(['.', ':']) || first == "localhost" || first.chars().any(char::is_uppercase)
    };
    match text.split_once('/') {
        Some((LEGACY_DEFAULT_DOMAIN, path)) => (DEFAULT_DOMAIN, path),
        Some((first, path)) if is_domain(first) => (first, path),
        _ => (DEFAULT_DOMAIN, text),
    }
}

/// The name without the default registry, if that is where the image is.
fn familiar(domain: &str, path: &str) -> Option<String> {
    if domain != DEFAULT_DOMAIN {
        return None;
    }
    let official = path
        .strip_prefix(OFFICIAL)
        .filter(|name| !name.contains('/'));
    Some(official.unwrap_or(path).to_owned())
}

fn split(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn is_host(domain: &str) -> bool {
    let (host, port) = match domain.strip_prefix('[').and_then(|it| it.split_once(']')) {
        Some((address, rest)) => {
            let is_address = !address.is_empty()
                && address
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit() || byte == b':');
            (
                is_address,
                rest.strip_prefix(':').or((!rest.is_empty()).then_some("")),
            )
        }
        None => {
            let (host, port) = split(domain, ':');
            (host.split('.').all(is_host_component), port)
        }
    };
    host && port
        .is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_host_component(component: &str) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = component.as_bytes();
    is_edge(bytes.first())
        && is_edge(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// Letters and digits, with separators between them: one dot, one or two underscores, or dashes.
fn is_component(component: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator =
        |text: &str| matches!(text, "" | "." | "_" | "__") || text.chars().all(|c| c == '-');
    component.starts_with(is_inner)
        && component.ends_with(is_inner)
        && component.split(is_inner).all(is_separator)
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= MAX_TAG
        && tag.bytes().next().is_some_and(is_word)
        && tag
            .bytes()
            .all(|byte| is_word(byte) || b".-".contains(&byte))
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, digits)) = digest.split_once(':') else {
        return false;
    };
    let n_digits = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    digits.len() == n_digits && is_lower_hex(digits)
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
