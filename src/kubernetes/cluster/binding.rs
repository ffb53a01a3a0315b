//! Pods onto nodes: the scheduler's turn.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Cluster, PodName,
    pod::{Phase, Pod},
};
use crate::kubernetes::{
    BoundPod, ExclusiveKind, ExclusiveTerm, PodRequest, SchedulingNode, schedule, schedule_gang,
    subgroup_index,
};

impl Cluster {
    /// Binds every pod that finds a node, and lets its kubelet begin.
    pub(super) fn bind_pods(&mut self) {
        for uid in self.place_pods(self.spec.gang_scheduling) {
            self.scheduled(uid);
        }
    }

    /// Gives every pod a node that finds one, the oldest first; those that did. With `gang` the pods of a group find nodes
    /// together or not at all.
    pub(super) fn place_pods(&mut self, gang: bool) -> Vec<u64> {
        let unbound = |pod: &&Pod| pod.phase == Phase::Unbound && !pod.terminating();
        let waiting: Vec<u64> =
            self.pods.keys().filter(|uid| self.pod(**uid).as_ref().is_some_and(unbound)).copied().collect();
        let mut placed = Vec::new();
        if waiting.is_empty() {
            return placed;
        }
        let mut nodes: Vec<SchedulingNode> = (0..self.nodes.len()).map(|node| self.view(node)).collect();
        let mut bound: Vec<BoundPod> = self.pods.keys().filter_map(|uid| self.bound(*uid)).collect();
        for pods in self.units(&waiting, gang) {
            let requests: Vec<PodRequest<'_>> = pods.iter().map(|uid| self.request(*uid)).collect();
            let found = match requests.as_slice() {
                [one] => schedule(one, &nodes, &bound).map(|node| vec![node]),
                many => schedule_gang(many, &nodes, &bound),
            };
            match found {
                Some(places) => {
                    for (uid, node) in pods.into_iter().zip(places) {
                        self.place(uid, node);
                        nodes[node] = self.view(node);
                        bound.extend(self.bound(uid));
                        placed.push(uid);
                    }
                }
                None => self.tell_unschedulable(&pods),
            }
        }
        placed
    }

    /// What is bound at once: single pods, or with gang scheduling the pods of a group once all of them exist. With
    /// `LeaderReady` the pod group's `minMember` is 1, so that each is bound alone (LeaderWorkerSet, KEP-407).
    fn units(&self, waiting: &[u64], gang: bool) -> Vec<Vec<u64>> {
        let mut units: Vec<Vec<u64>> = Vec::new();
        let mut groups: BTreeMap<(usize, u32), usize> = BTreeMap::new();
        for uid in waiting {
            let PodName { deployment, group, .. } = self.pods[uid];
            if !gang || self.spec.deployments[deployment].leader_ready {
                units.push(vec![*uid]);
            } else if self.group(deployment, group).complete().is_some() {
                let unit = *groups.entry((deployment, group)).or_insert(units.len());
                if unit == units.len() {
                    units.push(Vec::new());
                }
                units[unit].push(*uid);
            }
        }
        units
    }

    fn view(&self, node: usize) -> SchedulingNode {
        let this = &self.nodes[node];
        SchedulingNode {
            pool: this.pool,
            free_gpus: this.free_gpus(),
            schedulable: this.takes_pods(),
            taints: this.taints(),
            host: node as u32,
            sub_block: this.sub_block,
            block: this.block,
        }
    }

    /// `group-key`: the same for every incarnation of a group, different between groups.
    fn group_key(name: PodName) -> u64 {
        (name.deployment as u64) << 32 | u64::from(name.group)
    }

    /// `subgroup-key`, where the deployment has subgroups.
    fn subgroup_key(&self, name: PodName) -> Option<u64> {
        let spec = &self.spec.deployments[name.deployment];
        let (size, kind) = spec.subgroups?;
        let index = subgroup_index(name.worker, spec.size, size, kind)?;
        Some(Self::group_key(name) << 16 | u64::from(index))
    }

    fn terms(&self, name: PodName) -> Vec<ExclusiveTerm> {
        let spec = &self.spec.deployments[name.deployment];
        let leader = spec.exclusive.filter(|_| name.worker == 0);
        let group =
            leader.map(|key| ExclusiveTerm { key, own: Self::group_key(name), kind: ExclusiveKind::Group });
        let subgroup = spec.subgroup_exclusive.zip(self.subgroup_key(name));
        let subgroup = subgroup.map(|(key, own)| ExclusiveTerm { key, own, kind: ExclusiveKind::Subgroup });
        group.into_iter().chain(subgroup).collect()
    }

    fn request(&self, uid: u64) -> PodRequest<'_> {
        let name = self.pods[&uid];
        let spec = &self.spec.deployments[name.deployment];
        // Workers follow their leader into its domain.
        let domain = spec.exclusive.filter(|_| name.worker > 0).and_then(|key| {
            let leader = self.group(name.deployment, name.group).leader()?;
            Some((key, self.view(leader.node?).domain(key)))
        });
        PodRequest {
            pool: spec.pool,
            gpus: spec.gpus_per_pod,
            tolerations: &spec.tolerations,
            node_selector: domain,
            group_key: Self::group_key(name),
            subgroup_key: self.subgroup_key(name),
            terms: self.terms(name),
        }
    }

    fn bound(&self, uid: u64) -> Option<BoundPod> {
        let pod = self.pod(uid)?;
        let node = pod.node.filter(|_| pod.phase != Phase::Stopped)?;
        Some(BoundPod {
            node,
            group_key: Self::group_key(pod.name),
            subgroup_key: self.subgroup_key(pod.name),
            terms: self.terms(pod.name),
        })
    }

    fn place(&mut self, uid: u64, node: usize) {
        let name = self.pods[&uid];
        let gpus = self.spec.deployments[name.deployment].gpus_per_pod;
        let this = &mut self.nodes[node];
        this.take(uid, gpus);
        this.empty_since = None;
        let pod = self.pod_mut(uid).expect("a pod that is bound exists");
        pod.node = Some(node);
        pod.phase = Phase::Pulling;
        self.dirty = true;
    }

    /// A pod has its node.
    fn scheduled(&mut self, uid: u64) {
        let pod = self.pod(uid).expect("a pod that is bound exists");
        let (name, node) = (pod.name, pod.node.expect("it has a node"));
        let title = self.nodes[node].name.clone();
        self.tell_pod("pod_scheduled", name, &[("reason", "Scheduled".into()), ("node", title.into())]);
        self.pull(uid);
        self.stage_reached(name.deployment, name.group, super::StartStage::Schedule, |pod| {
            pod.node.is_some()
        });
    }

    /// Says once of each pod that it waits.
    fn tell_unschedulable(&mut self, pods: &[u64]) {
        for uid in pods {
            let pod = self.pod_mut(*uid).expect("a pod that waits exists");
            if !std::mem::replace(&mut pod.told_pending, true) {
                let name = pod.name;
                self.tell_pod("pod_pending", name, &[("reason", Value::from("FailedScheduling"))]);
            }
        }
    }
}
