// The demo as a person uses it, in a real Chromium: the story of a shop that breaks twice, and every button, command and
// dialog of a quiet demo. Both run at the same time, each with a demo and a screen of its own.
// It looks at the page only; the one other door it uses is the hook through which alarms come.
import { Checks, launch } from "./stage.mjs";
import { story } from "./story.mjs";
import { everything } from "./everything.mjs";

const checks = new Checks();
const browser = await launch();
try {
  await Promise.all([story(browser, checks), everything(browser, checks)]);
} catch (error) {
  checks.failed += 1;
  console.log(`FAIL  ${error.stack}`);
} finally {
  await browser.close();
}
console.log(`${checks.passed} passed, ${checks.failed} failed`);
process.exitCode = checks.failed ? 1 : 0;
