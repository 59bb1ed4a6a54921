import assert from "node:assert/strict";
import { test } from "node:test";

import { page } from "./given.mjs";

const { bytes, count, isLatin, percent, ratio, readable, time } = await page("words.js");

test("numbers are written with as many digits as mean something", () => {
  const written = [
    [bytes, [0, 999, 999.5, 10_562, 99_949, 99_950, 999_499, 999_500, 4_608_496, 67_108_864]],
    [time, [0.724, 0.996, 3.44, 57, 99.4, 99.5]],
    [percent, [0.004, 0.005, 0.5, 0.995, 0.996, 1]],
    [count, [999_999, 1_000_000, 9_940_000, 9_950_000, 4.5e9, 2e13]],
  ].map(([write, numbers]) => numbers.map(write));
  assert.deepEqual(written, [
    [
      "0 B",
      "999 B",
      "1.0 kB",
      "10.6 kB",
      "99.9 kB",
      "100 kB",
      "999 kB",
      "1.0 MB",
      "4.6 MB",
      "67.1 MB",
    ],
    ["0.72", "1.0", "3.4", "57.0", "99.4", "100"],
    ["<1%", "1%", "50%", "100%", ">99%", ">99%"],
    ["999,999", "1.0 million", "9.9 million", "10 million", "4.5 billion", "20 trillion"],
  ]);
});

test("a ratio is said in words, and none of what is not known", () => {
  assert.equal(ratio(36, 2, "faster", "slower"), "18x faster");
  assert.equal(ratio(2, 2.8, "faster", "slower"), "1.4x slower");
  assert.equal(ratio(100, 104, "faster", "slower"), "about the same");
  for (const [before, after] of [
    [undefined, 1],
    [1, null],
    [0, 1],
    [NaN, 1],
  ])
    assert.equal(ratio(before, after, "faster", "slower"), "");
});

test("names are read as words, and Latin ones are known by their group", () => {
  assert.equal(readable("Common_wheat_seedling"), "Common wheat seedling");
  assert.ok(isLatin("Tilia rotunda", "Tilia"));
  assert.ok(!isLatin("Tiliarotunda", "Tilia"));
  assert.ok(!isLatin("Tilia rotunda", undefined));
});
