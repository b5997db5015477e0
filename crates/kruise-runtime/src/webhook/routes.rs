//! What answers at which path.

use std::{sync::Arc, time::Duration};

use kruise_api::well_known::CONVERT_PATH;
use serde_json::Value;

use super::{admission::Admission, conversion::Converter};
use crate::duration::parse_go_duration;

/// Time for an admission whose caller doesn't say how long it waits: the API server does, and lets a
/// webhook take 10 s unless its configuration says otherwise.
const ADMISSION_TIME: Duration = Duration::from_secs(10);
/// Time for a conversion. The API server waits 30 s.
const CONVERSION_TIME: Duration = Duration::from_secs(25);
/// The API server's own bound on the time of a webhook.
const LONGEST_TIME: Duration = Duration::from_secs(30);
/// The part of the caller's time that is kept for the way there and back: a tenth, and no more than this.
const LARGEST_SLACK: Duration = Duration::from_millis(500);

/// What answers at which path.
#[derive(Default)]
pub(crate) struct Routes {
    routes: Vec<Route>,
}

pub(crate) struct Route {
    pub(crate) path: String,
    pub(crate) endpoint: Endpoint,
    time: Duration,
}

pub(crate) enum Endpoint {
    Admission(Box<dyn Admission>),
    Conversion(Converter),
}

impl Routes {
    /// Answers requests for admission at this path.
    #[must_use]
    pub(crate) fn admission(self, path: impl Into<String>, handler: impl Admission) -> Self {
        self.admission_within(path, ADMISSION_TIME, handler)
    }

    /// Answers requests for admission at this path, in this time unless the caller says how long it waits.
    #[must_use]
    pub(crate) fn admission_within(
        self,
        path: impl Into<String>,
        time: Duration,
        handler: impl Admission,
    ) -> Self {
        self.with(Route {
            path: path.into(),
            endpoint: Endpoint::Admission(Box::new(handler)),
            time,
        })
    }

    /// Converts objects at [`CONVERT_PATH`] to the version that the converter is told, such as
    /// `apps.kruise.io/v1beta1`. The converter isn't called for objects that have that version already. Its error is
    /// what a user reads, and should name the object.
    #[must_use]
    pub(crate) fn conversion<C, E>(self, converter: C) -> Self
    where
        C: Fn(Value, &str) -> Result<Value, E> + Send + Sync + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let converter = move |object: Value, to: &str| Ok(converter(object, to)?);
        self.with(Route {
            path: CONVERT_PATH.to_owned(),
            endpoint: Endpoint::Conversion(Arc::new(converter)),
            time: CONVERSION_TIME,
        })
    }

    /// Whether there is nothing to serve.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    pub(crate) fn into_routes(self) -> Vec<Route> {
        self.routes
    }

    fn with(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }
}

impl Route {
    /// Time to answer a request with this query.
    pub(crate) fn time(&self, query: Option<&str>) -> Duration {
        match asked_time(query.unwrap_or_default()) {
            Some(asked) => {
                let asked = asked.min(LONGEST_TIME);
                asked - (asked / 10).min(LARGEST_SLACK)
            }
            None => self.time,
        }
    }
}

/// The API server says how long it waits as `timeout=10s`. `0` would be no time at all, and counts as
/// not said.
fn asked_time(query: &str) -> Option<Duration> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("timeout="))
        .and_then(|time| parse_go_duration(time).ok())
        .filter(|time| !time.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::AdmissionResponse;

    #[rstest::rstest]
    #[case::not_said(None, 10_000)]
    #[case::seconds(Some("timeout=3s"), 2_700)]
    #[case::the_default(Some("timeout=10s"), 9_500)]
    #[case::among_others(Some("a=b&timeout=1s&c"), 900)]
    #[case::above_what_can_be_configured(Some("timeout=10m"), 29_500)]
    #[case::none(Some("timeout=0s"), 10_000)]
    #[case::negative(Some("timeout=-1s"), 10_000)]
    #[case::not_a_duration(Some("timeout=soon"), 10_000)]
    #[case::another_word(Some("nottimeout=1s"), 10_000)]
    fn time_is_a_little_less_than_the_caller_waits(
        #[case] query: Option<&str>,
        #[case] milliseconds: u64,
    ) {
        let routes = Routes::default().admission("/a", |_: &_| AdmissionResponse::allow());
        let time = routes.routes[0].time(query);
        assert_eq!(time, Duration::from_millis(milliseconds));
    }
}
