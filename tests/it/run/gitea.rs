//! A real Gitea as forge, with a token of the least scopes.

use std::time::Duration;

use serde_json::{Value, json};

use super::place::{FILE, LEDGER, Place, WEB, events, last, only_grows};
use crate::reports::logs::entries;
use crate::support::command::{Drift, Output};
use crate::support::gitea::{Gitea, Repository, SCOPES, User};
use crate::support::repo::Repo;
use crate::support::servers::eventually;

/// A place whose repository has a remote on Gitea; `place.repo` is a person's clone, drift works in its folder.
pub(super) struct Hosted {
    pub(super) place: Place,
    pub(super) gitea: &'static Gitea,
    pub(super) owner: User,
    pub(super) bot: User,
    pub(super) remote: Repository,
}

impl Hosted {
    /// Declares [`WEB`], which the cluster has too.
    pub(super) fn new(name: &str) -> Self {
        let hosted = Self::with(name, &[(FILE, WEB)]);
        hosted.place.apply_git();
        hosted
    }

    /// The same, after a first run: somebody gave `web` 1Gi instead of 512Mi, and that is proposed.
    #[track_caller]
    pub(super) fn with_proposal(name: &str) -> Self {
        let hosted = Self::new(name);
        hosted.place.set_memory("1Gi");
        let _ = hosted.run(1);
        hosted
    }

    /// These files below `apps`; nothing is applied.
    pub(super) fn with(name: &str, files: &[(&str, &str)]) -> Self {
        let gitea = Gitea::shared();
        let (owner, bot) = (gitea.user("owner"), gitea.user("bot"));
        let more = format!("forge: {{type: gitea, login: {}}}\n", bot.name);
        let mut place = Place::with(name, files, &more);
        let remote = gitea.repository_with(&owner, &place.repo);
        gitea.add_collaborator(&remote, &bot, "write");
        place.repo.git(&["remote", "add", "origin", &remote.clone_url]);
        place.drift = place.drift.env("DRIFT_TOKEN", &bot.token);
        Self { place, gitea, owner, bot, remote }
    }

    #[track_caller]
    pub(super) fn run(&self, status: i32) -> Output {
        self.place.run(status)
    }

    /// Another run ends with this code and changes nothing, in Git and on the forge.
    #[track_caller]
    pub(super) fn assert_settled(&self, status: i32) -> Output {
        let before = self.everything();
        let said = self.run(status);
        assert_eq!(self.everything(), before, "a run with nothing new to do changed something");
        said
    }

    /// Another `drift run` from an address, with a home of its own.
    pub(super) fn by_address(&self) -> Drift {
        Drift::new()
            .args(["run", "--repository", &self.remote.clone_url])
            .env("KUBECONFIG", self.place.plane.kubeconfig("admin"))
            .env("DRIFT_TOKEN", &self.bot.token)
    }

    /// A call as the owner, path below the repository.
    pub(super) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let path = format!("/repos/{}/{}{path}", self.remote.owner, self.remote.name);
        self.gitea.api(&self.owner.token, method, &path, body)
    }

    /// The same, which must have this status.
    #[track_caller]
    pub(super) fn must(&self, status: u16, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (got, answer) = self.call(method, path, body);
        assert_eq!(got, status, "{method} {path}: {answer}");
        answer
    }

    /// Every pull request, lowest number first.
    pub(super) fn pulls(&self) -> Vec<Value> {
        self.list("/pulls?state=all&sort=oldest&limit=50")
    }

    /// Every issue that is no pull request, lowest number first.
    pub(super) fn issues(&self) -> Vec<Value> {
        self.list("/issues?type=issues&state=all&limit=50")
    }

    fn list(&self, path: &str) -> Vec<Value> {
        let mut all = self.must(200, "GET", path, None).as_array().cloned().unwrap_or_default();
        all.sort_by_key(|item| item["number"].as_u64());
        all
    }

    /// The one pull request.
    #[track_caller]
    pub(super) fn pull(&self) -> Value {
        let pulls = self.pulls();
        assert_eq!(pulls.len(), 1, "{pulls:?}");
        pulls[0].clone()
    }

    /// Texts of the comments of a proposal.
    pub(super) fn comments(&self, number: u64) -> Vec<String> {
        let comments = self.list(&format!("/issues/{number}/comments"));
        comments.iter().map(|comment| comment["body"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Branches of the remote, as the person's clone sees them after a fetch; its own branches follow.
    pub(super) fn fetch(&self) -> &Repo {
        use base64::Engine as _;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("token:{}", self.owner.token));
        let header = format!("Authorization: Basic {basic}");
        let environment = [
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "http.extraHeader"),
            ("GIT_CONFIG_VALUE_0", &header),
        ];
        let arguments = ["fetch", "--quiet", "--prune", "origin", "+refs/heads/*:refs/remotes/seen/*"];
        let _ = self.place.repo.try_git(&arguments, &environment).expect_status(0);
        &self.place.repo
    }

    /// Branches of the remote with their commits.
    pub(super) fn refs(&self) -> Vec<String> {
        let listed = self.fetch().git(&[
            "for-each-ref",
            "--format=%(refname:lstrip=3) %(objectname)",
            "refs/remotes/seen/",
        ]);
        listed.lines().map(str::to_owned).collect()
    }

    /// Names of the branches of proposals.
    pub(super) fn branches(&self) -> Vec<String> {
        let names = self.refs().into_iter().filter_map(|line| line.split(' ').next().map(str::to_owned));
        names.filter(|name| name.starts_with("drift/incident/")).collect()
    }

    /// What a second run must leave as it was.
    pub(super) fn everything(&self) -> (Vec<String>, Vec<Value>, Vec<Value>) {
        let seen = |items: Vec<Value>| {
            items
                .into_iter()
                .map(|item| json!([item["number"], item["state"], item["updated_at"], item["body"]]))
                .collect()
        };
        (self.refs(), seen(self.pulls()), seen(self.issues()))
    }

    /// The incidents of the ledger on the remote.
    pub(super) fn incidents(&self) -> Vec<Value> {
        let repo = self.fetch();
        if repo
            .try_git(&["rev-parse", "--quiet", "--verify", &format!("refs/remotes/seen/{LEDGER}")], &[])
            .status
            != 0
        {
            return vec![];
        }
        repo.git(&["branch", "--quiet", "--force", "seen-ledger", &format!("refs/remotes/seen/{LEDGER}")]);
        only_grows(repo, "seen-ledger");
        super::place::incidents(&super::place::files(repo, "seen-ledger"))
    }

    /// The one incident.
    #[track_caller]
    pub(super) fn incident(&self) -> Value {
        let incidents = self.incidents();
        assert_eq!(incidents.len(), 1, "{incidents:?}");
        incidents[0].clone()
    }

    /// Merges a pull request as the owner. Whether it can be merged is found out in the background.
    pub(super) fn merge(&self, number: u64, style: &str) {
        let body = json!({"Do": style});
        eventually("the pull request can be merged", Duration::from_secs(20), || {
            (self.call("POST", &format!("/pulls/{number}/merge"), Some(&body)).0 == 200).then_some(())
        });
    }

    /// Takes `main` of the remote into the work tree.
    pub(super) fn pull_main(&self) {
        self.fetch().git(&["reset", "--quiet", "--hard", "refs/remotes/seen/main"]);
    }

    /// Commits the work tree and pushes it to `main`.
    pub(super) fn push_main(&self, message: &str) -> String {
        let commit = self.place.repo.commit(message);
        let _ = self
            .place
            .repo
            .push_with_token(&self.remote.clone_url, &self.owner.token, &["main"])
            .expect_status(0);
        commit
    }
}

#[test]
fn merge_of_any_style_ends_the_incident() {
    for style in ["merge", "squash", "rebase"] {
        let hosted = Hosted::new(style);
        hosted.place.set_memory("1Gi");
        let said = hosted.run(1);
        let pull = hosted.pull();
        assert!(said.stdout.contains(pull["html_url"].as_str().expect("a page")), "{}", said.stdout);
        assert_eq!(pull["user"]["login"], hosted.bot.name);
        assert_eq!((pull["state"].as_str(), pull["base"]["ref"].as_str()), (Some("open"), Some("main")));
        assert_eq!(pull["labels"][0]["name"], "drift");
        assert!(hosted.issues().is_empty());
        let branch = hosted.branches().pop().expect("a branch");
        assert_eq!(pull["head"]["ref"], branch);
        let seen = hosted.fetch().git(&[
            "diff",
            "--numstat",
            &format!("refs/remotes/seen/main...refs/remotes/seen/{branch}"),
        ]);
        assert_eq!(seen, format!("1\t1\t{FILE}"));

        let before = hosted.everything();
        let again = hosted.run(1);
        assert!(again.stdout.contains("unchanged: "), "{}", again.stdout);
        // Another place, another clone: the same.
        let _ = hosted.by_address().run().expect_status(1);
        assert_eq!(hosted.everything(), before, "{style}");

        hosted.merge(pull["number"].as_u64().expect("a number"), style);
        let ended = hosted.run(0);
        assert!(ended.stdout.contains("ended, adopted: "), "{style}: {}", ended.stdout);
        let incident = hosted.incident();
        assert_eq!(events(&incident), ["opened", "ended"], "{style}");
        assert_eq!(last(&incident)["how"], "adopted", "{style}");
        let commit = last(&incident)["ended_by"].as_str().expect("a commit").to_owned();
        hosted.fetch().git(&["merge-base", "--is-ancestor", &commit, "refs/remotes/seen/main"]);
        assert_eq!(
            hosted.place.repo.git(&["show", "--format=", "--numstat", &commit]),
            format!("1\t1\t{FILE}")
        );
        assert_eq!(hosted.pull()["merged"], true, "{style}");
        assert!(hosted.branches().is_empty(), "{style}: {:?}", hosted.branches());
        let _ = hosted.assert_settled(0);
    }
}

#[test]
fn undone_change_closes_pull_request_with_reason() {
    let hosted = Hosted::with_proposal("hosted-undone");
    hosted.place.apply_git();
    let _ = hosted.run(0);
    let pull = hosted.pull();
    assert_eq!((&pull["state"], &pull["merged"]), (&json!("closed"), &json!(false)));
    let comments = hosted.comments(pull["number"].as_u64().expect("a number"));
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert!(comments[0].contains("Closed by drift: the cluster equals commit"), "{comments:?}");
    assert_eq!(last(&hosted.incident())["how"], "reverted");
    assert!(hosted.branches().is_empty());
    let _ = hosted.assert_settled(0);
}

#[test]
fn committed_ignore_rule_closes_pull_request() {
    let hosted = Hosted::with_proposal("hosted-accepted");
    let config = hosted.place.repo.read("drift.yaml")
        + "ignore:\n- resource: {kind: Deployment, name: web}\n  reason: tuned by hand\n";
    hosted.place.repo.write("drift.yaml", config);
    let commit = hosted.push_main("Let it be tuned by hand");
    let _ = hosted.run(0);
    let ended = hosted.incident();
    assert_eq!((&last(&ended)["how"], &last(&ended)["ended_by"]), (&json!("accepted"), &json!(commit)));
    let pull = hosted.pull();
    assert_eq!(pull["state"], "closed");
    let comments = hosted.comments(pull["number"].as_u64().expect("a number"));
    assert!(comments.len() == 1 && comments[0].contains("ignore rule"), "{comments:?}");
}

#[test]
fn closed_pull_request_is_declined_until_values_change() {
    let hosted = Hosted::with_proposal("hosted-declined");
    hosted.must(201, "PATCH", "/pulls/1", Some(&json!({"state": "closed"})));
    let said = hosted.run(1);
    assert!(said.stdout.contains(&format!("declined by {}", hosted.owner.name)), "{}", said.stdout);
    let incident = hosted.incident();
    assert_eq!(events(&incident), ["opened", "declined"]);
    assert_eq!(last(&incident)["by"], hosted.owner.name);
    assert_eq!(hosted.pull()["state"], "closed");
    let _ = hosted.assert_settled(1);
    hosted.place.set_memory("2Gi");
    let _ = hosted.run(1);
    assert_eq!(events(&hosted.incident()), ["opened", "declined", "changed"]);
    let pulls = hosted.pulls();
    let states: Vec<_> = pulls.iter().map(|pull| pull["state"].as_str().expect("a state")).collect();
    assert_eq!(states, ["closed", "open"]);
    let _ = hosted.assert_settled(1);
}

#[test]
fn new_values_update_pull_request_in_place() {
    let hosted = Hosted::with_proposal("hosted-again");
    let before = hosted.pull();
    hosted.place.set_memory("3Gi");
    let _ = hosted.run(1);
    let branch = hosted.branches().pop().expect("a branch");
    let tip = hosted.place.repo.git(&["rev-parse", &format!("refs/remotes/seen/{branch}")]);
    // Gitea takes a push in from a queue.
    let after = eventually("the pull request follows its branch", Duration::from_secs(20), || {
        Some(hosted.pull()).filter(|pull| pull["head"]["sha"] == tip.as_str())
    });
    assert_eq!(after["number"], before["number"]);
    assert_ne!(after["head"]["sha"], before["head"]["sha"]);
    let body = after["body"].as_str().expect("a body");
    assert!(body.contains("3Gi") && !body.contains("1Gi"), "{body}");
    assert_eq!(events(&hosted.incident()), ["opened", "changed"]);
    // Gitea notes a push under the pull request from a queue too, and moves its time then.
    let settled = eventually("Gitea has taken everything in", Duration::from_secs(30), || {
        let seen = hosted.everything();
        std::thread::sleep(Duration::from_secs(2));
        (hosted.everything() == seen).then_some(seen)
    });
    let _ = hosted.run(1);
    assert_eq!(hosted.everything(), settled);
}

#[test]
fn pull_request_with_foreign_commits_is_left_alone() {
    let hosted = Hosted::with_proposal("hosted-foreign");
    let branch = hosted.branches().pop().expect("a branch");
    let repo = &hosted.place.repo;
    repo.git(&["checkout", "--quiet", "-b", "mine", &format!("refs/remotes/seen/{branch}")]);
    repo.write("apps/notes.txt", "why\n");
    let tip = repo.commit("Say why");
    repo.git(&["checkout", "--quiet", "main"]);
    let pushed =
        repo.push_with_token(&hosted.remote.clone_url, &hosted.owner.token, &[&format!("mine:{branch}")]);
    let _ = pushed.expect_status(0);
    eventually("the pull request follows its branch", Duration::from_secs(20), || {
        (hosted.pull()["head"]["sha"] == tip.as_str()).then_some(())
    });
    hosted.place.set_memory("3Gi");
    let said = hosted.run(1);
    assert!(said.stderr.contains("it has commits by somebody else"), "{}", said.stderr);
    let body = hosted.pull()["body"].as_str().expect("a text").to_owned();
    assert!(body.contains("**Changed since it was proven.**") && !body.contains("Proven:"), "{body}");
    assert_eq!(hosted.fetch().git(&["rev-parse", &format!("refs/remotes/seen/{branch}")]), tip);
    let _ = hosted.assert_settled(1);
}

#[test]
fn unprovable_part_of_incident_becomes_issue() {
    let hosted = Hosted::new("hosted-both");
    // One value changed, and one in which Git has a variable.
    let patch = r#"{"data":{"level":"debug","url":"http://elsewhere"}}"#;
    hosted.place.kubectl(&["patch", "configmap", "settings", "--type=merge", "--patch", patch]);
    let _ = hosted.run(1);
    assert_eq!((hosted.pulls().len(), hosted.issues().len()), (1, 1));
    let _ = hosted.assert_settled(1);
    // A person closes the issue only: the pull request stands, and the issue is not opened again.
    let issue = hosted.issues()[0]["number"].clone();
    hosted.must(201, "PATCH", &format!("/issues/{issue}"), Some(&json!({"state": "closed"})));
    let _ = hosted.assert_settled(1);
    assert_eq!(events(&hosted.incident()), ["opened"]);
    // Merging takes its part in; the rest goes on as what it is now.
    hosted.merge(hosted.pull()["number"].as_u64().expect("a number"), "merge");
    let _ = hosted.run(1);
    assert_eq!(events(&hosted.incident()), ["opened", "changed"]);
    assert_eq!(hosted.pulls().len(), 1);
    let states: Vec<_> = hosted.issues().iter().map(|issue| issue["state"].clone()).collect();
    assert_eq!(states, ["closed", "open"]);
    hosted.pull_main();
    hosted.place.apply_git();
    let _ = hosted.run(0);
    assert_eq!(events(&hosted.incident()), ["opened", "changed", "ended"]);
    assert!(hosted.issues().iter().all(|issue| issue["state"] == "closed"));
    assert!(hosted.branches().is_empty());
}

#[test]
fn token_lacking_rights_changes_nothing() {
    let mut hosted = Hosted::new("hosted-scopes");
    hosted.place.set_memory("1Gi");
    let main = hosted.refs();
    let scopes: [&[&str]; 3] = [&["read:repository", "read:issue"], &["write:repository"], &["write:issue"]];
    for scope in scopes {
        let token = hosted.gitea.new_token(&hosted.bot.name, scope);
        hosted.place.drift = hosted.place.drift.env("DRIFT_TOKEN", &token);
        let said = hosted.place.drift.run();
        assert!(matches!(said.status, 2 | 3), "{scope:?}: {said:?}");
        assert!(
            said.stderr.contains("drift: error: ") && !said.stderr.contains(&token),
            "{scope:?}: {}",
            said.stderr
        );
        assert_eq!((hosted.refs(), hosted.pulls().len()), (main.clone(), 0), "{scope:?}");
    }
    hosted.place.drift = hosted.place.drift.env("DRIFT_TOKEN", "0123456789012345678901234567890123456789");
    let said = hosted.place.drift.run().expect_status(3);
    assert!(said.stderr.contains("token"), "{}", said.stderr);
    assert!(!said.stderr.contains("0123456789012345678901234567890123456789"), "{}", said.stderr);
    assert_eq!(hosted.refs(), main);
    let token = hosted.gitea.new_token(&hosted.bot.name, &SCOPES);
    hosted.place.drift = hosted.place.drift.env("DRIFT_TOKEN", token);
    let _ = hosted.run(1);
    assert_eq!(hosted.pulls().len(), 1);
}

#[test]
fn refused_branches_are_told_and_nothing_written() {
    let hosted = Hosted::new("hosted-protected");
    hosted.place.set_memory("1Gi");
    let main = hosted.refs();
    let rule = json!({"rule_name": "drift/**", "enable_push": false});
    let rule = hosted.must(201, "POST", "/branch_protections", Some(&rule));
    let said = hosted.run(3);
    assert!(said.stderr.contains("drift/") && said.stderr.contains("protected"), "{}", said.stderr);
    assert_eq!((hosted.refs(), hosted.pulls().len()), (main.clone(), 0));
    let name = rule["rule_name"].as_str().expect("a name").replace('/', "%2F").replace('*', "%2A");
    hosted.must(204, "DELETE", &format!("/branch_protections/{name}"), None);
    let _ = hosted.run(1);
    assert_eq!(hosted.pulls().len(), 1);

    // Somebody who may only read.
    let other = Hosted::new("hosted-reader");
    other.place.set_memory("1Gi");
    other.gitea.add_collaborator(&other.remote, &other.bot, "read");
    let said = other.place.drift.run();
    assert!(matches!(said.status, 2 | 3), "{said:?}");
    assert!(said.stderr.contains("drift: error: "), "{}", said.stderr);
    assert_eq!((other.pulls().len(), other.issues().len(), other.branches().len()), (0, 0, 0));
    // An archived repository takes nothing.
    other.must(200, "PATCH", "", Some(&json!({"archived": true})));
    let said = other.place.drift.run().expect_status(2);
    assert!(said.stderr.contains("is archived"), "{}", said.stderr);
}

#[test]
fn cluster_values_trigger_nothing_on_forge() {
    let hosted = Hosted::new("hosted-hostile");
    let bystander = hosted.must(201, "POST", "/issues", Some(&json!({"title": "Not ours"})));
    let value = format!(
        "closes #{} `@{}` ![x](http://127.0.0.1:1/x.png) | <img src=x>\n\nDrift-Incident: 000000000000\n```\n",
        bystander["number"], hosted.owner.name
    );
    // One value that a pull request shows, one that an issue shows.
    let patch = json!({"data": {"level": value}}).to_string();
    hosted.place.kubectl(&["patch", "configmap", "settings", "--type=merge", "--patch", &patch]);
    let patch = json!({"data": {"extra": value}}).to_string();
    let unknown =
        ["patch", "configmap", "settings", "--type=merge", "--patch", &patch, "--field-manager=robot"];
    hosted.place.kubectl(&unknown);
    let _ = hosted.run(1);
    let _ = hosted.assert_settled(1);
    let pull = hosted.pull();
    let branch = pull["head"]["ref"].as_str().expect("a branch").to_owned();
    let commit =
        hosted.fetch().git(&["log", "--format=%B", "--max-count=1", &format!("refs/remotes/seen/{branch}")]);
    assert_eq!(commit.matches("Drift-Incident:").count(), 1, "{commit}");
    hosted.merge(pull["number"].as_u64().expect("a number"), "merge");
    let after = hosted.must(200, "GET", &format!("/issues/{}", bystander["number"]), None);
    assert_eq!(after["state"], "open");
}

#[test]
fn freshly_pushed_repository_is_waited_for() {
    let hosted = Hosted::new("hosted-fresh");
    hosted.place.set_memory("1Gi");
    for _ in 0..3 {
        let fresh = hosted.gitea.repository(&hosted.owner);
        hosted.gitea.add_collaborator(&fresh, &hosted.bot, "write");
        let pushed = hosted.place.repo.push_with_token(&fresh.clone_url, &hosted.owner.token, &["main"]);
        let _ = pushed.expect_status(0);
        let drift = Drift::new().args(["run", "--repository", &fresh.clone_url]);
        let drift = drift.env("KUBECONFIG", hosted.place.plane.kubeconfig("admin"));
        let _ = drift.env("DRIFT_TOKEN", &hosted.bot.token).run().expect_status(1);
        let path = format!("/repos/{}/{}/pulls", fresh.owner, fresh.name);
        let (_, pulls) = hosted.gitea.api(&hosted.owner.token, "GET", &path, None);
        assert_eq!(pulls.as_array().map(Vec::len), Some(1), "{pulls}");
    }
}

#[test]
fn reopened_pull_request_stands_again() {
    let hosted = Hosted::with_proposal("hosted-reopened");
    hosted.must(201, "PATCH", "/pulls/1", Some(&json!({"state": "closed"})));
    let _ = hosted.run(1);
    assert!(hosted.branches().is_empty());
    // Gitea closes it once more when it gets to know that the branch is gone.
    eventually("the pull request stays open", Duration::from_secs(30), || {
        let _ = hosted.call("PATCH", "/pulls/1", Some(&json!({"state": "open"})));
        std::thread::sleep(Duration::from_secs(3));
        (hosted.pull()["state"] == "open").then_some(())
    });
    let _ = hosted.run(1);
    assert_eq!(events(&hosted.incident()), ["opened", "declined", "changed"]);
    assert_eq!((hosted.pull()["state"].as_str(), hosted.branches().len()), (Some("open"), 1));
    let _ = hosted.assert_settled(1);
    hosted.merge(1, "squash");
    let _ = hosted.run(0);
    assert_eq!(last(&hosted.incident())["how"], "adopted");
}

/// A name that acts, in every place where a name of a stranger can stand: the manager, and what it made.
#[test]
fn names_from_the_cluster_close_no_issue() {
    for (number, style) in ["merge", "squash", "rebase"].into_iter().enumerate() {
        let hosted = Hosted::new(&format!("hosted-names-{style}"));
        let title = json!({"title": "Not ours"});
        let bystander = hosted.must(201, "POST", "/issues", Some(&title))["number"].clone();
        let word = ["closes", "Fixes:", "resolved"][number];
        let env = json!([
            {"name": format!("A {word} #{bystander} "), "value": "1"}, {"name": "[skip ci]", "value": "2"},
            {"name": format!("{word} {}/issues/{bystander}", hosted.remote.clone_url), "value": "3"},
            {"name": format!("@{}", hosted.owner.name), "value": "4"},
        ]);
        let container = json!({"name": "web", "env": env});
        let patch = json!({"spec": {"template": {"spec": {"containers": [container]}}}}).to_string();
        let manager = format!("--field-manager=kubectl-x {word} #{bystander} [ci skip]");
        hosted.place.kubectl(&["patch", "deployment", "web", "--patch", &patch, &manager]);
        let _ = hosted.run(1);
        let pull = hosted.pull();
        let title = pull["title"].as_str().expect("a title");
        assert!(!title.contains('#') && !title.contains("[ci") && title.contains("\\u{23}"), "{title}");
        hosted.merge(pull["number"].as_u64().expect("a number"), style);
        let _ = hosted.run(0);
        let after = hosted.must(200, "GET", &format!("/issues/{bystander}"), None);
        assert_eq!(after["state"], "open", "{style}");
        for message in hosted.fetch().git(&["log", "--format=%B", "refs/remotes/seen/main"]).lines() {
            assert!(!message.contains("[skip ci]") && !message.contains("[ci skip]"), "{style}: {message}");
            assert!(!message.contains(&format!("#{bystander} ")), "{style}: {message}");
        }
    }
}

#[test]
fn run_log_has_no_secrets() {
    let mut hosted = Hosted::new("hosted-log");
    hosted.place.set_memory("1Gi");
    hosted.place.drift = hosted.place.drift.args(["-vv", "--log-format=json"]);
    let json = hosted.run(1).stderr;
    let log = entries(&json);
    for room in ["drift::cluster", "drift::forge", "drift::process", "drift::reconcile"] {
        let is_of = |entry: &Value| entry["target"].as_str().is_some_and(|target| target.starts_with(room));
        assert!(log.iter().any(is_of), "{room} is not in:\n{json}");
    }
    let text = hosted.by_address().arg("-vv").run().expect_status(1).stderr;
    assert!(text.contains("debug: child program: program=git arguments=\"fetch --"), "{text}");
    for token in [hosted.bot.token.as_str(), hosted.place.plane.token("admin")] {
        for part in needles(token) {
            assert!(!json.contains(&part) && !text.contains(&part), "{part} is in:\n{json}\n{text}");
        }
    }
}

/// A token, and what base64 makes of its middle wherever in a text it begins.
fn needles(token: &str) -> Vec<String> {
    use base64::Engine as _;
    let encode = |before: usize| {
        let text = format!("{}{token}", "x".repeat(before));
        base64::engine::general_purpose::STANDARD.encode(text)[4..20].to_owned()
    };
    (0..3).map(encode).chain([token.to_owned()]).collect()
}
