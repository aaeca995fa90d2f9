//! Confines programs: no network, not even loopback, and no files but those of one folder and the system.
//!
//! The kernel takes such rights from the process that asks for it, and a program that others wrote does not ask. So
//! drift's own binary is started in its place: it gives the rights up (a network namespace of its own, Landlock) and
//! becomes the program, in the same process. Nothing of this needs privileges; where the kernel has it or allows it is
//! found out once.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::program::Program;

/// First argument of a start in another program's place.
const CONFINED_FLAG: &str = "__drift-confined__";

/// How programs are confined on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confinement {
    launcher: PathBuf,
    mechanisms: Mechanisms,
}

/// What the kernel has and allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Mechanisms {
    /// A network namespace: nothing is there, not even loopback.
    namespace: bool,
    /// Landlock for TCP.
    landlock_tcp: bool,
    /// Landlock for files.
    landlock_files: bool,
}

impl Mechanisms {
    const WORDS: [&str; 3] = ["namespace", "landlock-tcp", "landlock-files"];

    fn to_words(self) -> String {
        let are = [self.namespace, self.landlock_tcp, self.landlock_files];
        Self::WORDS.iter().zip(are).filter(|(_, is)| *is).map(|(word, _)| *word).collect::<Vec<_>>().join(",")
    }

    fn parse(text: &str) -> Self {
        let [namespace, landlock_tcp, landlock_files] =
            Self::WORDS.map(|word| text.trim().split(',').any(|found| found == word));
        Self { namespace, landlock_tcp, landlock_files }
    }
}

impl Confinement {
    /// Asks the binary at `launcher` (drift's own) what it can do here; `None` where it can do nothing.
    #[must_use]
    pub fn probe(launcher: &Path) -> Option<Self> {
        let program = Program::new(launcher).args([CONFINED_FLAG, "probe"]).timeout(Duration::from_secs(10));
        let output = program.run().ok().filter(|output| output.status == 0)?;
        let ways = Mechanisms::parse(&String::from_utf8_lossy(&output.stdout));
        (ways != Mechanisms::default()).then(|| Self { launcher: launcher.to_owned(), mechanisms: ways })
    }

    /// Whether a program has no network.
    #[must_use]
    pub fn has_no_network(&self) -> bool {
        self.mechanisms.namespace || self.mechanisms.landlock_tcp
    }

    /// Whether a program reads no files but those of its folder and of the system.
    #[must_use]
    pub fn has_no_files(&self) -> bool {
        self.mechanisms.landlock_files
    }

    /// Describes the isolation.
    #[must_use]
    pub fn describe(&self) -> String {
        let network = match self.mechanisms {
            Mechanisms { namespace: true, .. } => "a network namespace of their own",
            Mechanisms { landlock_tcp: true, .. } => "no TCP (Landlock)",
            _ => "the network of this machine",
        };
        let files = if self.mechanisms.landlock_files {
            "no files but their copy (Landlock)"
        } else {
            "the files of this user"
        };
        format!("{network}, {files}")
    }

    /// Has a program confined to `folder`, which it may write.
    #[must_use]
    pub fn confine(&self, program: Program, folder: &Path) -> Program {
        let mut args: Vec<OsString> =
            vec![CONFINED_FLAG.into(), self.mechanisms.to_words().into(), folder.into()];
        args.push(program.path.clone().into_os_string());
        let launcher_args = args.len();
        args.extend(program.args);
        let display_path = Some(program.path);
        Program { path: self.launcher.clone(), args, display_path, launcher_args, ..program }
    }
}

/// Becomes another program where the arguments of this process ask for it; `None` where they do not. To be called
/// before anything else: a process of several threads cannot be confined.
#[must_use]
pub fn exec_if_confined(mut args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let _own_name = args.next();
    if args.next()? != CONFINED_FLAG {
        return None;
    }
    let asked = args.next().unwrap_or_default();
    if asked == "probe" {
        return Some(system::report_support());
    }
    let (folder, program) = (args.next()?, args.next()?);
    let ways = Mechanisms::parse(&asked.to_string_lossy());
    Some(system::become_program(ways, Path::new(&folder), &program, args))
}

#[cfg(target_os = "linux")]
mod system {
    use std::io::{self, Write};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use landlock::{
        ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr,
        RulesetCreatedAttr, path_beneath_rules,
    };
    use rustix::process::{getegid, geteuid};
    use rustix::thread::UnshareFlags;

    use super::{ExitCode, Mechanisms, OsStr, OsString, Path};

    /// Not to be confused with a code of the program's.
    const FAILED: u8 = 126;
    /// Programs, their libraries and data; nothing of a user's.
    const SYSTEM: [&str; 11] = [
        "/usr",
        "/bin",
        "/sbin",
        "/lib",
        "/lib32",
        "/lib64",
        "/nix/store",
        "/etc/ld.so.cache",
        "/etc/alternatives",
        "/dev/urandom",
        "/dev/zero",
    ];

    /// The rights over files that Linux 5.13 knows, and those that came later as far as the kernel has them.
    const FILES: ABI = ABI::V5;

    pub(super) fn report_support() -> ExitCode {
        let hard = || Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let landlock_files =
            hard().handle_access(AccessFs::from_all(ABI::V1)).and_then(Ruleset::create).is_ok();
        let tcp: BitFlags<AccessNet> = AccessNet::from_all(ABI::V4);
        let landlock_tcp = hard().handle_access(tcp).and_then(Ruleset::create).is_ok();
        let namespace = leave_network().is_ok();
        let words = Mechanisms { namespace, landlock_tcp, landlock_files }.to_words();
        let told = writeln!(io::stdout(), "{words}");
        if told.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
    }

    pub(super) fn become_program(
        ways: Mechanisms,
        folder: &Path,
        program: &OsStr,
        args: impl Iterator<Item = OsString>,
    ) -> ExitCode {
        let failed = |doing: &str, why: &dyn std::fmt::Display| {
            // Nobody is left to tell where that cannot be written.
            let _lost = writeln!(io::stderr(), "Error: cannot {doing}: {why}");
            ExitCode::from(FAILED)
        };
        if ways.namespace
            && let Err(why) = leave_network()
        {
            return failed("leave the network", &why);
        }
        if (ways.landlock_files || ways.landlock_tcp)
            && let Err(why) = restrict_files(ways, folder, Path::new(program))
        {
            return failed("give up rights", &why);
        }
        #[expect(clippy::disallowed_methods, reason = "this process becomes the program")]
        let error = Command::new(program).args(args).exec();
        failed("run the program", &error)
    }

    /// Goes into a network namespace, and into the user namespace that allows it, as the same user.
    fn leave_network() -> io::Result<()> {
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        #[expect(deprecated, reason = "unsafe with shared file descriptors only, which stay shared")]
        rustix::thread::unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNET)?;
        std::fs::write("/proc/self/setgroups", "deny")?;
        std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
        std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
    }

    fn restrict_files(ways: Mechanisms, folder: &Path, program: &Path) -> Result<(), landlock::RulesetError> {
        let mut rules = Ruleset::default();
        if ways.landlock_files {
            rules = rules.handle_access(AccessFs::from_all(FILES))?;
        }
        if ways.landlock_tcp {
            rules = rules.handle_access(AccessNet::from_all(ABI::V4))?;
        }
        let mut rules = rules.create()?;
        if ways.landlock_files {
            let program = program.canonicalize().unwrap_or_else(|_| program.to_owned());
            let read = SYSTEM.iter().map(Path::new).chain([program.as_path()]);
            rules = rules
                .add_rules(path_beneath_rules(read, AccessFs::from_read(FILES)))?
                .add_rules(path_beneath_rules(["/dev/null"], AccessFs::from_all(FILES)))?
                .add_rules(path_beneath_rules([folder], AccessFs::from_all(FILES)))?;
        }
        rules.restrict_self().map(drop)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{ExitCode, Mechanisms, OsStr, OsString, Path};

    pub(super) fn report_support() -> ExitCode {
        ExitCode::SUCCESS
    }

    pub(super) fn become_program(
        _ways: Mechanisms,
        _folder: &Path,
        _program: &OsStr,
        _args: impl Iterator<Item = OsString>,
    ) -> ExitCode {
        ExitCode::FAILURE
    }
}
