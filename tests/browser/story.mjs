// The story that `catops demo` plays: the shop breaks, one press repairs it, and the next card remembers.
import assert from "node:assert/strict";
import { Screen, gone, pause, see, startDemo, until } from "./stage.mjs";

/** The shop breaks again this long after it was repaired, at most, in milliseconds. */
const SECOND_BREAK = 120_000;

export async function story(browser, checks) {
  const demo = await startDemo();
  try {
    const screen = await Screen.open(browser, demo);
    await play(screen, (name, body) => checks.check(screen, `story: ${name}`, body));
  } finally {
    await demo.stop();
  }
}

async function play(screen, check) {
  let card;
  await check("an alarm of CloudWatch finds its runbook by what it measures, whatever it is called", async () => {
    const text = await see(await screen.card(/orders-db CPU above 90 percent/), /1\. [^]*2\. /);
    assert.match(text, /1\. .*strong match[^]*RDS CPU is high is declared for .CPUUtilization AWS\/RDS/);
  });
  await check("the shop breaks and its card names owner, actions and reasons", async () => {
    await screen.be("U0ANA");
    card = await screen.card(/status 503/);
    const text = await see(card, /1\. Restart shop[^]*2\. [^]*3\. /);
    assert.match(text, /FIRING/);
    assert.match(text, /Owner @(Ana|Ben)[^]*on call for shop/);
    assert.match(text, /1\. Restart shop.*strong match\n.*connection pool exhausted/);
    assert.equal(await card.locator('[data-action-id^="sug.run."]').count(), 3);
    await card.evaluate((node) => node.scrollIntoView({ block: "nearest" }));
    await screen.shoot("story-1-firing");
  });
  await check("Run asks first, and Not now changes nothing", async () => {
    await screen.press(card, "sug.run.1");
    const question = await see(screen.at("confirm"), /Restart shop\?/);
    assert.match(question, /carts are kept[^]*at most 10 s[^]*no undo/);
    await screen.shoot("story-2-question");
    await screen.confirm(false);
    assert.match(await card.innerText(), /FIRING[^]*1\. Restart shop/);
  });
  await check("Run now restarts the shop, and the card tells so", async () => {
    await screen.press(card, "sug.run.1");
    await screen.confirm();
    await see(card, /Restart shop by @Ana Ruiz|Restart shop.*running since|Fixed by Restart shop/);
    await screen.shoot("story-3-run");
  });
  await check("the alarm clears and the card says what helped", async () => {
    const text = await see(card, /RESOLVED/, 60_000);
    assert.match(text, /Fixed by Restart shop \(Ana Ruiz\)/);
    assert.match(text, /Alarm cleared/);
    await gone(card.locator('[data-action-id^="sug.run."]'));
    await card.evaluate((node) => node.scrollIntoView({ block: "nearest" }));
    await screen.shoot("story-4-resolved");
  });
  await check("the thread keeps the run", async () => {
    await card.locator(".thread-link").click();
    const text = await see(screen.at("thread"), /Restart shop[^]*helped/);
    assert.match(text, /Ana Ruiz/);
    await screen.shoot("story-5-thread");
    await screen.at("thread-close").click();
    await gone(screen.at("thread"));
  });
  await check("the storm of twenty deliveries made five cards and a digest in #billing", async () => {
    await screen.go("C0BILLING");
    const cards = screen.at("messages").locator(".message");
    await until("five cards and a digest", async () => (await cards.count()) >= 6, 60_000);
    const digest = cards.filter({ hasText: "STORM" });
    await see(digest, /4 more incidents[^]*4 firing/);
    assert.equal(await cards.count(), 6);
    await digest.evaluate((node) => node.scrollIntoView({ block: "nearest" }));
    await screen.shoot("story-6-storm");
    await screen.press(digest, "digest.ack");
    await screen.confirm();
    await see(digest, /4 acknowledged/);
    await screen.go("C0OPS");
  });
  await check("the next break's card says what worked", async () => {
    const next = await screen.card(/status 503/, SECOND_BREAK);
    assert.notEqual(next.number, card.number);
    await see(next, /Restart shop.*worked 1 of 1/);
    await next.evaluate((node) => node.scrollIntoView({ block: "nearest" }));
    await screen.shoot("story-7-remembers");
  });
  await check("the page never complained", () => assert.deepEqual(screen.complaints, []));
}
