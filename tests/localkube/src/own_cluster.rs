//! A cluster that a command makes for itself, with an overlay installed, and takes away again.

use std::fs::File;

use anyhow::{Context, Result, bail};

use crate::cluster::{self, Cluster, UpOptions};
use crate::image::{self, Profile};
use crate::interrupt::Interrupt;
use crate::made::Made;
use crate::progress::Progress;
use crate::times::{self, Ahead, Step, Timed};
use crate::{cache, install};

/// What is made, and for whom.
pub struct OwnCluster<'a> {
    /// The command, for messages: "demo".
    pub command: &'a str,
    /// The name that nobody else's cluster has. One of this name is what an earlier run left.
    pub usual_name: &'a str,
    /// What the cluster is like.
    pub options: &'a UpOptions,
    /// What comes when the overlay is installed, where that is known.
    pub then: Option<Step>,
    /// A directory below deploy/overlays.
    pub overlay: &'a str,
    /// What is built for it.
    pub deployables: &'a [&'a str],
    /// Ends it early.
    pub interrupt: &'a Interrupt,
    /// Where it is told what goes on.
    pub progress: &'a Progress,
}

impl OwnCluster<'_> {
    /// Makes it, plays on it, and takes it away; with `keep`, leaves it and lets `explain` tell what there is.
    pub fn play(
        &self,
        keep: bool,
        play: impl FnOnce(&Cluster) -> Result<()>,
        explain: impl FnOnce(&Cluster) -> Result<()>,
    ) -> Result<()> {
        cluster::preflight()?;
        let _lock = self.alone()?;
        let name = self.options.name.as_str();
        self.clear_place()?;
        let timed = Timed::begin(&self.ahead(), self.progress);
        let made = Made::new(self.progress, self.interrupt, || {
            Cluster::down(name, self.progress)
        });
        let result = self.make().and_then(|cluster| play(&cluster));
        if keep {
            made.keep();
            timed.end(self.progress);
            if let Some(cluster) = Cluster::find(name)? {
                explain(&cluster)?;
            }
            return result;
        }
        let taken_away = made.take_away();
        timed.end(self.progress);
        result.and(taken_away)
    }

    fn ahead(&self) -> Vec<Ahead> {
        let mut steps = cluster::ahead(&self.options.name);
        let deployables: Vec<String> = self.deployables.iter().map(ToString::to_string).collect();
        steps.push(image::ahead(&deployables, Profile::default()));
        steps.push(Ahead::Runs(times::INSTALLATION));
        steps.extend(self.then.iter().copied().map(Ahead::Runs));
        steps
    }

    /// Two runs at once would take each other's cluster away.
    fn alone(&self) -> Result<File> {
        let (command, name) = (self.command, &self.options.name);
        let path = cache::dir()?.join(format!(".{command}-{name}.lock"));
        let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        if file.try_lock().is_err() {
            bail!(
                "another `cargo xtask {command}` uses cluster {name:?}: wait for it, or choose another \
                 --name"
            );
        }
        Ok(file)
    }

    fn clear_place(&self) -> Result<()> {
        let name = self.options.name.as_str();
        if Cluster::find(name)?.is_none() {
            return Ok(());
        }
        let command = self.command;
        if name != self.usual_name {
            bail!(
                "cluster {name:?} runs already, and `cargo xtask {command}` makes its own: choose another \
                 --name, or `cargo xtask cluster down --name {name}` first"
            );
        }
        self.progress
            .step(format!("an earlier {command}'s cluster is still there"));
        Cluster::down(name, self.progress)
    }

    /// One after the other: on few cores two builds at once end no sooner than one after the other, and
    /// the cluster would not get up beside one.
    fn make(&self) -> Result<Cluster> {
        let cluster = self
            .interrupt
            .prefer(Cluster::up(self.options, self.progress))?;
        let registry = format!("{}/kruise", cluster.registry());
        self.interrupt.prefer(install::install(
            &cluster.kubeconfig(),
            self.overlay,
            &registry,
            true,
        ))?;
        Ok(cluster)
    }
}
