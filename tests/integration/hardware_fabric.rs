//! Paths between GPUs and the capacities on them.

use towtank::{
    catalog::Catalog,
    hardware::{
        Distance, Fabric, FabricError, FabricNode, HostPlace, Link, Machine, Network, NetworkKind, Position,
    },
};

fn fabric(machine: &str, kind: NetworkKind, places: &[(u32, u32)]) -> Result<Fabric, FabricError> {
    let catalog = Catalog::builtin();
    let machine = Machine::read(&catalog, machine).unwrap();
    let link = Link::read(&catalog, &machine.intra_node_link).unwrap();
    let network = Network::read(&catalog, kind).unwrap();
    let mut fabric = Fabric::new();
    for (block, sub_block) in places {
        let place = HostPlace { block: *block, sub_block: *sub_block };
        fabric.add_host(&machine, &link, kind, &network, place)?;
    }
    Ok(fabric)
}

const fn at(host: u32, gpu: u32) -> Position {
    Position { host, gpu }
}

fn near(found: f64, expected_gb: f64) {
    assert!((found / 1e9 / expected_gb - 1.0).abs() < 1e-3, "{found} B/s, expected {expected_gb} GB/s");
}

#[test]
fn inside_a_host_gpus_meet_in_the_switch() {
    let fabric = fabric("a3-highgpu-8g", NetworkKind::GpudirectTcpx, &[(0, 0)]).unwrap();
    let path = fabric.path(at(0, 0), at(0, 1)).unwrap();
    assert_eq!(
        path.nodes,
        [
            FabricNode::Gpu { host: 0, gpu: 0 },
            FabricNode::Switch { host: 0 },
            FabricNode::Gpu { host: 0, gpu: 1 }
        ]
    );
    near(path.capacity, 450.0);
    assert!((path.alpha - 7.6e-6).abs() < 1e-12);
    let own = fabric.path(at(0, 3), at(0, 3)).unwrap();
    assert!(own.links.is_empty() && own.capacity.is_infinite() && own.distance == Distance::SameGpu);
}

#[test]
fn between_hosts_a_path_sees_the_network_the_pods_use() {
    for (machine, kind, alone_gb, together_gb) in [
        ("a3-highgpu-8g", NetworkKind::Gvnic, 2.5, 4.0 / 8.0),
        ("a3-highgpu-8g", NetworkKind::GpudirectTcpx, 8.9, 70.9 / 8.0),
        ("a3-megagpu-8g", NetworkKind::GpudirectTcpxo, 188.7 / 8.0, 188.7 / 8.0),
        ("a3-ultragpu-8g", NetworkKind::GpudirectRdma, 328.9 / 8.0, 328.9 / 8.0),
    ] {
        let fabric = fabric(machine, kind, &[(0, 0), (0, 0)]).unwrap();
        let paths: Vec<_> = (0..8).map(|gpu| fabric.path(at(0, gpu), at(1, gpu)).unwrap()).collect();
        assert_eq!(paths[0].nodes.len(), 7, "GPU, card, host, sub-block, host, card, GPU");
        assert_eq!(paths[0].distance, Distance::SameSubBlock);
        near(paths[0].capacity, alone_gb);
        for rate in fabric.rates_together(&paths) {
            near(rate, together_gb);
        }
        // Both directions at once do not disturb each other.
        let back = fabric.path(at(1, 0), at(0, 0)).unwrap();
        let rates = fabric.rates_together(&[paths[0].clone(), back]);
        near(rates[0], alone_gb);
        near(rates[1], alone_gb);
    }
}

#[test]
fn two_gpus_of_an_a3_high_share_a_card() {
    let fabric = fabric("a3-highgpu-8g", NetworkKind::GpudirectTcpx, &[(0, 0), (0, 0)]).unwrap();
    let card = |gpu| fabric.path(at(0, gpu), at(1, gpu)).unwrap().nodes[1];
    assert_eq!(card(0), card(1));
    assert_ne!(card(1), card(2));
}

#[test]
fn distance_follows_blocks_and_sub_blocks() {
    let fabric = fabric("a3-megagpu-8g", NetworkKind::Gvnic, &[(0, 0), (0, 0), (0, 1), (1, 0)]).unwrap();
    let distance = |host| fabric.distance(at(0, 0), at(host, 7)).unwrap();
    assert_eq!(
        [distance(0), distance(1), distance(2), distance(3)],
        [Distance::SameHost, Distance::SameSubBlock, Distance::SameBlock, Distance::OtherBlock]
    );
    let far = fabric.path(at(0, 0), at(3, 0)).unwrap();
    assert!(far.nodes.contains(&FabricNode::Cluster) && far.nodes.contains(&FabricNode::Block { block: 1 }));
    for (index, pair) in far.nodes.windows(2).enumerate() {
        assert_eq!(fabric.link(far.links[index]), Some((pair[0], pair[1])));
    }
}

#[test]
fn what_does_not_exist_is_refused_by_name() {
    let error = fabric("a3-highgpu-8g", NetworkKind::GpudirectRdma, &[(0, 0)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "network: a3-highgpu-8g has no gpudirect-rdma (it has gvnic, gpudirect-tcpx)"
    );
    let fabric = fabric("g2-standard-24", NetworkKind::Gvnic, &[(0, 0)]).unwrap();
    let error = fabric.path(at(0, 0), at(0, 2)).unwrap_err();
    assert_eq!(error.to_string(), "the fabric has no GPU 2 on host 0");
}
