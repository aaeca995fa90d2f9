//! Carries out the steps of a case.

use std::time::Duration;

use serde_json::{Value, json};

use super::deployer::Deployer;
use super::run::{DEPLOYER, PERSON, Run, succeeded};
use super::step::{Age, Copy, Patch, Replace, Step, Wait, split_words};

/// No controller takes this long.
const PATIENCE: Duration = Duration::from_secs(40);

impl Run {
    pub(super) fn take_step(&self, step: &Step) -> Result<(), String> {
        match step {
            Step::Kubectl(line) => self.kubectl(PERSON, &split_words(line)).map(drop),
            Step::Helm(line) => self.helm(&split_words(line)),
            Step::Commit(commit) => commit.map(
                |folder| self.commit(folder, Duration::ZERO),
                |full| self.commit(&full.folder, full.age.0),
            ),
            Step::Export(file) => self.export(file),
            Step::Apply(apply) => apply.map(
                |path| self.apply(path, &self.deployer),
                |full| {
                    let named = full.r#as.as_deref().map(Deployer::parse).transpose()?;
                    self.apply(&full.path, named.as_ref().unwrap_or(&self.deployer))
                },
            ),
            Step::Install(file) => self.install(file),
            Step::Patch(patch) => self.patch(patch),
            Step::Replace(replace) => self.replace(replace),
            Step::Copy(copy) => self.copy(copy),
            Step::Age(age) => self.age(age),
            Step::Wait(wait) => self.wait(wait),
            Step::Sleep(time) => {
                std::thread::sleep(time.0);
                Ok(())
            }
        }
    }

    fn patch(&self, patch: &Patch) -> Result<(), String> {
        let kinds = [("json", &patch.json), ("merge", &patch.merge), ("strategic", &patch.strategic)];
        let mut given = kinds.iter().filter_map(|(kind, body)| Some((*kind, body.as_ref()?)));
        let (Some((kind, body)), None) = (given.next(), given.next()) else {
            return Err("one of `json`, `merge` and `strategic`".to_owned());
        };
        let mut body = body.to_string();
        for name in ["HEAD~1", "HEAD"].map(|name| format!("{{{name}}}")) {
            if body.contains(&name) {
                body = body.replace(&name, &self.repo.revision(name.trim_matches(['{', '}'])));
            }
        }
        let mut words =
            ["patch", &patch.object, "--type", kind, "--patch", &body].map(str::to_owned).to_vec();
        words.extend(patch.r#as.iter().map(|name| format!("--field-manager={name}")));
        words.extend(patch.subresource.iter().map(|name| format!("--subresource={name}")));
        self.kubectl(PERSON, &words).map(drop)
    }

    fn replace(&self, replace: &Replace) -> Result<(), String> {
        let text = self.get(&replace.object)?;
        let text = serde_json::to_string(&text).expect("JSON");
        if !text.contains(&replace.old) {
            return Err(format!("no {} in {text}", replace.old));
        }
        let manager = format!("--field-manager={}", replace.r#as);
        self.put("replace", &manager, &text.replace(&replace.old, &replace.new))
    }

    fn copy(&self, copy: &Copy) -> Result<(), String> {
        let mut object = self.get(&copy.object)?;
        if let Some(fields) = object["metadata"].as_object_mut() {
            fields.retain(|key, _| {
                !["uid", "resourceVersion", "creationTimestamp", "generation"].contains(&key.as_str())
            });
        }
        object.as_object_mut().map(|fields| fields.remove("status"));
        merge(&mut object, &copy.merge);
        object["metadata"]["name"] = json!(copy.name);
        if let Some(owner) = &copy.owner {
            let of = self.get(owner)?;
            let (version, kind, meta) = (&of["apiVersion"], &of["kind"], &of["metadata"]);
            object["metadata"]["ownerReferences"] = json!([
                {"apiVersion": version, "kind": kind, "name": meta["name"], "uid": meta["uid"], "controller": true}
            ]);
        }
        let manager = copy.r#as.as_deref().unwrap_or("kubectl-create");
        self.put("create", &format!("--field-manager={manager}"), &object.to_string())
    }

    fn put(&self, verb: &str, manager: &str, text: &str) -> Result<(), String> {
        let words = ["--namespace", &self.namespace, verb, manager, "--filename", "-"];
        succeeded(self.plane.kubectl_with(PERSON, &words, text)).map(drop)
    }

    /// The server keeps times of a writer's own only beside another change: an annotation comes and goes.
    fn age(&self, age: &Age) -> Result<(), String> {
        let mut object = self.get(&age.object)?;
        let now = jiff::Timestamp::now();
        let then = now
            .checked_sub(jiff::SignedDuration::try_from(age.by.0).expect("a time of days"))
            .expect("a time since 1970");
        let then = then.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        for entry in object["metadata"]["managedFields"].as_array_mut().into_iter().flatten() {
            entry["time"] = json!(then);
        }
        let entries = object["metadata"]["managedFields"].take();
        let patch =
            json!({"metadata": {"managedFields": entries, "annotations": {"aged": "yes"}}}).to_string();
        let words = ["patch", &age.object, "--type=merge", "--patch", &patch].map(str::to_owned);
        self.kubectl(DEPLOYER, &words)?;
        self.kubectl(DEPLOYER, &["annotate", &age.object, "aged-"].map(str::to_owned)).map(drop)
    }

    fn wait(&self, wait: &Wait) -> Result<(), String> {
        wait_until(&format!("{wait:?}"), || match wait {
            Wait::Has { object, text } => self.get(object).is_ok_and(|live| live.to_string().contains(text)),
            Wait::Observed(object) => self
                .get(object)
                .is_ok_and(|live| live["metadata"]["generation"] == live["status"]["observedGeneration"]),
            Wait::Gone(object) => self.get(object).is_err_and(|why| why.contains("NotFound")),
            Wait::Admits { file, text } => {
                let words = ["create", "--dry-run=server", "--output=json", "--filename", &self.path(file)];
                self.kubectl(DEPLOYER, &words.map(str::to_owned)).is_ok_and(|answer| answer.contains(text))
            }
        })
    }

    /// An object as the API server has it.
    pub(super) fn get(&self, object: &str) -> Result<Value, String> {
        let words = ["get", object, "--output=json", "--show-managed-fields"].map(str::to_owned);
        let text = self.kubectl(PERSON, &words)?;
        serde_json::from_str(&text).map_err(|error| format!("{object}: {error}"))
    }

    /// kubectl in the namespace; gives standard output.
    pub(super) fn kubectl(&self, user: &str, words: &[String]) -> Result<String, String> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let words = [&["--namespace", &self.namespace][..], &words].concat();
        succeeded(self.plane.kubectl(user, &words)).map(|output| output.stdout)
    }

    /// A path of the case's folder.
    pub(super) fn path(&self, path: &str) -> String {
        self.folder.path().join(path).to_str().expect("temporary folders are UTF-8").to_owned()
    }
}

/// A merge patch (RFC 7396) in memory.
fn merge(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        if !patch.is_null() {
            *target = patch.clone();
        }
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in fields {
        if value.is_null() {
            target.as_object_mut().expect("an object").remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

pub(super) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) -> Result<(), String> {
    let start = std::time::Instant::now();
    while !holds() {
        if start.elapsed() > PATIENCE {
            return Err(format!("not within {PATIENCE:?}: {what}"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
