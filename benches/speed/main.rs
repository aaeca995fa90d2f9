//! How fast `drift check` is: beside `kubectl diff`, and beside the mere download of the lists that it reads.
//! `benches/README.md` says how to run it and what the figures are.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it runs programs and prints its figures"
)]

mod client;
mod manifests;
mod measure;
mod operator;
mod proxy;
#[path = "../../tests/it/support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use client::{List, Target};
use measure::{Run, median, ratio, run, total};
use support::cluster::ControlPlane;
use support::command::hermetic;
use support::parts::{program, system_program};
use support::repo::Repo;

/// Lists that drift reads at the same time.
const CONNECTIONS: usize = 8;
/// Above this many objects `kubectl diff` takes many minutes.
const MOST_FOR_KUBECTL: usize = 1000;
/// Whole objects, and their metadata alone, as drift asks for them.
const WHOLE: &str = "application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

fn main() {
    // cargo says `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["download", url, ca, token, lists] => download(url, Path::new(ca), token, Path::new(lists)),
        ["hold", size] => hold(&World::new(size)),
        ["apart", ref sizes @ ..] => {
            let processors = std::thread::available_parallelism().map_or(1, usize::from);
            sizes.iter().for_each(|size| World::apart(size, processors).measure());
        }
        [] => ["130", "operator", "1000", "10000"].iter().for_each(|size| World::new(size).measure()),
        ref sizes => sizes.iter().for_each(|size| World::new(size).measure()),
    }
}

/// A control plane and a repository whose objects are applied on it.
struct World {
    plane: ControlPlane,
    repo: Repo,
    home: tempfile::TempDir,
    desired: Vec<Value>,
    live: usize,
}

impl World {
    /// `DESIRED`, `DESIRED/LIVE`, or `operator`: 130, and the definitions that an operator brings.
    fn new(size: &str) -> Self {
        let with_operator = size == "operator";
        let size = if with_operator { "130" } else { size };
        let (desired, live) = size.split_once('/').unwrap_or((size, size));
        let number = |text: &str| text.parse::<usize>().unwrap_or_else(|_| panic!("{text:?} is no number"));
        let (desired, live) = (number(desired), number(live));
        let plane = ControlPlane::start(false).unwrap_or_else(|why| panic!("{why}"));
        let mut desired = manifests::objects("speed", desired);
        if with_operator {
            desired.extend(operator::definitions());
        }
        client::apply(&plane, &desired);
        if live > desired.len() {
            client::apply(&plane, &manifests::objects("other", live - desired.len()));
        }
        let repo = repository(&desired);
        let live = live.max(desired.len());
        Self { plane, repo, home: tempfile::tempdir().expect("a temporary folder"), desired, live }
    }

    /// As on two machines: the control plane has one half of the processors, and what is measured the other.
    fn apart(size: &str, processors: usize) -> Self {
        let half = processors / 2;
        assert!(half > 0, "two machines need two processors");
        println!("\n(the server on {half} of {processors} processors, its clients on the others)");
        // What is started inherits it.
        keep_to(0, half - 1);
        let world = Self::new(size);
        keep_to(half, processors - 1);
        world
    }

    fn drift(&self, kubeconfig: &Path) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_drift").as_ref());
        command.args(["check", "--output=json", "--kubeconfig"]).arg(kubeconfig);
        command
    }

    fn kubectl(&self, kubeconfig: &Path) -> Command {
        let mut command = self.command(&program("kubectl", "kubectl"));
        command.args(["diff", "--recursive", "--filename=apps", "--kubeconfig"]).arg(kubeconfig);
        command
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        hermetic(&mut command, self.home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(self.repo.path());
        command
    }

    fn measure(&self) {
        println!("\n## {} objects in Git, {} live\n", self.desired.len(), self.live);
        let kubeconfig = self.plane.kubeconfig("admin");
        let drift = self.drift(&kubeconfig);
        let (first, _) = self.requests(&drift);
        let (_, asked) = self.requests(&drift);
        let lists = self.lists(&asked);
        let download = self.downloader(&lists);
        let (_, downloaded) = self.requests(&download);
        assert_eq!(pages(&downloaded), pages(&asked), "the floor is all that drift lists");
        let runs = if self.live > 10_000 { 5 } else { 21 };
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for at in 0..runs {
            // Whoever is first must not always be the same: what the server does now and then would fall on one of them.
            if at % 2 == 0 {
                ours.push(run(&drift));
                floor.push(run(&download));
            } else {
                floor.push(run(&download));
                ours.push(run(&drift));
            }
        }
        println!("| | wall s | CPU s | peak MiB | requests | MiB received | connections |");
        println!("|---|---|---|---|---|---|---|");
        row("drift check, first time", &[first], None);
        row("drift check", &ours, Some((asked.len(), self.bytes(|config| self.drift(config)))));
        row("download of its lists", &floor, None);
        if self.desired.len() <= MOST_FOR_KUBECTL && self.live == self.desired.len() {
            let kubectl = self.kubectl(&kubeconfig);
            let (_, asked) = self.requests(&kubectl);
            let pairs: Vec<(Run, Run)> = (0..3).map(|_| (run(&kubectl), run(&drift))).collect();
            let (theirs, beside): (Vec<Run>, Vec<Run>) = pairs.into_iter().unzip();
            row("kubectl diff", &theirs, Some((asked.len(), self.bytes(|config| self.kubectl(config)))));
            println!("\nkubectl diff / drift check: {:.1} in wall time", ratio(&theirs, &beside));
        }
        println!("\ndrift check / download of its lists: {:.2} in wall time", total(&ours) / total(&floor));
    }

    /// Runs a command, and gives the entries of the audit log that it made.
    fn requests(&self, command: &Command) -> (Run, Vec<Value>) {
        let size = || std::fs::metadata(self.plane.audit_file()).expect("there is an audit log").len();
        let settle = || std::thread::sleep(std::time::Duration::from_millis(500));
        settle();
        let before = size();
        let run = run(command);
        settle();
        let mut file = std::fs::File::open(self.plane.audit_file()).expect("there is an audit log");
        // The server may have begun a new file.
        let from = if size() < before { 0 } else { before };
        file.seek(SeekFrom::Start(from)).expect("a file");
        let mut text = String::new();
        file.read_to_string(&mut text).expect("the log is text");
        let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let by_client = |entry: &Value| entry["user"]["username"] == "admin";
        (run, entries.filter(by_client).collect())
    }

    /// The lists of a run's requests, each by its first page.
    fn lists(&self, asked: &[Value]) -> Vec<List> {
        let declared: BTreeSet<String> = self
            .desired
            .iter()
            .filter_map(|object| manifests::path(object).rsplit('/').next().map(str::to_owned))
            .collect();
        let listed = asked.iter().filter(|entry| entry["verb"] == "list");
        let first = listed.filter_map(|entry| {
            let path = entry["requestURI"].as_str().filter(|uri| !uri.contains("continue="))?;
            let whole = declared.contains(entry["objectRef"]["resource"].as_str().unwrap_or_default());
            Some(List { path: path.to_owned(), accept: if whole { WHOLE } else { METADATA } })
        });
        first.collect()
    }

    /// This program again, as a process of its own that only downloads.
    fn downloader(&self, lists: &[List]) -> Command {
        let file = self.home.path().join("lists");
        let lines: String = lists.iter().map(|list| format!("{} {}\n", list.path, list.accept)).collect();
        std::fs::write(&file, lines).expect("the folder is ours");
        let mut command = self.command(&std::env::current_exe().expect("this program has a path"));
        command.arg("download").arg(self.plane.url()).arg(self.plane.ca()).arg(self.plane.token("admin"));
        command.arg(file);
        command
    }

    /// MiB received and connections opened by a command that is given this kubeconfig.
    fn bytes(&self, command: impl Fn(&Path) -> Command) -> (f64, u64) {
        let url = self.plane.url();
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("the URL has a port");
        let proxy = proxy::Proxy::to(port);
        let text = std::fs::read_to_string(self.plane.kubeconfig("admin")).expect("a kubeconfig");
        let file = self.home.path().join("through-proxy");
        let text = text.replace(&format!(":{port}"), &format!(":{}", proxy.port));
        std::fs::write(&file, text).expect("the folder is ours");
        // Schemas are kept by the server's address: the first run keeps them.
        run(&command(&file));
        proxy.take();
        run(&command(&file));
        let (received, connections) = proxy.take();
        (received as f64 / f64::from(1 << 20), connections)
    }
}

/// Keeps this process, and what it starts from now on, to some processors.
fn keep_to(first: usize, last: usize) {
    let mut command = Command::new(system_program("taskset"));
    command.args(["-acp", &format!("{first}-{last}"), &std::process::id().to_string()]);
    let status = command.stdout(Stdio::null()).status().expect("taskset starts");
    assert!(status.success(), "{command:?}: {status}");
}

fn repository(objects: &[Value]) -> Repo {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for object in objects {
        let text = serde_yaml::to_string(object).expect("JSON is YAML");
        files
            .entry(manifests::file(object))
            .or_default()
            .push_str(&format!("---\n{}", operator::wrap(&text)));
    }
    files.insert("drift.yaml".to_owned(), "version: 1\nsources: [{path: apps}]\n".to_owned());
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Repo::with(&files)
}

/// The pages of lists among the entries of the audit log, without what tells where a page begins.
fn pages(asked: &[Value]) -> BTreeMap<&str, usize> {
    let mut pages = BTreeMap::new();
    for entry in asked.iter().filter(|entry| entry["verb"] == "list") {
        let path = entry["requestURI"].as_str().unwrap_or_default().split("&continue").next();
        *pages.entry(path.unwrap_or_default()).or_default() += 1;
    }
    pages
}

fn row(name: &str, runs: &[Run], traffic: Option<(usize, (f64, u64))>) {
    let [wall, cpu, peak] = [|run: &Run| run.wall, |run: &Run| run.cpu, |run: &Run| run.peak]
        .map(|figure| median(runs.iter().map(figure)));
    let traffic = traffic.map_or_else(
        || "| | ".to_owned(),
        |(requests, (mib, connections))| format!("{requests} | {mib:.2} | {connections}"),
    );
    println!("| {name} | {wall:.3} | {cpu:.2} | {peak:.1} | {traffic} |");
}

/// Keeps a cluster until Enter, to look at single runs.
fn hold(world: &World) {
    let drift = world.drift(&world.plane.kubeconfig("admin"));
    println!("cd {} && HOME={} {drift:?}", world.repo.path().display(), world.home.path().display());
    let _ = std::io::stdin().read_line(&mut String::new());
}

fn download(url: &str, ca: &Path, token: &str, lists: &Path) {
    let text = std::fs::read_to_string(lists).expect("the lists are there");
    let lists: Vec<List> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(path, accept)| List {
            path: path.to_owned(),
            accept: if accept == WHOLE { WHOLE } else { METADATA },
        })
        .collect();
    println!("{}", client::download(&Target::new(url, ca, token), &lists, CONNECTIONS));
}
