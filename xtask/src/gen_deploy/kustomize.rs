//! Kustomizations: of bases, of CRDs, of overlays.

use crate::crd_choices::CrdChoice;
use crate::deployables::{Deployable, NAMESPACE};
use crate::gen_crds;

/// The overlay with every deployable.
pub(super) const ALL: &str = "all";

const HEAD: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";

pub(super) fn base(files: &[&str]) -> String {
    format!("{HEAD}namespace: {NAMESPACE}\n{}", resources(files))
}

/// `cargo xtask gen-crds` writes the files that it names.
pub(super) fn crds(choice: &CrdChoice) -> String {
    let files: Vec<String> = choice
        .crds
        .iter()
        .filter_map(|crd| gen_crds::file_name(crd))
        .collect();
    format!(
        "# The CRDs that {} needs, apart from it, so that removing a controller can't remove\n\
         # workloads. `cargo xtask gen-crds` writes the files named here.\n\
         {HEAD}{}",
        choice.deployable,
        resources(&files)
    )
}

/// The CRDs of every choice.
pub(super) fn all_crds(choices: &[CrdChoice]) -> String {
    let directories: Vec<String> = choices.iter().map(|it| format!("../{}", it.name)).collect();
    format!(
        "# Every CRD there is. Without the deployable that converts a kind, its v1alpha1 answers an error; the\n\
         # component v1beta1-only stops serving it.\n\
         {HEAD}{}",
        resources(&directories)
    )
}

pub(super) fn overlay(deployable: &Deployable) -> String {
    render(deployable.about, &[deployable])
}

pub(super) fn overlay_of_all(deployables: &[Deployable]) -> String {
    let about = "Every controller there is, and their CRDs. The other CRDs: ../../crds/all.";
    render(about, &deployables.iter().collect::<Vec<_>>())
}

fn render(about: &str, deployables: &[&Deployable]) -> String {
    let images: String = deployables
        .iter()
        .map(|deployable| {
            let name = deployable.name;
            format!(
                "#     - name: kruise.local/{name}\n\
                 #       newName: registry.example.com/kruise/{name}\n\
                 #       newTag: \"0123456789ab\"\n"
            )
        })
        .collect();
    let crds = deployables
        .iter()
        .filter(|deployable| !deployable.crds().is_empty())
        .map(|deployable| format!("../../crds/{}", deployable.choice));
    let bases = deployables
        .iter()
        .map(|deployable| format!("../../base/{}", deployable.name));
    let all: Vec<String> = crds
        .chain(["../../base/namespace".to_owned()])
        .chain(bases)
        .collect();
    format!(
        "#\n\
         # {about}\n\
         #\n\
         # With images of your own, without the project's tools:\n\
         #   images:\n\
         {images}{HEAD}{}",
        resources(&all)
    )
}

fn resources(files: &[impl AsRef<str>]) -> String {
    let lines: String = files
        .iter()
        .map(|file| format!("  - {}\n", file.as_ref()))
        .collect();
    format!("resources:\n{lines}")
}
