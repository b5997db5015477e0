//! What objects have in common: all of them metadata, and custom resources the names of their kinds and how
//! these are written.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeOwned},
};

use serde_json::Value;

use crate::meta::ObjectMeta;

/// A kind as it is watched: decoded straight from the wire. A projection that leaves fields out is never written
/// back.
pub trait Object: DeserializeOwned + PartialEq + Send + Sync + 'static {
    /// The object's metadata.
    fn meta(&self) -> &ObjectMeta;
}

/// Whether an object that was read live, and is not decoded, names this UID among its owners.
#[must_use]
pub fn names_owner(live: &Value, uid: &str) -> bool {
    let owners = live
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    let mut owners = owners.into_iter().flatten();
    owners.any(|owner| owner.get("uid").and_then(Value::as_str) == Some(uid))
}

/// Implements [`Object`] for types that keep their metadata under its own name.
macro_rules! object {
    ($type:ty) => {
        impl $crate::object::Object for $type {
            fn meta(&self) -> &$crate::meta::ObjectMeta {
                &self.metadata
            }
        }
    };
}
pub(crate) use object;

/// A version of a kind.
pub trait CustomResource {
    /// API group.
    const GROUP: &'static str;
    /// Version within the group.
    const VERSION: &'static str;
    /// Group and version, as objects name them.
    const API_VERSION: &'static str;
    /// Kind, as objects name it.
    const KIND: &'static str;
    /// Name in paths of the API.
    const PLURAL: &'static str;
}

/// Implements [`CustomResource`], so that group and version are written once.
macro_rules! custom_resource {
    ($type:ty, $group:literal, $version:literal, $kind:literal, $plural:literal) => {
        impl $crate::object::CustomResource for $type {
            const GROUP: &'static str = $group;
            const VERSION: &'static str = $version;
            const API_VERSION: &'static str = concat!($group, "/", $version);
            const KIND: &'static str = $kind;
            const PLURAL: &'static str = $plural;
        }
    };
}
pub(crate) use custom_resource;

/// The field `apiVersion` of a `T`. It can have one value only: this is written, and any other is refused
/// when an object is read. So the field takes no memory.
pub struct ApiVersion<T>(PhantomData<T>);

/// The field `kind` of a `T`, written and checked like [`ApiVersion`].
pub struct Kind<T>(PhantomData<T>);

/// Implements what a field with one possible value needs.
macro_rules! fixed_text {
    ($field:ident, $constant:ident) => {
        impl<T: CustomResource> Serialize for $field<T> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(T::$constant)
            }
        }

        impl<'de, T: CustomResource> Deserialize<'de> for $field<T> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Expected(T::$constant))?;
                Ok(Self(PhantomData))
            }
        }

        impl<T> Default for $field<T> {
            fn default() -> Self {
                Self(PhantomData)
            }
        }

        // By hand, since a derived impl would ask that T be Clone.
        impl<T> Clone for $field<T> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T> Copy for $field<T> {}

        impl<T> PartialEq for $field<T> {
            fn eq(&self, _: &Self) -> bool {
                true
            }
        }

        impl<T> Eq for $field<T> {}

        impl<T: CustomResource> fmt::Debug for $field<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::$constant)
            }
        }
    };
}

fixed_text!(ApiVersion, API_VERSION);
fixed_text!(Kind, KIND);

/// Accepts this text, or no text.
struct Expected(&'static str);

impl de::Visitor<'_> for Expected {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        // An empty text counts as an absent field.
        if text == self.0 || text.is_empty() {
            Ok(())
        } else {
            Err(E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }
}
