//! What is true of a cluster whenever its controllers rest; debug builds look after every change.

use super::{
    Cluster,
    group::Stage,
    node::NodeState,
    pod::{Phase, Pod},
};

impl Cluster {
    /// # Panics
    /// If something is not as it must be.
    pub(super) fn audit(&self) {
        for (uid, name) in &self.pods {
            let pod = self.pod(*uid).unwrap_or_else(|| panic!("pod {uid} has no place in its group"));
            assert_eq!((pod.uid, pod.name), (*uid, *name), "a pod stands under another's name");
            self.audit_pod(pod);
        }
        for (index, node) in self.nodes.iter().enumerate() {
            assert!(node.paid || node.state != NodeState::Ready, "{} works for free", node.name);
            for uid in node.gpus.iter().filter_map(|gpu| gpu.pod) {
                let holder =
                    self.pod(uid).filter(|pod| pod.node == Some(index) && pod.phase != Phase::Stopped);
                assert!(holder.is_some(), "a GPU of {} is held by a pod that is gone", node.name);
            }
        }
        for deployment in &self.deployments {
            for group in &deployment.groups {
                for pod in group.members() {
                    assert!(self.pods.contains_key(&pod.uid), "pod {} is not listed", pod.uid);
                    assert!(!pod.event, "nobody looked at pod {}", pod.uid);
                }
                let serves = group.engine.stage != Stage::Waiting;
                let whole = group.complete().is_some_and(|pods| pods.iter().all(|pod| runs(pod)));
                let stands_still = !group.engine.holds.is_empty();
                assert!(whole || stands_still || !serves, "an engine goes on without all of its pods");
                assert!(serves || !stands_still, "an engine that is none stands still");
                assert!(!group.able || group.engine.serves(), "a group without an engine is able to serve");
                assert!(!group.endpoint || group.leader().is_some(), "an endpoint leads nowhere");
            }
        }
    }

    fn audit_pod(&self, pod: &Pod) {
        let spec = &self.spec.deployments[pod.name.deployment];
        let Some(node) = pod.node else {
            assert!(matches!(pod.phase, Phase::Unbound | Phase::Stopped), "{:?} runs nowhere", pod.name);
            return;
        };
        let node = &self.nodes[node];
        let there = node.state != NodeState::Absent || pod.phase == Phase::Stopped;
        assert!(there, "{:?} is on a node that is not there", pod.name);
        assert_eq!(node.pool, spec.pool, "{:?} is in another pool", pod.name);
        let held = node.gpus.iter().filter(|gpu| gpu.pod == Some(pod.uid)).count() as u32;
        let wanted = if pod.phase == Phase::Stopped { 0 } else { spec.gpus_per_pod };
        assert_eq!(held, wanted, "{:?} holds GPUs in phase {:?}", pod.name, pod.phase);
    }
}

/// Whether the container of a pod runs, or did when its node was last heard of.
fn runs(pod: &Pod) -> bool {
    pod.phase == Phase::Running
}
