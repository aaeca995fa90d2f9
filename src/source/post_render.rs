//! What kustomize does to a chart's objects after rendering (`internal/postrender/kustomize.go` of helm-controller).

use std::fs;

use serde_json::{Value, json};

use super::message_redaction::RendererTree;
use super::resolved::ResolvedSource;
use super::sandbox::Sandbox;
use super::{common_metadata, renderer_error};
use crate::model::{HelmReleaseOptions, Incomplete, ResourceId, RootOptions};
use crate::yaml;

/// The objects of a chart after the post renderers of its HelmRelease; each keeps the line that names its template.
///
/// # Errors
/// What kustomize says.
pub(super) fn render(
    located: &ResolvedSource<'_>,
    sandbox: &Sandbox,
    rendered: Vec<u8>,
) -> Result<Vec<u8>, Incomplete> {
    let Some(RootOptions::HelmRelease(options)) = located.source.root_options() else { return Ok(rendered) };
    if options.post_renderers.is_empty() && options.common_metadata.is_empty() {
        return Ok(rendered);
    }
    let templates = Templates::read(&rendered);
    let mut rendered = rendered;
    for renderer in &options.post_renderers {
        rendered = kustomize(located, sandbox, renderer, &rendered)?;
    }
    let fault = |error: yaml::YamlError| Incomplete {
        what: format!("postRenderers of {}", located.source.path),
        why: format!("kustomize wrote YAML that cannot be read: {error}"),
    };
    templates.write(&rendered, options).map_err(fault)
}

fn kustomize(
    located: &ResolvedSource<'_>,
    sandbox: &Sandbox,
    renderer: &Value,
    rendered: &[u8],
) -> Result<Vec<u8>, Incomplete> {
    let fault = |why: String| Incomplete { what: format!("postRenderers of {}", located.source.path), why };
    let tool = located.request.tools.kustomize().map_err(|error| fault(error.to_string()))?;
    let folder = sandbox.outer().join("post-renderer");
    let mut kustomization = renderer.as_object().cloned().unwrap_or_default();
    kustomization.insert("resources".to_owned(), json!(["rendered.yaml"]));
    let written = fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join("rendered.yaml"), rendered))
        .and_then(|()| {
            fs::write(folder.join("kustomization.yaml"), Value::Object(kustomization).to_string())
        });
    written.map_err(|error| fault(error.to_string()))?;
    let program = sandbox.program(&tool.path).arg(tool.subcommand).arg(&folder);
    let output = program.run().map_err(|error| fault(error.to_string()))?;
    if output.status == 0 {
        return Ok(output.stdout);
    }
    let error = renderer_error::extract_error(&sandbox.without_paths(&output.stderr));
    let tree = sandbox.outer();
    let rendering = RendererTree { tree: &tree, folder: &located.path, chart: "" };
    let by_hand = renderer_error::manual_command(tool, &located.source.path);
    Err(fault(format!(
        "kustomize failed: {}",
        renderer_error::redact_error(&error, &rendering, &by_hand).text
    )))
}

/// Which template each object is from, as helm says it.
struct Templates(Vec<(ResourceId, String)>);

impl Templates {
    fn read(rendered: &[u8]) -> Self {
        let text = String::from_utf8_lossy(rendered);
        let source = |document: &str| {
            let line = document.lines().find(|line| line.starts_with("# Source: "))?;
            let value = yaml::read_first(document.as_bytes()).ok()??.into_json();
            Some((ResourceId::from_object(&value).ok()?, line.to_owned()))
        };
        Self(text.split("\n---").filter_map(source).collect())
    }

    /// The objects with those lines and the common metadata.
    fn write(&self, rendered: &[u8], options: &HelmReleaseOptions) -> Result<Vec<u8>, yaml::YamlError> {
        let mut written = String::new();
        for document in yaml::read(rendered) {
            let mut value = document?.to_json();
            common_metadata::put(&options.common_metadata, &mut value);
            let id = ResourceId::from_object(&value).ok();
            let source = self.0.iter().find(|(known, _)| Some(known) == id.as_ref());
            written.push_str("---\n");
            written.extend(source.map(|(_, line)| format!("{line}\n")));
            written.push_str(&value.to_string());
            written.push('\n');
        }
        Ok(written.into_bytes())
    }
}
