//! What a process uses, as the kernel tells it in /proc, and when that has settled.

use std::time::Duration;

use anyhow::{Context, Result};

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// What is resident: `VmRSS`. The floor and the aims are in this.
    pub(super) resident: u64,
    /// The most that ever was, or since it was reset: `VmHWM`.
    pub(super) peak: u64,
    /// Resident, with shared pages divided by those who share them: `Pss`.
    pub(super) proportional: u64,
    /// Resident pages that belong to no file: heap and stacks.
    pub(super) anonymous: u64,
}

impl Memory {
    /// From `status` and `smaps_rollup`, which are equal in form.
    fn parse(status: &str, rollup: &str) -> Result<Self> {
        Ok(Self {
            resident: field(status, "VmRSS")?,
            peak: field(status, "VmHWM")?,
            proportional: field(rollup, "Pss")?,
            anonymous: field(rollup, "Anonymous")?,
        })
    }
}

fn field(text: &str, name: &str) -> Result<u64> {
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        let value = (key == name).then(|| value.trim().strip_suffix(" kB"))??;
        value.parse::<u64>().ok()
    });
    let value = value.with_context(|| format!("/proc tells no {name}"))?;
    Ok(value * 1024)
}

/// Memory of the process now.
pub(super) fn memory(pid: u32) -> Result<Memory> {
    Memory::parse(&read(pid, "status")?, &read(pid, "smaps_rollup")?)
}

/// Lets the peak begin anew at what is resident now.
pub(super) fn reset_peak(pid: u32) -> Result<()> {
    let path = format!("/proc/{pid}/clear_refs");
    std::fs::write(&path, "5").with_context(|| format!("write {path}"))
}

/// Seconds of CPU that the process has used, in user and kernel mode.
pub(super) fn cpu_seconds(pid: u32) -> Result<f64> {
    ticks(&read(pid, "stat")?)
        .map(|ticks| ticks as f64 / TICKS_A_SECOND)
        .with_context(|| format!("read CPU time in /proc/{pid}/stat"))
}

/// `USER_HZ`: 100 on everything that Linux is built for today.
const TICKS_A_SECOND: f64 = 100.0;

fn ticks(stat: &str) -> Option<u64> {
    // The program's name, in brackets, may hold spaces; `utime` and `stime` are the 12th and 13th after it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let kernel: u64 = fields.next()?.parse().ok()?;
    Some(user + kernel)
}

fn read(pid: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{file}");
    std::fs::read_to_string(&path).with_context(|| format!("read {path}: has the process ended?"))
}

/// Says when a figure, looked at once a second, has settled: it has stayed within 1 % or 256 KiB, whichever
/// is more, for [`Self::FOR`].
#[derive(Debug, Default)]
pub(super) struct Settling {
    samples: Vec<u64>,
}

impl Settling {
    pub(super) const EVERY: Duration = Duration::from_secs(1);
    pub(super) const FOR: Duration = Duration::from_secs(10);
    const SLACK: u64 = 256 * 1024;

    /// Takes one sample; whether the last ones are alike.
    pub(super) fn add(&mut self, sample: u64) -> bool {
        self.samples.push(sample);
        let n_samples = (Self::FOR.as_secs() / Self::EVERY.as_secs()) as usize + 1;
        let Some(last) = self.samples.len().checked_sub(n_samples) else {
            return false;
        };
        let last = self.samples.get(last..).unwrap_or_default();
        let (least, most) = last.iter().fold((u64::MAX, 0), |(least, most), &sample| {
            (least.min(sample), most.max(sample))
        });
        most.saturating_sub(least) <= Self::SLACK.max(least / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_both_files() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let rollup = "00-ff ---p 0 00:00 0 [rollup]\nRss: 1024 kB\nPss:  512 kB\nPss_Anon: 1 kB\nAnonymous: 256 kB\n";
        let expected = Memory {
            resident: 1 << 20,
            peak: 2 << 20,
            proportional: 512 << 10,
            anonymous: 256 << 10,
        };
        assert_eq!(Memory::parse(status, rollup).unwrap(), expected);
        assert!(Memory::parse(status, "").is_err());
    }

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_move_the_times() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 1 0 5 0 0";
        assert_eq!(ticks(stat), Some(200));
    }

    #[test]
    fn settled_is_what_stays_within_a_hundredth_for_ten_seconds() {
        const MIB: u64 = 1 << 20;
        let mut settling = Settling::default();
        assert!(!settling.add(50 * MIB));
        for _ in 0..9 {
            assert!(!settling.add(100 * MIB));
        }
        assert!(
            !settling.add(100 * MIB),
            "the first is still among the last eleven"
        );
        assert!(settling.add(101 * MIB));
        assert!(!settling.add(103 * MIB));
    }
}
