//! Objects that an object names.

use crate::wire::wire;

wire! {
    /// An object, in any namespace.
    #[schemars(extend("x-kubernetes-map-type" = "atomic"))]
    pub struct ObjectReference {
        /// Kind of the object.
        omitempty kind: String,
        /// Namespace of the object.
        omitempty namespace: String,
        /// Name of the object.
        omitempty name: String,
        /// UID of the object.
        omitempty uid: String,
        /// Group and version of the object.
        omitempty api_version: String,
        /// Version of the object that is meant.
        omitempty resource_version: String,
        /// The part of the object that is meant.
        omitempty field_path: String,
    }
}
