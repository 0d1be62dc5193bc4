// The page of the local Slack. It draws what /local/state says, and posts what a person does. It decides nothing:
// HTML of blocks comes from the server, confirm dialogs from a template beside each element.
"use strict";

const $ = (id) => document.getElementById(id);
const make = (tag, props = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
};
const query = new URLSearchParams(location.search);
const here = { me: query.get("as") || localStorage.getItem("as"), channel: query.get("channel"), thread: null, state: null };

// ---- talking to the server ------------------------------------------------------------------------------------------

async function post(path, body) {
  const answer = await fetch("/local/" + path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Local-Slack": "1" },
    body: JSON.stringify({ as: here.me, ...body }),
  });
  const json = await answer.json().catch(() => ({}));
  if (!answer.ok) note(`Not done: ${json.error || answer.status} ${(json.messages || []).join(" ")}`);
  return json;
}

let noteTimer;
function note(text) {
  $("note").textContent = text;
  $("note").hidden = false;
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => { $("note").hidden = true; }, 5000);
}

// One look at a time; changes that arrive meanwhile ask for one more.
let looking = false, again = false;
async function look() {
  if (looking) { again = true; return; }
  looking = true;
  do {
    again = false;
    try {
      if (!here.me) await pickSomebody();
      const url = `/local/state?as=${encodeURIComponent(here.me || "")}&channel=${encodeURIComponent(here.channel || "")}`;
      const answer = await fetch(url);
      if (answer.status === 404) { await pickSomebody(); again = true; continue; }
      const state = await answer.json();
      // Somebody else sits here meanwhile: what the one before may see is not shown to them.
      if (state.me.id !== here.me) { again = true; continue; }
      here.state = state;
      const { channels, first_channel: first } = state;
      if (!channels.some((it) => it.id === here.channel) && here.channel !== "home") {
        here.channel = (channels.find((it) => it.id === first) || channels[0]).id;
        again = true;
        continue;
      }
      draw();
      if (!$("inspector").hidden) await lookAtTraffic();
    } catch { note("The local Slack does not answer. Is it still running?"); }
  } while (again);
  looking = false;
}

async function pickSomebody() {
  const page = await (await fetch("/local/people")).json();
  here.me = page.people[0].id;
}

// ---- drawing --------------------------------------------------------------------------------------------------------

function draw() {
  const { state } = here;
  document.title = `${state.team.name} · Local Slack`;
  $("team").textContent = state.team.name;
  drawPeople(state);
  drawChannels(state);
  const home = here.channel === "home";
  const channel = state.channels.find((it) => it.id === here.channel);
  $("title").textContent = home ? `${state.app.name} · Home` : (channel.kind === "direct" ? "" : "# ") + channel.name;
  $("topic").textContent = home ? "" : channel.topic;
  $("messages").hidden = $("composer").hidden = home;
  $("home").hidden = !home;
  $("say").placeholder = home ? "" : `Message ${channel.name}, or ${state.app.command} help`;
  if (home) drawOnce($("home"), state.home?.hash || "none", state.home?.html || `<p class="empty">The app has not published its home tab yet.</p>`);
  const all = state.messages[here.channel] || [];
  drawMessages($("messages"), all.filter((it) => it.in_channel), "Nothing here yet. Say something, or wait for the app.");
  drawThread(all);
  drawModal(state.modals.at(-1));
  if (channel?.unread && document.hasFocus()) post("open", { channel: here.channel });
}

function drawPeople({ people }) {
  const select = $("act-as");
  if (select.options.length !== people.length) {
    select.replaceChildren(...people.map((it) => make("option", { value: it.id, textContent: it.name })));
  }
  select.value = here.me;
}

function drawChannels({ channels, app }) {
  const entry = (id, label, unread) => {
    const button = make("button", { type: "button", className: unread ? "unread" : "" }, make("span", { textContent: label }));
    button.dataset.channel = id;
    button.dataset.testid = "channel-" + id;
    button.setAttribute("aria-current", String(id === here.channel));
    if (unread) button.append(make("span", { className: "count", textContent: unread, ariaLabel: `${unread} unread` }));
    return button;
  };
  const of = (test) => channels.filter(test).map((it) => entry(it.id, (it.kind === "direct" ? "" : "# ") + it.name, it.unread));
  const focused = document.activeElement?.dataset?.channel;
  $("channels").replaceChildren(
    make("h2", { textContent: "Channels" }), ...of((it) => it.kind !== "direct"),
    make("h2", { textContent: "Direct messages" }), ...of((it) => it.kind === "direct"),
    make("h2", { textContent: "Apps" }), entry("home", `${app.name} home`, 0),
  );
  if (focused) $("channels").querySelector(`[data-channel="${CSS.escape(focused)}"]`)?.focus();
}

// Keeps nodes whose content did not change, so that focus, open menus and half-filled fields survive.
function drawMessages(list, messages, empty) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const changedPlace = list.dataset.place !== `${here.me}/${here.channel}/${here.thread}`;
  list.dataset.place = `${here.me}/${here.channel}/${here.thread}`;
  if (changedPlace) list.replaceChildren();
  const old = new Map([...list.querySelectorAll(":scope > .message")].map((node) => [node.dataset.ts, node]));
  const nodes = messages.map((message) => {
    const mark = `${message.changed_at}/${message.replies}/${JSON.stringify(message.reactions)}/${message.pinned}`;
    const node = old.get(message.ts);
    if (node?.dataset.mark === mark) return node;
    const drawn = drawMessage(message, list.id === "messages");
    drawn.dataset.mark = mark;
    if (!changedPlace) drawn.classList.add("fresh");
    return drawn;
  });
  if (!nodes.length && empty) nodes.push(make("li", { className: "empty", textContent: empty }));
  const same = nodes.length === list.children.length && nodes.every((node, at) => node === list.children[at]);
  if (!same) list.replaceChildren(...nodes);
  if (atEnd || changedPlace) list.scrollTop = list.scrollHeight;
}

function drawMessage(message, inChannel) {
  const at = new Date(Number(message.ts.split(".")[0]) * 1000);
  const by = make("div", { className: "by" }, make("b", { textContent: message.name }));
  if (message.is_app) by.append(make("span", { className: "app", textContent: "APP" }));
  by.append(make("time", { dateTime: at.toISOString(), textContent: at.toLocaleTimeString([], { timeStyle: "short" }), title: at.toLocaleString() }));
  if (message.only_for) by.append(make("span", { className: "only-you", textContent: "Only visible to you" }));
  if (message.pinned) by.append(make("span", { className: "soft", textContent: "pinned" }));
  const content = make("div", { className: "content", innerHTML: message.html });
  localise(content);
  const body = make("div", {}, by, content);
  const reactions = Object.entries(message.reactions).map(([name, users]) => `:${name}: ${users.length}`).join("  ");
  if (reactions) body.append(make("div", { className: "reactions", textContent: reactions }));
  if (inChannel && message.replies) {
    const label = message.replies === 1 ? "1 reply" : `${message.replies} replies`;
    body.append(make("button", { type: "button", className: "thread-link", textContent: label }));
    body.lastChild.dataset.thread = message.ts;
  }
  const avatar = make("div", { className: "avatar", ariaHidden: "true", textContent: message.name.slice(0, 1) });
  avatar.style.backgroundColor = message.colour;
  const node = make("li", { className: "message" + (message.only_for ? " private" : "") }, avatar, body);
  if (!message.only_for) node.append(drawTools(message, inChannel));
  node.dataset.ts = message.ts;
  node.dataset.channel = here.channel;
  return node;
}

function drawTools(message, inChannel) {
  const tools = make("div", { className: "tools" });
  if (inChannel) {
    tools.append(make("button", { type: "button", className: "btn quiet", textContent: "Reply in thread" }));
    tools.lastChild.dataset.thread = message.ts;
  }
  if (!here.state.app.message_shortcuts.length) return tools;
  const menu = make("div");
  menu.setAttribute("role", "menu");
  for (const [id, words] of here.state.app.message_shortcuts) {
    const item = make("button", { type: "button", textContent: words });
    item.setAttribute("role", "menuitem");
    item.dataset.shortcut = id;
    menu.append(item);
  }
  tools.append(make("details", { className: "overflow" }, make("summary", { className: "btn quiet", textContent: "⋯", ariaLabel: "Message shortcuts" }), menu));
  return tools;
}

function drawThread(all) {
  $("thread").hidden = !here.thread;
  if (here.thread) drawMessages($("replies"), all.filter((it) => it.ts === here.thread || it.thread_ts === here.thread), "");
}

function drawOnce(node, mark, html) {
  if (node.dataset.mark === mark) return;
  node.dataset.mark = mark;
  node.innerHTML = html;
  localise(node);
}

function drawModal(view) {
  const dialog = $("modal");
  if (!view) { dialog.dataset.mark = ""; if (dialog.open) dialog.close(); return; }
  if (dialog.dataset.mark !== view.hash) {
    dialog.dataset.mark = view.hash;
    dialog.dataset.view = view.id;
    const buttons = make("div", { className: "buttons" });
    const button = (words, style, testid) => {
      buttons.append(make("button", { type: "button", className: "btn" + style, textContent: words }));
      buttons.lastChild.dataset.testid = testid;
    };
    button(view.close || "Close", "", "modal-close");
    if (view.submit) button(view.submit, " primary", "modal-submit");
    const content = make("div", { className: "content", innerHTML: view.html });
    localise(content);
    dialog.replaceChildren(make("h2", { id: "modal-title", textContent: view.title }), content, make("p", { className: "error", role: "alert", hidden: true }), buttons);
  }
  if (!dialog.open) dialog.showModal();
}

// Slack's date tokens, in the reader's own zone and language.
function localise(root) {
  for (const node of root.querySelectorAll("time[data-format]")) {
    const at = new Date(node.dateTime);
    const days = Math.round((new Date(at).setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / 864e5);
    const date = (style) => at.toLocaleDateString([], style);
    const pretty = (style) => ({ "-1": "Yesterday", 0: "Today", 1: "Tomorrow" })[days] ?? date(style);
    const words = {
      date_num: date({ dateStyle: "short" }), date: date({ dateStyle: "long" }), date_long: date({ dateStyle: "full" }),
      date_short: date({ dateStyle: "medium" }), date_pretty: pretty({ dateStyle: "long" }),
      date_long_pretty: pretty({ dateStyle: "full" }), date_short_pretty: pretty({ dateStyle: "medium" }),
      time: at.toLocaleTimeString([], { timeStyle: "short" }), time_secs: at.toLocaleTimeString([], { timeStyle: "medium" }),
    };
    node.textContent = node.dataset.format.replace(/\{(\w+)\}/g, (all, token) => words[token] ?? all);
    node.title = at.toLocaleString();
  }
}

// ---- elements -------------------------------------------------------------------------------------------------------

function held(node) {
  switch (node.dataset.element) {
    case "checkboxes": return [...node.querySelectorAll("input:checked")].map((it) => it.value);
    case "radio_buttons": return node.querySelector("input:checked")?.value ?? null;
    case "external_select": return node.dataset.held ? JSON.parse(node.dataset.held) : null;
    default: return node.value ?? null;
  }
}

function place(node) {
  const message = node.closest(".message");
  if (message) return { channel: message.dataset.channel, ts: message.dataset.ts, root: message };
  const dialog = node.closest("#modal");
  return { view_id: dialog ? dialog.dataset.view : here.state.home.id, root: dialog || $("home") };
}

function allValues(root) {
  const values = {};
  for (const node of root.querySelectorAll("[data-element]:not(button)")) {
    (values[node.dataset.blockId] ??= {})[node.dataset.actionId] = held(node);
  }
  return values;
}

// The question stands in a template after its element; a menu's stands after the whole menu.
function question(node) {
  const next = (node.closest("details.overflow, .external") || node).nextElementSibling;
  return next?.matches("template.confirm") ? next : null;
}

function confirmed(template) {
  const dialog = $("confirm");
  dialog.replaceChildren(template.content.cloneNode(true));
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclick = ({ target }) => { if (target.dataset.testid) dialog.close(target.dataset.testid); };
    dialog.onclose = () => resolve(dialog.returnValue === "confirm-ok");
    dialog.returnValue = "";
  });
}

async function use(node, chosen) {
  const { root, ...where } = place(node);
  const template = question(node);
  if (template && !(await confirmed(template))) return;
  const url = node.dataset.url;
  if (url && /^https?:/.test(url)) window.open(url, "_blank", "noopener");
  node.setAttribute("aria-busy", "true");
  const body = { block_id: node.dataset.blockId, action_id: node.dataset.actionId, chosen, values: allValues(root) };
  const answer = await post("act", { ...where, ...body });
  node.removeAttribute("aria-busy");
  if (answer.failure) note(`The app did not answer: ${answer.failure}`);
}

// An input tells the app at once only where it is no form field, or asks to.
const tellsAtOnce = (node) => !node.closest("[data-input]") || node.closest("[data-input]").hasAttribute("data-dispatch");

async function submit(button) {
  const dialog = $("modal");
  if (button.getAttribute("aria-busy")) return;
  for (const error of dialog.querySelectorAll(".error")) error.hidden = true;
  const show = (node, text) => { node.textContent = text; node.hidden = false; };
  let firstWrong = null;
  for (const group of dialog.querySelectorAll("[data-input]")) {
    const node = group.querySelector("[data-element]");
    const value = node && held(node);
    const empty = value === null || value === "" || (Array.isArray(value) && !value.length);
    const wrong = empty ? (group.hasAttribute("data-required") ? "Please fill in this field." : "") : node.validationMessage || shortOf(node);
    if (node && wrong) { show(group.querySelector(".error"), wrong); firstWrong ??= node; }
  }
  if (firstWrong) { firstWrong.focus(); return; }
  button.setAttribute("aria-busy", "true");
  const answer = await post("submit", { view_id: dialog.dataset.view, values: allValues(dialog) });
  button.removeAttribute("aria-busy");
  for (const [block, text] of Object.entries(answer.errors || {})) {
    const group = dialog.querySelector(`[data-input="${CSS.escape(block)}"]`);
    show(group ? group.querySelector(".error") : dialog.querySelector(":scope > .error"), text);
  }
  if (answer.failure) show(dialog.querySelector(":scope > .error"), `The app did not answer (${answer.failure}). Try again.`);
}

function shortOf(node) {
  const least = Number(node.getAttribute("minlength") || 0);
  return node.value && node.value.length < least ? `At least ${least} characters, please.` : "";
}

let typing;
function suggest(input) {
  const list = input.parentElement.querySelector(".choices");
  input.dataset.held = "";
  clearTimeout(typing);
  if (input.value.length < Number(input.dataset.least)) { list.hidden = true; return; }
  typing = setTimeout(async () => {
    const { root, ...where } = place(input);
    const answer = await post("suggest", { ...where, block_id: input.dataset.blockId, action_id: input.dataset.actionId, text: input.value });
    const options = [...(answer.options || []), ...(answer.option_groups || []).flatMap((group) => group.options)];
    list.replaceChildren(...options.map((option) => {
      const button = make("button", { type: "button", textContent: option.text.text });
      button.setAttribute("role", "option");
      button.dataset.option = JSON.stringify(option);
      return button;
    }));
    if (!options.length) list.append(make("small", { textContent: answer.failure ? `No answer: ${answer.failure}` : "Nothing found" }));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  }, 150);
}

function choose(button) {
  const input = button.closest(".external").querySelector("input");
  const option = JSON.parse(button.dataset.option);
  input.dataset.held = button.dataset.option;
  input.value = option.text.text;
  button.parentElement.hidden = true;
  input.setAttribute("aria-expanded", "false");
  if (tellsAtOnce(input)) use(input, option);
  input.focus();
}

// ---- composer and command hints -------------------------------------------------------------------------------------

async function send(box, thread) {
  const text = box.value.trim();
  if (!text) return;
  box.value = "";
  $("hints").hidden = true;
  const answer = await post("say", { channel: here.channel, text, ...(thread && { thread_ts: thread }) });
  if (answer.error) box.value = text;
  box.focus();
}

function hint() {
  const { command, hints } = here.state.app;
  const typed = $("say").value;
  const verb = typed.startsWith(command + " ") ? typed.slice(command.length + 1) : command.startsWith(typed) && typed ? "" : null;
  const found = verb === null ? [] : hints.filter(([usage]) => usage.startsWith(verb) && usage !== verb);
  $("hints").replaceChildren(...found.map(([usage, what], at) => {
    const item = make("li", {}, make("b", { textContent: `${command} ${usage}` }), make("span", { textContent: what }));
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(at === 0));
    item.dataset.usage = usage;
    return item;
  }));
  $("hints").hidden = !found.length;
}

function complete(item) {
  const words = item.dataset.usage.split(" ");
  const fixed = words.filter((word) => word === word.toLowerCase() && !/^[@\d]/.test(word));
  $("say").value = `${here.state.app.command} ${fixed.join(" ")}${fixed.length < words.length ? " " : ""}`;
  $("hints").hidden = true;
  $("say").focus();
}

function hintKey(event) {
  const items = [...$("hints").children];
  const at = items.findIndex((it) => it.getAttribute("aria-selected") === "true");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if ($("hints").hidden || !items.length) return false;
  if (event.key === "Escape") $("hints").hidden = true;
  else if (event.key === "Tab") complete(items[at]);
  else if (step) {
    items[at].setAttribute("aria-selected", "false");
    const next = items[(at + step + items.length) % items.length];
    next.setAttribute("aria-selected", "true");
    next.scrollIntoView({ block: "nearest" });
  } else return false;
  event.preventDefault();
  return true;
}

// ---- inspector ------------------------------------------------------------------------------------------------------

let lastExchange = 0;
async function lookAtTraffic() {
  const { exchanges } = await (await fetch("/local/traffic?after=" + lastExchange)).json();
  for (const it of exchanges) {
    lastExchange = it.number;
    const arrow = it.direction === "to_app" ? "→ app" : "← app";
    const failed = it.status !== "200" || it.response?.ok === false;
    const summary = make("summary", {}, make("span", { textContent: arrow }), make("b", { textContent: it.name }),
      make("span", { textContent: it.response?.error || it.status, className: failed ? "bad" : "soft" }),
      make("span", { textContent: `${it.duration_ms.toFixed(1)} ms`, className: "soft" }));
    const show = (value) => make("pre", { textContent: JSON.stringify(value, null, 2), tabIndex: 0 });
    $("traffic").prepend(make("li", {}, make("details", {}, summary, make("small", { textContent: "request" }), show(it.request), make("small", { textContent: "answer" }), show(it.response))));
  }
  while ($("traffic").children.length > 200) $("traffic").lastChild.remove();
}

// ---- wiring ---------------------------------------------------------------------------------------------------------

function go(channel) {
  here.channel = channel;
  here.thread = null;
  post("open", { channel });
  look();
}

document.addEventListener("click", ({ target }) => {
  const node = target.closest("button, summary, li[data-usage]");
  for (const open of document.querySelectorAll("details.overflow[open]")) if (!open.contains(target)) open.open = false;
  for (const list of document.querySelectorAll(".choices:not([hidden])")) if (!list.parentElement.contains(target)) list.hidden = true;
  if (!node) return;
  const { dataset } = node;
  if (node.closest("#channels")) go(dataset.channel);
  else if (dataset.usage) complete(node);
  else if (dataset.option) choose(node);
  else if (dataset.thread) { here.thread = dataset.thread; look().then(() => $("reply").focus()); }
  else if (dataset.shortcut) { const { channel, ts } = place(node); node.closest("details").open = false; post("shortcut", { channel, ts, callback_id: dataset.shortcut }); }
  else if (dataset.element === "button") use(node, dataset.value ?? null);
  else if (dataset.element === "overflow") { node.closest("details").open = false; use(node, dataset.value); }
  else if (dataset.testid === "modal-submit") submit(node);
  else if (dataset.testid === "modal-close") post("close", { view_id: $("modal").dataset.view });
});
document.addEventListener("change", ({ target }) => {
  const node = target.closest("select[data-element], .boxes[data-element], input[type=date], input[type=time]");
  if (node && tellsAtOnce(node) && held(node) !== "") use(node, held(node));
});
document.addEventListener("input", ({ target }) => {
  if (target.dataset.element === "external_select") suggest(target);
  if (target.id === "say") hint();
});
document.addEventListener("focusin", ({ target }) => {
  if (target.dataset.element === "external_select" && !target.value && target.dataset.least === "0") suggest(target);
});
document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (target.id === "say" && hintKey(event)) return;
  if (key === "Enter" && !event.shiftKey && !event.isComposing && (target.id === "say" || target.id === "reply")) {
    event.preventDefault();
    send(target, target.id === "reply" ? here.thread : null);
  } else if (key === "Enter" && target.dataset?.element === "plain_text_input" && target.tagName === "INPUT" && tellsAtOnce(target)) use(target, target.value);
  else if (key === "Escape" && here.thread && !$("modal").open) { here.thread = null; look(); }
});
$("modal").addEventListener("cancel", (event) => { event.preventDefault(); post("close", { view_id: $("modal").dataset.view }); });
$("send").onclick = () => send($("say"), null);
$("send-reply").onclick = () => send($("reply"), here.thread);
$("thread-close").onclick = () => { here.thread = null; look(); };
$("act-as").onchange = ({ target }) => { here.me = target.value; here.thread = null; localStorage.setItem("as", here.me); look(); };
$("inspect").onclick = ({ currentTarget }) => {
  const open = $("inspector").hidden;
  $("inspector").hidden = !open;
  currentTarget.setAttribute("aria-expanded", String(open));
  if (open) lookAtTraffic();
};
window.addEventListener("focus", look);

const live = new EventSource("/local/events");
live.addEventListener("change", look);
live.onopen = look;
