import assert from "node:assert/strict";
import { test } from "node:test";

import { given, page } from "./given.mjs";

const { filled, result, RULES, Step, WEIGHTS } = await page("shapes.js");
const { Unfit } = await page("onnx.js");

test("the operations are Python's", () => {
  assert.deepEqual([...RULES.keys()].sort(), given.operations);
});

test("weights are laid out as Python says", () => {
  assert.deepEqual(Object.fromEntries(WEIGHTS), given.weights);
  for (const { operation, weight, numbers } of given.filled)
    assert.equal(filled(operation, weight), numbers, `${operation} ${weight}`);
});

for (const { operation, shapes, settings, stored, wanted } of given.rules) {
  const about = `${operation} ${JSON.stringify([shapes, settings, stored])}`;
  test(`${about}: ${wanted ? "the same shape and steps" : "refused"}`, () => {
    const step = new Step(operation, shapes, new Map(Object.entries(settings)), stored);
    if (wanted) assert.deepEqual(result(step), wanted);
    else assert.throws(() => result(step), Unfit);
  });
}
