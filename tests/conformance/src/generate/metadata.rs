//! Metadata of objects to create.

use kruise_testkit::random::Random;
use serde_json::{Value, json};

use super::{Generator, NAMES};
use crate::kinds::{KINDS, Kind};

impl Generator {
    /// A whole object of this kind, without a name.
    pub(super) fn object(&mut self, kind: &'static Kind) -> Value {
        let mut object = json!({
            "apiVersion": kind.api_version(),
            "kind": kind.kind,
            "metadata": self.metadata(),
        });
        let Value::Object(body) = (kind.body)(&mut self.random) else {
            return object;
        };
        for (name, value) in body {
            object[name.as_str()] = value;
        }
        object
    }

    fn metadata(&mut self) -> Value {
        let random = &mut self.random;
        let mut metadata = json!({});
        if random.chance(750) {
            metadata["labels"] = labels(random);
        }
        if random.chance(200) {
            metadata["annotations"] = json!({ "note": "1", "example.com/x": "y" });
        }
        if random.chance(120) {
            metadata["finalizers"] = json!(["example.com/hold"]);
        }
        if random.chance(220) {
            metadata["ownerReferences"] = self.owners();
        }
        metadata
    }

    fn owners(&mut self) -> Value {
        let mut owners = vec![self.owner()];
        if self.random.chance(200) {
            owners.push(self.owner());
        }
        if self.random.chance(60) {
            // Nobody has this one: garbage at once, unless another owner lives.
            owners.push(json!({
                "apiVersion": "v1", "kind": "ConfigMap", "name": "nobody",
                "uid": "<uid configmaps/nobody 0>",
            }));
        }
        Value::Array(owners)
    }

    fn owner(&mut self) -> Value {
        let mut kind = *self.random.pick(&self.kinds);
        if kind.kind == "Event" && self.random.chance(900) {
            // None may be an owner.
            kind = &KINDS[1];
        }
        let name = *self.random.pick(NAMES);
        let mut owner = json!({
            "apiVersion": kind.api_version(),
            "kind": kind.kind,
            "name": name,
            "uid": format!("<uid {}/{name} 0>", kind.plural),
        });
        if self.random.chance(500) {
            owner["controller"] = json!(self.random.chance(800));
        }
        if self.random.chance(500) {
            owner["blockOwnerDeletion"] = json!(self.random.chance(800));
        }
        owner
    }
}

fn labels(random: &mut Random) -> Value {
    random
        .pick(&[
            json!({ "app": "a" }),
            json!({ "app": "b", "tier": "x" }),
            json!({ "app": "a", "tier": "" }),
            json!({ "tier": "y" }),
        ])
        .clone()
}
