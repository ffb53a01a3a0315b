//! The pod scheduler: GPUs, taints, and the domains that groups have to themselves.

use std::borrow::Cow;

use proptest::prelude::*;
use towtank::kubernetes::{
    BoundPod, ExclusiveKind, ExclusiveTerm, PodRequest, SchedulingNode, Taint, TaintEffect, Toleration,
    TolerationOperator, TopologyKey, schedule, schedule_gang,
};

/// `count` nodes of 8 GPUs, `per_sub_block` in a sub-block, two sub-blocks in a block.
fn nodes(count: u32, per_sub_block: u32) -> Vec<SchedulingNode> {
    let node = |index: u32| SchedulingNode {
        pool: 0,
        free_gpus: 8,
        schedulable: true,
        taints: Vec::new(),
        host: index,
        sub_block: index / per_sub_block,
        block: index / per_sub_block / 2,
    };
    (0..count).map(node).collect()
}

fn pod(gpus: u32, group_key: u64) -> PodRequest<'static> {
    PodRequest {
        pool: 0,
        gpus,
        tolerations: &[],
        node_selector: None,
        group_key,
        subgroup_key: None,
        terms: Vec::new(),
    }
}

fn own_group(key: TopologyKey, own: u64) -> ExclusiveTerm {
    ExclusiveTerm { key, own, kind: ExclusiveKind::Group }
}

fn own_subgroup(key: TopologyKey, own: u64) -> ExclusiveTerm {
    ExclusiveTerm { key, own, kind: ExclusiveKind::Subgroup }
}

/// The leader of a group with `exclusive-topology`.
fn leader(key: TopologyKey, group_key: u64) -> PodRequest<'static> {
    PodRequest { terms: vec![own_group(key, group_key)], ..pod(8, group_key) }
}

/// Its worker, once the leader stands in `domain`: no affinity, a node selector.
fn worker(key: TopologyKey, group_key: u64, domain: u32) -> PodRequest<'static> {
    PodRequest { node_selector: Some((key, domain)), ..pod(8, group_key) }
}

/// A cluster whose pods stay where they are put.
struct Cluster {
    nodes: Vec<SchedulingNode>,
    bound: Vec<BoundPod>,
}

impl Cluster {
    fn new(nodes: Vec<SchedulingNode>) -> Self {
        Self { nodes, bound: Vec::new() }
    }

    fn bind(&mut self, pod: &PodRequest) -> Option<usize> {
        let node = schedule(pod, &self.nodes, &self.bound)?;
        self.stand(pod, node);
        Some(node)
    }

    fn stand(&mut self, pod: &PodRequest, node: usize) {
        let free = &mut self.nodes[node].free_gpus;
        *free = free.checked_sub(pod.gpus).expect("the node is over-committed");
        let (group_key, subgroup_key, terms) = (pod.group_key, pod.subgroup_key, pod.terms.clone());
        self.bound.push(BoundPod { node, group_key, subgroup_key, terms });
    }
}

#[test]
fn labels_are_keys() {
    for (label, key) in [
        ("kubernetes.io/hostname", Some(TopologyKey::Hostname)),
        ("cloud.google.com/gce-topology-host", Some(TopologyKey::Hostname)),
        ("cloud.google.com/gce-topology-subblock", Some(TopologyKey::SubBlock)),
        ("cloud.google.com/gce-topology-block", Some(TopologyKey::Block)),
        ("cloud.google.com/gke-nodepool", Some(TopologyKey::NodePool)),
        ("topology.kubernetes.io/zone", None),
    ] {
        assert_eq!(TopologyKey::parse(label), key, "{label}");
    }
    let node = SchedulingNode { pool: 3, host: 9, sub_block: 4, block: 2, ..nodes(1, 1).remove(0) };
    let keys = [TopologyKey::Hostname, TopologyKey::SubBlock, TopologyKey::Block, TopologyKey::NodePool];
    assert_eq!(keys.map(|key| node.domain(key)), [9, 4, 2, 3]);
}

#[test]
fn pods_fill_nodes_in_order_and_never_beyond_their_gpus() {
    let mut cluster = Cluster::new(nodes(2, 2));
    let places: Vec<_> = [4, 8, 4, 1].into_iter().map(|gpus| cluster.bind(&pod(gpus, 0))).collect();
    assert_eq!(places, [Some(0), Some(1), Some(0), None]);
}

#[test]
fn only_ready_nodes_of_the_pool_and_domain_will_do() {
    let mut nodes = nodes(4, 1);
    nodes[0].pool = 1;
    nodes[1].schedulable = false;
    assert_eq!(schedule(&pod(8, 0), &nodes, &[]), Some(2));
    assert_eq!(schedule(&PodRequest { pool: 1, ..pod(8, 0) }, &nodes, &[]), Some(0));
    assert_eq!(schedule(&worker(TopologyKey::SubBlock, 0, 3), &nodes, &[]), Some(3));
    assert_eq!(schedule(&worker(TopologyKey::SubBlock, 0, 1), &nodes, &[]), None);
}

#[test]
fn taints_keep_pods_off_unless_tolerated() {
    let taint = |effect| Taint { key: Cow::Borrowed("spot"), value: Cow::Borrowed(""), effect };
    let tolerations = [Toleration {
        key: Some(Cow::Borrowed("spot")),
        operator: TolerationOperator::Exists,
        value: String::new(),
        effect: None,
        seconds: None,
    }];
    let tolerant = PodRequest { tolerations: &tolerations, ..pod(8, 0) };
    for effect in [TaintEffect::NoSchedule, TaintEffect::NoExecute, TaintEffect::PreferNoSchedule] {
        let mut nodes = nodes(2, 1);
        nodes[0].taints = vec![taint(effect)];
        assert_eq!(schedule(&pod(8, 0), &nodes, &[]), Some(1), "{effect:?}");
        assert_eq!(schedule(&tolerant, &nodes, &[]), Some(0), "{effect:?}");
        nodes[1].free_gpus = 0;
        let last_resort = (effect == TaintEffect::PreferNoSchedule).then_some(0);
        assert_eq!(schedule(&pod(8, 0), &nodes, &[]), last_resort, "{effect:?}");
    }
    // Among nodes that it would rather not have, the one with fewer reasons.
    let mut nodes = nodes(3, 1);
    nodes[0].taints = vec![taint(TaintEffect::PreferNoSchedule); 2];
    nodes[1].taints = vec![taint(TaintEffect::PreferNoSchedule)];
    nodes[2].taints = vec![taint(TaintEffect::PreferNoSchedule)];
    assert_eq!(schedule(&pod(8, 0), &nodes, &[]), Some(1));
}

/// Conformance case: leaders take a domain each, workers follow by node selector.
#[test]
fn an_exclusive_leader_takes_a_domain_and_its_workers_follow() {
    let key = TopologyKey::SubBlock;
    let mut cluster = Cluster::new(nodes(6, 2));
    assert_eq!(cluster.bind(&leader(key, 1)), Some(0));
    assert_eq!(cluster.bind(&leader(key, 2)), Some(2), "not node 1, in the domain of group 1");
    assert_eq!(cluster.bind(&worker(key, 1, 0)), Some(1));
    assert_eq!(cluster.bind(&worker(key, 2, 1)), Some(3));
    // A domain of two nodes holds two pods, however many the group has: the leader did not look.
    assert_eq!(cluster.bind(&worker(key, 1, 0)), None);
    assert_eq!(cluster.bind(&leader(key, 3)), Some(4));
    assert_eq!(cluster.bind(&leader(key, 4)), None, "no domain is left");
}

#[test]
fn exclusivity_counts_pods_of_groups_that_are_not_exclusive() {
    let key = TopologyKey::SubBlock;
    let mut cluster = Cluster::new(nodes(4, 2));
    assert_eq!(cluster.bind(&pod(4, 7)), Some(0));
    assert_eq!(cluster.bind(&leader(key, 1)), Some(2), "group 7 stands in the first domain");
    assert_eq!(cluster.bind(&pod(8, 7)), Some(1));
    // The leader's anti-affinity keeps later pods of others out of its domain, but not its own.
    assert_eq!(cluster.bind(&pod(8, 7)), None);
    assert_eq!(cluster.bind(&pod(8, 1)), Some(3));
}

#[test]
fn a_new_leader_goes_where_its_old_workers_still_stand() {
    let key = TopologyKey::SubBlock;
    let mut cluster = Cluster::new(nodes(6, 2));
    cluster.stand(&pod(8, 1), 3);
    assert_eq!(cluster.bind(&leader(key, 1)), Some(2), "not node 0: affinity to its own");
    let mut full = Cluster::new(nodes(4, 2));
    full.stand(&pod(8, 1), 2);
    full.stand(&pod(8, 1), 3);
    assert_eq!(full.bind(&leader(key, 1)), None, "pinned to a domain without room");
}

/// Conformance case: with both annotations a leader has two pairs, a worker one and a node selector.
#[test]
fn subgroups_take_domains_within_the_groups_domain() {
    let (group, subgroup) = (TopologyKey::Block, TopologyKey::SubBlock);
    // Two sub-blocks of two nodes a block; groups of 4 in subgroups of 2: {0, 1}, {2, 3}.
    let mut cluster = Cluster::new(nodes(8, 2));
    let member = |request: PodRequest<'static>, key: u64| PodRequest {
        subgroup_key: Some(key),
        terms: [request.terms, vec![own_subgroup(subgroup, key)]].concat(),
        ..request
    };
    for (group_key, first, domain) in [(1, 0, 0), (2, 4, 1)] {
        let subgroup_keys = [group_key * 10, group_key * 10, group_key * 10 + 1, group_key * 10 + 1];
        let mut places = vec![cluster.bind(&member(leader(group, group_key), subgroup_keys[0]))];
        for key in &subgroup_keys[1..] {
            places.push(cluster.bind(&member(worker(group, group_key, domain), *key)));
        }
        assert_eq!(places, (first..first + 4).map(Some).collect::<Vec<_>>());
    }
    // Company is whom both affinities select. An old worker of another subgroup is none, so the leader goes first: where
    // that subgroup is not, and if need be out of the block where its group still stands.
    let mut partly = Cluster::new(nodes(8, 2));
    partly.stand(&PodRequest { subgroup_key: Some(11), ..pod(8, 1) }, 1);
    let returning = member(leader(group, 1), 10);
    assert_eq!(schedule(&returning, &partly.nodes, &partly.bound), Some(2));
    partly.stand(&pod(8, 1), 2);
    partly.stand(&pod(8, 1), 3);
    assert_eq!(schedule(&returning, &partly.nodes, &partly.bound), Some(4));
}

#[test]
fn a_gang_goes_in_as_a_whole_or_not_at_all() {
    let group: Vec<_> = (0..3).map(|_| pod(8, 1)).collect();
    let small = nodes(2, 2);
    assert_eq!(schedule_gang(&group, &small, &[]), None);
    let mut alone = Cluster::new(small);
    let one_by_one: Vec<_> = group.iter().map(|pod| alone.bind(pod)).collect();
    assert_eq!(one_by_one, [Some(0), Some(1), None], "without a gang it holds two nodes for nothing");
    assert_eq!(schedule_gang(&group, &nodes(4, 2), &[]), Some(vec![0, 1, 2]));
    let halves: Vec<_> = (0..4).map(|_| pod(4, 1)).collect();
    assert_eq!(schedule_gang(&halves, &nodes(2, 2), &[]), Some(vec![0, 0, 1, 1]));
    assert_eq!(schedule_gang(&[], &[], &[]), Some(vec![]));
}

#[test]
fn pods_of_a_gang_see_those_before_them() {
    let key = TopologyKey::SubBlock;
    let exclusive: Vec<_> = (0..2).map(|_| leader(key, 1)).collect();
    let mut bound = Cluster::new(nodes(4, 2));
    bound.stand(&pod(8, 2), 0);
    assert_eq!(schedule_gang(&exclusive, &bound.nodes, &bound.bound), Some(vec![2, 3]));
    let strangers = [leader(key, 1), pod(8, 2)];
    assert_eq!(schedule_gang(&strangers, &nodes(2, 2), &[]), None, "both in one domain");
}

prop_compose! {
    fn any_node()(pool in 0..2_usize, free_gpus in 0..=8_u32, schedulable in prop::bool::weighted(0.9),
        sub_block in 0..4_u32) -> SchedulingNode {
        SchedulingNode { pool, free_gpus, schedulable, taints: Vec::new(), host: 0, sub_block, block: sub_block / 2 }
    }
}

prop_compose! {
    /// A pod of one of five groups of two subgroups, with any of the terms that LeaderWorkerSet gives.
    fn any_pod()(pool in 0..2_usize, gpus in 1..=8_u32, group_key in 0..5_u64, half in 0..2_u64,
        by_group in prop::option::weighted(0.4, prop::sample::select(vec![TopologyKey::SubBlock, TopologyKey::Block])),
        by_subgroup in prop::option::weighted(0.4, Just(TopologyKey::SubBlock))) -> PodRequest<'static> {
        let subgroup_key = group_key * 2 + half;
        let group = by_group.map(|key| own_group(key, group_key));
        let subgroup = by_subgroup.map(|key| own_subgroup(key, subgroup_key));
        let terms = group.into_iter().chain(subgroup).collect();
        PodRequest { pool, gpus, subgroup_key: Some(subgroup_key), terms, ..pod(0, group_key) }
    }
}

fn any_cluster() -> impl Strategy<Value = Vec<SchedulingNode>> {
    prop::collection::vec(any_node(), 1..12).prop_map(|mut nodes| {
        for (host, node) in nodes.iter_mut().enumerate() {
            node.host = host as u32;
        }
        nodes
    })
}

/// Whether no term of any pod finds a stranger in its domain.
fn apart(cluster: &Cluster) -> bool {
    let strange = |term: &ExclusiveTerm, other: &BoundPod| match term.kind {
        ExclusiveKind::Group => other.group_key != term.own,
        ExclusiveKind::Subgroup => other.subgroup_key.is_some_and(|key| key != term.own),
    };
    let domain = |pod: &BoundPod, term: &ExclusiveTerm| cluster.nodes[pod.node].domain(term.key);
    cluster.bound.iter().all(|pod| {
        pod.terms.iter().all(|term| {
            !cluster
                .bound
                .iter()
                .any(|other| strange(term, other) && domain(pod, term) == domain(other, term))
        })
    })
}

proptest! {
    #[test]
    fn nodes_are_never_over_committed_and_groups_stay_apart(
        nodes in any_cluster(), pods in prop::collection::vec(any_pod(), 1..30),
    ) {
        let mut cluster = Cluster::new(nodes);
        for pod in &pods {
            if let Some(node) = cluster.bind(pod) {
                prop_assert!(cluster.nodes[node].schedulable && cluster.nodes[node].pool == pod.pool);
            }
            prop_assert!(apart(&cluster));
        }
    }

    #[test]
    fn a_gang_is_its_pods_one_by_one_or_nothing(
        nodes in any_cluster(), before in prop::collection::vec(any_pod(), 0..8),
        gang in prop::collection::vec(any_pod(), 0..8),
    ) {
        let mut cluster = Cluster::new(nodes);
        for pod in &before {
            cluster.bind(pod);
        }
        let together = schedule_gang(&gang, &cluster.nodes, &cluster.bound);
        let one_by_one: Option<Vec<_>> = gang.iter().map(|pod| cluster.bind(pod)).collect();
        prop_assert_eq!(together, one_by_one);
    }
}
