//! A LeaderWorkerSet in a cluster where pods come and go in no time: the controllers' rules against each other.

use towtank::kubernetes::{
    GroupReadiness, LeaderStatefulSet, LwsStatus, MaxUnavailableGate, Revision, RollingUpdate,
    StatefulSetAction, StatefulSetPod, StatefulSetSpec, reconcile_leader_statefulset, reconcile_statefulset,
    reconcile_status, rolling_update_complete,
};

/// What happens to a set from outside.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Created,
    Template,
    Scale(u32),
    /// Template and replicas in one edit.
    TemplateAndScale(u32),
    Partition(u32),
    Ready(&'static [u32]),
    /// These groups are gone, leader and all.
    Lost(&'static [u32]),
}

/// What is true between two actions.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) set: LeaderStatefulSet,
    pub(crate) ready: u32,
}

/// The set and its groups. A group is a leader pod here: its workers share its fate.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    pub(crate) replicas: u32,
    pub(crate) strategy: RollingUpdate,
    pub(crate) gate: MaxUnavailableGate,
    pub(crate) template: Revision,
    pub(crate) set: Option<LeaderStatefulSet>,
    pub(crate) groups: Vec<StatefulSetPod>,
    pub(crate) status: LwsStatus,
    /// Everything since the last event.
    pub(crate) moments: Vec<Moment>,
    current: Revision,
}

impl Fleet {
    /// Nothing is there yet.
    pub(crate) fn new(replicas: u32, strategy: RollingUpdate, gate: MaxUnavailableGate) -> Self {
        Self {
            replicas,
            strategy,
            gate,
            template: Revision(1),
            set: None,
            groups: Vec::new(),
            status: LwsStatus::default(),
            moments: Vec::new(),
            current: Revision(1),
        }
    }

    /// All groups are there and ready.
    pub(crate) fn at_rest(replicas: u32, strategy: RollingUpdate, gate: MaxUnavailableGate) -> Self {
        let mut fleet = Self::new(replicas, strategy, gate);
        fleet.settle();
        fleet.heal();
        fleet
    }

    /// Everything that is made becomes ready, until nothing more is made.
    pub(crate) fn heal(&mut self) {
        while self.groups.iter().any(|group| !group.ready) {
            self.groups.iter_mut().for_each(|group| group.ready = true);
            self.settle();
        }
    }

    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::Created => {}
            Event::Template => self.template.0 += 1,
            Event::Scale(replicas) => self.replicas = *replicas,
            Event::TemplateAndScale(replicas) => {
                self.template.0 += 1;
                self.replicas = *replicas;
            }
            Event::Partition(partition) => self.strategy.partition = *partition,
            Event::Ready(groups) => groups.iter().for_each(|index| self.set_ready(*index, true)),
            Event::Lost(groups) => self.groups.retain(|group| !groups.contains(&group.ordinal)),
        }
        self.settle();
    }

    pub(crate) fn set_ready(&mut self, index: u32, ready: bool) {
        self.groups.iter_mut().find(|group| group.ordinal == index).unwrap().ready = ready;
    }

    /// Reconciles until nothing changes.
    pub(crate) fn settle(&mut self) {
        self.moments.clear();
        for _ in 0..1000 {
            if !self.reconcile() {
                return;
            }
        }
        panic!("does not settle: {self:?}");
    }

    /// One reconcile of the set, then syncs of its leaders, then one write of the status. Whether anything changed.
    fn reconcile(&mut self) -> bool {
        let seen: Vec<_> = self.seen().into_iter().map(Option::unwrap_or_default).collect();
        let old = self.set.as_ref();
        let set = reconcile_leader_statefulset(self.replicas, &self.strategy, self.template, old, &seen);
        let before = (self.set, self.status);
        self.set = Some(set);
        self.note(set);
        let synced = self.sync(set);
        let (partition, leaders) = (self.strategy.partition, self.groups.len() as u32);
        self.status = reconcile_status(&self.status, self.replicas, partition, leaders, &self.seen());
        synced || before != (self.set, self.status)
    }

    /// The `StatefulSet` controller, until it has nothing to do: what it deletes is gone, what it creates is there.
    fn sync(&mut self, set: LeaderStatefulSet) -> bool {
        let mut synced = false;
        loop {
            let spec = StatefulSetSpec {
                start: 0,
                replicas: set.replicas,
                partition: set.partition,
                max_unavailable: set.max_unavailable,
                gate: self.gate,
                current: self.current,
                update: set.template,
            };
            let actions = reconcile_statefulset(&spec, &self.groups);
            if actions.is_empty() {
                if rolling_update_complete(&spec, &self.groups) {
                    self.current = set.template;
                }
                return synced;
            }
            synced = true;
            for action in actions {
                self.act(action);
            }
            self.note(set);
        }
    }

    fn act(&mut self, action: StatefulSetAction) {
        match action {
            StatefulSetAction::Delete { ordinal } => self.groups.retain(|group| group.ordinal != ordinal),
            StatefulSetAction::Create { ordinal, revision } => {
                let at = self.groups.partition_point(|group| group.ordinal < ordinal);
                let (ready, failed, terminating) = (false, false, false);
                self.groups.insert(at, StatefulSetPod { ordinal, revision, ready, failed, terminating });
            }
        }
    }

    fn note(&mut self, set: LeaderStatefulSet) {
        let ready = self.groups.iter().filter(|group| group.ready).count() as u32;
        self.moments.push(Moment { set, ready });
    }

    fn seen(&self) -> Vec<Option<GroupReadiness>> {
        let mut seen = vec![None; self.groups.last().map_or(0, |group| group.ordinal as usize + 1)];
        for group in &self.groups {
            let updated = group.revision == self.template;
            seen[group.ordinal as usize] = Some(GroupReadiness { ready: group.ready, updated });
        }
        seen
    }

    /// (partition, replicas) as last written.
    pub(crate) fn written(&self) -> (u32, u32) {
        self.set.map_or((0, 0), |set| (set.partition, set.replicas))
    }

    /// Each (partition, replicas) written since the last event, after `before`.
    pub(crate) fn trail(&self, before: (u32, u32)) -> Vec<(u32, u32)> {
        let mut trail = vec![before];
        trail.extend(self.moments.iter().map(|moment| (moment.set.partition, moment.set.replicas)));
        trail.dedup();
        trail.split_off(1)
    }

    /// Every group that was asked for is ready, and updated if the user's partition lets it be.
    pub(crate) fn is_done(&self) -> bool {
        let partition = self.strategy.partition;
        let updated = |g: &StatefulSetPod| g.revision == self.template || g.ordinal < partition;
        (0..self.replicas).all(|i| self.groups.iter().any(|g| g.ordinal == i && g.ready && updated(g)))
    }

    /// Group by group, `N` of the newest template or `O` of an older one, `+` ready or `-` not.
    pub(crate) fn picture(&self) -> String {
        let letter = |group: &StatefulSetPod| if group.revision == self.template { 'N' } else { 'O' };
        let sign = |group: &StatefulSetPod| if group.ready { '+' } else { '-' };
        let groups = self.groups.iter().map(|group| format!("{}{}", letter(group), sign(group)));
        groups.collect::<Vec<_>>().join(" ")
    }
}
