//! What the page shows for markup and blocks.

use serde_json::json;

use super::{Names, blocks_to_html, mrkdwn_to_html, read, text_of};

fn names() -> Names {
    let pair = |id: &str, name: &str| [(id.to_owned(), name.to_owned())].into();
    Names { people: pair("U0ANA", "Ana Ruiz"), channels: pair("C0OPS", "ops") }
}

#[track_caller]
fn check(mrkdwn: &str, html: &str) {
    assert_eq!(mrkdwn_to_html(mrkdwn, &names()), html);
}

#[test]
fn markup_becomes_html() {
    check("*bold* _italic_ ~gone~ `code`", "<b>bold</b> <i>italic</i> <s>gone</s> <code>code</code>");
    check("*bold _and italic_*", "<b>bold <i>and italic</i></b>");
    check("a*b*c 2 * 3 * 4 snake_case_name", "a*b*c 2 * 3 * 4 snake_case_name");
    check("`*not bold*` and *`x*y`*", "<code>*not bold*</code> and <b><code>x*y</code></b>");
    check("one\ntwo", "one<br>two");
    check("before\n```\nlet a = 1;\n```\nafter", "before<pre>let a = 1;\n</pre>after");
    check("&gt; said\n&gt; twice\nand on", "<blockquote>said<br>twice</blockquote>and on");
    check(":red_circle: *FIRING* :no_such:", "🔴 <b>FIRING</b> :no_such:");
}

#[test]
fn mentions_links_and_dates_are_resolved() {
    check("<@U0ANA> in <#C0OPS|x>", "<span class=\"mention\">@Ana Ruiz</span> in <span class=\"mention\">#ops</span>");
    check("<@U0NEW|newbie> <!here>", "<span class=\"mention\">@newbie</span> <span class=\"mention\">@here</span>");
    check(
        "*<https://catops.example/i/42?a=1&amp;b=2|INC-42> slow*",
        "<b><a target=\"_blank\" rel=\"noreferrer noopener\" \
         href=\"https://catops.example/i/42?a=1&amp;b=2\">INC-42</a> slow</b>",
    );
    check(
        "since <!date^1763820120^{time}|14:02 UTC>",
        "since <time datetime=\"2025-11-22T14:02:00Z\" data-format=\"{time}\">14:02 UTC</time>",
    );
}

#[test]
fn the_fallback_of_a_date_without_a_format_is_plain_text() {
    check("*a <!date^00000000^{_}|*>b* <!date^00000000^{_}|_>c_", "<b>a *b</b> _c_");
    check("<!date^1763820120^{day}|*later*>", "*later*");
}

#[test]
fn nothing_foreign_becomes_html() {
    check("&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;script&gt;alert(1)&lt;/script&gt;");
    check("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;");
    check("<javascript:alert(1)|click>", "&lt;javascript:alert(1)|click&gt;");
    check(
        "<https://x.example/\"onmouseover=\"a|b>",
        "<a target=\"_blank\" rel=\"noreferrer noopener\" href=\"https://x.example/&quot;onmouseover=&quot;a\">b</a>",
    );
    check(
        "<!date^1^\"onclick=|x><img src=x>",
        "<time datetime=\"1970-01-01T00:00:01Z\" data-format=\"&quot;onclick=\">x</time>&lt;img src=x&gt;",
    );
    // Depth is bounded: this must end, and quickly.
    assert!(mrkdwn_to_html(&"*_".repeat(1_000), &names()).contains("*_"));
}

#[test]
fn a_card_is_drawn_with_the_hooks_that_the_page_needs() {
    let blocks = [
        json!({ "type": "section", "block_id": "s", "text": { "type": "mrkdwn", "text": "*Roll back*" },
            "accessory": { "type": "button", "action_id": "run", "value": "1|\"run\"", "style": "primary",
                "text": { "type": "plain_text", "text": "Run" }, "accessibility_label": "Run suggestion 1",
                "confirm": { "title": { "type": "plain_text", "text": "Sure?" }, "text": { "type": "mrkdwn", "text": "*Now*" },
                    "confirm": { "type": "plain_text", "text": "Yes" }, "deny": { "type": "plain_text", "text": "No" } } } }),
        json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": "a" }, { "type": "mrkdwn", "text": "b" }] }),
        json!({ "type": "sparkline", "block_id": "x" }),
    ];
    let html = blocks_to_html(&read(&blocks), &names());
    insta::assert_snapshot!(html.replace("><", ">\n<"), @r#"
    <div class="block section">
    <div class="text">
    <b>Roll back</b>
    </div>
    <div class="accessory">
    <button type="button" class="btn primary" data-element="button" data-block-id="s" data-action-id="run" data-value="1|&quot;run&quot;" aria-label="Run suggestion 1">Run</button>
    <template class="confirm">
    <h2>Sure?</h2>
    <p>
    <b>Now</b>
    </p>
    <div class="buttons">
    <button type="button" class="btn" data-testid="confirm-cancel">No</button>
    <button type="button" class="btn primary" data-testid="confirm-ok">Yes</button>
    </div>
    </template>
    </div>
    </div>
    <div class="block context">
    <span>a</span>
    <span>b</span>
    </div>
    <div class="block">
    <span class="unknown">[sparkline: not drawn here]</span>
    </div>
    "#);
    assert_eq!(text_of(&html), "Roll back Run\na b\n[sparkline: not drawn here]");
}
