// Every button, command and dialog, on alarms that we send ourselves to a quiet demo.
import assert from "node:assert/strict";
import { Screen, gone, see, startDemo, until } from "./stage.mjs";

export async function everything(browser, checks) {
  const demo = await startDemo("--quiet");
  // Every alarm here wants a card to press on, however many there are.
  demo.set("digest_after", 0);
  try {
    const screen = await Screen.open(browser, demo);
    const check = (name, body) => checks.check(screen, name, body);
    await screen.be("U0ANA");
    await cards(screen, check);
    await dialogs(screen, check);
    await runs(screen, check);
    await pages(screen, check);
    await commands(screen, check);
    await rota(screen, check);
    await handoffs(screen, check);
    await outsider(screen, check);
    await looks(browser, screen, check);
    await check("the page never complained", () => assert.deepEqual(screen.complaints, []));
  } finally {
    await demo.stop();
  }
}

let alarms = 0;

/** Sends an alarm of a Kubernetes node, for which the starter library has actions, and returns its card. */
async function fire(screen, title, more = {}) {
  alarms += 1;
  const alarm = {
    title: `${title}: node not ready`, key: title, id: `alarm-${alarms}`, state: "firing", service: "shop", severity: "critical",
    labels: { node: `node-${alarms}` }, links: [{ rel: "graph", url: "http://127.0.0.1:9/graph" }], ...more,
  };
  const answer = await fetch(`${screen.demo.root}/hooks/generic`, { method: "POST", body: JSON.stringify(alarm) });
  assert.ok(answer.ok, `the hook answered ${answer.status}`);
  const card = await screen.card(new RegExp(`INC-\\d+ ${title}`));
  // A page that was sent draws the card once more; a press in that moment would meet a card that is gone.
  await see(card, /Owner @[^]*, paged [^]*1\. /);
  return card;
}

async function cards(screen, check) {
  await check("Acknowledge turns the card yellow and leaves the list of owners", async () => {
    const card = await fire(screen, "Acknowledged");
    await screen.press(card, "inc.ack");
    const text = await see(card, /ACKNOWLEDGED by @Ana Ruiz/);
    assert.doesNotMatch(text, /Owner/);
    await gone(card.locator('[data-action-id="inc.ack"]'));
  });
  await check("Resolve asks while the alarm fires; Keep open keeps, Resolve anyway resolves, Reopen opens", async () => {
    const card = await fire(screen, "Resolved");
    await screen.press(card, "inc.resolve");
    await see(screen.at("confirm"), /still firing/);
    await screen.confirm(false);
    assert.match(await card.innerText(), /FIRING/);
    await screen.press(card, "inc.resolve");
    await screen.confirm();
    await see(card, /RESOLVED after[^]*Resolved by Ana Ruiz/);
    await screen.choose(card, "Reopen");
    await see(card, /FIRING[^]*opened again/);
  });
  await check("a cleared alarm resolves its incident; Right suggestion is thanked by going away", async () => {
    const card = await fire(screen, "Judged-right");
    const body = JSON.stringify({ title: "Judged-right: node not ready", key: "Judged-right", id: "clear-1", state: "cleared" });
    await fetch(`${screen.demo.root}/hooks/generic`, { method: "POST", body });
    await see(card, /RESOLVED[^]*Alarm cleared/);
    await screen.shoot("feedback");
    await screen.press(card, "fb.yes");
    await gone(card.locator('[data-action-id^="fb."]'));
    await screen.choose(card, "Timeline");
    await see(screen.at("modal"), /Ana Ruiz.*suggestion/i);
    await close(screen);
  });
  await check("Wrong suggestion is kept in the timeline", async () => {
    const card = await fire(screen, "Judged-wrong");
    await screen.press(card, "inc.resolve");
    await screen.confirm();
    await screen.press(card, "fb.no");
    await gone(card.locator('[data-action-id^="fb."]'));
    await screen.choose(card, "Timeline");
    await see(screen.at("modal"), /Ana Ruiz.*(wrong|not right)/i);
    await close(screen);
  });
  await check("Graph leads to the alarm's own address", async () => {
    const card = await fire(screen, "Graphed");
    const url = await card.locator('[data-action-id="inc.graph"]').getAttribute("data-url");
    assert.equal(url, "http://127.0.0.1:9/graph");
  });
}

/** Closes the dialog by its own button. */
async function close(screen) {
  await screen.at("modal-close").click();
  await gone(screen.at("modal"));
}

async function dialogs(screen, check) {
  let card;
  await check("Why these actions? shows reasons, record and what came close", async () => {
    card = await fire(screen, "Dialogs");
    await screen.choose(card, "Why these actions?");
    const text = await see(screen.at("modal"), /Reason[^]*Runbook[^]*Came close/);
    assert.match(text, /1\. [^]*2\. [^]*3\. /);
    assert.match(text, /Nothing runs by itself/);
    await screen.shoot("why");
    await close(screen);
  });
  await check("a note has to be written, and stands in card, thread and timeline", async () => {
    await screen.choose(card, "Add a note…");
    await see(screen.at("modal"), /Note on INC-/);
    await screen.at("modal-submit").click();
    await see(screen.at("modal"), /Please fill in this field/);
    await screen.at("modal").locator("textarea").fill("Looks like <DNS> & nothing else");
    await screen.shoot("note");
    await screen.at("modal-submit").click();
    await gone(screen.at("modal"));
    await see(card, /Ana Ruiz: Looks like <DNS> &/);
    await card.locator(".thread-link").click();
    await see(screen.at("thread"), /Ana Ruiz[^]*Looks like <DNS> &/);
    await screen.at("thread-close").click();
    await screen.choose(card, "Timeline");
    await see(screen.at("modal"), /Looks like <DNS> & nothing else/);
    await screen.shoot("timeline");
    await close(screen);
  });
  await check("stars in foreign text stay stars", async () => {
    assert.match(await card.innerText(), /“\*node\*not\*ready\*”/);
  });
  await check("Escalate now asks the next level", async () => {
    await screen.choose(card, "Escalate now");
    await see(card, /Owner @Chi[^]*level 2/);
  });
  await check("Hand over… gives the incident to somebody", async () => {
    await screen.choose(card, "Hand over…");
    await see(screen.at("modal"), /Hand over INC-\d+[^]*To whom/);
    await screen.at("modal").locator("select").selectOption("U0BEN");
    await screen.shoot("hand-over");
    await screen.at("modal-submit").click();
    await gone(screen.at("modal"));
    await see(card, /Owner @Ben Okafor/);
  });
  await check("Hand over… to somebody outside the rota is refused in words", async () => {
    await screen.choose(card, "Hand over…");
    await screen.at("modal").locator("select").selectOption("U0SAM");
    await screen.at("modal-submit").click();
    await see(screen.at("modal"), /Nothing done[^]*(Sam|U0SAM|not in the rota)/);
    await screen.shoot("hand-over-refused");
    await close(screen);
    assert.match(await card.innerText(), /Owner @Ben Okafor/);
  });
}

async function runs(screen, check) {
  let card;
  const choose = async (action) => {
    await screen.press(card, "inc.other");
    await see(screen.at("modal"), /Other action/);
    await screen.at("modal").locator("select").selectOption(action);
    await screen.at("modal-submit").click();
  };
  const fill = (name, value) => screen.at("modal").locator(`[data-input="param:${name}"] input`).fill(value);
  await check("Other action… asks for parameters and tells what is wrong beside the field", async () => {
    card = await fire(screen, "Runs");
    await choose("drill-sleep");
    await see(screen.at("modal"), /Sleep near shop[^]*Seconds[^]*Reason/);
    await fill("seconds", "99");
    await fill("reason", "No Good");
    await screen.at("modal-submit").click();
    await see(screen.at("modal").locator('[data-input="param:seconds"] .error'), /60/);
    await fill("seconds", "50");
    await screen.at("modal-submit").click();
    await see(screen.at("modal").locator('[data-input="param:reason"] .error'), /\S/);
    await screen.shoot("parameters");
    await fill("reason", "drill");
    await screen.at("modal-submit").click();
    await gone(screen.at("modal"));
  });
  await check("a run in progress can be stopped, after a question", async () => {
    await see(card, /Sleep near shop.*running since.*at most 1 min.*started by @Ana Ruiz/);
    assert.equal(await card.locator('[data-action-id="inc.other"]').count(), 0);
    await screen.shoot("running");
    await screen.press(card, "run.stop");
    await see(screen.at("confirm"), /Stop it\?/);
    await screen.confirm(false);
    await screen.press(card, "run.stop");
    await screen.confirm();
    await see(card, /Sleep near shop.*stopped by @Ana Ruiz/);
  });
  await check("Undo… runs the action that undoes it", async () => {
    await screen.press(card, "run.undo");
    await see(card, /Wake shop by @Ana Ruiz.*done/);
    await screen.shoot("undone");
  });
  await check("Undo… drops the parameters that the undoing action does not take", async () => {
    const nap = await fire(screen, "Nap");
    await screen.press(nap, "inc.other");
    await screen.at("modal").locator("select").selectOption("drill-nap");
    await screen.at("modal-submit").click();
    await fill("reason", "drill");
    await screen.at("modal-submit").click();
    await see(nap, /Nap near shop by @Ana Ruiz.*done/);
    await screen.press(nap, "run.undo");
    await see(nap, /Rise shop by @Ana Ruiz.*done/, 3000);
  });
  await check("a run that ends well says what it printed, to the end", async () => {
    await choose("drill-sleep");
    await fill("seconds", "1");
    await fill("reason", "drill");
    await screen.at("modal-submit").click();
    await gone(screen.at("modal"));
    await see(card, /Sleep near shop by @Ana Ruiz.*done/);
  });
  await check("a dry run from the card asks, runs, and says what it would have done", async () => {
    const fresh = await fire(screen, "Dry");
    const drain = fresh.getByRole("button", { name: /^Run suggestion \d: Move the pods/ });
    await drain.click();
    await see(screen.at("confirm"), /Evicts every pod of node-\d+[^]*Undo: Let pods onto node-\d+ again/);
    await screen.confirm();
    await see(fresh, /Move the pods of node-\d+ elsewhere by @Ana Ruiz.*done[^]*(dry run|would)/i);
    await fresh.locator(".thread-link").click();
    await see(screen.at("thread"), /Ana Ruiz started: "Move the pods/);
    await see(screen.at("thread"), /"Move the pods of node-\d+ elsewhere" succeeded/);
  });
  await check("the thread tells a quick run's start before its end", async () => {
    await see(screen.at("thread"), /Ana Ruiz started: "Move the pods[^]*"Move the pods of node-\d+ elsewhere" succeeded/, 1000);
  });
  await check("the thread closes", async () => {
    if (await screen.at("thread").isVisible()) await screen.at("thread-close").click();
    await gone(screen.at("thread"));
  });
  await check("a run that cannot start is told as failed, with the reason", async () => {
    const fresh = await fire(screen, "Broken");
    await fresh.getByRole("button", { name: /^Show suggestion 1: Describe node/ }).click();
    if (await screen.at("confirm").isVisible()) await screen.confirm();
    await see(fresh, /Describe node.*(failed[^]*kubectl|done)/);
  });
}

async function pages(screen, check) {
  /** The one who was paged for an alarm, and the page in the direct message with CatOps. */
  const paged = async (title) => {
    const card = await fire(screen, title);
    const owner = /Owner @(Ana|Ben|Chi)/.exec(await card.innerText())[1].toUpperCase();
    await screen.be("U0" + owner);
    await screen.goDirect();
    return screen.card(new RegExp(`INC-\\d+ ${title}`));
  };
  const back = async () => { await screen.be("U0ANA"); await screen.go("C0OPS"); };
  await check("the page says why, and its Acknowledge takes the incident", async () => {
    const page = await paged("Paged");
    assert.match(await page.innerText(), /SEV1[^]*You are asked because: on call for shop[^]*Most likely to help: Describe node/);
    await screen.shoot("page");
    await screen.press(page, "inc.ack");
    await back();
    await screen.card(/ACKNOWLEDGED by[^]*INC-\d+ Paged/);
  });
  await check("a page that was acknowledged loses its buttons", async () => {
    const page = await paged("Paged-over");
    await screen.press(page, "inc.ack");
    await see(page, /was acknowledged by/, 3000);
    await gone(page.locator("[data-action-id]"));
    await back();
  });
  await check("I cannot pages the next level", async () => {
    const page = await paged("Refused-page");
    await screen.press(page, "inc.decline");
    await back();
    const card = await screen.card(/INC-\d+ Refused-page/);
    await see(card, /Owner @Chi[^]*level 2/);
  });
}

async function commands(screen, check) {
  let card;
  let n;
  await check("help lists the commands, and its buttons answer", async () => {
    card = await fire(screen, "Typed");
    n = card.number;
    await screen.command("help", /Incidents[^]*ack 42[^]*Actions and people[^]*oncall/);
    const help = screen.answer;
    await screen.shoot("help");
    await screen.hear(/\d+ open incidents[^]*Typed/, () => screen.press(help, "inc.list"));
    await screen.hear(/On call now[^]*platform[^]*shop/, () => screen.press(help, "oncall.list"));
    await screen.command("help run", /run an action/);
  });
  const said = [
    ["ping", () => "ping", /Meow!/],
    ["whoami", () => "whoami", /You are Ana Ruiz \(ana\), on .*shop/],
    ["oncall", () => "oncall", /On call now[^]*shop[^]*(Ana|Ben)/],
    ["oncall of one schedule", () => "oncall platform", /platform/],
    ["oncall of an unknown schedule", () => "oncall nowhere", /nowhere/],
    ["incidents", () => "incidents", /open incidents[^]*Typed/],
    ["why", () => `why ${n}`, /Describe node[^]*Reason/],
    ["ack", () => `ack ${n}`, /INC-\d+ Typed.*: acknowledged\./],
    ["ack again", () => `ack ${n}`, /already/],
    ["note", () => `note ${n} looks like DNS`, /INC-\d+ Typed.*: noted\./],
    ["assign", () => `assign ${n} to @ben`, /INC-\d+ Typed.*: given away\./],
    ["escalate", () => `escalate ${n}`, /INC-\d+ Typed.*: escalated\.|Nothing done/],
    ["run, alone", () => "run", /run 1 on INC-\d+/],
    ["run, dry", () => `run drain-node --dry-run on ${n}`, /Would run on INC-\d+[^]*Nothing was done/],
    ["run with a bad value", () => `run drill-sleep seconds=99 reason=drill on ${n}`, /seconds/i],
    ["run", () => `run drill-rise on ${n}`, /INC-\d+ Typed.*: running\./],
    ["timeline", () => `timeline ${n}`, /looks like DNS[^]*Rise shop/],
    ["resolve", () => `resolve ${n} "rolled back"`, /INC-\d+ Typed.*: resolved\./],
    ["reopen", () => `reopen ${n}`, /INC-\d+ Typed.*: opened again\./],
    ["an unknown number", () => "ack 9999", /9999/],
    ["an unknown verb", () => "resovle 1", /did you mean/i],
    ["nothing after the command", () => "", /CatOps/],
  ];
  for (const [name, line, pattern] of said) {
    await check(`/catops: ${name}`, () => screen.command(line(), pattern));
  }
  await check("what was typed stands on the card", async () => {
    await see(card, /Ana Ruiz: looks like DNS/);
    await see(card, /opened again/);
  });
  await check("the list of incidents shows, acknowledges and resolves", async () => {
    const mine = await fire(screen, "Listed");
    await screen.command("incidents", /Listed/);
    const row = screen.answer.locator(".block").filter({ hasText: `INC-${mine.number} ` }).first();
    await screen.hear(/FIRING[^]*Listed/, () => screen.choose(row, "Show"));
    await screen.choose(row, "Acknowledge");
    await see(mine, /ACKNOWLEDGED by @Ana/);
    await screen.choose(row, "Resolve");
    await see(mine, /RESOLVED/);
  });
  await check("a misread line offers Help", async () => {
    await screen.command("frobnicate", /frobnicate/);
    await screen.hear(/Actions and people/, () => screen.press(screen.answer, "help.open"));
  });
  await check("a mention is answered for its writer", () => screen.hear(/open incidents/, () => screen.type("@CatOps incidents")));
  await check("who is on call is asked in anybody's words", async () => {
    await screen.type("@CatOps who is on call?");
    const question = screen.at("messages").locator(".message:not(.private)").filter({ hasText: "who is on call?" }).last();
    await see(question, /1 reply/);
    await question.getByRole("button", { name: /1 reply/ }).click();
    await see(screen.at("thread"), /On call now/);
    await screen.at("thread-close").click();
  });
  await check("other words in a mention get the help", () => screen.hear(/mention CatOps in a thread/, () => screen.type("@CatOps no problem, thanks")));
  await check("a mention in the thread means the thread's incident", async () => {
    await card.getByRole("button", { name: "Reply in thread" }).click({ force: true });
    await screen.at("reply-box").fill("@CatOps note typed in the thread");
    await screen.at("send-reply").click();
    await see(card, /Ana Ruiz: typed in the thread/);
    await screen.at("thread-close").click();
  });
  await check("a direct message is answered there", async () => {
    await screen.goDirect();
    await screen.type("ping");
    await see(screen.at("messages").locator(".message").last(), /Meow!/);
    await screen.go("C0OPS");
  });
  await check("a storm in another service goes to its own channel", async () => {
    await screen.go("C0BILLING");
    await fire(screen, "Invoices", { service: "billing-worker" });
    await screen.go("C0OPS");
    await until("the list", async () => !(await screen.at("messages").innerText()).includes("Invoices: node"));
  });
}

/** The newest message for everybody that says this. */
async function message(screen, pattern) {
  const found = screen.at("messages").locator(".message:not(.private)").filter({ hasText: pattern }).last();
  await see(found, pattern);
  const ts = await found.getAttribute("data-ts");
  return screen.at("messages").locator(`.message[data-ts="${ts}"]`);
}

/** A schedule on which nobody is on call for a day, three days from now. */
function withGap() {
  const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  const layer = (name, who, more) =>
    `[[schedules.night.layers]]\nname = "${name}"\nrotation = ["${who}"]\nhandoff = "2026-01-05 09:00"\nevery = "1 week"\n${more}\n`;
  return `[schedules.night]\nzone = "UTC"\nchannel = "C0OPS"\ntopic = true\n`
    + layer("first", "ana", `end = "${day(3)} 10:00"`) + layer("later", "ben", `start = "${day(4)} 10:00"`);
}

async function handoffs(screen, check) {
  await check("a time with nobody is told, and Fill it fills it after a question", async () => {
    screen.demo.addToRota("night.toml", withGap());
    const alarm = await message(screen, /Nobody will be on call for night/);
    await screen.shoot("gap");
    await screen.be("U0CHI");
    await screen.press(alarm, "gap.fill");
    await see(screen.at("confirm"), /You will be on call in all of it/);
    await screen.confirm();
    await see(alarm, /Somebody is on call for night again[^]*Chi/);
    await gone(alarm.locator('[data-action-id="gap.fill"]'));
  });
  await check("a handoff is posted, and who comes has it", async () => {
    await screen.be("U0BEN");
    await screen.type("/catops oncall take 2h on night");
    const post = await message(screen, /Ben Okafor is on call for night[^]*Ana Ruiz leaves[^]*handoff 1 of night/);
    await see(post, /Next shifts/);
    await screen.shoot("handoff");
    await screen.press(post, "handoff.take");
    await see(post, /Ben Okafor has it since/);
    await gone(post.locator('[data-action-id="handoff.take"]'));
    await screen.be("U0ANA");
  });
}

async function rota(screen, check) {
  let asked;
  await check("an override is repeated and can be taken back", async () => {
    await screen.type("/catops oncall override @ana tomorrow 9-17 on shop");
    const told = await message(screen, /Ana Ruiz is on call for shop[^]*#1/);
    await see(told, /Take it back/);
    await screen.command("oncall shop at tomorrow 10:00", /Ana Ruiz/);
  });
  await check("cover is asked for, and who asked cannot take it", async () => {
    await screen.type("/catops oncall cover me tomorrow 10-14 on shop because my sister marries");
    asked = await message(screen, /Ana Ruiz asks for cover on shop[^]*my sister marries[^]*Until somebody takes it, Ana Ruiz is on call/);
    await screen.shoot("cover");
    await screen.hear(/you asked for this cover yourself/, () => screen.press(asked, "rota.accept"));
  });
  await check("somebody takes a part of it, and the rest stays open", async () => {
    await screen.be("U0BEN");
    await screen.goDirect();
    await see(screen.at("messages"), /Ana Ruiz asks for cover on shop/);
    await screen.go("C0OPS");
    await screen.press(asked, "rota.part");
    await see(screen.at("modal"), /A part of the cover/);
    await screen.at("modal").locator("input").fill("yesterday");
    await screen.at("modal-submit").click();
    await see(screen.at("modal"), /no time that I can read|is over|outside the time/);
    await screen.at("modal").locator("input").fill("tomorrow 10-12");
    await screen.shoot("cover-part");
    await screen.at("modal-submit").click();
    await gone(screen.at("modal"));
    await see(asked, /Ben Okafor covers[^]*Until somebody takes it, Ana Ruiz is on call/);
    await screen.command("oncall shop at tomorrow 11:00", /Ben Okafor[^]*sister/);
    await screen.command("oncall shop at tomorrow 13:00", /Ana Ruiz/);
    await screen.command("oncall week shop", /Ben Okafor \(#/);
  });
  await check("who asked hears of it, and takes the rest back", async () => {
    await screen.be("U0ANA");
    await screen.goDirect();
    await see(screen.at("messages"), /Ben Okafor covers/);
    await screen.go("C0OPS");
    await screen.press(asked, "rota.cancel");
    await see(asked, /Ana Ruiz needs no more of it/);
    await gone(asked.locator('[data-action-id^="rota."]'));
  });
  await check("who takes over is paged", async () => {
    await screen.be("U0CHI");
    await screen.type("/catops oncall take 2h on shop");
    await message(screen, /Chi Lee is on call for shop/);
    const card = await fire(screen, "Taken-over");
    await see(card, /Owner @Chi/);
    await screen.be("U0ANA");
  });
}

async function outsider(screen, check) {
  await check("somebody outside the rota is refused, and nobody else sees it", async () => {
    const card = await fire(screen, "Outsider");
    await screen.be("U0SAM");
    const refusal = await screen.hear(/not in the rota/, async () => {
      await card.getByRole("button", { name: /^Run suggestion \d: Move the pods/ }).click();
      await screen.confirm();
    });
    assert.match(refusal, /Only visible to you/);
    const shown = screen.at("messages").locator(`.message[data-ts="${await screen.answer.getAttribute("data-ts")}"]`);
    assert.equal(await shown.count(), 1);
    await screen.shoot("outsider");
    await screen.hear(/not in the rota/, () => screen.press(card, "inc.ack"));
    await screen.command("whoami", /not in the rota/);
    await screen.be("U0ANA");
    await gone(shown);
    assert.match(await card.innerText(), /FIRING/);
  });
}

async function looks(browser, screen, check) {
  await check("the inspector shows the traffic with masked secrets", async () => {
    await screen.at("inspector-toggle").click();
    const inspector = screen.at("inspector");
    await see(inspector, /chat\.postMessage/);
    await inspector.locator("details").filter({ hasText: "chat.postMessage" }).first().locator("summary").click();
    await see(inspector, /"channel":/);
    await screen.shoot("inspector");
    const all = await (await fetch(`${screen.demo.root}/local/traffic`)).text();
    assert.doesNotMatch(all, /xoxb-(?!\*|…|\.)[\w-]{6,}/, "a token is readable");
    await screen.at("inspector-toggle").click();
    await gone(inspector);
  });
  await check("hints complete a command", async () => {
    await screen.at("message-box").fill("/catops inc");
    await see(screen.page.locator("#hints"), /\/catops incidents/);
    await screen.page.keyboard.press("Tab");
    assert.match(await screen.at("message-box").inputValue(), /^\/catops incidents/);
    await screen.at("message-box").fill("");
  });
  await check("a reload keeps person, cards and answers", async () => {
    await screen.page.reload();
    await screen.go("C0OPS");
    await see(screen.at("messages"), /Outsider/);
    assert.equal(await screen.at("act-as").inputValue(), "U0ANA");
  });
  await check("a window of 420 pixels is enough", async () => {
    await screen.page.setViewportSize({ width: 420, height: 800 });
    const card = await fire(screen, "Narrow");
    const wide = await screen.page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 420, `the page is ${wide} pixels wide`);
    await screen.press(card, "inc.ack");
    await see(card, /ACKNOWLEDGED by @Ana/);
    await screen.command("ping", /Meow!/);
    await screen.shoot("narrow");
    await screen.go("C0OPS");
    await screen.page.setViewportSize({ width: 1280, height: 800 });
  });
  const dark = await Screen.open(browser, screen.demo, { colorScheme: "dark" });
  await check("the dark scheme is dark", async () => {
    await see(dark.at("messages"), /Narrow/);
    const colour = await dark.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const [red] = /\d+/.exec(colour);
    assert.ok(Number(red) < 64, `the background is ${colour}`);
    await dark.shoot("dark");
    assert.deepEqual(dark.complaints, []);
  });
}
