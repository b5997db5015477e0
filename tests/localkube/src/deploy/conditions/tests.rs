//! Against an API server of objects in memory: versions, pages, and writers that come in between.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::proxy::{Answer, ApiServer};
use super::*;

/// CloneSets by name, in namespace `n`.
#[derive(Default)]
struct Server {
    objects: RefCell<BTreeMap<String, Value>>,
    /// Objects in a page.
    page: usize,
    /// How many times somebody else writes an object just before a patch of ours.
    others: RefCell<u32>,
    /// Names of objects that are stored in another version.
    unreadable: Vec<&'static str>,
    patches: RefCell<Vec<String>>,
}

const SETS: &str = "/apis/apps.kruise.io/v1beta1/clonesets?limit=500";
const SET: &str = "/apis/apps.kruise.io/v1beta1/namespaces/n/clonesets/";

fn set(name: &str, conditions: &[&str]) -> Value {
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|kind| json!({ "type": kind, "status": "True", "message": format!("of {name}") }))
        .collect();
    json!({
        "metadata": { "namespace": "n", "name": name, "resourceVersion": "1" },
        "status": { "replicas": 3, "conditions": conditions },
    })
}

impl Server {
    fn with(objects: &[Value]) -> Self {
        let named = objects
            .iter()
            .map(|object| (text(object, "/metadata/name").to_owned(), object.clone()));
        Self {
            objects: RefCell::new(named.collect()),
            page: 2,
            ..Self::default()
        }
    }

    fn conditions(&self, name: &str) -> Vec<String> {
        let objects = self.objects.borrow();
        let types = items(&objects[name], "/status/conditions")
            .iter()
            .map(|condition| text(condition, "/type").to_owned());
        types.collect()
    }

    fn write(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut objects = self.objects.borrow_mut();
        let object = objects.get_mut(name).unwrap();
        change(object);
        let version: u64 = text(object, "/metadata/resourceVersion").parse().unwrap();
        object["metadata"]["resourceVersion"] = json!((version + 1).to_string());
    }
}

fn answer(status: u16, body: &Value) -> Result<Answer> {
    Ok(Answer {
        status,
        body: body.to_string(),
    })
}

fn no_conversion() -> Result<Answer> {
    let message = "conversion webhook for apps.kruise.io/v1alpha1, Kind=CloneSet failed";
    answer(500, &json!({ "message": message }))
}

impl ApiServer for Server {
    fn get(&self, path: &str) -> Result<Answer> {
        let objects = self.objects.borrow();
        if let Some(rest) = path.strip_prefix(SETS) {
            let after = rest.strip_prefix("&continue=").unwrap_or("");
            let left: Vec<(&String, &Value)> = objects
                .iter()
                .filter(|(name, _)| name.as_str() > after)
                .collect();
            let page = &left[..left.len().min(self.page)];
            if page
                .iter()
                .any(|(name, _)| self.unreadable.contains(&name.as_str()))
            {
                return no_conversion();
            }
            let next = if page.len() < left.len() {
                page.last().unwrap().0.as_str()
            } else {
                ""
            };
            let items: Vec<&Value> = page.iter().map(|(_, object)| *object).collect();
            return answer(
                200,
                &json!({ "metadata": { "continue": next }, "items": items }),
            );
        }
        let name = path.strip_prefix(SET).unwrap();
        if self.unreadable.contains(&name) {
            return no_conversion();
        }
        match objects.get(name) {
            Some(object) => answer(200, object),
            None => answer(404, &json!({})),
        }
    }

    fn merge_patch(&self, path: &str, patch: &Value) -> Result<Answer> {
        let name = path.strip_prefix(SET).unwrap();
        let name = name
            .strip_suffix("/status?fieldManager=kruise-undeploy")
            .unwrap();
        if *self.others.borrow() > 0 {
            *self.others.borrow_mut() -= 1;
            self.write(name, |object| object["status"]["replicas"] = json!(4));
        }
        let read = text(patch, "/metadata/resourceVersion");
        match self.objects.borrow().get(name) {
            None => return answer(404, &json!({})),
            Some(object) if text(object, "/metadata/resourceVersion") != read => {
                return answer(409, &json!({ "message": "the object has been modified" }));
            }
            Some(_) => {}
        }
        let status = patch["status"].as_object().unwrap();
        assert_eq!(status.len(), 1, "nothing but the conditions: {status:?}");
        self.write(name, |object| {
            object["status"]["conditions"] = status["conditions"].clone();
        });
        self.patches.borrow_mut().push(name.to_owned());
        answer(200, &json!({}))
    }
}

fn clone_sets() -> Kind {
    let crd = json!({
        "metadata": { "name": "clonesets.apps.kruise.io" },
        "spec": {
            "group": "apps.kruise.io",
            "versions": [{ "name": "v1alpha1" }, { "name": "v1beta1", "storage": true }],
        },
    });
    Kind::of(&crd).unwrap()
}

fn taken_off(server: &Server) -> Outcome {
    let known = ["a", "b", "c", "d", "e"].map(|name| Key::of(&set(name, &[])));
    take_off(
        server,
        &clone_sets(),
        &known.into(),
        &mut Patience::silent(),
    )
    .unwrap()
}

#[test]
fn our_condition_goes_from_every_page_and_others_stay() {
    let server = Server::with(&[
        set("a", &["Waiting"]),
        set("b", &["Progressing"]),
        set("c", &["FailedScale", "Waiting", "Progressing"]),
        set("d", &[]),
        set("e", &["Waiting"]),
    ]);
    let outcome = taken_off(&server);
    assert_eq!((outcome.cleaned, outcome.left.len()), (3, 0));
    assert_eq!(server.conditions("c"), ["FailedScale", "Progressing"]);
    assert!(server.conditions("a").is_empty());
    assert_eq!(
        *server.patches.borrow(),
        ["a", "c", "e"],
        "the others aren't written"
    );
}

#[test]
fn who_writes_in_between_keeps_what_was_written() {
    let server = Server::with(&[set("a", &["Waiting", "Progressing"])]);
    *server.others.borrow_mut() = 2;
    assert_eq!(taken_off(&server).cleaned, 1);
    assert_eq!(server.conditions("a"), ["Progressing"]);
    assert_eq!(server.objects.borrow()["a"]["status"]["replicas"], 4);
}

#[test]
fn an_object_that_somebody_writes_all_the_time_is_named_and_the_rest_goes_on() {
    let server = Server::with(&[set("a", &["Waiting"]), set("b", &["Waiting"])]);
    *server.others.borrow_mut() = ATTEMPTS;
    let outcome = taken_off(&server);
    assert_eq!(outcome.cleaned, 1);
    let left = outcome.left.first().unwrap();
    assert!(
        left.starts_with("n/a: ") && left.contains("all the time"),
        "{left}"
    );
    assert!(server.conditions("b").is_empty());
}

// A list in which one object would have to be converted fails as a whole, and nobody converts any more.
#[test]
fn objects_stored_in_another_version_do_not_keep_the_rest_from_being_cleaned() {
    let mut server = Server::with(&[
        set("a", &["Waiting"]),
        set("b", &["Waiting"]),
        set("c", &[]),
        set("e", &["Waiting"]),
    ]);
    server.unreadable = vec!["c"];
    let outcome = taken_off(&server);
    assert_eq!((outcome.cleaned, outcome.left.len()), (3, 0), "{outcome:?}");
    assert!(server.conditions("e").is_empty());
}

#[test]
fn a_kind_without_conditions_of_ours_is_left_alone() {
    let crd = json!({ "metadata": { "name": "others.example.com" } });
    assert!(Kind::of(&crd).is_none());
}
