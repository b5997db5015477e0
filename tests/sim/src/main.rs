//! Plays seeds; `cargo xtask sim` builds and runs it.

use std::{
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
    thread,
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use sim::{
    deployable::{self, Deployable},
    notice,
    report::{Plan, tell_all},
};

/// Plays roll-outs with faults on the test kit, and judges them
#[derive(Parser)]
struct Args {
    /// How many seeds
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// This seed alone, with its story
    #[arg(long)]
    seed: Option<u64>,
    /// The first seed
    #[arg(long, default_value_t = 1, conflicts_with = "seed")]
    from: u64,
    /// This deployable alone
    #[arg(long)]
    deployable: Option<String>,
    /// Breaks the controller in this way, which must be noticed; `list` names all, `all` tries each
    #[arg(long, requires = "deployable")]
    mutant: Option<String>,
    /// Logs of the deployable, as a filter of tracing: debug, say; for one seed
    #[arg(long, requires = "seed")]
    log: Option<String>,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // A second one ends the process at once.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    if let Some(filter) = &args.log {
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(false);
        lines.without_time().init();
    }
    let chosen: Vec<&'static dyn Deployable> = match &args.deployable {
        Some(name) => {
            vec![deployable::named(name).with_context(|| format!("no deployable {name}"))?]
        }
        None => deployable::ALL.to_vec(),
    };
    if matches!(args.mutant.as_deref(), Some("list" | "all"))
        && (args.seed.is_some() || args.from != 1)
    {
        bail!("all mutants are tried from the first seed on");
    }
    let mut is_well = true;
    for deployable in chosen {
        if args.mutant.as_deref() == Some("list") {
            for mutant in deployable.mutants() {
                println!("{}: {}", mutant.name, mutant.breaks.join(", "));
            }
            continue;
        }
        if args.mutant.as_deref() == Some("all") {
            let mutants: Vec<_> = deployable.mutants().iter().collect();
            let tried = notice::try_all(deployable, &mutants, args.seeds, &stop);
            let unnoticed = tried.iter().filter(|noticed| !noticed.is_all());
            let unnoticed: Vec<_> = unnoticed.map(|noticed| noticed.mutant.name).collect();
            println!("{} mutants, not noticed: {unnoticed:?}", mutants.len());
            is_well &= unnoticed.is_empty();
            continue;
        }
        let mutants = deployable.mutants().iter();
        let mutant = args.mutant.as_ref().map(|name| {
            let mut found = mutants.clone().filter(|mutant| mutant.name == *name);
            found.next().with_context(|| format!("no mutant {name}"))
        });
        let plan = Plan {
            deployable,
            mutant: mutant.transpose()?,
            first: args.seed.unwrap_or(args.from),
            seeds: if args.seed.is_some() { 1 } else { args.seeds },
            threads: thread::available_parallelism().map_or(1, usize::from),
        };
        is_well &= tell_all(plan, &stop);
    }
    Ok(if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
