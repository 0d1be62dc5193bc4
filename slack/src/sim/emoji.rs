//! Emoji short codes to characters: those that our cards and people on call use. An unknown code stays as typed.

/// Sorted by code, so that it can be searched by halves.
const EMOJI: &[(&str, &str)] = &[
    ("+1", "👍"),
    ("-1", "👎"),
    ("arrow_right", "➡️"),
    ("bell", "🔔"),
    ("book", "📖"),
    ("bulb", "💡"),
    ("calendar", "📆"),
    ("cat", "🐱"),
    ("chart_with_upwards_trend", "📈"),
    ("construction", "🚧"),
    ("eyes", "👀"),
    ("fast_forward", "⏩"),
    ("fire", "🔥"),
    ("gear", "⚙️"),
    ("heavy_check_mark", "✔️"),
    ("hourglass", "⌛"),
    ("hourglass_flowing_sand", "⏳"),
    ("information_source", "ℹ️"),
    ("large_blue_circle", "🔵"),
    ("large_green_circle", "🟢"),
    ("large_orange_circle", "🟠"),
    ("large_yellow_circle", "🟡"),
    ("lock", "🔒"),
    ("mag", "🔍"),
    ("memo", "📝"),
    ("mute", "🔇"),
    ("no_bell", "🔕"),
    ("no_entry", "⛔"),
    ("octagonal_sign", "🛑"),
    ("pager", "📟"),
    ("pushpin", "📌"),
    ("question", "❓"),
    ("raised_hand", "✋"),
    ("red_circle", "🔴"),
    ("repeat", "🔁"),
    ("rocket", "🚀"),
    ("rotating_light", "🚨"),
    ("sleeping", "😴"),
    ("smile", "😄"),
    ("stopwatch", "⏱️"),
    ("tada", "🎉"),
    ("thumbsup", "👍"),
    ("unlock", "🔓"),
    ("warning", "⚠️"),
    ("wave", "👋"),
    ("white_check_mark", "✅"),
    ("white_circle", "⚪"),
    ("wrench", "🔧"),
    ("x", "❌"),
    ("zzz", "💤"),
];

/// The character of a code without its colons.
pub(super) fn emoji(code: &str) -> Option<&'static str> {
    let at = EMOJI.binary_search_by_key(&code, |(name, _)| name).ok()?;
    EMOJI.get(at).map(|(_, character)| *character)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_sorted_so_every_code_is_found() {
        assert!(super::EMOJI.is_sorted());
        assert_eq!(super::emoji("large_green_circle"), Some("🟢"));
        assert_eq!(super::emoji("nothing"), None);
    }
}
