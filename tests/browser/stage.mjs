// What the checks stand on: a demo process, a page in Chromium, and looks at what a person sees.
// It knows no incident and asserts nothing about CatOps; a wait that ends in vain says what was on the screen instead.
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const HERE = dirname(fileURLToPath(import.meta.url));
export const ARTEFACTS = resolve(HERE, "../artefacts");
const BINARY = resolve(process.env.CATOPS_BIN ?? join(HERE, "../../target/debug/catops"));
/** Milliseconds that a person would wait at most for an answer; generous, because the machine may be busy. */
export const PATIENCE = 10_000;

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until `test` returns something true, and returns that. */
export async function until(what, test, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await test();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${patience / 1000} s in vain: ${typeof what === "function" ? await what() : what}`);
    await pause(100);
  }
}

/** Waits until the text on the screen matches, and returns it. */
export async function see(locator, pattern, patience = PATIENCE) {
  let text = "";
  const test = async () => {
    text = (await locator.count()) ? await locator.first().innerText().catch(() => "") : "(it is not there)";
    return pattern.test(text) && text;
  };
  return until(() => `${pattern} not in ${JSON.stringify(text)}`, test, patience);
}

/** Waits until nothing of it is visible. */
export const gone = (locator) => until("it is still there", async () => (await locator.filter({ visible: true }).count()) === 0);

/** Starts `catops demo` with the drill actions in its folder. */
export async function startDemo(...flags) {
  const data = mkdtempSync(join(tmpdir(), "catops-browser-"));
  cpSync(join(HERE, "actions"), join(data, "config/actions"), { recursive: true });
  const child = spawn(BINARY, ["demo", "--data", data, "--listen", "127.0.0.1:0", ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  let url = "";
  child.stdout.on("data", (part) => { url += part; });
  child.stderr.on("data", (part) => { said += part; });
  const stop = async () => {
    if (child.exitCode === null) {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGINT");
      const forced = setTimeout(() => child.kill("SIGKILL"), 5000);
      await ended;
      clearTimeout(forced);
    }
    rmSync(data, { recursive: true, force: true });
  };
  try {
    await until(() => `the demo's address; it said ${said}`, () => url.includes("\n") || child.exitCode !== null);
    if (child.exitCode !== null) throw new Error(`the demo ended with ${child.exitCode}: ${said}`);
  } catch (error) {
    await stop();
    throw error;
  }
  /** Changes a setting of catops.toml; the demo takes it up within a few seconds. */
  const set = (key, value) => {
    const path = join(data, "config/catops.toml");
    writeFileSync(path, readFileSync(path, "utf8").replace(new RegExp(`^${key} = .*$`, "m"), `${key} = ${value}`));
  };
  /** Puts a file into the folder of the rota; the demo takes it up within a few seconds. */
  const addToRota = (name, text) => writeFileSync(join(data, "config/rota", name), text);
  return { page: url.trim(), root: new URL(url.trim()).origin, stop, set, addToRota };
}

export function launch() {
  mkdirSync(ARTEFACTS, { recursive: true });
  const args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
}

/** One person before one screen. */
export class Screen {
  /** What the page complained about: script errors, console errors, failed requests. */
  complaints = [];

  static async open(browser, demo, options = {}) {
    const screen = new Screen();
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", ...options });
    screen.demo = demo;
    screen.page = await context.newPage();
    screen.page.setDefaultTimeout(PATIENCE);
    screen.page.on("pageerror", (error) => screen.complaints.push(error.message));
    screen.page.on("console", (it) => it.type() === "error" && screen.complaints.push(`${it.text()} ${it.location().url}`));
    await screen.page.goto(demo.page);
    // The page begins where the cards come.
    await screen.drawn((place) => place[1] === "C0OPS");
    return screen;
  }

  at(id) { return this.page.getByTestId(id); }

  /** Opens a channel, and waits until it is the one that is drawn. */
  async go(channel) {
    await this.at("channel-" + channel).click();
    await this.drawn((place) => place[1] === channel);
  }

  /** Opens the direct message with the app; everybody has one of their own. */
  async goDirect() {
    await this.page.locator('[data-testid^="channel-D"]').first().click();
    await this.drawn((place) => place[1].startsWith("D"));
  }

  async be(person) {
    await this.at("act-as").selectOption(person);
    await this.drawn((place) => place[0] === person);
  }

  /** The list of messages says whose view of which channel it shows. */
  drawn(test) {
    return until("the page shows another channel", async () => test(((await this.at("messages").getAttribute("data-place")) ?? "/").split("/")));
  }

  shoot(name) { return this.page.screenshot({ path: join(ARTEFACTS, name + ".png") }); }

  /** The card in this channel whose text matches, once it is there; found by its time from then on, because cards change. */
  async card(pattern, patience) {
    const found = this.at("messages").locator(".message:not(.private)").filter({ hasText: pattern }).last();
    await see(found, pattern, patience);
    const ts = await found.getAttribute("data-ts");
    const card = this.at("messages").locator(`.message[data-ts="${ts}"]`);
    card.number = Number(/INC-(\d+)/.exec(await card.innerText())?.[1]);
    return card;
  }

  press(where, action) { return where.locator(`[data-action-id="${action}"]`).first().click(); }

  /** Chooses from a ⋯ menu. A card that is drawn anew meanwhile closes its menu, so it may take a second try. */
  async choose(where, words) {
    const item = where.getByRole("menuitem", { name: words, exact: true });
    for (let tries = 0; ; tries += 1) {
      try {
        if (!(await item.isVisible())) await where.locator('summary[data-overflow="inc.more"]').first().click();
        return await item.click({ timeout: 3000 });
      } catch (error) {
        if (tries === 3) throw error;
      }
    }
  }

  async confirm(yes = true) {
    await this.at("confirm").locator(`[data-testid="${yes ? "confirm-ok" : "confirm-cancel"}"]`).click();
    await gone(this.at("confirm"));
  }

  /** Types a line, as a person does. */
  async type(text) {
    await this.at("message-box").fill(text);
    await this.at("send").click();
  }

  /** Does something that is answered for this person's eyes only, and returns that answer's text. */
  async hear(pattern, act) {
    const answers = this.at("messages").locator(".message.private");
    const before = new Set(await this.stamps(answers));
    await act();
    let text = "no answer";
    return until(() => `${pattern} not in ${JSON.stringify(text)}`, async () => {
      const fresh = (await this.stamps(answers)).filter((ts) => !before.has(ts)).at(-1);
      if (!fresh) return false;
      this.answer = this.at("messages").locator(`.message[data-ts="${fresh}"]`);
      text = await this.answer.innerText().catch(() => "");
      return pattern.test(text) && text;
    });
  }

  stamps(messages) { return messages.evaluateAll((nodes) => nodes.map((node) => node.dataset.ts)); }
  command(line, pattern) { return this.hear(pattern, () => this.type(`/catops ${line}`)); }

  /** Closes what a failed check left open. */
  async tidy() {
    await this.page.reload();
    await this.page.waitForSelector("#channels button");
    for (let depth = 0; depth < 3 && (await this.at("modal").isVisible()); depth += 1) await this.at("modal-close").click().catch(() => {});
    await this.be("U0ANA");
    await this.go("C0OPS");
  }
}

/** Runs checks one after another, prints a line each, and keeps a picture of what was on the screen when one failed. */
export class Checks {
  passed = 0;
  failed = 0;

  async check(screen, name, body) {
    const began = Date.now();
    try {
      await body();
      this.passed += 1;
      console.log(`ok    ${name}  (${((Date.now() - began) / 1000).toFixed(1)} s)`);
    } catch (error) {
      this.failed += 1;
      console.log(`FAIL  ${name}\n      ${String(error.message).replace(/\u001b\[\d+m/g, "").split("\n").slice(0, 6).join("\n      ")}`);
      const picture = "failed-" + name.replace(/[^a-z0-9]+/gi, "-").slice(0, 60);
      await screen?.shoot(picture).then(() => console.log(`      see ${join(ARTEFACTS, picture)}.png`)).catch(() => {});
      await screen?.tidy().catch(() => {});
    }
  }
}
