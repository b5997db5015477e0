//! A custom resource as most kinds have it: metadata, a spec and a status. A version of such a kind is a name for
//! this type with its own parts, and a marker that bears its names on the wire.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    meta::{ObjectMeta, null_as_default},
    object::{ApiVersion, CustomResource, Kind, Object},
    versions::Marks,
};

/// An object of the version that `Names` names.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    bound(
        serialize = "Names: CustomResource, Spec: Serialize, Status: Serialize",
        deserialize = "Names: CustomResource, Spec: Default + Deserialize<'de>, Status: Default + Deserialize<'de>"
    )
)]
pub struct CustomObject<Names: CustomResource, Spec, Status> {
    /// Group and version.
    #[serde(default)]
    pub api_version: ApiVersion<Names>,
    /// Kind.
    #[serde(default)]
    pub kind: Kind<Names>,
    /// Metadata.
    #[serde(default, deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default, deserialize_with = "null_as_default")]
    pub spec: Spec,
    /// What the controller saw last.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: Status,
}

impl<Names: CustomResource, Spec, Status> CustomResource for CustomObject<Names, Spec, Status> {
    const GROUP: &'static str = Names::GROUP;
    const VERSION: &'static str = Names::VERSION;
    const API_VERSION: &'static str = Names::API_VERSION;
    const KIND: &'static str = Names::KIND;
    const PLURAL: &'static str = Names::PLURAL;
}

impl<Names, Spec, Status> Object for CustomObject<Names, Spec, Status>
where
    Names: CustomResource + PartialEq + Send + Sync + 'static,
    Spec: DeserializeOwned + Default + PartialEq + Send + Sync + 'static,
    Status: DeserializeOwned + Default + PartialEq + Send + Sync + 'static,
{
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl<Names: CustomResource, Spec, Status> CustomObject<Names, Spec, Status> {
    /// The object in a version that has the same schema.
    #[must_use]
    pub fn renamed<Other: CustomResource>(self) -> CustomObject<Other, Spec, Status> {
        let Self {
            api_version: _,
            kind: _,
            metadata,
            spec,
            status,
        } = self;
        CustomObject {
            api_version: ApiVersion::default(),
            kind: Kind::default(),
            metadata,
            spec,
            status,
        }
    }

    /// The object in a version whose parts are made from these, together with the labels and annotations.
    pub(crate) fn converted<Other: CustomResource, OtherSpec, OtherStatus>(
        self,
        spec: impl FnOnce(Spec, &mut Marks<'_>) -> OtherSpec,
        status: impl FnOnce(Status, &mut Marks<'_>) -> OtherStatus,
    ) -> CustomObject<Other, OtherSpec, OtherStatus> {
        let Self {
            api_version: _,
            kind: _,
            mut metadata,
            spec: old_spec,
            status: old_status,
        } = self;
        let (spec, status) = Marks::with(&mut metadata, |marks| {
            (spec(old_spec, marks), status(old_status, marks))
        });
        CustomObject {
            api_version: ApiVersion::default(),
            kind: Kind::default(),
            metadata,
            spec,
            status,
        }
    }
}
