//! What a `PersistentVolumeClaim` is a claim to.

use std::collections::BTreeMap;

use super::object::Object;
use super::quantity::quantity;
use crate::document::FileError;
use crate::hardware::{StorageArgs, StorageKind};
use crate::units::Bandwidth;

/// The storage behind a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimStorage {
    /// As a scenario says it.
    pub storage: StorageArgs,
    /// What that was guessed from; `None` if the files say it.
    pub guess: Option<String>,
}

/// All claims of some files, and the only class of Hyperdisk ML there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    known: BTreeMap<String, ClaimStorage>,
    only_class: Option<StorageArgs>,
}

impl Claims {
    /// What `claim` is. A claim that the files do not have is taken to be Hyperdisk ML, as volumes that many nodes read at once
    /// are, of the class that the files do have.
    pub fn storage(&self, claim: &str) -> ClaimStorage {
        self.known.get(claim).cloned().unwrap_or_else(|| ClaimStorage {
            storage: self.only_class.unwrap_or(StorageArgs::new(StorageKind::HyperdiskMl)),
            guess: Some(format!("the claim `{claim}` is not in these files")),
        })
    }
}

/// Storage of every claim, by name, from claims, volumes and classes.
pub(super) fn claims(objects: &mut [Object]) -> Result<Claims, FileError> {
    let mut classes: BTreeMap<String, StorageArgs> = BTreeMap::new();
    let mut buckets: Vec<String> = Vec::new();
    for object in objects.iter_mut() {
        match object.kind.as_str() {
            "StorageClass" => {
                if let Some(storage) = class(object)? {
                    classes.insert(object.name.clone(), storage);
                }
            }
            "PersistentVolume" => {
                let mut whole = object.part();
                let mut spec = whole.needed("spec")?;
                let driver = match spec.part("csi")? {
                    Some(mut csi) => csi.text("driver")?,
                    None => None,
                };
                whole.take_all();
                object.read = true;
                if driver.as_deref() == Some("gcsfuse.csi.storage.gke.io") {
                    buckets.push(object.name.clone());
                }
            }
            _ => {}
        }
    }
    let mut known = BTreeMap::new();
    for object in objects.iter_mut().filter(|object| object.kind == "PersistentVolumeClaim") {
        let mut whole = object.part();
        let mut spec = whole.needed("spec")?;
        let class = spec.text("storageClassName")?.unwrap_or_default();
        let volume = spec.text("volumeName")?.unwrap_or_default();
        whole.take_all();
        object.read = true;
        known.insert(object.name.clone(), claim(&class, &volume, &classes, &buckets));
    }
    let mut all = classes.into_values();
    let only_class = all.next().filter(|_| all.next().is_none());
    Ok(Claims { known, only_class })
}

fn claim(
    class: &str,
    volume: &str,
    classes: &BTreeMap<String, StorageArgs>,
    buckets: &[String],
) -> ClaimStorage {
    if buckets.iter().any(|bucket| bucket == volume) {
        return ClaimStorage { storage: StorageArgs::new(StorageKind::GcsFuse), guess: None };
    }
    if let Some(storage) = classes.get(class) {
        return ClaimStorage { storage: *storage, guess: None };
    }
    let storage = StorageArgs::new(StorageKind::HyperdiskMl);
    let guess = match class {
        "" => Some("the claim names no storage class".to_owned()),
        class if class.contains("hyperdisk-ml") || class.contains("hdml") => None,
        class => Some(format!("stands in for the storage class `{class}`")),
    };
    ClaimStorage { storage, guess }
}

/// A class of Hyperdisk ML; `None` for any other.
fn class(object: &mut Object) -> Result<Option<StorageArgs>, FileError> {
    let mut whole = object.part();
    let mut storage = None;
    if let Some(mut parameters) = whole.part("parameters")? {
        let hyperdisk = parameters.text("type")?.as_deref() == Some("hyperdisk-ml");
        let throughput = match parameters.text("provisioned-throughput-on-create")? {
            None => None,
            Some(text) => {
                let rate = quantity(&text).filter(|rate| *rate > 0.0 && *rate < 1e15);
                let name = "provisioned-throughput-on-create";
                let wrong = || parameters.error(name, format!("`{text}` is not a quantity such as 2400Mi"));
                Some(Bandwidth::from_bytes_per_s(rate.ok_or_else(wrong)? as u64))
            }
        };
        if hyperdisk {
            let volume = StorageArgs::new(StorageKind::HyperdiskMl);
            storage = Some(StorageArgs { volume_throughput: throughput, ..volume });
        }
    }
    // What is left says how a volume is made, not how fast it is.
    if storage.is_some() {
        whole.take_all();
    }
    Ok(storage)
}
