//! What admission refuses in a probe itself (PP-5).

use crate::{
    int_or_string::IntOrString,
    kinds::podprobemarker::texts,
    spec_parts::{ExecAction, HttpGetAction, Probe, TcpSocketAction},
    validation::{FieldError, FieldErrors, FieldPath},
};

const SECOND_HANDLER: &str = "may not be given beside another handler";
const PORT_NUMBER: &str = "must be from 1 to 65535";
const PORT_NAME: &str = "must have at most 15 characters, of which all are lower-case letters, digits or single '-', \
                         at least one is a letter, and the first and the last are no '-'";
const HEADER: &str = "must consist of letters, digits and '-'";
const URL: &str = "must be a path as a URL has it";
const MAX_PORT_NAME: usize = 15;

/// What is wrong with a probe.
pub(super) fn probe(probe: &Probe, path: &FieldPath) -> FieldErrors {
    let Probe {
        exec,
        http_get,
        tcp_socket,
        // Not supported: without another handler there is none.
        grpc: _,
        initial_delay_seconds,
        timeout_seconds,
        period_seconds,
        success_threshold,
        failure_threshold,
        termination_grace_period_seconds: _,
        unknown: _,
    } = probe;
    let given = [
        exec.as_ref()
            .map(|exec| ("exec", command(exec, &path.child("exec")))),
        http_get
            .as_ref()
            .map(|get| ("httpGet", http(get, &path.child("httpGet")))),
        tcp_socket
            .as_ref()
            .map(|socket| ("tcpSocket", tcp(socket, &path.child("tcpSocket")))),
    ];
    let mut errors = FieldErrors::new();
    let mut given = given.into_iter().flatten();
    match given.next() {
        Some((_, wrong)) => errors.extend(wrong),
        None => errors.push(FieldError::required(path, texts::NO_HANDLER)),
    }
    errors.extend(given.map(|(name, _)| FieldError::forbidden(&path.child(name), SECOND_HANDLER)));
    for (name, number) in [
        ("initialDelaySeconds", *initial_delay_seconds),
        ("timeoutSeconds", *timeout_seconds),
        ("periodSeconds", *period_seconds),
        ("successThreshold", *success_threshold),
        ("failureThreshold", *failure_threshold),
    ] {
        if number < 0 {
            let path = path.child(name);
            errors.push(FieldError::invalid(&path, number, texts::NOT_NEGATIVE));
        }
    }
    errors
}

fn command(exec: &ExecAction, path: &FieldPath) -> FieldErrors {
    let path = path.child("command");
    let missing = exec.command.is_empty();
    let error = missing.then(|| FieldError::required(&path, texts::NOT_EMPTY));
    error.into_iter().collect()
}

fn http(get: &HttpGetAction, path: &FieldPath) -> FieldErrors {
    let HttpGetAction {
        path: url,
        port: to,
        host: at_host,
        scheme,
        http_headers,
        unknown: _,
    } = get;
    let mut errors = FieldErrors::new();
    let at = path.child("path");
    if url.is_empty() {
        errors.push(FieldError::required(&at, texts::NOT_EMPTY));
    } else if !is_url(url) {
        errors.push(FieldError::invalid(&at, url.as_str(), URL));
    }
    errors.extend(host(at_host, path));
    errors.extend(port(to, path));
    if !matches!(scheme.as_str(), "HTTP" | "HTTPS") {
        let at = path.child("scheme");
        errors.push(FieldError::invalid(&at, scheme.as_str(), texts::SCHEME));
    }
    let headers = path.child("httpHeaders");
    for (index, header) in http_headers.iter().enumerate() {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let name = header.name.as_str();
        if name.is_empty() || !name.bytes().all(is_name) {
            let at = headers.index(index).child("name");
            errors.push(FieldError::invalid(&at, name, HEADER));
        }
    }
    errors
}

fn tcp(socket: &TcpSocketAction, path: &FieldPath) -> FieldErrors {
    let errors = host(&socket.host, path).into_iter();
    errors.chain(port(&socket.port, path)).collect()
}

fn host(host: &str, path: &FieldPath) -> Option<FieldError> {
    let error = || FieldError::invalid(&path.child("host"), host, texts::NO_HOST);
    (!host.is_empty()).then(error)
}

fn port(port: &IntOrString, path: &FieldPath) -> Option<FieldError> {
    let path = path.child("port");
    match port {
        IntOrString::Int(number) => (!(1..=65535).contains(number))
            .then(|| FieldError::invalid(&path, *number, PORT_NUMBER)),
        IntOrString::String(name) => {
            (!is_port_name(name)).then(|| FieldError::invalid(&path, name.as_str(), PORT_NAME))
        }
    }
}

/// Whether a text is the name of a service as IANA registers them (RFC 6335).
fn is_port_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= MAX_PORT_NAME
        && name.bytes().all(is_part)
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

/// Whether a text can be read as a URL: as a whole one, or as what stands behind host and port.
fn is_url(text: &str) -> bool {
    let (url, fragment) = text.split_once('#').unwrap_or((text, ""));
    // A fragment may hold control characters, and a query whatever else it likes.
    if url.bytes().any(|byte| byte.is_ascii_control()) || !escapes_are_right(fragment) {
        return false;
    }
    let path = url.split_once('?').map_or(url, |(path, _)| path);
    let first = path.split('/').next().unwrap_or_default();
    // A colon in front of the first slash ends a scheme.
    let Some((scheme, _)) = first.split_once(':') else {
        return escapes_are_right(path);
    };
    let rest = path.get(scheme.len() + 1..).unwrap_or_default();
    // What follows a scheme without a slash is taken as it is.
    is_scheme(scheme) && (!rest.starts_with('/') || escapes_are_right(rest))
}

fn is_scheme(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Whether each `%` is followed by two digits to the base of 16.
fn escapes_are_right(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let mut digits = after.bytes().take(2);
        let mut is_digit = || digits.next().is_some_and(|byte| byte.is_ascii_hexdigit());
        is_digit() && is_digit()
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    // PP-5
    #[rstest]
    #[case::path("/healthz", true)]
    #[case::relative("healthz", true)]
    #[case::with_escape("/a%20b", true)]
    #[case::broken_escape("/a%zz", false)]
    #[case::broken_escape_in_query("/a?b=%zz", true)]
    #[case::broken_escape_in_fragment("/a#%zz", false)]
    #[case::control_character("/a\u{7f}", false)]
    #[case::control_character_in_query("/a?\u{1}", false)]
    #[case::control_character_in_fragment("/a#\u{1}", true)]
    #[case::whole("http://host/a", true)]
    #[case::whole_with_broken_escape("http://host/%zz", false)]
    #[case::opaque_with_broken_escape("a:b%zz", true)]
    #[case::colon_behind_no_scheme("1a:b", false)]
    #[case::colon_behind_a_slash("/1a:b", true)]
    #[case::nothing_before_the_colon(":a", false)]
    fn a_path_is_what_go_reads_as_a_url(#[case] text: &str, #[case] is_one: bool) {
        assert_eq!(is_url(text), is_one);
    }
}
