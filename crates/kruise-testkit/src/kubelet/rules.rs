//! How long the steps of kubelets take, and what becomes of containers.

use jiff::SignedDuration;
use serde_json::Value;

use crate::random::Random;

/// Annotation of pods that end by themselves: how each start of a container ends, such as `1@2s,0@5s`. The first start
/// ends with code 1 after two seconds, the second and all later ones with code 0 after five.
pub const EXITS: &str = "testkit.kruise.io/exits";

/// The same for the container whose name follows; the others run on.
pub const EXITS_OF: &str = "testkit.kruise.io/exits.";

/// A step's time: from so many milliseconds to fewer than so many.
#[derive(Clone, Copy, Debug)]
pub struct Delay {
    /// The shortest.
    pub from: u32,
    /// Below this.
    pub to: u32,
}

impl Delay {
    /// A time between these, in milliseconds.
    #[must_use]
    pub const fn between(from: u32, to: u32) -> Self {
        Self { from, to }
    }

    /// One such time.
    pub fn draw(self, random: &mut Random) -> SignedDuration {
        let span = self.to.saturating_sub(self.from).max(1);
        let more = random.below(span as usize) as i64;
        SignedDuration::from_millis(i64::from(self.from) + more)
    }
}

/// How long the steps take.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Until a kubelet hears of a change of a pod.
    pub notice: Delay,
    /// To pull an image and start a container.
    pub start: Delay,
    /// From the start of a container until it is ready.
    pub ready: Delay,
    /// From the signal to a container until it has ended. Its pod's grace bounds it.
    pub stop: Delay,
    /// To give a container other resources.
    pub resize: Delay,
    /// From the end of the last container of a deleted pod until the pod is gone.
    pub remove: Delay,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            notice: Delay::between(1, 120),
            start: Delay::between(50, 1500),
            ready: Delay::between(0, 1000),
            stop: Delay::between(10, 1200),
            resize: Delay::between(50, 600),
            remove: Delay::between(1, 100),
        }
    }
}

/// How one start of a container ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exit {
    /// After this time.
    pub after: SignedDuration,
    /// With this code.
    pub code: i64,
}

/// Whether an image can't be pulled: its tag begins with `bad`.
#[must_use]
pub fn is_bad(image: &str) -> bool {
    tag(image).starts_with("bad")
}

/// How the start of this number of a container ends, if it does: as the pod's annotation says, and by a crash if the
/// image's tag begins with `crash`.
#[must_use]
pub fn exit(pod: &Value, name: &str, image: &str, start: usize) -> Option<Exit> {
    if tag(image).starts_with("crash") {
        let after = SignedDuration::from_secs(1);
        return Some(Exit { after, code: 1 });
    }
    let annotations = &pod["metadata"]["annotations"];
    let own = annotations[format!("{EXITS_OF}{name}")].as_str();
    let exits = own.or(annotations[EXITS].as_str())?;
    let exits: Vec<&str> = exits.split(',').collect();
    let exit = exits.get(start).or(exits.last())?;
    let (code, after) = exit.split_once('@').expect("CODE@TIME");
    Some(Exit {
        after: after.parse().expect("a time"),
        code: code.trim().parse().expect("a code"),
    })
}

fn tag(image: &str) -> &str {
    image.rsplit_once(':').map_or("", |(_, tag)| tag)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_says_how_its_containers_end() {
        let pod = json!({ "metadata": { "annotations": { (EXITS): "1@2s,0@5s" } } });
        let ends =
            |start| exit(&pod, "a", "app:1", start).map(|exit| (exit.code, exit.after.as_secs()));
        assert_eq!(
            [ends(0), ends(1), ends(7)],
            [Some((1, 2)), Some((0, 5)), Some((0, 5))]
        );
        let of_a =
            json!({ "metadata": { "annotations": { "testkit.kruise.io/exits.a": "0@2s" } } });
        assert!(exit(&of_a, "a", "app:1", 0).is_some());
        assert_eq!(exit(&of_a, "b", "app:1", 0), None);
        assert_eq!(exit(&json!({}), "a", "app:1", 0), None);
        assert_eq!(
            exit(&json!({}), "a", "app:crash-1", 3).map(|exit| exit.code),
            Some(1)
        );
        assert!(is_bad("a.b:5000/app:bad-2") && !is_bad("bad:2"));
    }
}
