//! Merging lists, and the order of the result. Elements are merged by [`object`], which calls this module
//! for their lists.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    mem::{Discriminant, discriminant},
};

use serde_json::Value;

use super::{
    added::{replacing, without_directed},
    directives::{PATCH, Whole},
    error::{MergeError, Reason},
    object,
    place::Place,
    schema::{ListShape, Type},
};

/// Merges a patch's list into a list.
pub(super) fn merge(
    original: &mut Vec<Value>,
    patch: &[Value],
    shape: ListShape,
    place: &Place<'_>,
) -> Result<(), MergeError> {
    match shape {
        ListShape::Atomic => {
            *original = patch.iter().map(replacing).collect();
            Ok(())
        }
        ListShape::Set => merge_set(original, patch, place),
        ListShape::By(key, type_) => merge_by(original, patch, key, type_, place),
    }
}

fn merge_set(
    original: &mut Vec<Value>,
    patch: &[Value],
    place: &Place<'_>,
) -> Result<(), MergeError> {
    check_plain(original, patch, place)?;
    let server_order = original.clone();
    let mut seen = HashSet::new();
    let merged = original.iter().chain(patch);
    let merged = merged.filter(|element| seen.insert(*element));
    let merged = merged.cloned().collect();
    *original = arranged(merged, patch, &server_order, Identity::Value);
    Ok(())
}

fn merge_by(
    original: &mut Vec<Value>,
    patch: &[Value],
    key: &'static str,
    type_: Type,
    place: &Place<'_>,
) -> Result<(), MergeError> {
    let ordinary = take_directives(original, patch, key, place)?;
    let identity = Identity::Key(key);
    let server_order = identity.all(original, place)?;
    let mut patch_order = Vec::new();
    let mut places: HashMap<Value, usize> = HashMap::new();
    for (index, found) in server_order.iter().enumerate() {
        places.entry(found.clone()).or_insert(index);
    }
    for (index, element) in ordinary {
        let place = place.element(index);
        let found = identity.of(element, &place)?;
        patch_order.push(found.clone());
        let present = places.get(found).and_then(|index| original.get_mut(*index));
        match (present, element) {
            (Some(Value::Object(present)), Value::Object(element)) => {
                object::merge(present, element, type_, &place)?;
            }
            _ => {
                places.insert(found.clone(), original.len());
                original.push(replacing(element));
            }
        }
    }
    let merged = std::mem::take(original);
    *original = arranged(merged, &patch_order, &server_order, identity);
    Ok(())
}

/// Does what the elements with a `$patch` say. Returns the patch's other elements, each with its index.
fn take_directives<'a>(
    original: &mut Vec<Value>,
    patch: &'a [Value],
    key: &'static str,
    place: &Place<'_>,
) -> Result<Vec<(usize, &'a Value)>, MergeError> {
    let mut ordinary = Vec::new();
    let mut replaces = false;
    let mut deleted = HashSet::new();
    for (index, element) in patch.iter().enumerate() {
        let place = place.element(index);
        let Value::Object(members) = element else {
            return Err(place.error(Reason::NotAnObject));
        };
        match Whole::of(members, &place)? {
            None => ordinary.push((index, element)),
            Some(Whole::Replace) => replaces = true,
            Some(Whole::Delete) => {
                deleted.insert(Identity::Key(key).of(element, &place)?);
            }
        }
    }
    original.retain(|present| !present.get(key).is_some_and(|it| deleted.contains(it)));
    if replaces {
        // These elements are not merged with one another either.
        *original = ordinary.drain(..).map(|(_, it)| replacing(it)).collect();
    }
    Ok(ordinary)
}

/// Takes elements away by value, even from a list that patches otherwise replace. If the list is merged by
/// a key, the elements are merged into it instead, as on the server.
pub(super) fn delete(
    original: &mut Vec<Value>,
    elements: &[Value],
    shape: ListShape,
    place: &Place<'_>,
) -> Result<(), MergeError> {
    if let ListShape::By(key, type_) = shape {
        return merge_by(original, elements, key, type_, place);
    }
    check_plain(original, elements, place)?;
    let elements: HashSet<&Value> = elements.iter().collect();
    original.retain(|element| !elements.contains(element));
    Ok(())
}

/// `$setElementOrder`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'a> {
    pub(super) elements: &'a [Value],
    pub(super) place: &'a Place<'a>,
}

/// Merges a list and puts it in order. Original and patch may lack it.
pub(super) fn merge_in_order(
    original: Option<&[Value]>,
    patch: Option<&[Value]>,
    order: &Order<'_>,
    shape: ListShape,
    place: &Place<'_>,
) -> Result<Vec<Value>, MergeError> {
    let identity = match shape {
        ListShape::By(key, _) => Identity::Key(key),
        ListShape::Set | ListShape::Atomic => Identity::Value,
    };
    let n_elements = original.map_or(0, <[Value]>::len) + patch.map_or(0, <[Value]>::len);
    if n_elements == 0 {
        return Err(place.error(Reason::NothingToOrder));
    }
    if identity == Identity::Value {
        let patch = patch.unwrap_or_default();
        check_plain(original.unwrap_or_default(), patch, place)?;
        if !order.elements.iter().all(is_plain) {
            return Err(order.place.error(Reason::NotPlain));
        }
    }
    let patch_order = identity.all(order.elements, order.place)?;
    check_order(patch.unwrap_or_default(), &patch_order, identity, place)?;

    let server_order = order_before(
        identity.all(original.unwrap_or_default(), place)?,
        patch.unwrap_or_default(),
        identity,
    );
    let merged = match (original, patch) {
        (Some(original), Some(patch)) => {
            let mut merged = original.to_vec();
            merge(&mut merged, patch, shape, place)?;
            merged
        }
        (Some(original), None) => original.to_vec(),
        (None, patch) => {
            let patch = patch.unwrap_or_default().iter();
            patch.filter_map(without_directed).collect()
        }
    };
    // Fails if an added element has no identity.
    identity.all(&merged, place)?;
    Ok(arranged(merged, &patch_order, &server_order, identity))
}

/// The order that the server takes for that of the original. By then it has reused the room of deleted
/// elements. So as many new elements as were deleted seem to have stood at the end.
// `kubectl apply` sends such patches, so users see where the elements come to stand.
fn order_before(original: Vec<Value>, patch: &[Value], identity: Identity) -> Vec<Value> {
    let Identity::Key(key) = identity else {
        return original;
    };
    let n_original = original.len();
    let is_deletion = |element: &Value| element.get(PATCH).is_some_and(|word| word == "delete");
    let deleted: HashSet<&Value> = patch
        .iter()
        .filter(|element| is_deletion(element))
        .filter_map(|element| element.get(key))
        .collect();
    let mut order = original;
    order.retain(|found| !deleted.contains(found));
    let mut known: HashSet<Value> = order.iter().cloned().collect();
    let ordinary = patch.iter().filter(|element| element.get(PATCH).is_none());
    for found in ordinary.filter_map(|element| element.get(key)) {
        if order.len() < n_original && known.insert(found.clone()) {
            order.push(found.clone());
        }
    }
    order
}

/// Checks that the patch's elements are in this order, but for those with a directive. The server walks
/// through the order once. When the order has ended, it takes every further element for a wrong one, unless
/// that element deletes. An empty order isn't looked at.
fn check_order(
    patch: &[Value],
    order: &[Value],
    identity: Identity,
    place: &Place<'_>,
) -> Result<(), MergeError> {
    if order.is_empty() {
        return Ok(());
    }
    let mut order = order.iter();
    for (index, element) in patch.iter().enumerate() {
        let place = place.element(index);
        let directive = element.get(PATCH);
        if directive.is_some_and(|word| word == "delete") {
            continue;
        }
        let is_in_order = if directive.is_some() {
            !order.as_slice().is_empty()
        } else {
            let found = identity.of(element, &place)?;
            order.any(|other| other == found)
        };
        if !is_in_order {
            return Err(place.error(Reason::NotInOrder));
        }
    }
    Ok(())
}

/// What makes two elements the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Identity {
    Value,
    Key(&'static str),
}

impl Identity {
    fn of<'a>(self, element: &'a Value, place: &Place<'_>) -> Result<&'a Value, MergeError> {
        match (self, element) {
            (Self::Value, value) => Ok(value),
            // The server takes null for a key like any other, and then refuses what comes of it.
            (Self::Key(key), Value::Object(members)) => members
                .get(key)
                .filter(|found| !found.is_null())
                .ok_or_else(|| place.error(Reason::NoMergeKey(key))),
            (Self::Key(_), _) => Err(place.error(Reason::NotAnObject)),
        }
    }

    fn all(self, elements: &[Value], place: &Place<'_>) -> Result<Vec<Value>, MergeError> {
        let of = |(index, element)| self.of(element, &place.element(index)).cloned();
        elements.iter().enumerate().map(of).collect()
    }

    /// The part of an element that is equal in elements that are the same.
    fn part(self, element: &Value) -> Option<&Value> {
        match self {
            Self::Value => Some(element),
            Self::Key(key) => element.get(key),
        }
    }
}

/// Where elements stand in an order.
struct Positions<'a> {
    identity: Identity,
    of: HashMap<&'a Value, usize>,
}

impl<'a> Positions<'a> {
    /// If an element is there twice, its first position counts.
    fn in_order(order: &'a [Value], identity: Identity) -> Self {
        let mut of = HashMap::with_capacity(order.len());
        for (position, found) in order.iter().enumerate() {
            of.entry(found).or_insert(position);
        }
        Self { identity, of }
    }

    fn position(&self, element: &Value) -> Option<usize> {
        self.of.get(self.identity.part(element)?).copied()
    }
}

/// The elements in the order of the result. Those that the patch names are in the patch's order, the others
/// in the server's, and both are woven together. One of the others comes before a named element only if the
/// server had it before.
fn arranged(
    merged: Vec<Value>,
    patch_order: &[Value],
    server_order: &[Value],
    identity: Identity,
) -> Vec<Value> {
    let in_patch = Positions::in_order(patch_order, identity);
    let on_server = Positions::in_order(server_order, identity);
    let (named, others): (Vec<_>, Vec<_>) = merged
        .into_iter()
        .partition(|element| in_patch.position(element).is_some());
    let named = sorted(named, &in_patch);
    let others = sorted(others, &on_server);

    let mut woven = Vec::with_capacity(named.len() + others.len());
    let mut others = others.into_iter().peekable();
    for named in named {
        let at = on_server.position(&named);
        let stood_before = |other: &Value| {
            on_server
                .position(other)
                .is_some_and(|other| at.is_some_and(|at| other < at))
        };
        while let Some(other) = others.next_if(stood_before) {
            woven.push(other);
        }
        woven.push(named);
    }
    woven.extend(others);
    woven
}

/// The elements, sorted by this order.
// An element that came with an empty `$setElementOrder` has no position. The server's comparison says that
// such an element comes before any other, and any other before it. So the result depends on how the server
// sorts. It sorts by insertion, at least up to 20 elements: an element goes behind the last one that is
// known to come before it, or else to the front. Here elements are chained, so that each insertion into a
// long list is as cheap as into a short one.
fn sorted(elements: Vec<Value>, order: &Positions<'_>) -> Vec<Value> {
    let mut first = None;
    let mut next: Vec<Option<usize>> = Vec::with_capacity(elements.len());
    let mut last_at: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, element) in elements.iter().enumerate() {
        let position = order.position(element);
        let before = position.and_then(|position| last_at.range(..=position).next_back());
        let link = match before.and_then(|(_, before)| next.get_mut(*before)) {
            Some(link) => link,
            None => &mut first,
        };
        let after = link.replace(index);
        next.push(after);
        if let Some(position) = position {
            last_at.insert(position, index);
        }
    }
    let mut elements: Vec<Option<Value>> = elements.into_iter().map(Some).collect();
    let mut sorted = Vec::with_capacity(elements.len());
    let mut index = first;
    while let Some(element) = index.and_then(|index| elements.get_mut(index)?.take()) {
        sorted.push(element);
        index = index.and_then(|index| next.get(index).copied().flatten());
    }
    sorted
}

/// Checks that all elements are of one type, and none is an object or a list.
fn check_plain(original: &[Value], patch: &[Value], place: &Place<'_>) -> Result<(), MergeError> {
    let mut first: Option<Discriminant<Value>> = None;
    for element in original.iter().chain(patch) {
        if !is_plain(element) {
            return Err(place.error(Reason::NotPlain));
        }
        if *first.get_or_insert(discriminant(element)) != discriminant(element) {
            return Err(place.error(Reason::MixedElements));
        }
    }
    Ok(())
}

fn is_plain(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}
