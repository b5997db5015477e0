//! A short form for the types of the wire. What is said of a field on the wire is one word before its name, and each
//! type keeps the fields that it does not know.

/// Defines types of the wire: their members as the wire names them (camelCase), read as leniently as Go reads them.
///
/// | word | type of the field | on the wire | CRD |
/// |---|---|---|---|
/// | `required` | `T` | always written | required |
/// | `written` | `T` | always written | optional |
/// | `omitempty` | `T` | left out when it is its type's empty value | optional |
/// | `optional` | `Option<T>` | left out when absent | optional |
/// | `list` | `Vec<T>` | left out when empty | optional |
/// | `required_list` | `Vec<T>` | always written | required |
/// | `optional_list` | `Option<Vec<T>>` | left out when absent | optional |
/// | `map` | `BTreeMap<String, T>` | left out when empty | optional |
/// | `optional_map` | `Option<BTreeMap<String, T>>` | left out when absent | optional |
/// | `lists` | `BTreeMap<String, Vec<T>>` | left out when empty | optional |
/// | `time` | `Option<Time>` | whole seconds; left out when absent | optional |
/// | `required_time` | `Option<Time>` | whole seconds; `null` when absent | required |
/// | `times` | `BTreeMap<String, Time>` | whole seconds; left out when empty | optional |
/// | `raw` | `Value` | as it was; left out when null | optional, not described |
/// | `required_raw` | `Value` | as it was; left out when null | required, not described |
/// | `required_object` | `Value` | as it was; left out when null | required, a whole object of any kind |
///
/// Attributes stand before the word: documentation, `#[serde(rename = "…")]`, `#[schemars(extend("…" = …))]`.
macro_rules! wire {
    ($($(#[$meta:meta])* pub struct $name:ident { $($fields:tt)* })+) => {
        $($crate::wire::wire_fields! { [$(#[$meta])* pub struct $name] [] $($fields)* })+
    };
}
pub(crate) use wire;

/// Turns the words of [`wire`] into attributes, field by field.
macro_rules! wire_fields {
    ([$($head:tt)*] [$($done:tt)*]) => {
        #[derive(
            Debug, Clone, Default, PartialEq, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema,
        )]
        #[serde(rename_all = "camelCase")]
        $($head)* {
            $($done)*
            /// Fields that this version of the crate does not know, as they were.
            #[serde(flatten)]
            #[schemars(skip)]
            pub unknown: $crate::meta::UnknownFields,
        }
    };
    ($head:tt $done:tt $(#[$meta:meta])* required $name:ident: $type:ty, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(default, deserialize_with = "crate::meta::null_as_default")]
            #[schemars(!default)]
            pub $name: $type,
        ] $($rest)* }
    };
    ($head:tt $done:tt $(#[$meta:meta])* written $name:ident: $type:ty, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(default, deserialize_with = "crate::meta::null_as_default")]
            #[schemars(skip_serializing_if = "crate::meta::is_zero")]
            pub $name: $type,
        ] $($rest)* }
    };
    ($head:tt $done:tt $(#[$meta:meta])* omitempty $name:ident: $type:ty, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(
                default,
                skip_serializing_if = "crate::meta::is_zero",
                deserialize_with = "crate::meta::null_as_default"
            )]
            pub $name: $type,
        ] $($rest)* }
    };
    ($head:tt $done:tt $(#[$meta:meta])* optional $name:ident: $type:ty, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $name: Option<$type>,
        ] $($rest)* }
    };
    ($head:tt $done:tt $(#[$meta:meta])* list $name:ident: $type:ty, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "crate::meta::list")]
            pub $name: Vec<$type>,
        ] $($rest)* }
    };
    ($head:tt $done:tt $(#[$meta:meta])* required_list $name:ident: $type:ty, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(default, deserialize_with = "crate::meta::list")]
            #[schemars(!default)]
            pub $name: Vec<$type>,
        ] $($rest)* }
    };
    ($head:tt $done:tt $(#[$meta:meta])* optional_list $name:ident: $type:ty, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(
                default,
                skip_serializing_if = "Option::is_none",
                deserialize_with = "crate::meta::optional_list"
            )]
            pub $name: Option<Vec<$type>>,
        ] $($rest)* }
    };
    ($head:tt $done:tt $(#[$meta:meta])* map $name:ident: $type:ty, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(
                default,
                skip_serializing_if = "std::collections::BTreeMap::is_empty",
                deserialize_with = "crate::meta::map"
            )]
            pub $name: std::collections::BTreeMap<String, $type>,
        ] $($rest)* }
    };
    ($head:tt $done:tt $(#[$meta:meta])* optional_map $name:ident: $type:ty, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(
                default,
                skip_serializing_if = "Option::is_none",
                deserialize_with = "crate::meta::optional_map"
            )]
            pub $name: Option<std::collections::BTreeMap<String, $type>>,
        ] $($rest)* }
    };
    ($head:tt $done:tt $(#[$meta:meta])* lists $name:ident: $type:ty, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(
                default,
                skip_serializing_if = "std::collections::BTreeMap::is_empty",
                deserialize_with = "crate::meta::lists"
            )]
            pub $name: std::collections::BTreeMap<String, Vec<$type>>,
        ] $($rest)* }
    };
    ($head:tt $done:tt $(#[$meta:meta])* time $name:ident, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(default, with = "crate::meta::wire_time", skip_serializing_if = "Option::is_none")]
            #[schemars(with = "Option<String>", extend("format" = "date-time"))]
            pub $name: Option<$crate::meta::Time>,
        ] $($rest)* }
    };
    ($head:tt $done:tt $(#[$meta:meta])* required_time $name:ident, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(default, with = "crate::meta::wire_time")]
            #[schemars(!default, with = "String", extend("format" = "date-time"))]
            pub $name: Option<$crate::meta::Time>,
        ] $($rest)* }
    };
    ($head:tt $done:tt $(#[$meta:meta])* times $name:ident, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(
                default,
                skip_serializing_if = "std::collections::BTreeMap::is_empty",
                deserialize_with = "crate::meta::map",
                serialize_with = "crate::meta::wire_time::map"
            )]
            #[schemars(schema_with = "crate::definition::structural::times")]
            pub $name: std::collections::BTreeMap<String, $crate::meta::Time>,
        ] $($rest)* }
    };
    ($head:tt $done:tt $(#[$meta:meta])* raw $name:ident, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
            #[schemars(schema_with = "crate::definition::structural::preserved")]
            pub $name: ::serde_json::Value,
        ] $($rest)* }
    };
    ($head:tt $done:tt $(#[$meta:meta])* required_raw $name:ident, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
            #[schemars(
                !default,
                !skip_serializing_if,
                schema_with = "crate::definition::structural::preserved"
            )]
            pub $name: ::serde_json::Value,
        ] $($rest)* }
    };
    ($head:tt $done:tt $(#[$meta:meta])* required_object $name:ident, $($rest:tt)*) => {
        $crate::wire::wire_fields! { @add $head $done [
            $(#[$meta])*
            #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
            #[schemars(
                !default,
                !skip_serializing_if,
                schema_with = "crate::definition::structural::embedded_object"
            )]
            pub $name: ::serde_json::Value,
        ] $($rest)* }
    };
    (@add $head:tt [$($done:tt)*] [$($field:tt)*] $($rest:tt)*) => {
        $crate::wire::wire_fields! { $head [$($done)* $($field)*] $($rest)* }
    };
}
pub(crate) use wire_fields;
