//! Where things stand on the stage, in CSS pixels.
//!
//! A store's place on the ring is permanent; only a cut moves it, onto its group's island.

use std::f64::consts::TAU;

use types::id::StoreId;

/// A point or a direction.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

impl Point {
    /// A point.
    #[must_use]
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// The point at `share` of the way to `other`.
    #[must_use]
    pub fn towards(self, other: Self, share: f64) -> Self {
        Self::new(
            self.x + (other.x - self.x) * share,
            self.y + (other.y - self.y) * share,
        )
    }

    /// How far `other` is.
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        (other.x - self.x).hypot(other.y - self.y)
    }
}

/// On which side of its dial a store's plate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Right of the dial.
    Right,
    /// Right of the dial and a little higher.
    TopRight,
    /// Left of the dial.
    Left,
    /// Below the dial.
    Below,
}

/// One store's place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Which store.
    pub store: StoreId,
    /// The middle of its dial.
    pub at: Point,
    /// Where its plate stands.
    pub side: Side,
}

/// A group of a cut.
#[derive(Debug, Clone, PartialEq)]
pub struct Island {
    /// Its stores.
    pub stores: Vec<StoreId>,
    /// Its left edge.
    pub x: f64,
    /// Its upper edge.
    pub y: f64,
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
}

/// The room that the stage has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Room {
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
    /// Whether plates shrink to a name below the dial.
    pub small: bool,
}

/// The stage's geometry.
#[derive(Debug, Clone, PartialEq)]
pub struct Geometry {
    /// The room.
    pub room: Room,
    /// How large dials are; 1 is a dial of 132 pixels.
    pub dial: f64,
    /// The middle of the ring.
    pub center: Point,
    /// The half axes of the ring.
    pub radius: Point,
    /// The stores, by id.
    pub places: Vec<Place>,
    /// The islands of a cut, from left to right; none while the network is whole.
    pub islands: Vec<Island>,
    /// The middle lines of the walls between islands: x.
    pub walls: Vec<f64>,
}

const WALL: f64 = 14.0;
const ISLAND_MARGIN: f64 = 14.0;
const PLATE: f64 = 184.0;

impl Geometry {
    /// Places `stores` in `room`; `cut` holds the groups of a cut or nothing.
    #[must_use]
    pub fn new(room: Room, stores: &[StoreId], cut: &[Vec<StoreId>]) -> Self {
        let torn = cut.len() > 1;
        let (top, bottom) = margins(room, torn);
        let dial = dial_scale(room, stores.len(), top, bottom);
        let (center, radius) = orbit(room, stores.len(), dial, top, bottom);
        let mut geometry = Self {
            room,
            dial,
            center,
            radius,
            places: Vec::new(),
            islands: Vec::new(),
            walls: Vec::new(),
        };
        if torn {
            geometry.tear(cut, top, bottom);
        } else {
            geometry.places = ring(room, center, radius, stores);
        }
        geometry.places.sort_by_key(|place| place.store);
        geometry
    }

    /// Where `store` stands.
    #[must_use]
    pub fn place(&self, store: StoreId) -> Option<Place> {
        self.places
            .iter()
            .copied()
            .find(|place| place.store == store)
    }

    /// The ends of the way from one store to another, outside of both dials, on the sender's lane.
    #[must_use]
    pub fn way(&self, from: StoreId, to: StoreId, lane: f64) -> Option<(Point, Point)> {
        let (a, b) = (self.place(from)?.at, self.place(to)?.at);
        let length = a.distance(b).max(1.0);
        let unit = Point::new((b.x - a.x) / length, (b.y - a.y) / length);
        let off = Point::new(-unit.y * lane, unit.x * lane);
        let reach = (54.0 * self.dial).min(length * 0.4);
        let at = |way: f64| Point::new(a.x + unit.x * way + off.x, a.y + unit.y * way + off.y);
        Some((at(reach), at(length - reach)))
    }

    /// At which share of the way from `a` to `b` the first wall stands.
    #[must_use]
    pub fn wall_share(&self, a: Point, b: Point) -> Option<f64> {
        let edge = WALL / 2.0 + 24.0;
        self.walls
            .iter()
            .filter(|wall| (a.x - **wall) * (b.x - **wall) < 0.0)
            .map(|wall| {
                let near = wall + edge * (a.x - wall).signum();
                ((near - a.x) / (b.x - a.x)).clamp(0.0, 1.0)
            })
            .min_by(f64::total_cmp)
    }

    fn tear(&mut self, cut: &[Vec<StoreId>], top: f64, bottom: f64) {
        let mut groups: Vec<Vec<StoreId>> = cut.to_vec();
        for group in &mut groups {
            group.sort();
        }
        groups.sort_by_key(|group| (group.len(), group.first().copied()));
        let gap = WALL + 2.0 * 11.0;
        let count = groups.len() as f64;
        let free = self.room.width - 2.0 * ISLAND_MARGIN - gap * (count - 1.0);
        let weight = |group: &Vec<StoreId>| group.len() as f64 + 0.8;
        let total: f64 = groups.iter().map(weight).sum();
        let tallest = groups.iter().map(|group| outer(group.len())).max();
        let height = self.room.height - top - bottom;
        let each = if self.room.small { 160.0 } else { 128.0 };
        self.dial = self
            .dial
            .min(height / (tallest.unwrap_or(1) as f64 * each))
            .max(0.4);
        let mut x = ISLAND_MARGIN;
        for (at, group) in groups.iter().enumerate() {
            let island = Island {
                stores: group.clone(),
                x,
                y: top,
                width: free * weight(group) / total,
                height,
            };
            x += island.width;
            if at + 1 < groups.len() {
                self.walls.push(x + gap / 2.0);
                x += gap;
            }
            let first = at == 0;
            self.places
                .extend(on_island(self.room, self.dial, &island, first));
            self.islands.push(island);
        }
    }
}

fn margins(room: Room, cut: bool) -> (f64, f64) {
    match (room.small, cut) {
        (true, true) => (34.0, 12.0),
        (true, false) => (10.0, 8.0),
        (false, true) => (76.0, 52.0),
        (false, false) => (22.0, 46.0),
    }
}

fn dial_scale(room: Room, stores: usize, top: f64, bottom: f64) -> f64 {
    let crowd: f64 = match stores {
        0..=5 => 1.12,
        6 | 7 => 0.86,
        _ => 0.78,
    };
    let height = (room.height - top - bottom) / 440.0;
    let width = room.width / if room.small { 540.0 } else { 860.0 };
    crowd.min(height.min(width) * 1.12).max(0.46)
}

/// The middle and the half axes of the ring. It fills its room: with an odd number of stores the
/// lowest stand above the lowest point of the ellipse.
fn orbit(room: Room, stores: usize, dial: f64, top: f64, bottom: f64) -> (Point, Point) {
    let count = stores.max(1) as f64;
    let reach = 54.0 * dial;
    let plate = if room.small { 10.0 } else { PLATE };
    let below = if room.small { 20.0 } else { 0.0 };
    let angles = || (0..stores).map(|at| TAU * (at as f64 / count - 0.25));
    let lowest = angles().map(f64::sin).fold(0.2, f64::max);
    let widest = angles().map(f64::cos).fold(0.2, f64::max);
    let tall = (room.height - top - bottom - below - 2.0 * reach) / (1.0 + lowest);
    let wide = (room.width / 2.0 - reach - plate) / widest;
    let radius = Point::new(wide.clamp(60.0, 440.0), tall.clamp(50.0, 280.0));
    let spare = room.height - top - bottom - below - 2.0 * reach - radius.y * (1.0 + lowest);
    let center = Point::new(
        room.width / 2.0,
        top + spare.max(0.0) / 2.0 + reach + radius.y,
    );
    (center, radius)
}

fn ring(room: Room, center: Point, radius: Point, stores: &[StoreId]) -> Vec<Place> {
    let count = stores.len().max(1) as f64;
    let place = |(at, store): (usize, &StoreId)| {
        let angle = TAU * (at as f64 / count - 0.25);
        let side = match (room.small, angle.cos(), angle.sin()) {
            (true, ..) => Side::Below,
            (_, cos, sin) if cos.abs() < 0.05 && sin < 0.0 => Side::TopRight,
            (_, cos, _) if cos < -0.05 => Side::Left,
            _ => Side::Right,
        };
        Place {
            store: *store,
            at: Point::new(
                center.x + radius.x * angle.cos(),
                center.y + radius.y * angle.sin(),
            ),
            side,
        }
    };
    stores.iter().enumerate().map(place).collect()
}

/// How many of an island's stores stand in its outer column.
const fn outer(stores: usize) -> usize {
    match stores {
        0..=2 => stores,
        _ => stores.div_ceil(2),
    }
}

/// Two columns: the outer one with plates at the edge of the stage, the inner one, near the wall,
/// with plates below the dials.
fn on_island(room: Room, dial: f64, island: &Island, first: bool) -> Vec<Place> {
    let reach = 58.0 * dial;
    let count = island.stores.len();
    let narrow = room.small || island.width < PLATE + 2.4 * reach;
    let two = count > outer(count) && island.width > 3.6 * reach;
    let (outer_side, edge) = match (narrow, first) {
        (true, _) => (Side::Below, reach + if two { 8.0 } else { 0.0 }),
        (false, true) => (Side::Left, PLATE + reach),
        (false, false) => (Side::Right, PLATE + reach),
    };
    let from_edge = |inset: f64| {
        if first {
            island.x + inset
        } else {
            island.x + island.width - inset
        }
    };
    let middle = island.x + island.width / 2.0;
    let outer_x = match (two, narrow) {
        (true, _) => from_edge(edge),
        (false, true) => middle,
        (false, false) => from_edge(edge.max(island.width * 0.62)),
    };
    let inner_x = from_edge(island.width - reach - if room.small { 2.0 } else { 34.0 });
    // On a small stage both columns have names below their dials, which must not meet.
    let shift = if room.small && two { 20.0 } else { 0.0 };
    let (mut at_edge, mut at_wall) = (Vec::new(), Vec::new());
    for (at, store) in island.stores.iter().enumerate() {
        if two && at % 2 == 1 {
            at_wall.push(*store);
        } else {
            at_edge.push(*store);
        }
    }
    let mut places = column(island, dial, (outer_x, -shift), outer_side, &at_edge);
    places.extend(column(
        island,
        dial,
        (inner_x, shift),
        Side::Below,
        &at_wall,
    ));
    places
}

fn column(
    island: &Island,
    dial: f64,
    (x, shift): (f64, f64),
    side: Side,
    stores: &[StoreId],
) -> Vec<Place> {
    let reach = 54.0 * dial;
    let below = if side == Side::Below { 26.0 } else { 0.0 };
    let free = island.height - 2.0 * (reach + shift.abs()) - 36.0 - below;
    let step = match stores.len() {
        0 | 1 => 0.0,
        count => (free / (count - 1) as f64).min(4.4 * reach),
    };
    let top = island.y + island.height / 2.0 - below / 2.0 + shift
        - step * stores.len().saturating_sub(1) as f64 / 2.0;
    let place = |(at, store): (usize, &StoreId)| Place {
        store: *store,
        at: Point::new(x, top + step * at as f64),
        side,
    };
    stores.iter().enumerate().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room {
        width: 1084.0,
        height: 582.0,
        small: false,
    };
    const PHONE: Room = Room {
        width: 390.0,
        height: 340.0,
        small: true,
    };

    fn stores(count: u64) -> Vec<StoreId> {
        (1..=count).map(StoreId::new).collect()
    }

    #[test]
    fn every_dial_is_inside_of_the_stage_and_touches_no_other() {
        for room in [ROOM, PHONE] {
            for count in 3..=9 {
                let geometry = Geometry::new(room, &stores(count), &[]);
                let reach = 48.0 * geometry.dial;
                for a in &geometry.places {
                    assert!(a.at.x - reach >= 0.0 && a.at.x + reach <= room.width);
                    assert!(a.at.y - reach >= 0.0 && a.at.y + reach <= room.height);
                    for b in &geometry.places {
                        let apart = a.store == b.store || a.at.distance(b.at) > 1.7 * reach;
                        assert!(apart, "{count} stores: {} and {} touch", a.store, b.store);
                    }
                }
            }
        }
    }

    #[test]
    fn no_two_dials_touch_on_the_islands_of_any_cut_in_two() {
        for room in [ROOM, PHONE] {
            for count in 3..=9_u64 {
                for far in 1..count {
                    let all = stores(count);
                    let (a, b) = all.split_at(usize::try_from(far).expect("small"));
                    let geometry = Geometry::new(room, &all, &[a.to_vec(), b.to_vec()]);
                    let reach = 48.0 * geometry.dial;
                    for a in &geometry.places {
                        assert!(a.at.x - reach >= 0.0 && a.at.x + reach <= room.width);
                        for b in &geometry.places {
                            let apart = a.store == b.store || a.at.distance(b.at) > 1.6 * reach;
                            assert!(apart, "{far} of {count}: {} and {}", a.store, b.store);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_cut_keeps_each_group_on_its_own_side_of_the_wall() {
        let all = stores(5);
        let cut = vec![all[2..].to_vec(), all[..2].to_vec()];
        let geometry = Geometry::new(ROOM, &all, &cut);
        assert_eq!(geometry.walls.len(), 1);
        let wall = geometry.walls[0];
        for place in &geometry.places {
            assert_eq!(place.at.x < wall, place.store <= all[1]);
        }
        let (a, b) = geometry.way(all[0], all[4], 0.0).expect("both stand");
        let share = geometry.wall_share(a, b).expect("a wall between them");
        assert!(a.towards(b, share).x < wall);
    }

    #[test]
    fn healing_brings_every_store_back_to_its_place() {
        let all = stores(5);
        let whole = Geometry::new(ROOM, &all, &[]);
        let torn = Geometry::new(ROOM, &all, &[all[..1].to_vec(), all[1..].to_vec()]);
        assert_ne!(whole.places, torn.places);
        assert_eq!(whole, Geometry::new(ROOM, &all, &[]));
    }

    #[test]
    fn opposite_directions_use_different_lanes() {
        let geometry = Geometry::new(ROOM, &stores(3), &[]);
        let (there, _) = geometry
            .way(StoreId::new(1), StoreId::new(2), 8.0)
            .expect("both stand");
        let (_, back) = geometry
            .way(StoreId::new(2), StoreId::new(1), 8.0)
            .expect("both stand");
        assert!((there.distance(back) - 16.0).abs() < 1e-6);
    }
}
