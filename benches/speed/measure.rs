//! One run of a program as GNU `time` tells it, and figures of several.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::support::command::code;
use super::support::parts::system_program;

/// What one run took.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds of user and system, children among them.
    pub(crate) cpu: f64,
    /// MiB of the largest process.
    pub(crate) peak: f64,
}

/// Runs the command to its end; an exit code above 1 ends the measurement.
pub(crate) fn run(command: &Command) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (told, errors) = (folder.path().join("time"), folder.path().join("stderr"));
    let mut timed = Command::new(system_program("time"));
    timed.args(["--quiet", "--format=%U %S %M", "--output"]).arg(&told);
    timed.arg(command.get_program()).args(command.get_args()).env_clear();
    timed.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    timed.current_dir(command.get_current_dir().unwrap_or(folder.path()));
    let stderr = std::fs::File::create(&errors).expect("a file in a temporary folder");
    timed.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    let start = Instant::now();
    let status = code(timed.status().expect("GNU time starts"));
    let wall = start.elapsed().as_secs_f64();
    assert!(status <= 1, "{command:?}: {status}\n{}", std::fs::read_to_string(&errors).unwrap_or_default());
    let text = std::fs::read_to_string(&told).expect("GNU time tells");
    let figures: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [user, system, peak] = figures[..] else { panic!("GNU time tells {text:?}") };
    Run { wall, cpu: user + system, peak: peak / 1024.0 }
}

/// The median of a figure.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() % 2 {
        _ if figures.is_empty() => f64::NAN,
        0 => f64::midpoint(figures[middle - 1], figures[middle]),
        _ => figures[middle],
    }
}

/// The seconds of all runs. Every other run or so the server collects its garbage, which takes as long as the run: the
/// median of such runs is the one time or the other.
pub(crate) fn total(runs: &[Run]) -> f64 {
    runs.iter().map(|run| run.wall).sum()
}

/// The median of the ratios of paired runs: how many times longer `slow` took.
pub(crate) fn ratio(slow: &[Run], fast: &[Run]) -> f64 {
    median(slow.iter().zip(fast).map(|(slow, fast)| slow.wall / fast.wall))
}
