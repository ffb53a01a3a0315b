//! Containers that run, crash and are started again, and the engine that their processes make together.

use super::{
    Cause, Change, Cluster,
    group::{Hold, Outage, Stage},
    pod::{Phase, Pod},
    spec::OnSigterm,
    timer::Timer,
};
use crate::kubernetes::Rendezvous;
use crate::units::SimDuration;

impl Cluster {
    /// The container of a pod exits, and with it whatever engine it was part of.
    pub(super) fn container_exits(&mut self, uid: u64) {
        self.exit_container(uid);
        if let Some(name) = self.pods.get(&uid).copied() {
            self.break_engine(name.deployment, name.group, None);
            self.begin_again(name.deployment, name.group);
        }
    }

    /// The container of a pod exits; its kubelet starts it again, after a back-off of 0, 10, 20, 40 s and so on, which is
    /// forgiven after ten minutes without a crash (`pkg/kubelet/kuberuntime`).
    pub(super) fn exit_container(&mut self, uid: u64) {
        let now = self.now;
        let facts = &self.spec.control_plane;
        let (base, cap, reset) = (facts.crash_loop_base, facts.crash_loop_cap, facts.crash_loop_reset);
        let Some(pod) = self.pod_mut(uid).filter(|pod| pod.phase == Phase::Running) else { return };
        if pod.terminating() {
            self.stop_pod(uid);
            return;
        }
        pod.crashes = if now - pod.started > reset { 1 } else { pod.crashes + 1 };
        pod.restarts += 1;
        pod.attempt += 1;
        pod.phase = Phase::BackOff;
        pod.joined = false;
        pod.event = true;
        let was_ready = std::mem::replace(&mut pod.ready, false);
        let (name, crashes, attempt) = (pod.name, pod.crashes, pod.attempt);
        let doubled = base.as_nanos().saturating_mul(1 << crashes.saturating_sub(2).min(20));
        let wait = if crashes < 2 { SimDuration::ZERO } else { SimDuration::from_nanos(doubled).min(cap) };
        self.timers.set(now + wait, Timer::Restart(uid, attempt));
        self.loads.cancel(now, uid);
        self.dirty = true;
        let crashes = crashes.into();
        self.tell_pod("pod_restarting", name, &[("reason", "BackOff".into()), ("crashes", crashes)]);
        if was_ready {
            self.tell_pod("pod_unready", name, &[]);
        }
        if name.worker == 0 {
            self.head_gone(name.deployment, name.group);
        }
    }

    pub(super) fn restart(&mut self, uid: u64, attempt: u32) {
        let waits = |pod: &&Pod| pod.phase == Phase::BackOff && pod.attempt == attempt;
        if self.pod(uid).as_ref().is_some_and(waits) {
            self.start_container(uid);
        }
    }

    /// The start of a group counts from here, unless its pods are on their way out.
    fn begin_again(&mut self, deployment: usize, group: u32) {
        let now = self.now;
        let this = self.group_mut(deployment, group);
        if this.engine.stage == Stage::Waiting && !this.members().any(Pod::terminating) {
            this.boot.begin(now);
        }
    }

    /// One process of an engine is gone, and that is known: so are the others (vLLM has no partial recovery).
    pub(super) fn break_engine(&mut self, deployment: usize, group: u32, cause: Option<Cause>) {
        let this = self.group_mut(deployment, group);
        let stage = std::mem::replace(&mut this.engine.stage, Stage::Waiting);
        if stage == Stage::Waiting {
            return;
        }
        let cause = this.engine.frozen().or(cause);
        this.engine.holds.clear();
        let loading = std::mem::take(&mut this.engine.loading);
        for uid in loading {
            self.loads.cancel(self.now, uid);
        }
        if stage == Stage::Serving {
            let slot = self.slot(deployment, group);
            self.changes.push(Change::EngineDown { slot });
        }
        self.dirty = true;
        self.lose(deployment, group, cause.unwrap_or(Cause::Engine));
        self.notice(deployment, group, cause);
        self.end_processes(deployment, group);
        self.begin_again(deployment, group);
    }

    /// The containers that end with their engine: the leader's, whose API server exits, and with multiprocessing those of
    /// the workers. With Ray a worker's container is `ray start --block` (vLLM's `multi-node-serving.sh`), which lives on
    /// unless its head has been away for too long or its pod was told to end with the engine.
    fn end_processes(&mut self, deployment: usize, group: u32) {
        let spec = &self.spec.deployments[deployment];
        let (ray, drains) = (spec.rendezvous == Rendezvous::Ray, spec.on_sigterm == OnSigterm::Drain);
        let this = self.group(deployment, group);
        let headless = this.leader().is_some_and(|leader| leader.node.is_some() && !self.runs(leader));
        let ends = |pod: &&Pod| {
            let with_engine = pod.name.worker == 0 || !ray || headless || (drains && pod.terminating());
            with_engine && pod.phase == Phase::Running && self.runs(pod)
        };
        let ended: Vec<u64> = this.members().filter(ends).map(|pod| pod.uid).collect();
        for uid in ended {
            self.exit_container(uid);
        }
    }

    /// The head of a group's Ray cluster is gone: its workers' containers exit when they have waited for it for long enough.
    pub(super) fn head_gone(&mut self, deployment: usize, group: u32) {
        let at = self.now + self.spec.control_plane.ray_head_loss;
        let joined = self.group(deployment, group).members().filter(|pod| pod.joined);
        let joined: Vec<(u64, u32)> = joined.map(|pod| (pod.uid, pod.attempt)).collect();
        for (uid, attempt) in joined {
            self.timers.set(at, Timer::HeadLost(uid, attempt));
        }
    }

    pub(super) fn head_lost(&mut self, uid: u64, attempt: u32) {
        let waits = |pod: &&Pod| pod.joined && pod.attempt == attempt && self.runs(pod);
        if self.pod(uid).as_ref().is_some_and(waits) {
            self.container_exits(uid);
        }
    }

    /// The containers of a group find the head of its Ray cluster. One that just started knows none of the workers which
    /// an earlier head had: those exit.
    pub(super) fn join(&mut self, deployment: usize, group: u32, head_is_new: bool) {
        if self.spec.deployments[deployment].rendezvous != Rendezvous::Ray {
            return;
        }
        let up = |pod: &Pod| pod.phase == Phase::Running && self.runs(pod);
        let this = self.group(deployment, group);
        let Some(head) = this.leader().filter(|leader| up(leader)).map(|leader| leader.uid) else { return };
        let ours = this.members().filter(|pod| pod.owner == Some(head) && up(pod));
        let (orphans, fresh): (Vec<&Pod>, Vec<&Pod>) = ours.partition(|pod| pod.joined && head_is_new);
        let orphans: Vec<u64> = orphans.iter().map(|pod| pod.uid).collect();
        let fresh: Vec<u64> = fresh.iter().map(|pod| pod.uid).collect();
        for uid in orphans {
            self.container_exits(uid);
        }
        for uid in fresh {
            if let Some(pod) = self.pod_mut(uid) {
                pod.joined = true;
            }
        }
    }

    /// An engine makes no progress from now on; its processes end when that is noticed.
    pub(super) fn freeze(
        &mut self,
        deployment: usize,
        group: u32,
        cause: Cause,
        link: bool,
        noticed_after: Option<SimDuration>,
    ) {
        let noticed = noticed_after.map(|after| self.now + after);
        let engine = &mut self.group_mut(deployment, group).engine;
        if engine.stage == Stage::Waiting || (link && engine.holds.iter().any(|hold| hold.link)) {
            return;
        }
        let (run, fresh) = (engine.run, engine.holds.is_empty());
        let serving = engine.stage == Stage::Serving;
        engine.holds.push(Hold { cause, link, noticed });
        if let Some(at) = noticed {
            self.timers.set(at, Timer::Detected(run));
        }
        self.dirty = true;
        if fresh && serving {
            let slot = self.slot(deployment, group);
            self.changes.push(Change::EngineFrozen { slot });
        }
        self.lose(deployment, group, cause);
    }

    /// The links between the nodes of an engine work again: it goes on, unless something else keeps it. Then it has made no
    /// progress since it first stood still, and whoever was to notice that will.
    pub(super) fn thaw(&mut self, deployment: usize, group: u32) {
        let engine = &mut self.group_mut(deployment, group).engine;
        if engine.holds.is_empty() || engine.holds.iter().any(|hold| !hold.link) {
            engine.holds.iter_mut().for_each(|hold| hold.link = false);
            return;
        }
        engine.holds.clear();
        let (run, stage, due) = (engine.run, engine.stage, std::mem::take(&mut engine.due));
        self.dirty = true;
        match stage {
            Stage::Serving => {
                let slot = self.slot(deployment, group);
                self.changes.push(Change::EngineThawed { slot });
            }
            Stage::Initialising if due => self.initialised(run),
            Stage::Compiling if due => self.compiled(run),
            Stage::Capturing if due => self.captured(run),
            Stage::Waiting | Stage::Loading | Stage::Initialising | Stage::Compiling | Stage::Capturing => {}
        }
    }

    /// The processes that are left of an engine give up.
    pub(super) fn detected(&mut self, run: u64) {
        let now = self.now;
        let Some((deployment, group)) = self.running(run) else { return };
        let noticed = |hold: &Hold| hold.noticed.is_some_and(|at| at <= now);
        if self.group(deployment, group).engine.holds.iter().any(noticed) {
            self.break_engine(deployment, group, None);
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
}
