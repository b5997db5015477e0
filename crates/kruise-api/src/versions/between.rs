//! The way from one version of a kind to another, as the kind's room tells of it.

use super::{error::ConversionError, raw_object::RawObject};
use crate::object::CustomResource;

/// One way from one version to another. The way back is another.
pub(crate) struct Conversion {
    /// `apiVersion` of the objects that it takes.
    pub(crate) from: &'static str,
    /// `apiVersion` of the objects that it makes.
    pub(crate) to: &'static str,
    /// Changes everything in the object but its `apiVersion`.
    pub(crate) convert: fn(&mut RawObject) -> Result<(), ConversionError>,
}

impl Conversion {
    /// The way from version `From` to version `To`.
    pub(crate) const fn new<From: CustomResource, To: CustomResource>(
        convert: fn(&mut RawObject) -> Result<(), ConversionError>,
    ) -> Self {
        Self {
            from: From::API_VERSION,
            to: To::API_VERSION,
            convert,
        }
    }
}
