//! A group on its way down: deletions and their grace, garbage collection.

use super::{
    Cause, Change, Cluster,
    pod::{Deletion, Phase},
    spec::OnSigterm,
    timer::Timer,
};
use crate::units::SimDuration;

impl Cluster {
    /// Asks a pod to end. `grace` shortens its own; `cause` is what its group's outage will be counted as.
    pub(super) fn delete_pod(
        &mut self,
        uid: u64,
        foreground: bool,
        cause: Option<Cause>,
        grace: Option<SimDuration>,
    ) {
        let now = self.now;
        let Some(pod) = self.pod_mut(uid).filter(|pod| !pod.terminating()) else { return };
        pod.deletion = Some(Deletion { foreground });
        pod.cause = cause.or(pod.cause);
        pod.event = true;
        let (name, phase, node) = (pod.name, pod.phase, pod.node);
        let runs = node.is_none_or(|node| self.nodes[node].runs());
        self.dirty = true;
        self.tell_pod("pod_deleting", name, &[("reason", "Killing".into())]);
        if name.worker == 0 && cause.is_some() {
            // A leader that is told to end is no endpoint any more, and everybody knows.
            self.notice(name.deployment, name.group, cause);
        }
        let spec = &self.spec.deployments[name.deployment];
        let grace = grace.map_or(spec.grace, |shorter| shorter.min(spec.grace));
        let pre_stop = spec.pre_stop.min(grace);
        if !runs {
            // Nobody there can say that the container has ended.
            self.await_out_of_service(node.expect("what does not run is somewhere"));
        } else if phase != Phase::Running {
            self.stop_pod(uid);
        } else {
            let kill = match spec.on_sigterm {
                OnSigterm::Abort => pre_stop,
                OnSigterm::Ignored => grace,
                OnSigterm::Drain => {
                    self.timers.set(now + pre_stop, Timer::Drain(uid));
                    grace
                }
            };
            self.timers.set(now + kill, Timer::Stopped(uid));
        }
    }

    /// SIGTERM reached an engine that ends when its last request has.
    pub(super) fn drain_pod(&mut self, uid: u64) {
        let Some(name) = self.pod(uid).filter(|pod| pod.terminating()).map(|pod| pod.name) else { return };
        let engine = &self.group(name.deployment, name.group).engine;
        if !engine.serves() {
            self.stop_pod(uid);
        } else if name.worker == 0 {
            let slot = self.slot(name.deployment, name.group);
            self.changes.push(Change::EngineDraining { slot });
        }
    }

    /// The containers of a pod that was asked to end are gone.
    pub(super) fn stop_pod(&mut self, uid: u64) {
        let Some(pod) = self.pod(uid).filter(|pod| pod.terminating() && pod.phase != Phase::Stopped) else {
            return;
        };
        if pod.node.is_some() && !self.runs(pod) {
            return;
        }
        self.end_pod(uid);
    }

    /// The same of a pod whose node is gone: nobody asks the node.
    pub(super) fn end_pod(&mut self, uid: u64) {
        let Some(pod) = self.pod_mut(uid).filter(|pod| pod.phase != Phase::Stopped) else { return };
        pod.phase = Phase::Stopped;
        pod.ready = false;
        pod.joined = false;
        pod.event = true;
        let (name, node, cause) = (pod.name, pod.node, pod.cause);
        if let Some(node) = node {
            self.nodes[node].release(uid);
        }
        self.loads.cancel(self.now, uid);
        self.dirty = true;
        if name.worker == 0 {
            self.head_gone(name.deployment, name.group);
        }
        let leader = self.group(name.deployment, name.group).leader();
        let seen_late = self.is_remote(name)
            && leader.is_some_and(|leader| leader.phase == Phase::Running && self.runs(leader));
        if seen_late {
            let after = self.spec.control_plane.ray_monitor_period;
            self.freeze(name.deployment, name.group, cause.unwrap_or(Cause::Pod), false, Some(after));
        } else {
            self.break_engine(name.deployment, name.group, cause);
        }
    }

    /// Removes the objects of pods whose containers are gone; a leader deleted in the foreground waits for its workers.
    pub(super) fn collect_garbage(&mut self) {
        let gone: Vec<u64> = self.pods.keys().copied().filter(|uid| self.is_over(*uid)).collect();
        for uid in gone {
            let name = self.pods.remove(&uid).expect("the pod was listed a moment ago");
            self.group_mut(name.deployment, name.group).pods[name.worker as usize] = None;
            self.dirty = true;
            self.tell_pod("pod_deleted", name, &[]);
        }
    }

    fn is_over(&self, uid: u64) -> bool {
        let Some(pod) = self.pod(uid).filter(|pod| pod.phase == Phase::Stopped) else { return false };
        let Some(deletion) = pod.deletion else { return false };
        let group = self.group(pod.name.deployment, pod.name.group);
        let waits = pod.name.worker == 0
            && deletion.foreground
            && (group.workers.is_some_and(|workers| workers.owner == uid)
                || group.members().any(|other| other.owner == Some(uid)));
        !waits
    }
}
