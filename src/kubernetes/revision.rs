//! Which template an object was made from.

/// One template of a set, numbered in the order of its changes. Stands for what Kubernetes tells apart by hash: the
/// labels `controller-revision-hash` and `leaderworkerset.sigs.k8s.io/template-revision-hash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u32);
