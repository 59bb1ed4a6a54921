import assert from "node:assert/strict";
import { test } from "node:test";

import { given, near, page } from "./given.mjs";

const { LATEST, Timings } = await page("timings.js");
const frame = (whole) => ({ capture: 1, preparation: 2, network: whole / 2, whole });

test("median and p90 are those of Python", () => {
  for (const { milliseconds, median, p90 } of given.timings) {
    const timings = new Timings();
    for (const whole of milliseconds) timings.add("after", frame(whole));
    const { whole, network, frames } = timings.of("after");
    near([whole.median, whole.p90], [median, p90]);
    near([network.median, network.p90], [median / 2, p90 / 2]);
    assert.equal(frames, milliseconds.length);
    assert.equal(timings.of("before"), null);
  }
});

test("the latest frames count alone", () => {
  const timings = new Timings();
  for (let i = 0; i < LATEST; i++) timings.add("before", frame(1000));
  for (let i = 0; i < LATEST; i++) timings.add("before", frame(8));
  assert.deepEqual(timings.of("before").whole, { median: 8, p90: 8 });
  assert.equal(timings.of("before").frames, LATEST);
  timings.clear();
  assert.equal(timings.of("before"), null);
});

test("frames a second are counted in a stream of five frames or more, and anew after a pause", () => {
  const timings = new Timings();
  for (let i = 0; i < 4; i++) timings.add("after", frame(8), 1000 + 40 * i);
  assert.equal(timings.of("after").perSecond, null);
  timings.add("after", frame(8), 1160);
  near([timings.of("after").perSecond], [25]);
  timings.add("after", frame(8), 1160 + 3001);
  assert.equal(timings.of("after").frames, 1);
});
