//! From the timeline of a scenario to what happens to the cluster of one placement.

use crate::kubernetes::{Action, Cause, ClusterSpec, PodName, PoolSpec, UpgradeSpec};
use crate::scenario::{
    EventArgs, FailArgs, PlacementArgs, ScenarioError, ScenarioFile,
    path::{field, item},
};
use crate::units::SimTime;

impl ScenarioFile {
    /// The events of the timeline that concern `placement`, the earliest first.
    pub(super) fn agenda(
        &self,
        placement: &PlacementArgs,
        cluster: &ClusterSpec,
    ) -> Result<Vec<(SimTime, Action)>, ScenarioError> {
        let names = Names { placement, cluster };
        let mut agenda = Vec::new();
        for (index, event) in self.scenario.timeline.iter().enumerate() {
            if event.placement.as_ref().is_some_and(|name| *name != placement.name) {
                continue;
            }
            // The file's checks found every name; only the catalogue knows how many GPUs there are.
            let action = names.action(event).ok_or_else(|| {
                let message =
                    format!("the nodes of placement `{}` do not have that many GPUs", placement.name);
                self.error(&field(&item("timeline", index), "fail.gpu"), message)
            })?;
            if let Action::Upgrade { upgrade, .. } = action
                && !upgrade.moves()
            {
                let at = field(&item("timeline", index), "upgrade");
                return Err(
                    self.error(&at, "maxSurge and maxUnavailable are both 0: no node could ever be replaced")
                );
            }
            agenda.push((SimTime::ZERO + event.at, action));
        }
        // Stable: what happens at one time happens in file order.
        agenda.sort_by_key(|(at, _)| *at);
        Ok(agenda)
    }
}

/// What names mean in one placement.
struct Names<'a> {
    placement: &'a PlacementArgs,
    cluster: &'a ClusterSpec,
}

impl Names<'_> {
    /// What an event does; none if this placement has not what it names.
    fn action(&self, event: &EventArgs) -> Option<Action> {
        if let Some(fail) = &event.fail {
            return self.failure(fail);
        }
        if let Some(rollout) = &event.rollout {
            return Some(Action::Rollout { deployment: self.deployment(&rollout.deployment)? });
        }
        if let Some(scale) = &event.scale {
            let deployment = self.deployment(&scale.deployment)?;
            return Some(Action::Scale { deployment, replicas: scale.replicas, by_hpa: false });
        }
        if let Some(drain) = &event.drain {
            return Some(Action::Drain { node: self.node(&drain.node)? });
        }
        if let Some(evict) = &event.evict {
            return Some(Action::Evict(self.pod(&evict.pod)?));
        }
        if let Some(repair) = &event.repair {
            return Some(Action::RepairNode { node: self.node(&repair.node)? });
        }
        if let Some(upgrade) = &event.upgrade {
            let pool = self.placement.node_pools.iter().position(|pool| pool.name == upgrade.node_pool)?;
            let own = self.cluster.pools[pool].upgrade;
            let upgrade = UpgradeSpec {
                strategy: own.strategy,
                max_surge: upgrade.max_surge.unwrap_or(own.max_surge),
                max_unavailable: upgrade.max_unavailable.unwrap_or(own.max_unavailable),
                soak: upgrade.soak.unwrap_or(own.soak),
            };
            return Some(Action::Upgrade { pool, upgrade });
        }
        let taint = event.taint.as_ref()?;
        Some(Action::OutOfService { node: self.node(&taint.node)? })
    }

    fn failure(&self, fail: &FailArgs) -> Option<Action> {
        let repair = fail.repair;
        if let Some(node) = &fail.node {
            return Some(Action::LoseNode { node: self.node(node)?, repair, cause: Cause::Node });
        }
        if let Some(gpu) = &fail.gpu {
            let (name, gpu) = gpu.split_once('/')?;
            let (node, gpu) = (self.node(name)?, gpu.parse().ok()?);
            let gpus = self.cluster.pools[self.pool(name)?.0].gpus;
            return (gpu < gpus).then_some(Action::LoseGpu { node, gpu, repair });
        }
        if let Some(link) = &fail.link {
            let left = fail.slowed.unwrap_or(0.0);
            return Some(Action::LoseLink { node: self.node(link)?, left, repair });
        }
        if let Some(pod) = &fail.pod {
            return Some(Action::DeletePod(self.pod(pod)?));
        }
        if let Some(pod) = &fail.container {
            return Some(Action::StopContainer(self.pod(pod)?));
        }
        Some(Action::Hang(self.pod(fail.hang.as_ref()?)?))
    }

    fn deployment(&self, name: &str) -> Option<usize> {
        self.placement.deployments.iter().position(|deployment| deployment.name == name)
    }

    /// `<pool>-<i>`: the pool, and the number in it.
    fn pool(&self, node: &str) -> Option<(usize, u32)> {
        let (pool, index) = node.rsplit_once('-')?;
        let index: u32 = index.parse().ok()?;
        let named = |spec: &PoolSpec| spec.name == pool && index < spec.slots();
        Some((self.cluster.pools.iter().position(named)?, index))
    }

    /// The same, as a number over all pools.
    fn node(&self, name: &str) -> Option<usize> {
        let (pool, index) = self.pool(name)?;
        let before: u32 = self.cluster.pools[..pool].iter().map(PoolSpec::slots).sum();
        Some((before + index) as usize)
    }

    /// `<deployment>-<group>[-<worker>]`.
    fn pod(&self, name: &str) -> Option<PodName> {
        let deployments = self.placement.deployments.iter().enumerate();
        let mut found = deployments.filter_map(|(deployment, args)| {
            let rest = name.strip_prefix(&args.name)?.strip_prefix('-')?;
            let (group, worker) = rest.split_once('-').unwrap_or((rest, "0"));
            let name = PodName { deployment, group: group.parse().ok()?, worker: worker.parse().ok()? };
            let spec = &self.cluster.deployments[deployment];
            (name.group < spec.slots && name.worker < spec.size).then_some(name)
        });
        found.next()
    }
}
