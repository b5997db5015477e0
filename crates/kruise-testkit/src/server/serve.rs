//! From a request to its answer: what is asked, what goes wrong on the way, what is recorded.

use std::sync::Arc;

use http::{Request, Response, header};
use http_body_util::BodyExt;
use kruise_api::resource::ObjectKey;
use serde_json::{Value, json};

use super::{
    ApiServer, Recorded,
    answer::{Answer, Body, Form},
    call::Call,
    faults::{Fault, Point},
    path::{Query, Target, Verb},
    status::Status,
};

/// How long a server waits for a webhook or for its store before it gives up.
const TOOK_TOO_LONG: &str = "request did not complete within the allotted timeout";

type Answered = Result<Response<Body>, std::io::Error>;

impl ApiServer {
    /// Answers one request of this client.
    pub(super) async fn serve(
        self,
        who: &'static str,
        request: Request<kube::client::Body>,
    ) -> Answered {
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map_err(std::io::Error::other)?
            .to_bytes();
        let path = head.uri.path();
        if let Some(answer) = about_itself(path) {
            return Ok(answer.into_response(|object| object.to_string().into()));
        }
        if let Some(found) = self.discover(path) {
            let text = |object: &Arc<Value>| object.to_string().into();
            return Ok(match found {
                Ok(answer) => answer.into_response(text),
                Err(status) => status.into_response(),
            });
        }
        let query = Query::parse(head.uri.query().unwrap_or_default());
        let call = self.find(who, path, &head.method, query);
        let mut call = match call {
            Ok(call) => call,
            Err(status) => return Ok(status.into_response()),
        };
        call.form = Form::asked(&head.headers);
        let content_type = head.headers.get(header::CONTENT_TYPE);
        call.content_type = content_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        call.body = if body.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_slice(&body).map_err(|error| error.to_string())
        };
        let record = self.record(&call);
        let fault = self.lock().faults.draw(&call, Point::Request);
        self.answer_with(&call, record, fault).await
    }

    /// The call that this path means.
    fn find(
        &self,
        who: &'static str,
        path: &str,
        method: &http::Method,
        query: Query,
    ) -> Result<Call, Status> {
        let target = Target::parse(path).ok_or_else(Status::no_such_path)?;
        let state = self.lock();
        let found = state.kinds.find(&target.group, &target.plural);
        let (number, kind) = found.ok_or_else(Status::no_such_path)?;
        let version = kind
            .served(&target.version)
            .ok_or_else(Status::no_such_path)?;
        let in_namespace = !target.namespace.is_empty();
        if in_namespace && !kind.resource.namespaced {
            return Err(Status::no_such_path());
        }
        let verb = Verb::of(method, &target, &query).ok_or_else(Status::method_not_allowed)?;
        let needs_namespace = !target.name.is_empty() || verb == Verb::Create;
        if kind.resource.namespaced && !in_namespace && needs_namespace {
            // Objects of a namespaced kind can't be reached past their namespace.
            return Err(if target.name.is_empty() {
                Status::method_not_allowed()
            } else {
                Status::no_such_path()
            });
        }
        Ok(Call {
            who,
            verb,
            kind: Arc::clone(kind),
            number,
            version,
            key: ObjectKey::new(target.namespace, target.name),
            subresource: target.subresource,
            query,
            content_type: String::new(),
            form: Form::Whole,
            body: Ok(Value::Null),
        })
    }

    async fn answer_with(&self, call: &Call, record: usize, fault: Option<Fault>) -> Answered {
        self.note(record, |recorded| recorded.fault = fault.map(Fault::class));
        let broken = || Err(std::io::ErrorKind::ConnectionReset.into());
        match fault {
            Some(Fault::HangBefore) => return std::future::pending().await,
            Some(Fault::ResetBefore) => return broken(),
            Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
            Some(Fault::Compaction) => self.faults().compact(),
            _ => {}
        }
        let answered = match fault.and_then(|fault| fault.refusal(call)) {
            Some(status) => Err(status),
            None => self.answer(call).await,
        };
        self.note(record, |recorded| recorded.done = answered.is_ok());
        match fault {
            Some(Fault::AnswerLost) => return std::future::pending().await,
            Some(Fault::ResetAfter) => return broken(),
            _ => {}
        }
        let response = match (answered, fault) {
            (_, Some(Fault::TimeoutAfter)) => Status::timeout(TOOK_TOO_LONG, 0).into_response(),
            (Ok(answer), _) => {
                answer.into_response(|object| self.lock().texts.of(&call.form.of(object)))
            }
            (Err(status), _) => status.into_response(),
        };
        let code = response.status().as_u16();
        self.note(record, |recorded| recorded.code = Some(code));
        Ok(response)
    }

    /// Carries out what is asked.
    async fn answer(&self, call: &Call) -> Result<Answer, Status> {
        match call.verb {
            Verb::Get => self.read_one(call),
            Verb::List => self.read_list(call),
            Verb::Watch => self.watch(call),
            Verb::Create => self.create(call).await,
            Verb::Update => self.update(call).await,
            Verb::Patch => self.patch(call).await,
            Verb::Delete => self.delete_one(call).await,
            Verb::DeleteCollection => self.delete_all(call).await,
        }
    }

    /// Writes a request down; says where.
    fn record(&self, call: &Call) -> usize {
        let key = ObjectKey::new(call.namespace(), call.object_name());
        let recorded = Recorded {
            at: self.inner.clock.now(),
            by: call.who,
            verb: call.verb.word(),
            plural: call.kind.resource.plural.to_owned(),
            key,
            subresource: call.subresource.clone(),
            dry_run: call.query.dry_run(),
            body: call.body.clone().unwrap_or_default(),
            done: false,
            code: None,
            fault: None,
        };
        let requests = &mut self.lock().requests;
        requests.push(recorded);
        requests.len() - 1
    }

    fn note(&self, record: usize, note: impl FnOnce(&mut Recorded)) {
        if let Some(recorded) = self.lock().requests.get_mut(record) {
            note(recorded);
        }
    }
}

/// What the server says of itself.
fn about_itself(path: &str) -> Option<Answer> {
    match path {
        "/version" => Some(Answer::Object(
            200,
            Arc::new(json!({
                "major": "1",
                "minor": "36",
                "gitVersion": "v1.36.3",
                "gitTreeState": "clean",
                "platform": "linux/amd64",
            })),
        )),
        "/healthz" | "/livez" | "/readyz" => Some(Answer::Text("ok".to_owned())),
        _ => None,
    }
}
