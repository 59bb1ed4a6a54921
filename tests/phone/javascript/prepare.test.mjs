import assert from "node:assert/strict";
import { test } from "node:test";

import { bytesOf, given, near, page } from "./given.mjs";

const { normalise, prepare, turned } = await page("prepare.js");
const { middle, ofFrame, ofPicture } = await page("crop.js");

for (const { width, height, size, rgba, wanted } of given.pictures) {
  const pixels = bytesOf(rgba);
  test(`${width} x ${height} at ${size} is what Python prepares, to within a level`, () => {
    const found = prepare(pixels, width, height, size);
    const off = bytesOf(wanted).map((level, i) => Math.abs(level - found[i]));
    assert.equal(found.length, size * size * 3);
    assert.ok(Math.max(...off) <= 1);
  });

  test(`${width} x ${height} at ${size}: the part that is copied is enough`, () => {
    const { x, y, w, h, side } = ofPicture(width, height, size);
    assert.equal(side, null);
    const part = new Uint8Array(w * h * 4);
    for (let row = 0; row < h; row++) {
      const from = ((y + row) * width + x) * 4;
      part.set(pixels.subarray(from, from + w * 4), row * w * 4);
    }
    assert.deepEqual(prepare(part, w, h, size), prepare(pixels, width, height, size));
  });
}

test("little of a wide picture is copied", () => {
  const { w, h } = ofPicture(3000, 400, 64);
  assert.equal(h, 400);
  assert.ok(w >= 400 && w < 440);
});

test("a picture too large for a canvas is drawn smaller", () => {
  assert.deepEqual(ofPicture(6001, 5000, 64), { x: 500.5, y: 0, w: 5000, h: 5000, side: 4096 });
  assert.equal(ofPicture(100, 9000, 64).side, null); // high, but its square is small
});

test("of a frame the middle square is taken, at twice what the network needs or less", () => {
  assert.deepEqual(ofFrame(1281, 720, 64), { x: 280, y: 0, w: 720, h: 720, side: 128 });
  assert.deepEqual(ofFrame(480, 641, 224), { x: 0, y: 80, w: 480, h: 480, side: 448 });
  assert.equal(ofFrame(100, 90, 64).side, 90);
  assert.deepEqual(middle(5, 2), { x: 1.5, y: 0, w: 2, h: 2 });
});

test("inputs are Python's, channel by channel, in the network's own scale", () => {
  for (const { rgb, mean, scale, wanted } of given.inputs)
    near(normalise(bytesOf(rgb), mean, scale), wanted, `${mean}, ${scale}`);
});

test("quarter turns go the way that Python turns", () => {
  const { size, rgb, wanted } = given.turns;
  wanted.forEach((text, quarter) => {
    assert.deepEqual(turned(bytesOf(rgb), size, quarter), bytesOf(text), `${quarter}`);
  });
});
