//! What changed of groups, for those who watch: endpoints, readiness, availability, the books.

use super::{
    Change, Cluster,
    pod::{Phase, Pod},
};

impl Cluster {
    pub(super) fn watch_groups(&mut self) {
        for deployment in 0..self.deployments.len() {
            for group in 0..self.deployments[deployment].groups.len() as u32 {
                self.watch_group(deployment, group);
            }
        }
        let now = self.now;
        let groups = || self.deployments.iter().flat_map(|deployment| &deployment.groups);
        let able = groups().filter(|group| group.able).count() as u32;
        let wanted = self.deployments.iter().map(|deployment| deployment.replicas).sum();
        // The latest outage took the last group away.
        let latest = groups().filter_map(|group| group.outage).max_by_key(|outage| outage.since);
        self.account.groups(now, able, wanted, latest.map(|outage| outage.cause));
        for node in 0..self.nodes.len() {
            self.watch_node(node);
        }
    }

    fn watch_group(&mut self, deployment: usize, group: u32) {
        let slot = self.slot(deployment, group);
        let this = self.group(deployment, group);
        let leader = this.leader();
        let endpoint = leader.is_some_and(|leader| leader.ready && !leader.terminating());
        let ready = this.all_ready();
        let able = endpoint && this.engine.serves();
        let before = (this.endpoint, this.ready, this.able);
        let cause = this.members().find_map(|pod: &Pod| pod.cause);
        let wanted = self.deployments[deployment].leaders.is_some_and(|leaders| group < leaders.replicas);
        let title = self.group_title(deployment, group);
        if ready != before.1 {
            let kind = if ready { "group_ready" } else { "group_unready" };
            self.tell(kind, title, &[]);
        }
        if endpoint != before.0 {
            self.changes.push(Change::Endpoint { slot, ready: endpoint });
        }
        if before.2 && !able {
            match cause {
                Some(cause) if wanted => self.lose(deployment, group, cause),
                _ => {}
            }
        }
        let now = self.now;
        let this = self.group_mut(deployment, group);
        (this.endpoint, this.ready, this.able) = (endpoint, ready, able);
        if !wanted {
            (this.outage, this.asked) = (None, None);
        }
        if able && !before.2 {
            let (outage, asked) = (this.outage.take(), this.asked.take());
            let boot = this.boot.clone();
            // What befell its pods before is over; what befalls them now is not.
            for pod in this.pods.iter_mut().flatten().filter(|pod| !pod.terminating()) {
                pod.cause = None;
            }
            // A short freeze that passed by itself was no start.
            if outage.is_none_or(|outage| outage.since <= boot.began) {
                let mut boot = boot;
                boot.end(super::StartStage::Probe, now);
                self.account.started(slot, now, &boot, asked, outage);
            }
        }
    }

    /// Keeps the books of a node, and tells the autoscaler when it has become empty.
    fn watch_node(&mut self, node: usize) {
        let state = self.use_of(node);
        self.account.node(node, state);
        let empty = self.nodes[node].is_empty() && self.nodes[node].runs();
        if empty && self.nodes[node].empty_since.is_none() {
            self.nodes[node].empty_since = Some(self.now);
            self.await_unneeded(node);
        }
    }

    /// A group as if it had been ready for ever.
    pub(super) fn begin_ready(&mut self, deployment: usize, group: u32) {
        let now = self.now;
        self.runs += 1;
        let run = self.runs;
        for node in self.nodes_of(deployment, group) {
            let this = &mut self.nodes[node];
            this.has_image = true;
            this.compiled.insert(deployment);
            if self.spec.pools[this.pool].storage.cache {
                this.weights.insert(deployment);
            }
        }
        let this = self.group_mut(deployment, group);
        for pod in this.pods.iter_mut().flatten() {
            (pod.phase, pod.ready, pod.starts, pod.started) = (Phase::Running, true, 1, now);
            pod.attempt = 1;
        }
        (this.engine.run, this.able) = (run, true);
        self.join(deployment, group, false);
        let this = self.group(deployment, group);
        let pods: Vec<_> = this.members().filter_map(|pod| Some((pod.name, pod.node?))).collect();
        for (name, node) in pods {
            let node = self.nodes[node].name.clone();
            self.tell_pod("pod_ready", name, &[("node", node.into())]);
        }
        self.serve(deployment, group);
    }

    /// A pod goes on after its machine was away: what the kubelet was at it does from the beginning, and its back-offs are
    /// forgotten.
    pub(super) fn resume_pod(&mut self, uid: u64) {
        let Some(pod) = self.pod_mut(uid) else { return };
        pod.crashes = 0;
        match pod.phase {
            Phase::Running => self.container_exits(uid),
            Phase::Pulling => self.pull(uid),
            Phase::Creating | Phase::BackOff => self.start_container(uid),
            Phase::Unbound | Phase::Stopped => {}
        }
    }
}
