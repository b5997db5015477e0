//! What to do about an installation that doesn't get to run. Pure: from what was last seen of it.

/// A cause, and what helps.
const CAUSES: [(&[&str], &str); 7] = [
    (
        &["ErrImagePull", "ImagePullBackOff", "InvalidImageName"],
        "the nodes can't pull an image: they must reach the registry under the name in the image, trust its \
         certificate (or know that it speaks plain HTTP), and may need an imagePullSecret",
    ),
    (
        &["not scheduled"],
        "no node takes a pod: `kubectl describe nodes` shows what is free and which taints are there",
    ),
    (
        &["keeps ending", " ended (exit code"],
        "a container ends by itself: its last lines are above, all of them in `kubectl logs --previous POD`",
    ),
    (
        &["certificates' Secret", "ca.crt", "tls.crt"],
        "where somebody else makes the certificates (feature gate EnableExternalCerts, or AllAlpha), the named \
         Secret needs tls.crt, tls.key and ca.crt: make it and no restart is needed, or deploy without that gate",
    ),
    (
        &[
            "FailedCreate",
            "exceeded quota",
            "violates PodSecurity",
            "forbidden: ",
        ],
        "the API server refuses pods: look for a quota, pod security or an admission webhook in that namespace",
    ),
    (
        &["CreateContainerConfigError", "FailedMount"],
        "a pod names a Secret, ConfigMap or volume that isn't there, or another one than was meant",
    ),
    (
        &["its checks can't be read"],
        "what a pod waits for is also in `kubectl logs POD`; reading its checks takes the right to get pods/proxy, \
         and a way from the API server to the pod that no NetworkPolicy closes",
    ),
];

/// Sentences for the end of a wait that was in vain.
pub(super) fn of(seen: &[String], overlay: &str) -> Vec<String> {
    let applies = |marks: &[&str]| {
        let has_mark = |line: &String| marks.iter().any(|mark| line.contains(mark));
        seen.iter().any(has_mark)
    };
    let mut advice: Vec<String> = CAUSES
        .iter()
        .filter(|(marks, _)| applies(marks))
        .map(|(_, help)| (*help).to_owned())
        .collect();
    advice.push(format!(
        "everything stays as it is: it gets ready by itself when the cause is gone; `cargo xtask deploy {overlay}` \
         again waits for it, `cargo xtask undeploy {overlay}` takes it away"
    ));
    advice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(line: &str) -> Vec<String> {
        of(&[line.to_owned()], "cloneset")
    }

    #[test]
    fn each_cause_has_its_help_and_the_last_line_says_how_to_go_on() {
        for (line, help) in [
            ("  pod p: c ImagePullBackOff (not found)", "pull an image"),
            ("  pod p: not scheduled: 0/3 nodes", "no node takes"),
            ("  pod p: c keeps ending (exit code 1)", "--previous"),
            (
                "    webhook-ready the certificates' Secret a/b is missing",
                "EnableExternalCerts",
            ),
            (
                "Deployment d: 0 of 2; pods \"d-\" is forbidden: exceeded quota",
                "quota",
            ),
            ("    FailedMount: secret \"a\" not found", "isn't there"),
        ] {
            let advice = advice(line);
            assert!(advice[0].contains(help), "{line}: {advice:?}");
            assert!(
                advice
                    .last()
                    .unwrap()
                    .contains("cargo xtask deploy cloneset")
            );
        }
    }

    #[test]
    fn without_a_known_cause_there_is_still_a_way_on() {
        assert_eq!(advice("  pod p: c runs, not ready").len(), 1);
    }
}
