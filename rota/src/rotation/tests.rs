//! Whose turn it is.

use super::*;
use crate::grid::{Every, Unit};
use chrono::NaiveDateTime;

#[test]
fn turns_before_the_anchor_go_backwards_through_the_groups() {
    let anchor: NaiveDateTime = "2026-01-05T09:00:00".parse().unwrap();
    let grid = Grid::new(anchor, vec![Every { length: 1, unit: Unit::Week }]).unwrap();
    let weekly = Rotation::new(grid, ["ana", "ben", "chi"].map(|name| vec![ResponderId::from(name)]).to_vec());
    let names = (-3..=1).map(|number| weekly.group(number, DateTime::UNIX_EPOCH)[0].as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["ana", "ben", "chi", "ana", "ben"]);
}
