//! What the pods of a LeaderWorkerSet are called.

/// The name of a pod: `<set>-<group>` for worker 0, the leader, else `<set>-<group>-<worker>`. The worker `StatefulSet`
/// of a group has its leader's name.
pub fn pod_name(set: &str, group: u32, worker: u32) -> String {
    match worker {
        0 => format!("{set}-{group}"),
        worker => format!("{set}-{group}-{worker}"),
    }
}
