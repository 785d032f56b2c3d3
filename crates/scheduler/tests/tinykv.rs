//! The 22 course tests of TinyKV's project 3C, as own code. Each is named after the course's.

use std::collections::{BTreeMap, BTreeSet};

use scheduler::{
    balance_region,
    cluster::{Cluster, Stale},
    dice::Dice,
    operators::Operators,
    region::RegionInfo,
    rules::CORRECT,
    steps::{self, Look},
    stores::StoreInfo,
};
use types::{
    id::{PeerId, RegionId, StoreId},
    scheduler::{OperatorStep, SchedulerOptions, StoreState, StoreStatus},
    store::{Peer, Region, RegionEpoch},
    time::StoreTime,
};

use crate::support::{
    Rig, config, epoch, heartbeat, only_step, options, passive, peer, region, says, store,
};

/// Three stores; three regions `[i, i + 1)` of three peers at epoch 2/2, each led by another
/// store.
fn three_regions() -> Vec<RegionInfo> {
    let of = |i: u64| {
        let peers: Vec<Peer> = (0..3)
            .map(|j| peer(i * 3 + j + 1, (i + j) % 3 + 1))
            .collect();
        let (start, end) = (i.to_string(), (i + 1).to_string());
        RegionInfo {
            leader: Some(peers[0]),
            ..RegionInfo::of_shape(region(i + 1, (&start, &end), epoch(2, 2), &peers))
        }
    };
    (0..3).map(of).collect()
}

fn report(cluster: &mut Cluster, info: &RegionInfo) -> Result<(), Stale> {
    cluster
        .process_region_heartbeat(&CORRECT, info.clone(), StoreTime::ZERO)
        .map(|_| ())
}

/// What a store should be known to have, counted in the plainest way.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    leaders: BTreeSet<RegionId>,
    followers: BTreeSet<RegionId>,
    pending: BTreeSet<RegionId>,
    status: StoreStatus,
}

fn tallies(regions: &[RegionInfo]) -> BTreeMap<StoreId, Tally> {
    let mut tallies: BTreeMap<StoreId, Tally> = BTreeMap::new();
    for info in regions {
        for peer in &info.region.peers {
            let tally = tallies.entry(peer.store).or_default();
            let size = info.approximate_size.max(1);
            tally.status.regions += 1;
            tally.status.region_size += size;
            if info.leader == Some(*peer) {
                tally.leaders.insert(info.id());
                tally.status.leaders += 1;
                tally.status.leader_size += size;
            } else {
                tally.followers.insert(info.id());
            }
            if info.pending.contains(&peer.id) {
                tally.pending.insert(info.id());
                tally.status.pending += 1;
            }
        }
    }
    tallies
}

/// Regions, leaders, followers, pending peers and the status of every store are as they follow
/// from `regions`, and nothing else is known.
fn check(cluster: &Cluster, regions: &[RegionInfo]) {
    assert_eq!(cluster.map().len(), regions.len());
    for info in regions {
        assert_eq!(cluster.map().get(info.id()), Some(info));
        assert_eq!(cluster.map().find(&info.region.start), Some(info));
    }
    let mut tallies = tallies(regions);
    for known in cluster.stores().iter() {
        let expected = tallies.remove(&known.id).unwrap_or_default();
        let of_store = cluster.map().on(known.id);
        let found = of_store.map_or_else(Tally::default, |it| Tally {
            leaders: it.leaders().collect(),
            followers: it.followers().collect(),
            pending: it.pending().collect(),
            status: known.status,
        });
        assert_eq!(found, expected, "{}", known.id);
        assert_eq!(known.status, cluster.map().status_of(known.id));
    }
    assert!(tallies.is_empty(), "unknown stores: {tallies:?}");
}

/// A cluster to which the three regions have reported, one after the other.
fn reported() -> (Cluster, Vec<RegionInfo>) {
    let (mut cluster, regions) = (Cluster::default(), three_regions());
    for count in 1..=regions.len() {
        assert_eq!(report(&mut cluster, &regions[count - 1]), Ok(()));
        check(&cluster, &regions[..count]);
    }
    (cluster, regions)
}

/// Changes each region in turn; every change is taken over.
fn each_is_taken(change: impl Fn(&mut RegionInfo)) -> (Cluster, Vec<RegionInfo>) {
    let (mut cluster, mut regions) = reported();
    change_all(&mut cluster, &mut regions, change);
    (cluster, regions)
}

fn change_all(cluster: &mut Cluster, regions: &mut [RegionInfo], change: impl Fn(&mut RegionInfo)) {
    for at in 0..regions.len() {
        change(&mut regions[at]);
        assert_eq!(report(cluster, &regions[at]), Ok(()));
        check(cluster, regions);
    }
}

/// Reports `old`, which is refused and changes nothing.
fn is_refused(cluster: &mut Cluster, old: &RegionInfo, regions: &[RegionInfo]) {
    let before = cluster.clone();
    let stale = report(cluster, old).expect_err("it tells of the past");
    assert_eq!((stale.region, stale.found), (old.id(), old.epoch()));
    assert_eq!(*cluster, before);
    check(cluster, regions);
}

#[test]
fn region_not_update_3c() {
    each_is_taken(|_| {});
}

#[test]
fn region_update_version_3c() {
    let (cluster, _) = each_is_taken(|info| info.region.epoch.version += 1);
    assert!(cluster.map().iter().all(|info| info.epoch() == epoch(2, 3)));
}

#[test]
fn region_with_stale_version_3c() {
    let (mut cluster, regions) = each_is_taken(|info| info.region.epoch.version += 1);
    for info in &regions {
        let mut old = info.clone();
        old.region.epoch = epoch(3, 2);
        is_refused(&mut cluster, &old, &regions);
    }
}

#[test]
fn region_update_version_and_confver_3c() {
    let (cluster, _) = each_is_taken(|info| info.region.epoch = epoch(3, 3));
    assert!(cluster.map().iter().all(|info| info.epoch() == epoch(3, 3)));
}

#[test]
fn region_with_stale_conf_ver_3c() {
    let (mut cluster, regions) = each_is_taken(|info| info.region.epoch.conf_ver += 1);
    for info in &regions {
        let mut old = info.clone();
        old.region.epoch = epoch(2, 2);
        is_refused(&mut cluster, &old, &regions);
        old.region.epoch = epoch(2, 3);
        is_refused(&mut cluster, &old, &regions);
    }
}

fn last_peer_pending(info: &mut RegionInfo) {
    info.pending = vec![info.region.peers[2].id];
}

#[test]
fn region_add_pending_peer_3c() {
    let (cluster, _) = each_is_taken(last_peer_pending);
    let pending = |info: &RegionInfo| info.pending.len() == 1;
    assert!(cluster.map().iter().all(pending));
    assert!(cluster.stores().iter().all(|it| it.status.pending == 1));
}

#[test]
fn region_remove_pending_peer_3c() {
    let (mut cluster, mut regions) = each_is_taken(last_peer_pending);
    change_all(&mut cluster, &mut regions, |info| info.pending.clear());
    assert!(cluster.stores().iter().all(|it| it.status.pending == 0));
}

#[test]
fn region_remove_peers_3c() {
    let (cluster, _) = each_is_taken(|info| info.region.peers.truncate(1));
    assert!(
        cluster
            .map()
            .iter()
            .all(|info| info.region.peers.len() == 1)
    );
    assert!(cluster.stores().iter().all(|it| it.status.regions == 1));
}

#[test]
fn region_add_back_peers_3c() {
    let originals = three_regions();
    let (mut cluster, mut regions) = each_is_taken(|info| info.region.peers.truncate(1));
    let original = |id: RegionId| originals.iter().find(|it| it.id() == id);
    change_all(&mut cluster, &mut regions, |info| {
        info.region.peers = original(info.id())
            .expect("one of the three")
            .region
            .peers
            .clone();
    });
    assert_eq!(regions, originals);
    assert!(cluster.stores().iter().all(|it| it.status.regions == 3));
}

#[test]
fn region_change_leader_3c() {
    let (cluster, _) = each_is_taken(|info| info.leader = Some(info.region.peers[1]));
    let changed = |info: &RegionInfo| info.leader == Some(info.region.peers[1]);
    assert!(cluster.map().iter().all(changed));
}

#[test]
fn region_change_approximate_size_3c() {
    let (cluster, _) = each_is_taken(|info| info.approximate_size = 144);
    assert!(
        cluster
            .map()
            .iter()
            .all(|info| info.approximate_size == 144)
    );
    let full = |it: &StoreInfo| (it.status.region_size, it.status.leader_size) == (432, 144);
    assert!(cluster.stores().iter().all(full));
}

#[test]
fn region_counts_3c() {
    let (cluster, _) = each_is_taken(|_| {});
    assert_eq!(cluster.map().len(), 3);
    for id in 1..=3 {
        let status = cluster.map().status_of(store(id));
        assert_eq!((status.regions, status.leaders, status.pending), (3, 1, 0));
    }
    assert_eq!(cluster.map().status_of(store(4)), StoreStatus::default());
}

#[test]
fn region_get_regions_3c() {
    let (cluster, regions) = each_is_taken(|_| {});
    assert!(cluster.map().iter().eq(&regions));
    assert!(cluster.map().in_key_order().eq(&regions));
    assert_eq!(
        cluster.map().find(b"15").map(RegionInfo::id),
        Some(regions[1].id())
    );
    assert_eq!(cluster.map().find(b"3"), None);
}

#[test]
fn region_get_stores_3c() {
    let (cluster, regions) = each_is_taken(|_| {});
    for info in &regions {
        let leader = info.leader.expect("each has one");
        for peer in &info.region.peers {
            let of_store = cluster.map().on(peer.store).expect("it holds regions");
            let leads = of_store.leaders().any(|id| id == info.id());
            let follows = of_store.followers().any(|id| id == info.id());
            assert_eq!((leads, follows), (*peer == leader, *peer != leader));
        }
        assert_eq!(info.followers().count(), 2);
        assert!(info.followers().all(|it| it != leader));
    }
}

#[test]
fn region_get_stores_info_3c() {
    let (cluster, _) = each_is_taken(|info| {
        info.approximate_size = 10;
        last_peer_pending(info);
    });
    assert_eq!(cluster.stores().iter().count(), 3);
    for known in cluster.stores().iter() {
        let expected = StoreStatus {
            regions: 3,
            leaders: 1,
            pending: 1,
            region_size: 30,
            leader_size: 10,
        };
        assert_eq!(known.status, expected);
    }
}

fn part(id: u64, range: (&str, &str), at: RegionEpoch) -> RegionInfo {
    RegionInfo {
        leader: Some(peer(id, 1)),
        ..RegionInfo::of_shape(region(id, range, at, &[peer(id, 1)]))
    }
}

#[test]
fn heartbeat_split_3c() {
    let mut cluster = Cluster::default();
    let at = |cluster: &Cluster, key: &str| {
        let info = cluster.map().find(key.as_bytes());
        info.map(|info| info.id().get())
    };
    let whole = part(1, ("", ""), epoch(1, 1));
    assert_eq!(report(&mut cluster, &whole), Ok(()));
    assert_eq!(at(&cluster, "foo"), Some(1));
    // The new half reports first, at the epoch that the whole had.
    let left = part(2, ("", "m"), epoch(1, 1));
    assert_eq!(report(&mut cluster, &left), Ok(()));
    assert_eq!((at(&cluster, "a"), at(&cluster, "z")), (Some(2), None));
    let right = part(1, ("m", ""), epoch(1, 2));
    assert_eq!(report(&mut cluster, &right), Ok(()));
    assert_eq!((at(&cluster, "a"), at(&cluster, "z")), (Some(2), Some(1)));
    // The old half reports first.
    let right = part(1, ("q", ""), epoch(1, 3));
    assert_eq!(report(&mut cluster, &right), Ok(()));
    assert_eq!((at(&cluster, "z"), at(&cluster, "n")), (Some(1), None));
    let middle = part(3, ("m", "q"), epoch(1, 3));
    assert_eq!(report(&mut cluster, &middle), Ok(()));
    let found = ["a", "m", "n", "q"].map(|key| at(&cluster, key));
    assert_eq!(found, [Some(2), Some(3), Some(3), Some(1)]);
    assert_eq!(
        report(&mut cluster, &whole).map_err(|it| it.found),
        Err(epoch(1, 1))
    );
}

/// Both halves of each region, under new ids.
fn split(regions: &[Region], next: &mut u64) -> Vec<Region> {
    let middle = |region: &Region| {
        let start = region.start.first().copied().map_or(0, u16::from);
        let end = region.end.first().copied().map_or(256, u16::from);
        u8::try_from(start.midpoint(end)).expect("below 256")
    };
    let mut halves = Vec::new();
    for region in regions {
        let key = bytes::Bytes::from(vec![middle(region)]);
        for (start, end) in [(&region.start, &key), (&key, &region.end)] {
            *next += 1;
            halves.push(Region {
                id: RegionId::new(*next),
                start: start.clone(),
                end: end.clone(),
                epoch: epoch(region.epoch.conf_ver, region.epoch.version + 1),
                peers: Vec::new(),
            });
        }
    }
    halves
}

/// Each pair of neighbours as one, under a new id.
fn merge(regions: &[Region], next: &mut u64) -> Vec<Region> {
    let joined = regions.chunks(2).map(|pair| {
        *next += 1;
        let last = pair.last().unwrap_or(&pair[0]);
        let version = pair.iter().map(|region| region.epoch.version).max();
        Region {
            id: RegionId::new(*next),
            start: pair[0].start.clone(),
            end: last.end.clone(),
            epoch: epoch(1, version.unwrap_or(0) + 1),
            peers: Vec::new(),
        }
    });
    joined.collect()
}

fn report_all(cluster: &mut Cluster, regions: &[Region]) {
    let is_found = |cluster: &Cluster, region: &Region| {
        let found = |key: &[u8]| cluster.map().find(key).map(RegionInfo::id);
        assert_eq!(
            cluster.map().get(region.id).map(|it| &it.region),
            Some(region)
        );
        assert_eq!(found(&region.start), Some(region.id));
        if !region.end.is_empty() {
            assert_ne!(found(&region.end), Some(region.id));
        }
    };
    for (at, region) in regions.iter().enumerate() {
        let info = RegionInfo::of_shape(region.clone());
        assert_eq!(report(cluster, &info), Ok(()));
        for earlier in &regions[..=at] {
            is_found(cluster, earlier);
        }
    }
    assert_eq!(cluster.map().len(), regions.len());
}

#[test]
fn region_split_and_merge_3c() {
    let mut cluster = Cluster::default();
    let mut next = 1;
    let mut regions = vec![region(1, ("", ""), epoch(1, 1), &[])];
    report_all(&mut cluster, &regions);
    for _ in 0..7 {
        regions = split(&regions, &mut next);
        report_all(&mut cluster, &regions);
    }
    assert_eq!(regions.len(), 128);
    for _ in 0..7 {
        regions = merge(&regions, &mut next);
        report_all(&mut cluster, &regions);
    }
    assert_eq!(regions.len(), 1);
    for round in 0..14 {
        let turn = if round % 2 == 0 { split } else { merge };
        regions = turn(&regions, &mut next);
        report_all(&mut cluster, &regions);
    }
    assert_eq!(regions.len(), 1);
}

#[test]
fn concurrent_handle_region_3c() {
    const COUNT: u64 = 2_000;
    let mut config = config(options());
    // What reports first carries no epoch, and the first region has none to compare with.
    config.first_region.epoch = RegionEpoch::default();
    let mut rig = Rig::by(config, &CORRECT);
    rig.stores_report(&[1, 2, 3]);
    let mut told = Vec::new();
    for id in 1..=3 {
        let peers = [peer(10 + id, id)];
        let without = region(20 + id, ("", ""), RegionEpoch::default(), &peers);
        told.push(rig.hears(&heartbeat(&without)));
    }
    // A region with one replica of three: its store is told to add one.
    let (to, step) = only_step(&told[0]);
    assert_eq!(to, store(1));
    assert!(matches!(step, OperatorStep::AddPeer { .. }), "{step:?}");
    let key = |at: u64| match at {
        0 | COUNT => String::new(),
        _ => format!("{at:04}"),
    };
    let of = |at: u64| {
        let range = (key(at), key(at + 1));
        let peers = [peer(1_000 + at, at % 3 + 1)];
        heartbeat(&region(
            10_000 + at,
            (&range.0, &range.1),
            epoch(1, 1),
            &peers,
        ))
    };
    // In an order that mixes neighbours, in envelopes of changing sizes.
    let mut order: Vec<u64> = (0..COUNT).map(|at| at * 1_013 % COUNT).collect();
    let mut size = 1;
    while !order.is_empty() {
        let many = order.split_off(order.len().saturating_sub(size));
        rig.give(many.into_iter().map(|at| says(&of(at))).collect());
        size = size % 97 + 1;
    }
    assert!(
        rig.scheduler.refused().is_empty(),
        "{:?}",
        rig.scheduler.refused()
    );
    let map = rig.scheduler.cluster().map();
    assert_eq!(map.len() as u64, COUNT);
    let ids: Vec<u64> = map.in_key_order().map(|info| info.id().get()).collect();
    assert!(ids.into_iter().eq(10_000..10_000 + COUNT));
    let regions = |id| map.status_of(store(id)).regions;
    assert_eq!(regions(1) + regions(2) + regions(3), COUNT);
}

/// Stores whose sizes are set by hand, as in the course's mock.
struct Mock {
    cluster: Cluster,
    options: SchedulerOptions,
    sizes: BTreeMap<u64, u64>,
}

const NOW: StoreTime = StoreTime::new(10_000_000_000);

impl Mock {
    fn new(max_replicas: u64, sizes: &[u64]) -> Self {
        let mut mock = Self {
            cluster: Cluster::default(),
            options: SchedulerOptions {
                max_replicas,
                ..passive()
            },
            sizes: BTreeMap::new(),
        };
        for (id, size) in (1..).zip(sizes) {
            mock.set_store(id, *size);
        }
        mock
    }

    fn set_store(&mut self, id: u64, size: u64) {
        self.sizes.insert(id, size);
        let status = StoreStatus {
            region_size: size,
            regions: size / 10,
            ..StoreStatus::default()
        };
        self.cluster.stores_mut().put(StoreInfo {
            status,
            ..StoreInfo::new(store(id), NOW)
        });
    }

    fn change_store(&mut self, id: u64, change: impl Fn(&mut StoreInfo)) {
        let mut info = self.cluster.stores().get(store(id)).expect("known").clone();
        change(&mut info);
        self.cluster.stores_mut().put(info);
    }

    fn set_down(&mut self, id: u64) {
        self.change_store(id, |it| it.heard_at = StoreTime::ZERO);
    }

    /// A region of size 10 on these stores, led by the first; its peers are numbered by it. The
    /// heartbeat counts its stores anew, so their sizes are set again.
    fn put_region(&mut self, id: u64, stores: &[u64], pending_on: Option<u64>) {
        let range = (id.to_string(), (id + 1).to_string());
        let peers = stores.iter().map(|on| peer(id * 100 + on, *on));
        let peers: Vec<Peer> = peers.collect();
        let info = RegionInfo {
            leader: Some(peers[0]),
            approximate_size: 10,
            pending: pending_on
                .map(|on| PeerId::new(id * 100 + on))
                .into_iter()
                .collect(),
            ..RegionInfo::of_shape(region(id, (&range.0, &range.1), epoch(1, 1), &peers))
        };
        let kept: Vec<StoreInfo> = self.cluster.stores().iter().cloned().collect();
        assert_eq!(report(&mut self.cluster, &info), Ok(()));
        for known in kept {
            self.cluster.stores_mut().put(known);
        }
    }

    /// What balance-region does: the region, and the stores that a replica leaves and reaches.
    /// The steps are checked on the way. Whatever is drawn, the answer is the same.
    fn schedule(&self) -> Option<(u64, u64, u64)> {
        let look = Look {
            cluster: &self.cluster,
            options: &self.options,
            now: NOW,
        };
        let operators = Operators::default();
        let plan = |seed| {
            let mut dice = Dice::new(seed);
            balance_region::plan(&look, &CORRECT, &operators, &mut dice)
        };
        let planned = plan(0);
        assert!((1..20).all(|seed| plan(seed) == planned));
        let planned = planned?;
        let info = self.cluster.map().get(planned.region)?;
        let new = PeerId::new(9_999);
        let steps = steps::move_peer(&look, info, planned.from, planned.to, new);
        let steps = steps.expect("the move can be made");
        let added = Peer {
            id: new,
            store: planned.to,
        };
        let removed = info
            .region
            .peer_on(planned.from)
            .expect("it has a replica there");
        assert_eq!(steps.first(), Some(&OperatorStep::AddPeer { peer: added }));
        assert_eq!(
            steps.last(),
            Some(&OperatorStep::RemovePeer { peer: removed })
        );
        match &steps[1..steps.len() - 1] {
            [] => assert_ne!(info.leader, Some(removed)),
            [OperatorStep::TransferLeader { to }] => {
                assert_eq!(info.leader, Some(removed));
                assert_ne!(*to, removed);
            }
            other => panic!("steps in between: {other:?}"),
        }
        Some((planned.region.get(), planned.from.get(), planned.to.get()))
    }
}

#[test]
fn replicas1_3c() {
    let mut mock = Mock::new(1, &[60, 80, 80, 160]);
    mock.put_region(1, &[4], None);
    assert_eq!(mock.schedule(), Some((1, 4, 1)));
    // A store that is being emptied gets nothing.
    mock.change_store(1, |it| it.state = StoreState::Offline);
    mock.set_store(2, 60);
    assert_eq!(mock.schedule(), Some((1, 4, 2)));
    // A region with too few replicas is left to repair.
    mock.options.max_replicas = 3;
    assert_eq!(mock.schedule(), None);
    mock.options.max_replicas = 1;
    assert!(mock.schedule().is_some());
}

#[test]
fn replicas3_3c() {
    let mut mock = Mock::new(3, &[160, 150, 140]);
    mock.put_region(1, &[1, 2, 3], None);
    assert_eq!(mock.schedule(), None);
    mock.set_store(4, 20);
    assert_eq!(mock.schedule(), Some((1, 1, 4)));
    mock.set_store(5, 10);
    assert_eq!(mock.schedule(), Some((1, 1, 5)));
    mock.set_store(6, 0);
    assert_eq!(mock.schedule(), Some((1, 1, 6)));
    mock.set_down(6);
    assert_eq!(mock.schedule(), Some((1, 1, 5)));
    mock.set_down(4);
    mock.set_down(5);
    mock.set_store(7, 200);
    assert_eq!(mock.schedule(), None);
}

#[test]
fn replicas5_3c() {
    let mut mock = Mock::new(5, &[40, 50, 60, 70, 280]);
    mock.put_region(1, &[1, 2, 3, 4, 5], None);
    mock.set_store(6, 10);
    assert_eq!(mock.schedule(), Some((1, 5, 6)));
    mock.set_store(7, 50);
    assert_eq!(mock.schedule(), Some((1, 5, 6)));
    mock.put_region(1, &[2, 3, 4, 5, 6], None);
    assert_eq!(mock.schedule(), Some((1, 5, 1)));
    mock.set_store(11, 290);
    mock.set_store(12, 80);
    mock.set_store(13, 70);
    mock.put_region(1, &[2, 3, 11, 12, 13], None);
    assert_eq!(mock.schedule(), Some((1, 11, 6)));
}

#[test]
fn replace_pending_region_3c() {
    let mut mock = Mock::new(3, &[160, 70, 150, 100]);
    mock.put_region(1, &[1, 2, 3], None);
    mock.put_region(2, &[2, 1, 3], None);
    mock.put_region(3, &[2, 1, 3], Some(1));
    assert_eq!(mock.schedule(), Some((3, 1, 4)));
}
