import assert from "node:assert/strict";
import { test } from "node:test";

import { page } from "./given.mjs";

const { gains, lines, onDisk, perCharge, rate } = await page("compare.js");

const part = (median) => ({ median, p90: 2 * median });
const timed = (network) => ({
  capture: part(1),
  preparation: part(2),
  network: part(network),
  whole: part(network + 3),
  perSecond: null,
});
const model = (role, facts) => ({ bytes: 9000, header: { role, shape: [3, 64, 64], facts } });
const models = {
  before: model("before", { checkpoint_bytes: 4_608_496, energy_mj: 5.4, macs: 54e6 }),
  after: model("after", { file_bytes: 10_562, energy_mj: 0.54, accuracy: 0.975, kind: "int8" }),
};

test("the file on the disk is the packed one, the checkpoint, or else what came", () => {
  assert.equal(onDisk(models.after), 10_562);
  assert.equal(onDisk(models.before), 4_608_496);
  assert.equal(onDisk(model("after", { checkpoint_bytes: 7 })), 9000);
});

test("what compression gained is said where there are two networks and a difference", () => {
  assert.deepEqual(gains(models, { before: timed(3.6), after: timed(0.2) }), [
    ["network", "18x faster"],
    ["file", "436x smaller"],
  ]);
  assert.deepEqual(gains(models, { before: timed(1), after: timed(1.04) }), [
    ["file", "436x smaller"],
  ]);
  assert.deepEqual(gains(models, {})[0], ["file", "436x smaller"]);
  assert.deepEqual(gains({ after: models.after }, {}), []);
});

test("the rate is that of the stream, or what a frame's time is enough for", () => {
  assert.equal(rate({ ...timed(1), perSecond: 24.6 }), "25 frames a second");
  assert.equal(rate(timed(0.3)), "enough for 303 frames a second");
  assert.equal(rate(null), "");
  assert.equal(perCharge(0.54), "100 million");
  assert.equal(perCharge(undefined), "");
});

test("the table has a cell for each network, and no line of which nothing is known", () => {
  const table = lines(["before", "after"], models, { before: timed(3), after: null });
  const cells = Object.fromEntries(table.map(({ label, cells: texts }) => [label, texts]));
  assert.deepEqual(cells, {
    "File on disk": ["4.6 MB", "10.6 kB"],
    Downloaded: ["9.0 kB", "9.0 kB"],
    "Capture, ms": ["1.0 (2.0)", "–"],
    "Preparation, ms": ["2.0 (4.0)", "–"],
    "Network, ms": ["3.0 (6.0)", "–"],
    "Whole frame, ms": ["6.0 (12.0)", "–"],
    "Identifications per charge, estimate": ["10 million", "100 million"],
    "Accuracy on test pictures": ["–", "97.5%"],
    "Multiply-adds": ["54 million", "–"],
    "Picture it is given": ["64 × 64", "64 × 64"],
    Numbers: ["–", "int8"],
  });
  const changes = Object.fromEntries(table.map(({ label, change }) => [label, change]));
  assert.equal(changes["File on disk"], "436x smaller");
  assert.equal(changes["Identifications per charge, estimate"], "10x less energy");
  assert.equal(changes["Network, ms"], "");
  const known = model("after", { accuracy: 0.975, accuracy_low: 0.96, accuracy_high: 0.98 });
  const [{ cells: whole }] = lines(["after"], { after: known }, {}).filter(({ label }) =>
    label.startsWith("Accuracy"),
  );
  assert.deepEqual(whole, ["97.5% (96.0 to 98.0)"]);
});
