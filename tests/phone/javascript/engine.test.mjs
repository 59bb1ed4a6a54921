import assert from "node:assert/strict";
import { test } from "node:test";

import { bytesOf, given, near, page } from "./given.mjs";

// Beside the page lies a runtime that notes what it is asked (tests/phone/test_javascript.py).
const { Engine } = await page("engine.js");
const runtime = await page("runtime/ort.wasm.bundle.min.mjs");

const header = { shape: [3, 2, 2], classes: ["ash", "elm"], mean: 100, scale: 50 };
const side = 2;
const rgba = Uint8Array.from({ length: side * side * 4 }, (_, i) => (i % 4 === 3 ? 255 : 5 * i));

test("a network gets the picture as Python would feed it, once for each quarter turn", async () => {
  const engine = new Engine();
  await engine.load("after", { header, onnx: bytesOf("AAAA") });
  runtime.reset();
  const { views, seen, milliseconds } = await engine.identify("after", rgba, side, side, [0, 1]);
  assert.deepEqual([...seen.slice(0, 6)], [0, 5, 10, 20, 25, 30]);
  const [plain, turned] = runtime.asked;
  near(
    plain.input,
    [0, 20, 40, 60, 5, 25, 45, 65, 10, 30, 50, 70].map((x) => (x - 100) / 50),
  );
  near(
    turned.input.slice(0, 4),
    [20, 60, 0, 40].map((x) => (x - 100) / 50),
  );
  assert.deepEqual(plain.dims, [1, 3, 2, 2]);
  assert.equal(views.length, 2);
  assert.ok(milliseconds.network >= 0 && milliseconds.preparation >= 0);
  assert.equal(runtime.env.wasm.numThreads, 1);
});

test("two pictures are looked at one after the other, and a failure stops nothing", async () => {
  const engine = new Engine();
  await engine.load("after", { header, onnx: bytesOf("AAAA") });
  runtime.reset();
  const white = rgba.map(() => 255); // at which this runtime fails
  const ask = (pixels) => engine.identify("after", pixels, side, side);
  const outcomes = await Promise.allSettled([ask(rgba), ask(white), ask(rgba)]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assert.equal(runtime.counts.atOnce, 1); // at once
});

test("a network of another number of classes is refused, and the older one goes", async () => {
  const engine = new Engine();
  runtime.reset();
  const wrong = { ...header, classes: ["ash", "elm", "oak"] };
  await assert.rejects(
    engine.load("after", { header: wrong, onnx: bytesOf("AAAA") }),
    ({ cause, message }) => cause === "network" && /another number of answers/.test(message),
  );
  await engine.load("after", { header, onnx: bytesOf("AAAA") });
  assert.equal(runtime.counts.released, 1);
  await assert.rejects(
    engine.load("after", { header, onnx: new Uint8Array(0) }),
    ({ cause }) => cause === "network",
  );
});

test("the turns of a still picture are those of its rule", async () => {
  const { quarters } = await page("looking.js");
  assert.deepEqual(quarters({}), [0]);
  assert.deepEqual(quarters(given.decisions.at(-1).rule), [0, 1, 2, 3]);
});
