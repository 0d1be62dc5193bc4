//! A runbook's Markdown as HTML. Anybody may have written it: its tags are shown as the text they are, pictures are links, and a
//! link leads to the web, to a mailbox or to another runbook, else nowhere.

use maud::{Markup, PreEscaped};
use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

/// Where a link may lead outside.
const SCHEMES: [&str; 3] = ["https://", "http://", "mailto:"];

pub(super) fn rendered(markdown: &str) -> Markup {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut page = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(&mut page, Parser::new_ext(markdown, options).map(harmless));
    PreEscaped(page)
}

fn harmless(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(tag) | Event::InlineHtml(tag) => Event::Text(tag),
        Event::Start(Tag::Link { dest_url, title, .. } | Tag::Image { dest_url, title, .. }) => {
            Event::Start(Tag::Link { link_type: LinkType::Inline, dest_url: place(dest_url), title, id: "".into() })
        }
        Event::End(TagEnd::Image) => Event::End(TagEnd::Link),
        other => other,
    }
}

/// Runbooks name each other by file, pages by address.
fn place(written: CowStr<'_>) -> CowStr<'_> {
    let lower = written.to_ascii_lowercase();
    if SCHEMES.iter().any(|scheme| lower.starts_with(scheme)) {
        return written;
    }
    // Another scheme, another host, or what a browser would read as one of them.
    if written.contains([':', '\\']) || written.starts_with("//") {
        return "#".into();
    }
    let (file, anchor) = written.split_once('#').unwrap_or((&written, ""));
    let file = file.strip_suffix(".md").unwrap_or(file);
    if anchor.is_empty() { file.to_owned().into() } else { format!("{file}#{anchor}").into() }
}

#[cfg(test)]
mod tests {
    use super::rendered;

    #[track_caller]
    fn check(markdown: &str, expect: &str) {
        assert_eq!(rendered(markdown).into_string().trim(), expect);
    }

    #[test]
    fn what_runbooks_are_made_of() {
        check(
            "## Checks\n\n1. Look at `DBLoad`.\n",
            "<h2>Checks</h2>\n<ol>\n<li>Look at <code>DBLoad</code>.</li>\n</ol>",
        );
        check("```sh\nls <dir>\n```", "<pre><code class=\"language-sh\">ls &lt;dir&gt;\n</code></pre>");
        let table = rendered("| a | b |\n|---|---|\n| 1 | 2 |").into_string();
        assert!(table.contains("<th>a</th>") && table.contains("<td>2</td>"), "{table}");
    }

    #[test]
    fn nothing_that_was_written_becomes_a_tag() {
        for markdown in ["<script>alert(1)</script>", "a <img src=x onerror=alert(1)> b", "<div>\n\n<b>x</b>\n\n</div>"]
        {
            let page = rendered(markdown).into_string();
            let tags: Vec<&str> = page.split('<').skip(1).filter(|tag| !tag.starts_with(['p', '/'])).collect();
            assert!(tags.is_empty(), "{page}");
        }
        check("![a picture](https://e.com/p.png)", "<p><a href=\"https://e.com/p.png\">a picture</a></p>");
    }

    #[test]
    fn links_lead_to_the_web_to_runbooks_or_nowhere() {
        for (written, expect) in [
            ("https://example.com/a?b=1", "https://example.com/a?b=1"),
            ("mailto:ops@example.com", "mailto:ops@example.com"),
            ("../kube/oom.md", "../kube/oom"),
            ("rds-storage.md#checks", "rds-storage#checks"),
            ("javascript:alert(1)", "#"),
            ("JavaScript:alert(1)", "#"),
            ("data:text/html,x", "#"),
            ("//evil.example.com", "#"),
            ("/\\\\evil.example.com", "#"),
        ] {
            check(&format!("[x]({written})"), &format!("<p><a href=\"{expect}\">x</a></p>"));
        }
    }
}
