//! Carries out the steps of a case.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::Deserialize as _;
use serde_json::{Value, json};

use super::deployer::Deployer;
use super::row::items;
use super::run::{DEPLOYER, PERSON, Run, SOURCE, succeeded};
use super::step::{Age, Copy, Patch, Replace, Step, Wait, split_words};
use crate::support::http::Call;

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

    /// A folder of the case becomes what Git declares, by a commit of that age.
    pub(super) fn commit(&self, folder: &str, age: Duration) -> Result<(), String> {
        let source = self.repo.path().join(SOURCE);
        if source.exists() {
            std::fs::remove_dir_all(&source).map_err(|error| error.to_string())?;
        }
        copy_files(&self.folder.path().join(folder), &source)
            .map_err(|error| format!("{folder}: {error}"))?;
        self.save(folder, age);
        Ok(())
    }

    fn save(&self, message: &str, age: Duration) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
        self.repo.commit_at(crate::support::repo::AUTHOR, (now - age).as_secs(), message);
    }

    fn export(&self, file: &str) -> Result<(), String> {
        let path = self.path(file);
        let words = ["get", "-f", &path, "--output=yaml", "--show-managed-fields"].map(str::to_owned);
        let text = self.kubectl(PERSON, &words)?;
        self.repo.write(&format!("{SOURCE}/all.yaml"), text);
        self.save("export", Duration::ZERO);
        Ok(())
    }

    /// Applies a file or a folder of the case.
    pub(super) fn apply(&self, path: &str, deployer: &Deployer) -> Result<(), String> {
        let path = PathBuf::from(self.path(path));
        match deployer {
            Deployer::Client(_) | Deployer::Server(_) => self.kubectl_apply(path, deployer, false),
            Deployer::ApplyPatches(manager) => {
                self.objects(path)?.iter().try_for_each(|object| self.apply_patch(object, manager))
            }
            Deployer::Updates(manager) => {
                let manager = format!("--field-manager={manager}");
                let path = path.to_string_lossy().into_owned();
                let words =
                    |verb: &str| [verb, &manager, "--recursive", "--filename", &path].map(str::to_owned);
                // What exists is replaced: a client library that knows no apply does it so.
                let created = self.kubectl(DEPLOYER, &words("create"));
                created.or_else(|_| self.kubectl(DEPLOYER, &words("replace"))).map(drop)
            }
            Deployer::Helm(_) => Err("Helm applies by its own command lines".to_owned()),
        }
    }

    /// `kubectl apply` as this deployer does it.
    pub(super) fn kubectl_apply(
        &self,
        path: PathBuf,
        deployer: &Deployer,
        dry_run: bool,
    ) -> Result<(), String> {
        let mut words = deployer.apply_arguments();
        words.extend([
            "--recursive".to_owned(),
            "--filename".to_owned(),
            path.to_string_lossy().into_owned(),
        ]);
        words.extend(dry_run.then(|| "--dry-run=server".to_owned()));
        self.kubectl(DEPLOYER, &words).map(drop)
    }

    /// One forced apply patch, by the API.
    fn apply_patch(&self, object: &Value, manager: &str) -> Result<(), String> {
        let path = self.object_path(object)?;
        let url = format!("{}{path}?fieldManager={manager}&force=true", self.plane.url());
        let bearer = format!("Bearer {}", self.plane.token(DEPLOYER));
        let ca = self.plane.ca();
        let call = Call {
            method: "PATCH",
            url: &url,
            authorization: Some(&bearer),
            body: Some(object),
            ca: Some(&ca),
        };
        let (status, answer) = call.send_as("application/apply-patch+yaml")?;
        if status < 300 { Ok(()) } else { Err(format!("{path}: {status} {answer}")) }
    }

    /// The API's path of an object.
    fn object_path(&self, object: &Value) -> Result<String, String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let version = text(&object["apiVersion"]);
        let base = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        let (_, list) = self.plane.api("admin", "GET", &base, None);
        let is_it =
            |resource: &&Value| resource["kind"] == object["kind"] && !text(&resource["name"]).contains('/');
        let resource = items(&list["resources"]).iter().find(is_it);
        let resource = resource.ok_or_else(|| format!("{version} {} is not served", object["kind"]))?;
        let named = object["metadata"]["namespace"].as_str().unwrap_or(&self.namespace);
        let within =
            if resource["namespaced"] == true { format!("/namespaces/{named}") } else { String::new() };
        Ok(format!("{base}{within}/{}/{}", text(&resource["name"]), text(&object["metadata"]["name"])))
    }

    /// The objects of a file or of the files of a folder.
    fn objects(&self, path: PathBuf) -> Result<Vec<Value>, String> {
        if path.is_dir() {
            let mut files: Vec<PathBuf> = std::fs::read_dir(&path)
                .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
                .map_err(|error| format!("{}: {error}", path.display()))?;
            files.sort();
            return files
                .into_iter()
                .map(|file| self.objects(file))
                .collect::<Result<Vec<_>, _>>()
                .map(|all| all.concat());
        }
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let documents = serde_yaml::Deserializer::from_str(&text).map(Value::deserialize);
        let documents: Vec<Value> = documents.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
    }

    /// Puts what the whole cluster needs there. A definition's new schema takes a moment to be served.
    fn install(&self, file: &str) -> Result<(), String> {
        let path = PathBuf::from(self.path(file));
        let objects = self.objects(path.clone())?;
        let definitions: Vec<&Value> =
            objects.iter().filter(|object| object["kind"] == "CustomResourceDefinition").collect();
        let group = |object: &&Value| Some(format!("apis/{}/", object["spec"]["group"].as_str()?));
        let groups: Vec<String> = definitions.iter().filter_map(group).collect();
        let generations = || -> Vec<Value> {
            let name =
                |object: &&Value| format!("crd/{}", object["metadata"]["name"].as_str().unwrap_or_default());
            let live = definitions.iter().map(|object| self.get(&name(object)).unwrap_or_default());
            live.map(|live| live["metadata"]["generation"].clone()).collect()
        };
        let before = (self.schemas(&groups), generations());
        self.kubectl_apply(path, &Deployer::Server(Some("cluster-admin".to_owned())), false)?;
        let is_same = generations() == before.1;
        if groups.is_empty() {
            return Ok(());
        }
        wait_until("the definition's schema is served", || {
            let now = self.schemas(&groups);
            let is_served = |group: &String| now.iter().any(|(path, _)| path.starts_with(group));
            groups.iter().all(is_served) && (is_same || now != before.0)
        })?;
        // What serves the objects has an informer of its own, beside the one of the document.
        std::thread::sleep(Duration::from_millis(700));
        Ok(())
    }

    /// The OpenAPI documents of these groups; the address has a hash of each.
    fn schemas(&self, groups: &[String]) -> Vec<(String, Value)> {
        let (_, index) = self.plane.api("admin", "GET", "/openapi/v3", None);
        let all = index["paths"].as_object().into_iter().flatten();
        let ours = all.filter(|(path, _)| groups.iter().any(|group| path.starts_with(group)));
        ours.map(|(path, value)| (path.clone(), value.clone())).collect()
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
    fn get(&self, object: &str) -> Result<Value, String> {
        let words = ["get", object, "--output=json", "--show-managed-fields"].map(str::to_owned);
        let text = self.kubectl(PERSON, &words)?;
        serde_json::from_str(&text).map_err(|error| format!("{object}: {error}"))
    }

    /// kubectl in the namespace; gives standard output.
    fn kubectl(&self, user: &str, words: &[String]) -> Result<String, String> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let words = [&["--namespace", &self.namespace][..], &words].concat();
        succeeded(self.plane.kubectl(user, &words)).map(|output| output.stdout)
    }

    /// A path of the case's folder.
    fn path(&self, path: &str) -> String {
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

fn copy_files(from: &std::path::Path, to: &std::path::Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_files(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) -> Result<(), String> {
    let start = std::time::Instant::now();
    while !holds() {
        if start.elapsed() > PATIENCE {
            return Err(format!("not within {PATIENCE:?}: {what}"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
