//! The demo on a cluster in memory. The controller is the real one, with its watches, its lease and its admission;
//! API server, scheduler and kubelets are the test kit's, and no container runs.

use std::process::ExitCode;

use anyhow::Result;
use localkube::progress::say;

mod in_memory;

use in_memory::InMemory;

/// The same seed plays the same story.
const SEED: u64 = 1;

fn main() -> ExitCode {
    match play() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn play() -> Result<()> {
    say(
        "In memory: cloneset-controller is the real one. API server, scheduler, kubelets and clock are made up, and no \
         container runs.",
    )?;
    let mut ground = InMemory::new(SEED)?;
    demo::play(&mut ground)?;
    say("No container ran. `cargo xtask demo` shows the same on a real cluster.")
}

#[cfg(test)]
mod tests {
    use super::*;

    // The story itself checks what an update in place keeps, and that the controller wrote at all.
    #[test]
    fn the_story_comes_to_its_end() {
        for seed in 1..4 {
            demo::play(&mut InMemory::new(seed).unwrap()).unwrap();
        }
    }
}
