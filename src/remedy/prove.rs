//! The proof of an adoption: the edited files are rendered again and compared with live. Nothing of the adopted changes
//! may be left, and nothing else may change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::plan::{AdoptedObject, Plan};
use super::proof_failure::ProofFailure;
use crate::model::{ChangeKind, Desired, Difference, FieldPath, Finding, ObjectKey, ResourceId};
use crate::schema::Schema;
use crate::source::{RenderOutput, RenderRequest, render};

/// The inputs of a proof: a private copy of the base commit, as rendered and compared.
pub struct ProofContext<'a> {
    /// Rendering of that copy. The files of a plan are written into it while it is proven, and put back.
    pub request: RenderRequest<'a>,
    /// Every object as it was rendered.
    pub desired: &'a [Desired],
    /// How much was incomplete in that rendering.
    pub incomplete: usize,
    /// Objects that are left out of `desired` on purpose.
    pub skipped: &'a BTreeSet<ObjectKey>,
    /// The live objects of the findings.
    pub live: &'a BTreeMap<ObjectKey, Value>,
    /// The schema of an object.
    pub schema: &'a dyn Fn(&ResourceId) -> &'a Schema,
}

/// A proven adoption.
#[derive(Debug, Clone, Default)]
pub struct ProvenPlan {
    /// New content of the files, by path from the root of the repository.
    pub files: BTreeMap<String, String>,
    /// Their content before.
    pub before: BTreeMap<String, String>,
    /// The plan, without what could not be proven: that is in its `left`, with the reason.
    pub plan: Plan,
}

impl ProvenPlan {
    fn new(plan: Plan, (before, files): Texts) -> Self {
        Self { files, before, plan }
    }

    /// The adoption as a unified diff. A file that may hold a Secret is shown without the lines around a change.
    #[must_use]
    pub fn diff(&self) -> String {
        let mut text = String::new();
        for (path, after) in &self.files {
            let before = self.before.get(path).map(String::as_str).unwrap_or_default();
            let radius = if before.contains("Secret") { 0 } else { 3 };
            let diff = similar::TextDiff::from_lines(before, after);
            let (old, new) = (format!("a/{path}"), format!("b/{path}"));
            text.push_str(&diff.unified_diff().context_radius(radius).header(&old, &new).to_string());
        }
        text
    }
}

/// Files before and after.
type Texts = (BTreeMap<String, String>, BTreeMap<String, String>);

/// Proves a plan for these findings: as a whole, else object by object.
pub fn prove(
    findings: &[&Finding],
    make: &dyn Fn(&[&Finding]) -> Plan,
    ground: &ProofContext<'_>,
) -> ProvenPlan {
    let whole = make(findings);
    if whole.is_empty() {
        return ProvenPlan::new(whole, Texts::default());
    }
    match attempt(&whole, ground) {
        Ok(texts) => return ProvenPlan::new(whole, texts),
        Err(why) if findings.len() == 1 => return reject_all(whole, findings, why),
        Err(_) => {}
    }
    // One object may stand in the way of the others: those that can be proven alone are tried together once more.
    let mut proven: Vec<&Finding> = Vec::new();
    let mut refused: Vec<(&Finding, ProofFailure)> = Vec::new();
    for finding in findings {
        let alone = make(&[finding]);
        match attempt(&alone, ground) {
            Ok(_) => proven.push(finding),
            Err(why) => refused.push((finding, why)),
        }
    }
    let mut plan = make(&proven);
    let texts = match attempt(&plan, ground) {
        _ if plan.is_empty() => Texts::default(),
        Ok(texts) => texts,
        Err(why) => {
            plan = reject_all(plan, &proven, why).plan;
            Texts::default()
        }
    };
    for (finding, why) in refused {
        plan.unadopted.extend(make(&[finding]).unadopted);
        plan.reject(finding, &why.into());
    }
    ProvenPlan::new(plan, texts)
}

fn reject_all(mut plan: Plan, findings: &[&Finding], why: ProofFailure) -> ProvenPlan {
    let why = why.into();
    let adopted = std::mem::take(&mut plan.adopted);
    plan.edits.clear();
    for finding in
        findings.iter().filter(|finding| adopted.iter().any(|one| one.resource == finding.resource))
    {
        let paths = adopted.iter().find(|one| one.resource == finding.resource).map(|one| &one.paths);
        let mut only = (*finding).clone();
        only.changes.retain(|change| paths.is_some_and(|paths| paths.contains(&change.difference.path)));
        plan.reject(&only, &why);
    }
    ProvenPlan::new(plan, Texts::default())
}

/// The edited files, if they prove the plan; else why not.
fn attempt(plan: &Plan, ground: &ProofContext<'_>) -> Result<Texts, ProofFailure> {
    let mut written = FileOverlay::default();
    let (mut before, mut files) = Texts::default();
    for (file, edits) in &plan.edits {
        let path = ground.request.tree.join(file);
        let failed =
            |error: std::io::Error| ProofFailure::File { file: file.clone(), why: error.to_string() };
        let text = std::fs::read_to_string(&path).map_err(failed)?;
        let edited =
            crate::yaml::edit(&text, edits).map_err(|why| ProofFailure::Edit { file: file.clone(), why })?;
        written.write(&path, text.clone(), &edited).map_err(failed)?;
        before.insert(file.clone(), text);
        files.insert(file.clone(), edited);
    }
    let rendered = render(&ground.request);
    drop(written);
    check_proof(plan, ground, &rendered).map(|()| (before, files))
}

/// Whether exactly the adopted changes are gone and nothing else changed.
fn check_proof(plan: &Plan, ground: &ProofContext<'_>, rendered: &RenderOutput) -> Result<(), ProofFailure> {
    if let Some(new) = rendered.incomplete.last()
        && rendered.incomplete.len() > ground.incomplete
    {
        return Err(ProofFailure::Incomplete(new.clone()));
    }
    let before: BTreeMap<ObjectKey, &Desired> =
        ground.desired.iter().map(|object| (object.id.key(), object)).collect();
    let objects = rendered.objects.iter().map(|object| (object.id.key(), object));
    let after: BTreeMap<ObjectKey, &Desired> =
        objects.filter(|(key, _)| !ground.skipped.contains(key)).collect();
    if let Some(key) = before
        .keys()
        .find(|key| !after.contains_key(key))
        .or_else(|| after.keys().find(|key| !before.contains_key(key)))
    {
        return Err(ProofFailure::OtherObjects(key.clone()));
    }
    for (key, object) in &after {
        let adoption = plan.adopted.iter().find(|adoption| adoption.resource.key() == *key);
        match adoption {
            None if is_same(before[key], object) => {}
            None => return Err(ProofFailure::ChangesObject(Box::new(object.id.clone()))),
            Some(adoption) => check_object(adoption, before[key], object, ground)?,
        }
    }
    let adopted = |object: &&Desired| plan.adopted.iter().any(|one| one.resource.key() == object.id.key());
    for other in rendered.duplicates.iter().filter(adopted) {
        let declared = after.get(&other.id.key());
        if !declared
            .is_some_and(|object| crate::diff::is_equivalent(object, other, (ground.schema)(&other.id)))
        {
            let (resource, origin) = (other.id.clone(), other.origin.to_string());
            return Err(ProofFailure::AlsoDeclared { resource: Box::new(resource), origin });
        }
    }
    Ok(())
}

/// Whether an object is rendered as before, but for what a chart renders differently each time.
fn is_same(before: &Desired, after: &Desired) -> bool {
    if *before.value == *after.value {
        return true;
    }
    let steady = |object: &Desired| {
        let mut value = object.value.compute();
        for pointer in before.nondeterministic.iter().chain(&after.nondeterministic) {
            if let Some(place) = value.pointer_mut(pointer) {
                *place = Value::Null;
            }
        }
        value
    };
    steady(before) == steady(after)
}

fn check_object(
    adoption: &AdoptedObject,
    before: &Desired,
    after: &Desired,
    ground: &ProofContext<'_>,
) -> Result<(), ProofFailure> {
    let Some(live) = ground.live.get(&adoption.resource.key()) else {
        return Err(ProofFailure::Gone(Box::new(adoption.resource.clone())));
    };
    let schema = (ground.schema)(&after.id);
    let paths = |object: &Desired| -> BTreeMap<FieldPath, ChangeKind> {
        let differences = crate::diff::compare(object, live, schema).into_iter();
        // What the server puts into an adopted part by itself is nobody's change.
        let by_server = |difference: &Difference| {
            difference.server_set
                && difference.kind == ChangeKind::Added
                && !adoption.paths.contains(&difference.path)
        };
        let differences = differences.filter(|difference| !by_server(difference));
        differences.map(|difference| (difference.path, difference.kind)).collect()
    };
    let mut expected = paths(before);
    expected.retain(|path, _| !adoption.paths.contains(path));
    let found = paths(after);
    // Of a part that only live has, what others wrote into it differs by itself once the adopted value is declared.
    let is_rest = |path: &FieldPath| {
        let around =
            |(outer, kind): (&FieldPath, &ChangeKind)| *kind == ChangeKind::Added && path.starts_with(outer);
        let adopted = adoption.paths.iter().any(|adopted| path.starts_with(adopted));
        found.get(path) == Some(&ChangeKind::Added) && !adopted && expected.iter().any(around)
    };
    if let Some(path) = found.keys().find(|path| !expected.contains_key(path) && !is_rest(path)) {
        return Err(ProofFailure::StillDiffers { resource: Box::new(after.id.clone()), path: path.clone() });
    }
    // A value that only live had may be the server's default beside an adopted one: it is explained now.
    let vanished =
        |(path, kind): &(&FieldPath, &ChangeKind)| **kind != ChangeKind::Added && !found.contains_key(path);
    match expected.iter().find(vanished) {
        Some((path, _)) => {
            Err(ProofFailure::ChangesField { resource: Box::new(after.id.clone()), path: path.clone() })
        }
        None => Ok(()),
    }
}

/// Files that are overwritten for a while; put back when dropped.
#[derive(Default)]
struct FileOverlay {
    before: Vec<(PathBuf, String)>,
}

impl FileOverlay {
    fn write(&mut self, path: &Path, before: String, after: &str) -> std::io::Result<()> {
        self.before.push((path.to_owned(), before));
        std::fs::write(path, after)
    }
}

impl Drop for FileOverlay {
    fn drop(&mut self) {
        for (path, text) in &self.before {
            // The copy is private and thrown away with the run: a failure here only fails later proofs, safely.
            let _ = std::fs::write(path, text);
        }
    }
}
