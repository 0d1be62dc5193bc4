//! Block Kit to HTML, from the same typed blocks that our cards are made of.
//!
//! Pure. It writes no style and no script; what an element does is in its `data-` attributes, and the page reads those.
//! A block that `blocks` does not know is shown as a grey note with its type, so that nothing disappears silently.

mod mrkdwn;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use mrkdwn::{Names, mrkdwn_to_html};
use mrkdwn::{escape, plain};

use super::world::File;
use crate::blocks::{
    Actions, Block, Button, Checkboxes, Choice, Confirm, Context, ContextElement, Element, ExternalSelect, Image,
    Input, NumberInput, Overflow, PlainTextInput, Section, StaticSelect, Style, Text, TextKind, UsersSelect,
};

/// Reads blocks as they came over the wire; what is malformed becomes `Block::Unknown`.
pub(super) fn read(blocks: &[Value]) -> Vec<Block> {
    blocks
        .iter()
        .map(|block| serde_json::from_value(block.clone()).unwrap_or_else(|_| Block::Unknown(block.clone())))
        .collect()
}

/// Turns blocks into HTML.
#[must_use]
pub fn blocks_to_html(blocks: &[Block], names: &Names) -> String {
    blocks.iter().map(|block| Drawing { names, block_id: block.block_id().unwrap_or_default() }.block(block)).collect()
}

/// A file under the words of its message. Everything that is uploaded here is a picture.
#[must_use]
pub(super) fn file(file: &File) -> String {
    let (id, title, alt) = (escape(&file.id), escape(&file.title), escape(&file.alt));
    format!(
        "<figure class=\"block\"><figcaption>{title}</figcaption><img src=\"/local/files/{id}\" alt=\"{alt}\"></figure>"
    )
}

/// What a reader reads: HTML without its tags, one line per block.
#[must_use]
pub(super) fn text_of(html: &str) -> String {
    let broken = html.replace("<br>", "\n").replace("</div><div class=\"block", "</div>\n<div class=\"block");
    let mut text = String::new();
    let mut hidden = false;
    for piece in broken.split('<') {
        let (tag, shown) = piece.split_once('>').unwrap_or(("", piece));
        match tag.split_whitespace().next() {
            Some("template") => hidden = true,
            Some("/template") => hidden = false,
            _ => {}
        }
        if hidden {
            continue;
        }
        let apart = tag == "span" || tag.starts_with("button") || tag.starts_with("option");
        if apart && !text.ends_with(['\n', ' ']) && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(shown);
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

/// One block being drawn: elements need to know in which block they stand.
struct Drawing<'a> {
    names: &'a Names,
    block_id: &'a str,
}

impl Drawing<'_> {
    fn block(&self, block: &Block) -> String {
        match block {
            Block::Section(section) => self.section(section),
            Block::Context(context) => self.context(context),
            Block::Actions(actions) => self.actions(actions),
            Block::Divider(_) => "<hr class=\"block\">".to_owned(),
            Block::Header(header) => format!("<h3 class=\"block header\">{}</h3>", self.text(&header.text)),
            Block::Input(input) => self.input(input),
            Block::Image(image) => self.image(image),
            Block::Unknown(value) => self.unknown_block(value),
        }
    }

    fn text(&self, text: &Text) -> String {
        match text.kind {
            TextKind::Mrkdwn => mrkdwn_to_html(&text.text, self.names),
            TextKind::PlainText if text.emoji == Some(false) => escape(&text.text),
            TextKind::PlainText => plain(&text.text),
        }
    }

    fn section(&self, section: &Section) -> String {
        let text = section.text.as_ref().map_or_else(String::new, |text| self.text(text));
        let fields: String = section.fields.iter().map(|field| format!("<div>{}</div>", self.text(field))).collect();
        let fields = if fields.is_empty() { fields } else { format!("<div class=\"fields\">{fields}</div>") };
        let accessory = section.accessory.as_ref().map_or_else(String::new, |element| self.element(element));
        format!(
            "<div class=\"block section\"><div class=\"text\">{text}{fields}</div>\
             <div class=\"accessory\">{accessory}</div></div>"
        )
    }

    fn context(&self, context: &Context) -> String {
        let parts: String = context
            .elements
            .iter()
            .map(|part| match part {
                ContextElement::Text(text) => format!("<span>{}</span>", self.text(text)),
                ContextElement::Element(element) => self.element(element),
            })
            .collect();
        format!("<div class=\"block context\">{parts}</div>")
    }

    fn actions(&self, actions: &Actions) -> String {
        let elements: String = actions.elements.iter().map(|element| self.element(element)).collect();
        format!("<div class=\"block actions\">{elements}</div>")
    }

    fn image(&self, image: &Image) -> String {
        let title = image.title.as_ref().map_or_else(String::new, |title| self.text(title));
        let (url, alt) = (escape(&image.image_url), escape(&image.alt_text));
        format!("<figure class=\"block\"><figcaption>{title}</figcaption><img src=\"{url}\" alt=\"{alt}\"></figure>")
    }

    fn input(&self, input: &Input) -> String {
        let hint = input.hint.as_ref().map_or_else(String::new, |hint| format!("<small>{}</small>", self.text(hint)));
        let optional = if input.optional { " <em>(optional)</em>" } else { "" };
        let dispatch = if input.dispatch_action { " data-dispatch" } else { "" };
        let required = if input.optional { "" } else { " data-required" };
        format!(
            "<div class=\"block input\" role=\"group\" aria-label=\"{}\" data-input=\"{}\"{dispatch}{required}>\
             <span class=\"label\">{}{optional}</span>{}{hint}<p class=\"error\" role=\"alert\" hidden></p></div>",
            escape(&input.label.text),
            escape(self.block_id),
            self.text(&input.label),
            self.labelled(&input.element, &input.label.text),
        )
    }

    fn element(&self, element: &Element) -> String {
        let label = placeholder(element).map_or_else(|| element.action_id().to_owned(), |text| text.text.clone());
        self.labelled(element, &label)
    }

    /// An element under a name that a screen reader can say.
    fn labelled(&self, element: &Element, label: &str) -> String {
        match element {
            Element::Button(button) => self.button(button),
            Element::Overflow(overflow) => self.overflow(overflow),
            Element::StaticSelect(select) => self.static_select(select, label),
            Element::ExternalSelect(select) => self.external_select(select, label),
            Element::UsersSelect(select) => self.users_select(select, label),
            Element::PlainTextInput(input) => self.text_input(input, label),
            Element::NumberInput(input) => self.number_input(input, label),
            Element::Checkboxes(boxes) => self.boxes(boxes, "checkbox"),
            Element::Image(image) => {
                format!(
                    "<img class=\"small\" src=\"{}\" alt=\"{}\">",
                    escape(&image.image_url),
                    escape(&image.alt_text)
                )
            }
            Element::Unknown(value) => self.unknown_element(value, label),
        }
    }

    /// What every element says about itself to the page.
    fn ids(&self, kind: &str, action_id: &str) -> String {
        format!(
            "data-element=\"{kind}\" data-block-id=\"{}\" data-action-id=\"{}\"",
            escape(self.block_id),
            escape(action_id)
        )
    }

    fn button(&self, button: &Button) -> String {
        let style = style_class(button.style);
        let label = button.accessibility_label.as_ref();
        let label = label.map_or_else(String::new, |label| format!(" aria-label=\"{}\"", escape(label)));
        let url = button.url.as_ref().filter(|url| url.starts_with("https://") || url.starts_with("http://"));
        let url = url.map_or_else(String::new, |url| format!(" data-url=\"{}\"", escape(url)));
        let value = button.value.as_ref();
        let value = value.map_or_else(String::new, |value| format!(" data-value=\"{}\"", escape(value)));
        format!(
            "<button type=\"button\" class=\"btn{style}\" {}{value}{url}{label}>{}</button>{}",
            self.ids("button", &button.action_id),
            self.text(&button.text),
            self.confirm(button.confirm.as_ref()),
        )
    }

    /// The question rides along in a template right after its element.
    fn confirm(&self, confirm: Option<&Confirm>) -> String {
        let Some(confirm) = confirm else { return String::new() };
        format!(
            "<template class=\"confirm\"><h2>{}</h2><p>{}</p>\
             <div class=\"buttons\"><button type=\"button\" class=\"btn\" data-testid=\"confirm-cancel\">{}</button>\
             <button type=\"button\" class=\"btn{}\" data-testid=\"confirm-ok\">{}</button></div></template>",
            self.text(&confirm.title),
            self.text(&confirm.text),
            self.text(&confirm.deny),
            style_class(Some(confirm.style.unwrap_or(Style::Primary))),
            self.text(&confirm.confirm),
        )
    }

    fn overflow(&self, overflow: &Overflow) -> String {
        let items: String = overflow
            .options
            .iter()
            .map(|option| {
                let url = option.url.as_ref().map_or_else(String::new, |url| format!(" data-url=\"{}\"", escape(url)));
                format!(
                    "<button type=\"button\" role=\"menuitem\" {} data-value=\"{}\"{url}>{}</button>",
                    self.ids("overflow", &overflow.action_id),
                    escape(&option.value),
                    self.text(&option.text),
                )
            })
            .collect();
        format!(
            "<details class=\"overflow\"><summary class=\"btn\" aria-label=\"More actions\" data-overflow=\"{}\">⋯</summary>\
             <div role=\"menu\">{items}</div></details>{}",
            escape(&overflow.action_id),
            self.confirm(overflow.confirm.as_ref()),
        )
    }

    fn static_select(&self, select: &StaticSelect, label: &str) -> String {
        let chosen = select.initial_option.as_ref().map(|option| option.value.as_str());
        let plain_options: String = select.options.iter().map(|option| self.option(option, chosen)).collect();
        let groups: String = select
            .option_groups
            .iter()
            .map(|group| {
                let options: String = group.options.iter().map(|option| self.option(option, chosen)).collect();
                format!("<optgroup label=\"{}\">{options}</optgroup>", escape(&group.label.text))
            })
            .collect();
        let empty = select.placeholder.as_ref().map_or_else(|| "Choose…".to_owned(), |text| escape(&text.text));
        format!(
            "<select {} aria-label=\"{}\"><option value=\"\">{empty}</option>{plain_options}{groups}</select>{}",
            self.ids("static_select", &select.action_id),
            escape(label),
            self.confirm(select.confirm.as_ref()),
        )
    }

    fn option(&self, option: &Choice, chosen: Option<&str>) -> String {
        let selected = if chosen == Some(option.value.as_str()) { " selected" } else { "" };
        format!("<option value=\"{}\"{selected}>{}</option>", escape(&option.value), self.text(&option.text))
    }

    fn external_select(&self, select: &ExternalSelect, label: &str) -> String {
        let least = select.min_query_length.unwrap_or(3);
        let initial = select.initial_option.as_ref();
        let held = initial.and_then(|option| serde_json::to_string(option).ok()).unwrap_or_default();
        let shown = initial.map_or_else(String::new, |option| escape(&option.text.text));
        let empty = select.placeholder.as_ref().map_or_else(|| "Type to search".to_owned(), |text| escape(&text.text));
        format!(
            "<span class=\"external\"><input type=\"text\" role=\"combobox\" aria-expanded=\"false\" autocomplete=\"off\" \
             {} data-least=\"{least}\" data-held=\"{}\" value=\"{shown}\" placeholder=\"{empty}\" aria-label=\"{}\">\
             <span class=\"choices\" role=\"listbox\" hidden></span></span>{}",
            self.ids("external_select", &select.action_id),
            escape(&held),
            escape(label),
            self.confirm(select.confirm.as_ref()),
        )
    }

    fn users_select(&self, select: &UsersSelect, label: &str) -> String {
        let mut people: Vec<_> = self.names.people.iter().collect();
        people.sort_by_key(|(_, name)| name.as_str());
        let options: String = people
            .into_iter()
            .map(|(id, name)| self.option(&Choice::new(name.as_str(), id.as_str()), select.initial_user.as_deref()))
            .collect();
        let empty =
            select.placeholder.as_ref().map_or_else(|| "Choose somebody…".to_owned(), |text| escape(&text.text));
        format!(
            "<select {} aria-label=\"{}\"><option value=\"\">{empty}</option>{options}</select>{}",
            self.ids("users_select", &select.action_id),
            escape(label),
            self.confirm(select.confirm.as_ref()),
        )
    }

    fn text_input(&self, input: &PlainTextInput, label: &str) -> String {
        let value = escape(input.initial_value.as_deref().unwrap_or_default());
        let common = format!(
            "{} aria-label=\"{}\" placeholder=\"{}\"{}{}",
            self.ids("plain_text_input", &input.action_id),
            escape(label),
            escape(input.placeholder.as_ref().map_or("", |text| &text.text)),
            attribute("minlength", input.min_length),
            attribute("maxlength", input.max_length),
        );
        if input.multiline {
            format!("<textarea rows=\"4\" {common}>{value}</textarea>")
        } else {
            format!("<input type=\"text\" {common} value=\"{value}\">")
        }
    }

    fn number_input(&self, input: &NumberInput, label: &str) -> String {
        format!(
            "<input type=\"number\" {} aria-label=\"{}\" step=\"{}\"{}{} value=\"{}\" placeholder=\"{}\">",
            self.ids("number_input", &input.action_id),
            escape(label),
            if input.is_decimal_allowed { "any" } else { "1" },
            attribute("min", input.min_value.as_deref().map(escape)),
            attribute("max", input.max_value.as_deref().map(escape)),
            escape(input.initial_value.as_deref().unwrap_or_default()),
            escape(input.placeholder.as_ref().map_or("", |text| &text.text)),
        )
    }

    /// Check boxes, and radio buttons, which differ only in the shape of the box.
    fn boxes(&self, boxes: &Checkboxes, shape: &str) -> String {
        let kind = if shape == "radio" { "radio_buttons" } else { "checkboxes" };
        let options: String = boxes
            .options
            .iter()
            .map(|option| {
                let ticked = boxes.initial_options.iter().any(|initial| initial.value == option.value);
                let description = option.description.as_ref();
                let description =
                    description.map_or_else(String::new, |text| format!("<small>{}</small>", self.text(text)));
                format!(
                    "<label><input type=\"{shape}\" name=\"{}\" value=\"{}\"{}> <span>{}{description}</span></label>",
                    escape(&format!("{}/{}", self.block_id, boxes.action_id)),
                    escape(&option.value),
                    if ticked { " checked" } else { "" },
                    self.text(&option.text),
                )
            })
            .collect();
        let confirm = self.confirm(boxes.confirm.as_ref());
        format!("<span class=\"boxes\" {}>{options}</span>{confirm}", self.ids(kind, &boxes.action_id))
    }

    fn unknown_element(&self, value: &Value, label: &str) -> String {
        let kind = value["type"].as_str().unwrap_or_default();
        let action_id = value["action_id"].as_str().unwrap_or_default();
        let html_type = match kind {
            "radio_buttons" => return self.radio_buttons(value),
            "datepicker" => "date",
            "timepicker" => "time",
            "email_text_input" => "email",
            "url_text_input" => "url",
            _ => return unknown(kind),
        };
        let initial = ["initial_date", "initial_time", "initial_value"].iter().find_map(|name| value[*name].as_str());
        format!(
            "<input type=\"{html_type}\" {} aria-label=\"{}\" value=\"{}\">",
            self.ids(kind, action_id),
            escape(label),
            escape(initial.unwrap_or_default()),
        )
    }

    fn radio_buttons(&self, value: &Value) -> String {
        match serde_json::from_value::<Checkboxes>(value.clone()) {
            Ok(mut boxes) => {
                let initial = serde_json::from_value(value["initial_option"].clone()).ok();
                boxes.initial_options.extend(initial);
                self.boxes(&boxes, "radio")
            }
            Err(_) => unknown("radio_buttons"),
        }
    }

    fn unknown_block(&self, value: &Value) -> String {
        let text = || serde_json::from_value::<Text>(value["text"].clone()).ok();
        match (value["type"].as_str().unwrap_or_default(), text()) {
            ("alert", Some(text)) => format!("<div class=\"block alert\" role=\"note\">{}</div>", self.text(&text)),
            ("markdown", None) => {
                format!("<div class=\"block markdown\">{}</div>", escape(value["text"].as_str().unwrap_or_default()))
            }
            (kind, _) => format!("<div class=\"block\">{}</div>", unknown(kind)),
        }
    }
}

fn unknown(kind: &str) -> String {
    format!("<span class=\"unknown\">[{}: not drawn here]</span>", escape(kind))
}

fn style_class(style: Option<Style>) -> &'static str {
    match style {
        Some(Style::Primary) => " primary",
        Some(Style::Danger) => " danger",
        None => "",
    }
}

fn attribute(name: &str, value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(String::new, |value| format!(" {name}=\"{value}\""))
}

fn placeholder(element: &Element) -> Option<&Text> {
    match element {
        Element::StaticSelect(select) => select.placeholder.as_ref(),
        Element::ExternalSelect(select) => select.placeholder.as_ref(),
        Element::UsersSelect(select) => select.placeholder.as_ref(),
        Element::PlainTextInput(input) => input.placeholder.as_ref(),
        Element::NumberInput(input) => input.placeholder.as_ref(),
        Element::Button(_)
        | Element::Overflow(_)
        | Element::Checkboxes(_)
        | Element::Image(_)
        | Element::Unknown(_) => None,
    }
}
