//! Can one revision become another in place? Decided by what differs between their data alone, never
//! by the live pod (IP-1 to IP-12).

use std::collections::HashMap;

use serde_json::Value;

use super::{
    NotInPlace, Options, Update,
    difference::{Difference, Operation, differences, unescaped},
    metadata,
    template::Template,
};
use crate::{
    qos, revision::normal_form, text_map::TextMap,
    well_known::annotations::VOLUME_CLAIM_TEMPLATE_HASH,
};

/// What an update in place from one revision's data to another's changes.
///
/// # Errors
///
/// When it takes a new pod.
pub fn calculate(old: &Value, new: &Value, options: &Options) -> Result<Update, NotInPlace> {
    let old_template = Template::of(old, "present")?;
    let new_template = Template::of(new, "target")?;
    let readers = new_template.env_readers();
    let mut update = Update::default();
    let mut metadata_differs = false;
    for difference in differences(old, new) {
        // Where the difference is in the template.
        let path = difference.path.replacen("/spec/template", "", 1);
        if let Some(place) = path.strip_prefix("/metadata/") {
            metadata_differs = true;
            if options.env_from_metadata {
                record_readers(&mut update, &readers, place, &difference);
            }
            continue;
        }
        if let Err(why) = record_container(&mut update, old_template, &path, &difference, options) {
            return Err(NotInPlace {
                path,
                why: why.to_owned(),
            });
        }
    }
    let class_changes =
        || qos::of_template(old_template.json()) != qos::of_template(new_template.json());
    if !update.resources.is_empty() && class_changes() {
        return Err(NotInPlace {
            path: "/spec/containers".to_owned(),
            why: "the new resources change the pod's quality-of-service class".to_owned(),
        });
    }
    if metadata_differs {
        update.metadata_patch = Some(metadata::patch(
            old_template.metadata(),
            new_template.metadata(),
            |map, key| update.is_read(map, key),
        ));
    }
    Ok(update)
}

/// Whether two revisions have different volume claim templates, which keeps pods from going from one to the
/// other in place (IP-11). The annotations of the revisions tell. A revision without the annotation never
/// counts as different. Callers ask this with feature gate `RecreatePodWhenChangeVCTInCloneSetGate` only,
/// and not for policy `InPlaceOnly`.
#[must_use]
pub fn claim_templates_object(old_annotations: &TextMap, new_annotations: &TextMap) -> bool {
    let hash = |annotations: &TextMap| annotations.get(VOLUME_CLAIM_TEMPLATE_HASH).cloned();
    match (hash(old_annotations), hash(new_annotations)) {
        (Some(old), Some(new)) => old != new,
        _ => false,
    }
}

/// Whether the specs of two pod templates differ in nothing but images of ordinary containers (CS-16). A
/// container must have an image in both templates. Metadata isn't looked at.
#[must_use]
pub fn only_images_differ(old: &Value, new: &Value) -> bool {
    let spec =
        |template: &Value| normal_form("PodSpec", template.get("spec").unwrap_or(&Value::Null));
    differences(&spec(old), &spec(new))
        .iter()
        .all(|difference| {
            let mut steps = difference.path.split('/').skip(1);
            let is_image = steps.next() == Some("containers")
                && steps.next().is_some()
                && steps.next() == Some("image")
                && steps.next().is_none();
            is_image && difference.operation == Operation::Replace
        })
}

/// Records a label or annotation that was added or changed, for each container whose environment shows it
/// (IP-9). One that is taken away is not recorded. Nor is one in a map that is new: the difference is then
/// the whole map, which has no key.
fn record_readers(
    update: &mut Update,
    readers: &HashMap<(&str, &str), Vec<&str>>,
    place: &str,
    difference: &Difference<'_>,
) {
    let Some((map, key)) = place.split_once('/') else {
        return;
    };
    let Some(value) = difference.value.and_then(Value::as_str) else {
        return;
    };
    if difference.operation == Operation::Remove {
        return;
    }
    let key = unescaped(key);
    for container in readers.get(&(map, key.as_str())).into_iter().flatten() {
        let read = update
            .ref_metadata
            .entry((*container).to_owned())
            .or_default();
        let entries = match map {
            "labels" => &mut read.labels,
            _ => &mut read.annotations,
        };
        entries.insert(key.clone(), value.to_owned());
    }
}

/// Records what changes in a container, or says why it can't change in place (IP-4 to IP-6).
fn record_container(
    update: &mut Update,
    template: Template<'_>,
    path: &str,
    difference: &Difference<'_>,
    options: &Options,
) -> Result<(), &'static str> {
    let place = path
        .strip_prefix("/spec/containers/")
        .and_then(|place| place.split_once('/'));
    let Some((index, member)) = place else {
        return Err(
            "only images and resources of containers, labels and annotations can change in \
                    place",
        );
    };
    if difference.operation != Operation::Replace {
        return Err("of a container, nothing can be added or taken away in place");
    }
    let container = index
        .parse()
        .ok()
        .and_then(|index| template.container_name(index))
        .ok_or("there is no such container")?
        .to_owned();
    let text = difference.value.and_then(Value::as_str);
    if member == "image" {
        let image = text.ok_or("the image is no text")?;
        update.images.insert(container, image.to_owned());
        return Ok(());
    }
    let Some(amount) = member.strip_prefix("resources/") else {
        return Err("of a container, only its image and its resources can change in place");
    };
    if !options.vertical_scaling {
        return Err("resources change in place only with feature gate \
                    InPlaceWorkloadVerticalScaling");
    }
    let resources = update.resources.entry(container).or_default();
    let is_recorded = amount
        .split_once('/')
        .zip(text)
        .is_some_and(|((field, resource), amount)| resources.record(field, resource, amount));
    if is_recorded {
        Ok(())
    } else {
        Err("of resources, only limits and requests of CPU and memory can change in place")
    }
}
