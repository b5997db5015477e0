//! The templates, and what stands in them: `{{Kind}}` and so on.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::kinds::{Kind, Kinds, plural};
use super::{File, snake};

macro_rules! template {
    ($name:literal) => {
        include_str!(concat!("../../templates/controller/", $name))
    };
}

/// What goes into the crate.
const CRATE: [(&str, &str); 9] = [
    ("Cargo.toml", template!("Cargo.toml.in")),
    ("src/main.rs", template!("src/main.rs.in")),
    ("src/lib.rs", template!("src/lib.rs.in")),
    ("src/reconcile.rs", template!("src/reconcile.rs.in")),
    ("src/observe.rs", template!("src/observe.rs.in")),
    ("src/plan.rs", template!("src/plan.rs.in")),
    ("src/check.rs", template!("src/check.rs.in")),
    ("src/lower.rs", template!("src/lower.rs.in")),
    ("src/snapshot.rs", template!("src/snapshot.rs.in")),
];

/// Where the modules of end-to-end tests are.
const TESTS: &str = "tests/e2e/tests/it";

/// What the end-to-end tests call the controller and its kind.
pub(super) fn names(name: &str, choice: &str, kinds: &Kinds) -> String {
    fill(template!("e2e_names.rs.in"), &values(name, choice, kinds))
}

/// Every file of a new controller.
pub(super) fn files(name: &str, choice: &str, kinds: &Kinds) -> Result<Vec<File>> {
    let values = values(name, choice, kinds);
    let file = |path: PathBuf, template: &str| {
        let text = fill(template, &values);
        match text.split_once("{{") {
            // Rust's own braces stand before a blank or a line's end.
            Some((_, rest)) if rest.starts_with(char::is_alphabetic) => {
                bail!("{}: nothing stands for {{{{{rest:.20}", path.display())
            }
            _ => Ok(File { path, text }),
        }
    };
    let package = Path::new("crates").join(name);
    let tests = Path::new(TESTS).join(snake(choice));
    let table = format!("xtask/src/deployables/{}.rs", snake(name));
    let others = [
        (PathBuf::from(table), template!("deployable.rs.in")),
        (tests.with_extension("rs"), template!("e2e.rs.in")),
        (tests.join("smoke.rs"), template!("e2e_smoke.rs.in")),
    ];
    CRATE
        .iter()
        .map(|(path, template)| (package.join(path), *template))
        .chain(others)
        .map(|(path, template)| file(path, template))
        .collect()
}

fn fill(template: &str, values: &[(&str, String)]) -> String {
    values
        .iter()
        .fold(template.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{{{name}}}}}"), value)
        })
}

fn values(name: &str, choice: &str, kinds: &Kinds) -> Vec<(&'static str, String)> {
    let own = &kinds.own;
    let of_others =
        |text: &dyn Fn(&Kind) -> String| -> String { kinds.others.iter().map(text).collect() };
    let observed = std::iter::once(own).chain(&kinds.others);
    let observed: Vec<&str> = observed.map(|kind| kind.kind.as_str()).collect();
    let constants = std::iter::once(own).chain(&kinds.others);
    let constants: Vec<String> = constants
        .map(|kind| kind.objects().to_uppercase())
        .collect();
    vec![
        ("name", name.to_owned()),
        ("crate", snake(name)),
        ("NAME", snake(name).to_uppercase()),
        ("choice", choice.to_owned()),
        ("Kind", own.kind.clone()),
        ("Kinds", plural(&own.kind)),
        ("object", snake(&own.kind)),
        ("objects", own.objects()),
        ("OBJECTS", own.objects().to_uppercase()),
        ("flag", own.kind.to_lowercase()),
        ("group", own.group.clone()),
        ("version", own.version.clone()),
        ("plural", own.plural.clone()),
        ("namespaced", own.namespaced.to_string()),
        ("resource", own.resource()),
        ("observed", observed.join(", ")),
        ("constants", constants.join(", ")),
        ("other_resources", of_others(&Kind::constant)),
        ("other_watches", of_others(&Kind::watch)),
        (
            "other_stores",
            of_others(&|kind| format!("{0}: {0}.store(),\n", kind.objects())),
        ),
        ("other_types", of_others(&Kind::projection)),
        (
            "other_snapshots",
            of_others(&|kind| kind.field(own, "Vec<Arc<", ">>")),
        ),
        (
            "other_fields",
            of_others(&|kind| kind.field(own, "Store<", ">")),
        ),
        (
            "other_views",
            of_others(&|kind| format!(", &self.{}", kind.objects())),
        ),
        ("other_lookups", of_others(&|kind| kind.look_up(own))),
        (
            "other_defaults",
            of_others(&|kind| format!("{}: Vec::new(),\n", kind.objects())),
        ),
        ("other_rules", of_others(&|kind| kind.rule(own))),
        (
            "use_metadata",
            if kinds.others.is_empty() {
                ""
            } else {
                "use kruise_api::meta::ObjectMeta;\n"
            }
            .to_owned(),
        ),
        (
            "owners",
            if kinds.others.is_empty() {
                String::new()
            } else {
                own.owners()
            },
        ),
    ]
}

impl Kind {
    /// What several of them are called in code.
    fn objects(&self) -> String {
        snake(&plural(&self.kind))
    }

    fn resource(&self) -> String {
        let Self {
            group,
            version,
            plural,
            kind,
            namespaced,
        } = self;
        format!(
            "Resource {{ group: \"{group}\", version: \"{version}\", plural: \"{plural}\", kind: \"{kind}\", \
             namespaced: {namespaced} }}"
        )
    }

    fn constant(&self) -> String {
        format!(
            "\n/// Those that an object of that kind owns wake it.\npub const {}: Resource = {};\n",
            self.objects().to_uppercase(),
            self.resource()
        )
    }

    fn watch(&self) -> String {
        let options = if self.is_built_in() {
            "WatchOptions::default()"
        } else {
            "WatchOptions { may_be_missing: true, ..WatchOptions::default() }"
        };
        let objects = self.objects();
        format!(
            "let {objects} = setup.watch::<{kind}>({constant}, {options});\n\
             {objects}.on_change(&queue, |old, new| {{\n\
               owners(old.map(|old| &old.metadata), new.map(|new| &new.metadata))\n\
             }});\n",
            kind = self.kind,
            constant = objects.to_uppercase(),
        )
    }

    fn projection(&self) -> String {
        let kind = &self.kind;
        format!(
            "\n/// What of a {kind} is read.\n\
             #[derive(Debug, Clone, Default, PartialEq, Deserialize)]\n\
             #[serde(default)]\n\
             pub struct {kind} {{\n\
               /// Its metadata.\n\
               pub metadata: ObjectMeta,\n\
             }}\n\n\
             impl Object for {kind} {{\n\
               fn meta(&self) -> &ObjectMeta {{\n\
                 &self.metadata\n\
               }}\n\
             }}\n"
        )
    }

    fn field(&self, own: &Self, before: &str, after: &str) -> String {
        format!(
            "/// {} that {} own.\npub {}: {before}{}{after},\n",
            plural(&self.kind),
            plural(&own.kind),
            self.objects(),
            self.kind
        )
    }

    fn look_up(&self, own: &Self) -> String {
        format!(
            "{0}: self.{0}.by_owner(&{1}.metadata.uid),\n",
            self.objects(),
            snake(&own.kind)
        )
    }

    fn rule(&self, own: &Self) -> String {
        format!(
            "rule(\"See those that {} own.\", \"{}\", [\"{}\"], [\"list\", \"watch\"]),\n",
            plural(&own.kind),
            self.group,
            self.plural
        )
    }

    /// A function that finds out whom to wake.
    fn owners(&self) -> String {
        let constant = self.objects().to_uppercase();
        format!(
            "\n/// Whom an object names as owner, before and after a change: one that is taken away wakes its\n\
             /// former owner too.\n\
             fn owners(old: Option<&ObjectMeta>, new: Option<&ObjectMeta>) -> Vec<ObjectKey> {{\n\
               let mut keys: Vec<ObjectKey> = [old, new]\n\
                 .into_iter()\n\
                 .flatten()\n\
                 .flat_map(|metadata| {{\n\
                   let owners = metadata.owner_references.iter();\n\
                   let of_ours = owners.filter(|owner| owner.is_of({constant}.group, {constant}.kind));\n\
                   of_ours.map(|owner| ObjectKey::new(metadata.namespace.clone(), owner.name.to_string()))\n\
                 }})\n\
                 .collect();\n\
               keys.dedup();\n\
               keys\n\
             }}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_be_filled_in() {
        let kinds = Kinds::find("widget", &["Widget".to_owned(), "Pod".to_owned()]).unwrap();
        let files = files("widget-controller", "widget", &kinds).unwrap();
        assert_eq!(files.len(), CRATE.len() + 3);
        let lib = &files[2].text;
        assert!(lib.contains("pub struct WidgetArgs"), "{lib}");
        assert!(lib.contains("setup.watch::<Pod>(PODS"), "{lib}");
        for File { path, text } in files {
            assert!(!text.contains("other_"), "{}", path.display());
        }
    }
}
