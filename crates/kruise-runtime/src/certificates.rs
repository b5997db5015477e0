//! Certificates of the webhook server: made, shared by all replicas, renewed, swapped while serving, and trusted by
//! the API server (PF-216 to PF-227).
//!
//! ```text
//!  source                          trust                         resolver
//!  Secret | files | cert-manager   bundles in our own CRDs and   what new connections
//!  certificate, key, bundle ---->  webhook configurations  ----> are given
//! ```
//!
//! One task on every replica, leader or not, does all of it: [`Certificates::new`] returns the handle
//! and the task. It doesn't serve, doesn't create CRDs or webhook configurations, and doesn't decide
//! which webhooks there are.

mod authority;
mod config;
mod error;
mod files;
mod lifetimes;
mod material;
mod names;
mod offer;
mod places;
mod plan;
mod resolver;
mod secret;
mod serving;
mod source;
mod status;
mod task;
#[cfg(test)]
mod tests;
mod trust;
mod x509;

pub(crate) use config::{CertificatesConfig, Mode};
pub(crate) use lifetimes::Lifetimes;
pub(crate) use status::Status;
pub(crate) use task::Certificates;
