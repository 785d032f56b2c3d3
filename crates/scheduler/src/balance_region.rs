//! Balance-region (TinyKV 3C): a replica moves from the fullest store to the emptiest.

use types::{
    id::{RegionId, StoreId},
    scheduler::OperatorReason,
};

use crate::{
    cluster_map::StoreRegions,
    dice::Dice,
    operators::Operators,
    region::RegionInfo,
    rules::{MoveCheck, MoveVerdict, Rules},
    steps::Look,
};

/// As many moves may be under way (TinyKV: `RegionScheduleLimit`).
pub const LIMIT: usize = 2_048;

/// A replica that should move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The region.
    pub region: RegionId,
    /// From where.
    pub from: StoreId,
    /// To where.
    pub to: StoreId,
}

/// The next move, if there is one worth it. Stores that are down or being emptied are left out;
/// from the fullest store on, each loses one of its regions to the emptiest store that has none of
/// it, if they differ by enough.
#[must_use]
pub fn plan(
    look: &Look<'_>,
    rules: &Rules,
    operators: &Operators,
    dice: &mut Dice,
) -> Option<Move> {
    if operators.count(&[OperatorReason::BalanceRegion]) >= LIMIT {
        return None;
    }
    let stores = look.cluster.stores().iter();
    let stores = stores.filter(|store| store.takes_part(look.options, look.now));
    let mut stores: Vec<(u64, StoreId)> = stores
        .map(|store| {
            let (comes, goes) = operators.influence(look.cluster, store.id);
            let size = store.status.region_size.saturating_add(comes);
            (size.saturating_sub(goes), store.id)
        })
        .collect();
    stores.sort_unstable();
    stores.iter().rev().find_map(|(source, from)| {
        let info = pick(look, operators, dice, *from)?;
        let is_target =
            |store: StoreId| info.region.peer_on(store).is_none() && look.can_receive(store);
        let (target, to) = stores.iter().find(|(_, store)| is_target(*store))?;
        let check = MoveCheck {
            source: *source,
            target: *target,
            region: info.weight(),
        };
        let is_worth = (rules.is_worth_moving)(&check) == MoveVerdict::Worth;
        is_worth.then_some(Move {
            region: info.id(),
            from: *from,
            to: *to,
        })
    })
}

/// One of a store's regions: one whose peer there is pending, else one that it follows, else one
/// that it leads. Regions with too few or too many peers are left to repair.
fn pick<'a>(
    look: &Look<'a>,
    operators: &Operators,
    dice: &mut Dice,
    store: StoreId,
) -> Option<&'a RegionInfo> {
    let map = look.cluster.map();
    let of_store = map.on(store)?;
    let is_free = |id: &RegionId| {
        map.get(*id).is_some_and(|info| {
            info.region.peers.len() as u64 == look.options.max_replicas
                && info.leader.is_some()
                && look.cluster.is_heard(*id)
                && operators.get(*id).is_none()
        })
    };
    let sorts: [fn(&StoreRegions) -> Vec<RegionId>; 3] = [
        |it| it.pending().collect(),
        |it| it.followers().collect(),
        |it| it.leaders().collect(),
    ];
    sorts.iter().find_map(|sort| {
        let free: Vec<RegionId> = sort(of_store).into_iter().filter(is_free).collect();
        map.get(dice.pick(&free)?)
    })
}
