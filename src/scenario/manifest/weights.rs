//! The volume that holds the weights.

use super::ManifestDeployment;
use crate::hardware::{StorageArgs, StorageKind};
use crate::kubernetes::{ClaimStorage, VolumeSource};

/// Where libraries keep what they download; the first that is set counts (`huggingface_hub/constants.py`, vLLM's
/// `--download-dir` goes before all).
const CACHES: [&str; 3] = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"];

/// Where they keep it if nothing is set, for the user that vLLM's images run as.
const DEFAULT_CACHE: &str = "/root/.cache/huggingface/hub";

impl ManifestDeployment {
    /// Storage of the weights, `None` for the hub, and what to check about it.
    pub fn storage(&self) -> Option<(StorageArgs, Option<String>)> {
        let command = &self.command;
        let cache = CACHES.iter().find_map(|name| self.container.variables.get(*name));
        let place = if command.model.starts_with('/') {
            &command.model
        } else {
            command.download_dir.as_ref().or(cache).map_or(DEFAULT_CACHE, String::as_str)
        };
        let holds = |path: &str| {
            let path = path.trim_end_matches('/');
            place.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mounts = self.container.mounts.iter().filter(|(path, _)| holds(path));
        let (_, volume) = mounts.max_by_key(|(path, _)| path.len())?;
        match self.manifest.leader.volumes.get(volume)? {
            VolumeSource::Claim(claim) => {
                let ClaimStorage { storage, guess } = self.manifest.claims.storage(claim);
                Some((storage, guess))
            }
            VolumeSource::GcsFuse => Some((StorageArgs::new(StorageKind::GcsFuse), None)),
            VolumeSource::HostPath => Some((StorageArgs::new(StorageKind::LocalSsd), None)),
            // What goes with the pod is filled from the hub by every pod anew.
            VolumeSource::Other => None,
        }
    }
}
