//! Groups by deployment: results count them through.

use crate::metrics::DeploymentResult;

/// Which deployment a group belongs to, and its index there.
pub(super) struct Groups<'a> {
    names: Vec<(&'a str, usize)>,
}

impl<'a> Groups<'a> {
    pub(super) fn of(deployments: &'a [DeploymentResult]) -> Self {
        let groups = |deployment: &'a DeploymentResult| {
            (0..deployment.groups).map(|group| (deployment.name.as_str(), group))
        };
        Self { names: deployments.iter().flat_map(groups).collect() }
    }

    /// Name of the deployment and index within it, of the group counted over all of them.
    pub(super) fn name(&self, group: usize) -> (&'a str, usize) {
        self.names[group]
    }
}
