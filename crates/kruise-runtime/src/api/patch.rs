//! How patches are sent.

use kruise_api::resource::PatchKind;

pub(crate) fn content_type(kind: PatchKind) -> &'static str {
    match kind {
        PatchKind::Merge => "application/merge-patch+json",
        PatchKind::Strategic => "application/strategic-merge-patch+json",
    }
}
