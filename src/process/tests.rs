use std::time::{Duration, Instant};

use super::{ProcessError, Program};

fn shell(script: &str) -> Program {
    Program::new("/bin/sh").args(["-c", script])
}

#[test]
fn program_gets_exactly_the_given_environment() {
    let output = Program::new("/usr/bin/env").env("ONLY", "this").run().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "ONLY=this\n");
}

#[test]
fn output_status_folder_and_input_are_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        shell("pwd -P; cat; echo to-stderr >&2; exit 7").folder(folder.path()).input("in").run().unwrap();
    let here = folder.path().canonicalize().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{}\nin", here.display()));
    assert_eq!((output.status, output.stderr.as_str()), (7, "to-stderr\n"));
}

#[test]
fn large_unread_input_and_output_do_not_block() {
    let output = shell("head -c 3000000 /dev/zero").input(vec![b'x'; 3_000_000]).run().unwrap();
    assert_eq!(output.stdout.len(), 3_000_000);
    let echoed = shell("cat").input(vec![b'x'; 3_000_000]).run().unwrap();
    assert_eq!(echoed.stdout.len(), 3_000_000);
}

#[test]
fn a_time_out_kills_the_whole_group() {
    let folder = tempfile::tempdir().unwrap();
    let script = "(sleep 2; touch survived) & sleep 30";
    let started = Instant::now();
    let timeout = Duration::from_millis(300);
    let error = shell(script).folder(folder.path()).timeout(timeout).env("PATH", "/usr/bin:/bin").run();
    assert!(matches!(error, Err(ProcessError::TimedOut { .. })), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    std::thread::sleep(Duration::from_millis(2200));
    assert!(!folder.path().join("survived").exists(), "the grandchild outlived its group");
}

#[test]
fn background_processes_end_with_program() {
    let started = Instant::now();
    let output = shell("sleep 30 & echo done").env("PATH", "/usr/bin:/bin").run().unwrap();
    assert_eq!(output.stdout, b"done\n");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn output_over_the_cap_stops_the_program() {
    let error = shell("while :; do echo more; done").output_cap(1000).run();
    assert!(matches!(error, Err(ProcessError::TooMuchOutput { cap: 1000, .. })), "{error:?}");
    let output = shell("head -c 500000 /dev/zero >&2").error_cap(10).run().unwrap();
    assert_eq!(output.stderr.len(), 10);
    assert_eq!(shell("printf 12345").output_cap(5).run().unwrap().stdout, b"12345");
}

#[test]
fn missing_program_and_folder_are_distinct_errors() {
    let missing = Program::new("/nowhere/helm").run();
    assert!(
        matches!(&missing, Err(ProcessError::NotFound { program, .. }) if program == "helm"),
        "{missing:?}"
    );
    let folder = shell("true").folder("/nowhere").run();
    assert!(matches!(&folder, Err(ProcessError::Io { .. })), "{folder:?}");
}

#[test]
fn a_signal_is_named() {
    let error = shell("kill -9 $$").run();
    assert!(matches!(error, Err(ProcessError::Killed { signal: 9, .. })), "{error:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn address_space_limited_and_core_dumps_off() {
    let output = shell("sleep 0.2; ulimit -v; ulimit -c").env("PATH", "/usr/bin:/bin").run().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "4194304\n0\n");
}

#[cfg(target_os = "linux")]
#[test]
fn file_over_its_limit_ends_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let write = |bytes: &str| {
        let script = format!("sleep 0.2; exec head -c {bytes} /dev/zero > written");
        shell(&script).env("PATH", "/usr/bin:/bin").folder(folder.path()).file_size(1000).run()
    };
    assert_eq!(write("1000").unwrap().status, 0);
    let error = write("1001").expect_err("it may write 1000");
    assert!(matches!(error, ProcessError::Killed { signal: 25, .. }), "{error:?}");
    assert_eq!(folder.path().join("written").metadata().unwrap().len(), 1000);
}

#[test]
fn an_error_never_shows_arguments_or_environment() {
    let error = shell("sleep 9 # hunter2").env("TOKEN", "hunter3").timeout(Duration::from_millis(50)).run();
    let message = error.expect_err("must time out").to_string();
    assert!(message.starts_with("sh was stopped after"), "{message}");
    assert!(!message.contains("hunter"), "{message}");
}

#[test]
fn log_names_subcommand_and_options_without_values() {
    let cases: [(&[&str], &str); 4] = [
        (&["fetch", "--quiet", "https://u:hunter2@h.example/r", "+refs/heads/*:refs/x"], "fetch --quiet"),
        (
            &["template", "--namespace=shop", "--values=\"hunter2\"", "--", "hunter2"],
            "template --namespace --values --",
        ),
        (&["-c", "http.extraHeader=hunter2", "config"], "-c"),
        (&["https://u:hunter2@h.example"], "https"),
    ];
    for (args, expected) in cases {
        assert_eq!(Program::new("/usr/bin/git").args(args).argument_names(), expected, "{args:?}");
    }
}
