//! One pass of the controllers over a deployment: LeaderWorkerSet, its leaders' StatefulSet, its pods.

use serde_json::Value;

use super::{
    Cause, Cluster, PodName,
    group::Workers,
    pod::{Phase, Pod},
};
use crate::kubernetes::{
    DeleteRaceArg, GroupReadiness, LeaderPod, Member, Revision, StatefulSetAction, StatefulSetPod,
    StatefulSetSpec, WorkerStatefulSet, reconcile_leader_statefulset, reconcile_statefulset,
    reconcile_status, recreate_group, rolling_update_complete,
};

impl Cluster {
    pub(super) fn reconcile(&mut self, deployment: usize) {
        self.reconcile_lws(deployment);
        self.reconcile_leaders(deployment);
        for group in 0..self.deployments[deployment].groups.len() as u32 {
            self.restart_group(deployment, group);
            self.reconcile_workers(deployment, group);
        }
    }

    /// What LeaderWorkerSet sees of each group; `None` where it looks away: no leader, or one without its workers' set.
    fn readiness(&self, deployment: usize) -> Vec<Option<GroupReadiness>> {
        let size = self.spec.deployments[deployment].size;
        let this = &self.deployments[deployment];
        let of = |group: &super::group::Group| {
            let leader = group.leader()?;
            let available = |pod: &&Pod| pod.ready && pod.owner == Some(leader.uid);
            let workers = group.workers.filter(|workers| workers.owner == leader.uid);
            let workers = workers.map(|workers| WorkerStatefulSet {
                replicas: size - 1,
                available: group.members().filter(available).count() as u32,
                revision: workers.revision,
            });
            let leader = LeaderPod { ready: leader.ready, revision: leader.revision };
            GroupReadiness::of(&leader, workers.as_ref(), size, this.template)
        };
        this.groups.iter().map(of).collect()
    }

    /// The LeaderWorkerSet controller: it writes the leaders' StatefulSet and its own status, and nothing else.
    fn reconcile_lws(&mut self, deployment: usize) {
        let spec = &self.spec.deployments[deployment];
        let this = &self.deployments[deployment];
        let seen = self.readiness(deployment);
        let neither = GroupReadiness { ready: false, updated: false };
        let groups: Vec<_> = seen.iter().map(|group| group.unwrap_or(neither)).collect();
        let wanted = reconcile_leader_statefulset(
            this.replicas,
            &spec.strategy,
            this.template,
            this.leaders.as_ref(),
            &groups,
        );
        let leaders = this.groups.iter().filter(|group| group.leader().is_some()).count() as u32;
        let status = reconcile_status(&this.status, this.replicas, spec.strategy.partition, leaders, &seen);
        let (before, status_before) = (this.leaders, this.status);
        let name = spec.name.clone();
        if before != Some(wanted) {
            self.deployments[deployment].leaders = Some(wanted);
            self.dirty = true;
            let written = |sts: crate::kubernetes::LeaderStatefulSet| (sts.partition, sts.replicas);
            if before.map(written) != Some(written(wanted)) {
                let fields = [
                    ("replicas", Value::from(wanted.replicas)),
                    ("partition", Value::from(wanted.partition)),
                ];
                self.tell("leader_statefulset", name.clone(), &fields);
            }
        }
        if status != status_before {
            self.deployments[deployment].status = status;
            self.dirty = true;
            let conditions = [
                ("Available", status_before.available, status.available),
                ("Progressing", status_before.progressing, status.progressing),
                ("UpdateInProgress", status_before.update_in_progress, status.update_in_progress),
            ];
            for (condition, before, now) in conditions {
                if before != now {
                    let fields = [
                        ("type", condition.into()),
                        ("status", if now { "True" } else { "False" }.into()),
                        ("ready", status.ready_replicas.into()),
                        ("replicas", status.replicas.into()),
                    ];
                    self.tell("lws_condition", name.clone(), &fields);
                }
            }
        }
    }

    /// The StatefulSet controller over the leaders.
    fn reconcile_leaders(&mut self, deployment: usize) {
        let this = &self.deployments[deployment];
        let Some(leaders) = this.leaders else { return };
        let spec = StatefulSetSpec {
            start: 0,
            replicas: leaders.replicas,
            partition: leaders.partition,
            max_unavailable: leaders.max_unavailable,
            gate: self.spec.gate,
            current: this.current,
            update: leaders.template,
        };
        let pods: Vec<_> = this
            .groups
            .iter()
            .filter_map(|group| group.leader())
            .map(|pod| seen(pod, pod.name.group))
            .collect();
        let actions = reconcile_statefulset(&spec, &pods);
        if this.current != leaders.template && rolling_update_complete(&spec, &pods) {
            self.deployments[deployment].current = leaders.template;
        }
        for action in actions {
            match action {
                StatefulSetAction::Create { ordinal, revision } => {
                    self.create_pod(PodName { deployment, group: ordinal, worker: 0 }, revision, None);
                    self.begin_group(deployment, ordinal);
                }
                StatefulSetAction::Delete { ordinal } => {
                    let leader = self.group(deployment, ordinal).leader().map(|leader| leader.uid);
                    // What is scaled away is no outage.
                    let cause = (ordinal < leaders.replicas).then_some(Cause::Rollout);
                    self.delete_pod(leader.expect("only what exists is deleted"), false, cause, None);
                }
            }
        }
    }

    /// The pod controller of LeaderWorkerSet makes the workers' StatefulSet once, which then makes the workers.
    fn reconcile_workers(&mut self, deployment: usize, group: u32) {
        let spec = &self.spec.deployments[deployment];
        let size = spec.size;
        if size == 1 {
            return;
        }
        let this = self.group(deployment, group);
        match (this.workers, this.leader()) {
            (None, Some(leader)) => {
                let waits = (spec.leader_ready && !leader.ready)
                    || (spec.exclusive.is_some() && leader.node.is_none());
                if !leader.terminating() && !waits {
                    let workers = Workers { owner: leader.uid, revision: leader.revision };
                    self.group_mut(deployment, group).workers = Some(workers);
                    self.dirty = true;
                }
            }
            (None, None) => {}
            (Some(workers), leader) => {
                let alive = leader.is_some_and(|leader| {
                    leader.uid == workers.owner
                        && !leader.deletion.is_some_and(|deletion| deletion.foreground)
                });
                if alive {
                    self.create_workers(deployment, group, workers);
                } else {
                    self.delete_workers(deployment, group, workers);
                }
            }
        }
    }

    fn create_workers(&mut self, deployment: usize, group: u32, workers: Workers) {
        let size = self.spec.deployments[deployment].size;
        let pods = self.group(deployment, group).pods[1..].iter().flatten();
        let pods: Vec<_> = pods.map(|pod| seen(pod, pod.name.worker)).collect();
        let spec = StatefulSetSpec {
            start: 1,
            replicas: size - 1,
            partition: 0,
            max_unavailable: 1,
            gate: self.spec.gate,
            current: workers.revision,
            update: workers.revision,
        };
        for action in reconcile_statefulset(&spec, &pods) {
            // A worker of the leader before still bears the name: creating fails until it is gone.
            if let StatefulSetAction::Create { ordinal: worker, revision } = action {
                self.create_pod(PodName { deployment, group, worker }, revision, Some(workers.owner));
            }
        }
    }

    /// Garbage collection of a workers' StatefulSet whose leader is gone, or waits for it.
    fn delete_workers(&mut self, deployment: usize, group: u32, workers: Workers) {
        let cause = self.group(deployment, group).leader().and_then(|leader| leader.cause);
        let ours = |pod: &&Pod| pod.owner == Some(workers.owner);
        let left: Vec<u64> =
            self.group(deployment, group).members().filter(ours).map(|pod| pod.uid).collect();
        for pod in &left {
            self.delete_pod(*pod, false, cause, None);
        }
        // The set's own object goes with the last of them in the foreground, at once in the background.
        let foreground =
            self.group(deployment, group).leader().is_some_and(|leader| leader.uid == workers.owner);
        if left.is_empty() || !foreground {
            self.group_mut(deployment, group).workers = None;
            self.dirty = true;
        }
    }

    /// LeaderWorkerSet's answer to pods that restarted or are deleted. It looks at a pod when that pod's status changes, so
    /// that what it let pass while another was pending it answers at the next change (`handleRestartPolicy`,
    /// `pkg/controllers/pod_controller.go`).
    fn restart_group(&mut self, deployment: usize, group: u32) {
        let spec = &self.spec.deployments[deployment];
        let this = self.group(deployment, group);
        let seen = |pod: &&Pod| pod.event && !pod.hidden;
        let events: Vec<(u32, u64)> =
            this.members().filter(seen).map(|pod| (pod.name.worker, pod.uid)).collect();
        if events.is_empty() {
            return;
        }
        let member = |pod: &Pod| Member {
            worker: pod.name.worker,
            uid: pod.uid,
            revision: pod.revision,
            size: spec.size,
            pending: pod.is_pending(),
            failed: pod.phase == Phase::Stopped,
            restarted: pod.restarts > 0,
            terminating: pod.terminating(),
            owner: pod.owner,
        };
        let members: Vec<Member> = this.members().map(member).collect();
        let decided = events
            .into_iter()
            .find(|(worker, _)| recreate_group(spec.restart_policy, spec.size, &members, *worker));
        for pod in self.group_mut(deployment, group).pods.iter_mut().flatten() {
            pod.event = false;
        }
        let Some((_, pod)) = decided else { return };
        let leader = self.group(deployment, group).leader().expect("only a group with a leader is recreated");
        let (leader, name) = (leader.uid, leader.name);
        let failed = self.pod(pod).expect("the event is about a pod that exists");
        let cause = failed.cause.or(self.group(deployment, group).outage.map(|outage| outage.cause));
        let message = format!(
            "Worker pod {} failed, deleted leader pod {} to recreate group {group}",
            self.pod_title(failed.name),
            self.pod_title(name)
        );
        self.tell_pod(
            "group_recreating",
            name,
            &[("reason", "RecreateGroup".into()), ("message", message.into())],
        );
        self.group_mut(deployment, group).recreated = true;
        self.notice(deployment, group, cause);
        self.delete_pod(leader, true, cause, None);
    }

    /// A leader exists: the start of its group counts from here. One that was there before is made anew, unless for a new
    /// template.
    fn begin_group(&mut self, deployment: usize, group: u32) {
        let now = self.now;
        let this = self.group_mut(deployment, group);
        this.boot.begin(now);
        this.asked.get_or_insert(now);
        let failed = this.outage.is_some_and(|outage| outage.cause != Cause::Rollout);
        if std::mem::take(&mut this.recreated) || failed {
            self.account.restarted();
        }
    }

    pub(super) fn create_pod(&mut self, name: PodName, revision: Revision, owner: Option<u64>) {
        self.uids += 1;
        let uid = self.uids;
        self.pods.insert(uid, name);
        self.group_mut(name.deployment, name.group).pods[name.worker as usize] =
            Some(Pod::new(uid, name, revision, owner));
        self.dirty = true;
        self.tell_pod("pod_created", name, &[("revision", revision.0.into())]);
    }

    /// Whether a deletion that happens at once escapes the controller (LeaderWorkerSet issue 998).
    pub(super) fn race_is_lost(&self) -> bool {
        self.spec.delete_race == DeleteRaceArg::Legacy
    }
}

/// A pod as the StatefulSet controller sees it.
fn seen(pod: &Pod, ordinal: u32) -> StatefulSetPod {
    StatefulSetPod {
        ordinal,
        revision: pod.revision,
        ready: pod.ready,
        failed: false,
        terminating: pod.terminating(),
    }
}
