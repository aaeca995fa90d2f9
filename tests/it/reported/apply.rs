//! Commits and applies what a case declares.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Deserialize as _;
use serde_json::Value;

use super::deployer::Deployer;
use super::row::items;
use super::run::{DEPLOYER, PERSON, Run, SOURCE};
use super::write::wait_until;
use crate::support::http::Call;
use crate::support::repo::AUTHOR;

impl Run {
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
        self.repo.commit_at(AUTHOR, (now - age).as_secs(), message);
    }

    pub(super) fn export(&self, file: &str) -> Result<(), String> {
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
    pub(super) fn install(&self, file: &str) -> Result<(), String> {
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
}

fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
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
