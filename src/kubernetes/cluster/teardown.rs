//! A group on its way down: deletions and their grace, crashes, garbage collection.

use super::{
    Cause, Change, Cluster,
    group::{Outage, Stage},
    pod::{Deletion, Phase, Pod},
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
        let (name, phase, pod) = (pod.name, pod.phase, pod.clone());
        let runs = pod.node.is_none() || self.runs(&pod);
        self.dirty = true;
        self.tell_pod("pod_deleting", name, &[("reason", "Killing".into())]);
        let spec = &self.spec.deployments[name.deployment];
        let grace = grace.map_or(spec.grace, |shorter| shorter.min(spec.grace));
        let pre_stop = spec.pre_stop.min(grace);
        if !runs {
            // Nobody there can say that the container has ended.
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
        if name.worker > 0 {
            return;
        }
        if engine.stage == Stage::Serving && engine.frozen.is_none() {
            let slot = self.slot(name.deployment, name.group);
            self.changes.push(Change::EngineDraining { slot });
        } else {
            self.stop_pod(uid);
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
        let (name, node, cause) = (pod.name, pod.node, pod.cause);
        if let Some(node) = node {
            self.nodes[node].release(uid);
        }
        self.loads.cancel(self.now, uid);
        self.dirty = true;
        self.break_engine(name.deployment, name.group, cause);
    }

    /// The process of a container exits, and the kubelet starts it again after its back-off.
    pub(super) fn container_exits(&mut self, uid: u64) {
        let now = self.now;
        let (base, cap, reset) = {
            let facts = &self.spec.control_plane;
            (facts.crash_loop_base, facts.crash_loop_cap, facts.crash_loop_reset)
        };
        let Some(pod) = self.pod_mut(uid).filter(|pod| pod.phase == Phase::Running) else { return };
        if pod.terminating() {
            self.stop_pod(uid);
            return;
        }
        pod.crashes = if now - pod.started > reset { 1 } else { pod.crashes + 1 };
        pod.restarts += 1;
        pod.phase = Phase::BackOff;
        let was_ready = std::mem::replace(&mut pod.ready, false);
        let (name, crashes, starts) = (pod.name, pod.crashes, pod.starts);
        let doubled = base.as_nanos().saturating_mul(1 << crashes.saturating_sub(2).min(20));
        let wait = if crashes < 2 { SimDuration::ZERO } else { SimDuration::from_nanos(doubled).min(cap) };
        self.timers.set(now + wait, Timer::Restart(uid, starts));
        self.loads.cancel(now, uid);
        self.dirty = true;
        let restarts = crashes.into();
        self.tell_pod("pod_restarting", name, &[("reason", "BackOff".into()), ("crashes", restarts)]);
        if was_ready {
            self.tell_pod("pod_unready", name, &[]);
        }
        self.break_engine(name.deployment, name.group, None);
        if !self.group(name.deployment, name.group).members().any(Pod::terminating) {
            self.group_mut(name.deployment, name.group).boot.begin(now);
        }
    }

    pub(super) fn restart(&mut self, uid: u64, starts: u32) {
        let now = self.now;
        let waiting = |pod: &&Pod| pod.phase == Phase::BackOff && pod.starts == starts && self.runs(pod);
        let Some(name) = self.pod(uid).filter(waiting).map(|pod| pod.name) else { return };
        let takes = self.spec.deployments[name.deployment].startup.container_start;
        if let Some(pod) = self.pod_mut(uid) {
            pod.phase = Phase::Creating;
        }
        self.timers.set(now + takes, Timer::Started(uid, starts));
        self.dirty = true;
    }

    /// One process of an engine is gone: so are the others, and their containers exit (vLLM has no partial recovery).
    pub(super) fn break_engine(&mut self, deployment: usize, group: u32, cause: Option<Cause>) {
        let this = self.group_mut(deployment, group);
        let stage = std::mem::replace(&mut this.engine.stage, Stage::Waiting);
        if stage == Stage::Waiting {
            return;
        }
        let cause = this.engine.frozen.take().or(cause);
        this.engine.detected = None;
        let loading = std::mem::take(&mut this.engine.loading);
        let pods: Vec<u64> = this.members().map(|pod| pod.uid).collect();
        for uid in loading {
            self.loads.cancel(self.now, uid);
        }
        if stage == Stage::Serving {
            let slot = self.slot(deployment, group);
            self.changes.push(Change::EngineDown { slot });
        }
        self.lose(deployment, group, cause.unwrap_or(Cause::Engine));
        self.notice(deployment, group, cause);
        for uid in pods {
            // A draining leader whose engine is gone has nothing left to wait for.
            let running = self.pod(uid).is_some_and(|pod| pod.phase == Phase::Running && self.runs(pod));
            if running {
                self.container_exits(uid);
            }
        }
    }

    /// An engine makes no progress from now on; its processes end when that is noticed.
    pub(super) fn freeze(
        &mut self,
        deployment: usize,
        group: u32,
        cause: Cause,
        noticed_after: Option<SimDuration>,
    ) {
        let now = self.now;
        let engine = &mut self.group_mut(deployment, group).engine;
        if engine.stage == Stage::Waiting {
            return;
        }
        if let Some(after) = noticed_after {
            let at = now + after;
            let first = engine.detected.map_or(at, |before| before.min(at));
            engine.detected = Some(first);
            let run = engine.run;
            self.timers.set(first, Timer::Detected(run));
        }
        let engine = &mut self.group_mut(deployment, group).engine;
        let fresh = engine.frozen.is_none();
        let serving = engine.stage == Stage::Serving;
        engine.frozen.get_or_insert(cause);
        self.dirty = true;
        if fresh && serving {
            let slot = self.slot(deployment, group);
            self.changes.push(Change::EngineFrozen { slot });
        }
        self.lose(deployment, group, cause);
    }

    pub(super) fn detected(&mut self, run: u64) {
        let now = self.now;
        for deployment in 0..self.deployments.len() {
            let groups = &self.deployments[deployment].groups;
            let found = groups.iter().position(|group| {
                let engine = &group.engine;
                engine.run == run && engine.frozen.is_some() && engine.detected.is_some_and(|at| at <= now)
            });
            if let Some(group) = found {
                self.break_engine(deployment, group as u32, None);
            }
        }
    }

    /// Something happened to a group that could serve: from now on it is out, whether or not anybody knows.
    pub(super) fn lose(&mut self, deployment: usize, group: u32, cause: Cause) {
        let now = self.now;
        let this = self.group_mut(deployment, group);
        if this.able && this.outage.is_none() {
            this.outage = Some(Outage { cause, since: now, noticed: None });
        }
    }

    /// The outage of a group was noticed.
    pub(super) fn notice(&mut self, deployment: usize, group: u32, cause: Option<Cause>) {
        let now = self.now;
        if let Some(cause) = cause {
            self.lose(deployment, group, cause);
        }
        if let Some(outage) = &mut self.group_mut(deployment, group).outage {
            outage.noticed.get_or_insert(now);
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
