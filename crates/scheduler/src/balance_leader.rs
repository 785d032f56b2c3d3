//! Balance-leader: a leadership moves from the store that has most of them to one that has few
//! (TinyKV gives this scheduler to its students).

use types::{
    id::{RegionId, StoreId},
    scheduler::OperatorReason,
    store::Peer,
};

use crate::{dice::Dice, operators::Operators, region::RegionInfo, rules::Rules, steps::Look};

/// As many transfers may be under way (TinyKV: `LeaderScheduleLimit`).
pub const LIMIT: usize = 4;

/// A leadership that should move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// The region.
    pub region: RegionId,
    /// Who shall lead.
    pub to: Peer,
}

/// The next transfer, if there is one worth it. The store with most leaders gives one away; where
/// none can go, the store with fewest takes one; then the next ones of both ends.
#[must_use]
pub fn plan(
    look: &Look<'_>,
    rules: &Rules,
    operators: &Operators,
    dice: &mut Dice,
) -> Option<Transfer> {
    if operators.count(&[OperatorReason::BalanceLeader]) >= LIMIT {
        return None;
    }
    let stores = look.cluster.stores().iter();
    let stores = stores.filter(|store| store.can_receive(look.options, look.now));
    let mut stores: Vec<(u64, StoreId)> = stores
        .map(|store| (store.status.leaders, store.id))
        .collect();
    stores.sort_unstable();
    let ends = stores.iter().rev().zip(stores.iter());
    ends.flat_map(|(most, fewest)| [(most.1, true), (fewest.1, false)])
        .find_map(|(store, gives)| {
            if gives {
                out_of(look, rules, operators, dice, store)
            } else {
                into(look, rules, operators, dice, store)
            }
        })
}

fn out_of(
    look: &Look<'_>,
    rules: &Rules,
    operators: &Operators,
    dice: &mut Dice,
    from: StoreId,
) -> Option<Transfer> {
    let led: Vec<RegionId> = look.cluster.map().on(from)?.leaders().collect();
    let info = pick(look, operators, dice, led)?;
    let mut followers: Vec<Peer> = info.followers().collect();
    followers.sort_unstable_by_key(|peer| (leaders(look, peer.store), peer.store));
    let mut worth = followers.into_iter().filter(|to| {
        let more = (rules.is_worth_leading)(leaders(look, from), leaders(look, to.store));
        more && look.can_lead(info, *to)
    });
    worth.next().map(|to| Transfer {
        region: info.id(),
        to,
    })
}

fn into(
    look: &Look<'_>,
    rules: &Rules,
    operators: &Operators,
    dice: &mut Dice,
    to: StoreId,
) -> Option<Transfer> {
    let followed: Vec<RegionId> = look.cluster.map().on(to)?.followers().collect();
    let info = pick(look, operators, dice, followed)?;
    let from = info.leader_store()?;
    let is_worth = (rules.is_worth_leading)(leaders(look, from), leaders(look, to));
    let to = info.region.peer_on(to)?;
    (is_worth && look.can_lead(info, to)).then_some(Transfer {
        region: info.id(),
        to,
    })
}

fn leaders(look: &Look<'_>, store: StoreId) -> u64 {
    let store = look.cluster.stores().get(store);
    store.map_or(0, |store| store.status.leaders)
}

/// One of `regions` whose peers are all well and on which no operator runs.
fn pick<'a>(
    look: &Look<'a>,
    operators: &Operators,
    dice: &mut Dice,
    regions: Vec<RegionId>,
) -> Option<&'a RegionInfo> {
    let map = look.cluster.map();
    let is_free = |id: &RegionId| {
        let is_healthy = map.get(*id).is_some_and(RegionInfo::is_healthy);
        is_healthy && look.cluster.is_heard(*id) && operators.get(*id).is_none()
    };
    let free: Vec<RegionId> = regions.into_iter().filter(is_free).collect();
    map.get(dice.pick(&free)?)
}
