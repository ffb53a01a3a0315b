//! Small manifests, and what becomes of them.

use std::path::Path;

use towtank::{
    catalog::Catalog,
    interop::{Imported, import},
    scenario::{DeploymentArgs, PlacementArgs, ScenarioFile},
};

pub(crate) const MODEL: &str = "meta-llama/Llama-3.1-8B-Instruct";

/// A LeaderWorkerSet of one pod a group; what differs from test to test is put in the place of a default.
pub(crate) struct Set {
    pub(crate) name: &'static str,
    pub(crate) size: u32,
    pub(crate) image: &'static str,
    /// What the container runs, as JSON.
    pub(crate) command: String,
    /// More lines of the container, each indented by 12.
    pub(crate) container: &'static str,
    /// More lines of the pod's spec, each indented by 8.
    pub(crate) pod: &'static str,
    pub(crate) resources: &'static str,
}

impl Default for Set {
    fn default() -> Self {
        Self {
            name: "vllm",
            size: 1,
            image: "vllm/vllm-openai:v0.11.0",
            command: format!("[vllm, serve, {MODEL}]"),
            container: "",
            pod: "",
            resources: "{limits: {nvidia.com/gpu: 8}}",
        }
    }
}

impl Set {
    /// A container that hands `script` to a shell.
    pub(crate) fn script(script: &str) -> Self {
        Self { command: serde_json::json!(["bash", "-c", script]).to_string(), ..Self::default() }
    }

    pub(crate) fn text(&self) -> String {
        let Self { name, size, image, command, container, pod, resources } = self;
        format!(
            "apiVersion: leaderworkerset.x-k8s.io/v1\nkind: LeaderWorkerSet\nmetadata: {{name: {name}}}\nspec:\n  \
             leaderWorkerTemplate:\n    size: {size}\n    workerTemplate:\n      spec:\n{pod}        containers:\n          \
             - name: engine\n            image: {image}\n            command: {command}\n            resources: \
             {resources}\n{container}"
        )
    }

    pub(crate) fn imported(&self) -> Imported {
        imported(&self.text())
    }

    /// The message that it is refused with.
    pub(crate) fn refused(&self) -> String {
        let files = [("m.yaml".to_owned(), self.text())];
        import(&files, &Catalog::builtin()).unwrap_err().to_string()
    }
}

pub(crate) fn imported(text: &str) -> Imported {
    let files = [("m.yaml".to_owned(), text.to_owned())];
    import(&files, &Catalog::builtin()).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

pub(crate) fn placement(imported: &Imported) -> PlacementArgs {
    let file = ScenarioFile::parse("s.yaml", &imported.text, Path::new(""), &[]);
    file.unwrap_or_else(|error| panic!("{}\n{error}", imported.text)).scenario.placements.remove(0)
}

pub(crate) fn deployment(imported: &Imported) -> DeploymentArgs {
    placement(imported).deployments.remove(0)
}
