//! A month as a picture in the terminal, and as SVG in a file.

use super::Asked;
use anyhow::{Context, Result, bail};
use chrono::NaiveDate;
use rota::{Weeks, Zone, picture, picture_svg};
use std::fs;
use std::path::Path;

/// Draws the month `2026-12`, or with an empty text the one that runs.
pub(super) fn print(asked: &Asked<'_>, month: &str, zone: &Zone, svg: Option<&Path>) -> Result<()> {
    let now = crate::clock::now();
    let day = if month.is_empty() { zone.wall(now).date() } else { read(month)? };
    let weeks = Weeks::of_month(day);
    if svg.is_some() && asked.schedules.len() > 1 {
        bail!("an SVG file shows one schedule; name one of {}", asked.schedules.join(", "));
    }
    for (place, name) in asked.schedules.iter().enumerate() {
        let drawn = picture(asked.rota, name, asked.operations, weeks, now)?;
        print!("{}{drawn}", if place == 0 { "" } else { "\n" });
    }
    let (Some(file), [name]) = (svg, asked.schedules.as_slice()) else { return Ok(()) };
    let drawn = picture_svg(asked.rota, name, asked.operations, weeks, now)?;
    fs::write(file, drawn).with_context(|| format!("writing {}", file.display()))?;
    println!("\nThe same is in {}", file.display());
    Ok(())
}

fn read(month: &str) -> Result<NaiveDate> {
    NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d").ok().with_context(|| {
        format!("\"{month}\" is no month; write 2026-12, or nothing for this one. A schedule is named before --month")
    })
}
