//! Flags of what is served to the API server. OpenKruise has them as environment variables
//! (docs/spec/platform.md 2.6), which are understood too.

use std::path::PathBuf;

use crate::certificates::{CertificatesConfig, Lifetimes, Mode};

/// Who makes the certificates, unless the gate `EnableExternalCerts` says that somebody else does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum CertWriter {
    /// This process, and keeps them in the Secret.
    Secret,
    /// Whoever puts them into the directory.
    Fs,
}

/// Flags of what is served to the API server.
#[derive(clap::Args, Clone, Debug)]
pub struct WebhookArgs {
    /// Port that webhooks are served at, where there are any; 0 turns them off.
    #[arg(long, env = "WEBHOOK_PORT", default_value_t = 9876)]
    pub webhook_port: u16,
    /// Where certificates come from: made here and kept in the Secret, or files of --webhook-cert-dir.
    #[arg(long, env = "WEBHOOK_CERT_WRITER", default_value = "secret", value_parser = cert_writer)]
    pub webhook_cert_writer: CertWriter,
    /// Directory of tls.crt, tls.key and ca.crt, read again when they change.
    #[arg(
        long,
        env = "WEBHOOK_CERT_DIR",
        default_value = "/tmp/kruise-webhook-certs"
    )]
    pub webhook_cert_dir: PathBuf,
    /// Secret of the certificates; `kruise-BINARY-webhook-certs` unless given.
    #[arg(long, env = "SECRET_NAME", default_value = "", hide_env_values = true)]
    pub webhook_secret: String,
    /// Service of the admission webhooks; `kruise-BINARY-webhook-service` unless given.
    #[arg(long, env = "SERVICE_NAME", default_value = "")]
    pub webhook_service: String,
    /// A certificate with less than this left is replaced: 180d, 6m, 1y. Anything else means 180d.
    #[arg(long, env = "CERTS_RENEW_BEFORE", default_value = "180d")]
    pub certs_renew_before: String,
}

/// The variable may be there and empty, as in OpenKruise's own manifests.
fn cert_writer(text: &str) -> Result<CertWriter, String> {
    match text {
        "" | "secret" => Ok(CertWriter::Secret),
        "fs" => Ok(CertWriter::Fs),
        other => Err(format!("{other:?} is neither secret nor fs")),
    }
}

impl WebhookArgs {
    /// Flags of a process that serves no webhooks.
    pub(crate) fn off() -> Self {
        Self {
            webhook_port: 0,
            webhook_cert_writer: CertWriter::Secret,
            webhook_cert_dir: PathBuf::new(),
            webhook_secret: String::new(),
            webhook_service: String::new(),
            certs_renew_before: String::new(),
        }
    }

    /// The certificates of a binary, as these flags describe them.
    pub(crate) fn certificates(
        &self,
        binary: &str,
        namespace: &str,
        external: bool,
    ) -> CertificatesConfig {
        let mode = match self.webhook_cert_writer {
            _ if external => Mode::External,
            CertWriter::Secret => Mode::SelfMade,
            CertWriter::Fs => Mode::Files(self.webhook_cert_dir.clone()),
        };
        let usual = CertificatesConfig::new(binary, namespace);
        let given = |given: &str, usual: String| {
            if given.is_empty() {
                usual
            } else {
                given.to_owned()
            }
        };
        CertificatesConfig {
            mode,
            secret: given(&self.webhook_secret, usual.secret),
            webhook_service: given(&self.webhook_service, usual.webhook_service),
            lifetimes: Lifetimes::default().with_renew_before(&self.certs_renew_before),
            ..CertificatesConfig::new(binary, namespace)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        webhook: WebhookArgs,
    }

    fn config(flags: &[&str], external: bool) -> CertificatesConfig {
        let command = Command::try_parse_from([&["binary"], flags].concat()).unwrap();
        command.webhook.certificates("some", "ns", external)
    }

    #[test]
    fn without_flags_everything_is_made_here_and_named_after_the_binary() {
        let config = config(&[], false);
        assert_eq!(config.mode, Mode::SelfMade);
        assert_eq!(config.secret, "kruise-some-webhook-certs");
        assert_eq!(config.webhook_service, "kruise-some-webhook-service");
        assert_eq!(config.conversion_service, "kruise-some-conversion-service");
        assert_eq!(config.lifetimes, Lifetimes::default());
    }

    // PF-216, PF-218
    #[test]
    fn flags_choose_the_source_and_the_names() {
        let flags = [
            "--webhook-cert-writer=fs",
            "--webhook-cert-dir=/certs",
            "--webhook-secret=s",
            "--webhook-service=w",
            "--certs-renew-before=30d",
        ];
        let chosen = config(&flags, false);
        assert_eq!(chosen.mode, Mode::Files("/certs".into()));
        assert_eq!(
            (chosen.secret.as_str(), chosen.webhook_service.as_str()),
            ("s", "w")
        );
        let days = chosen.lifetimes.renew_before.as_secs() / 86_400;
        assert_eq!(days, 30);
        assert_ne!(chosen.lifetimes.renew_before, Duration::ZERO);
        assert_eq!(config(&flags, true).mode, Mode::External);
        assert_eq!(
            config(&["--webhook-cert-writer="], false).mode,
            Mode::SelfMade
        );
    }
}
