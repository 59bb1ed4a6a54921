import assert from "node:assert/strict";
import { test } from "node:test";

import { given, near, page } from "./given.mjs";

const { Average, decide, weigh } = await page("decide.js");

test("shares, evidence, match and the decision are those of unsure.Rule", () => {
  const said = { sure: 0, alike: 0, strange: 0 };
  for (const { rule, views, wanted } of given.decisions) {
    wanted.forEach(({ shares, evidence, match, label, sure }, i) => {
      const weighed = weigh(
        views.map((pictures) => pictures[i]),
        rule,
      );
      near(weighed.shares, shares, "shares");
      near([weighed.evidence, weighed.match], [evidence, match], "evidence and match");
      const decided = decide(weighed, rule);
      assert.deepEqual([decided.index, decided.sure], [label, sure]);
      assert.equal(decided.why === null, sure);
      if (!sure) {
        const known = evidence >= rule.evidence && match >= (rule.pattern?.match ?? -1);
        assert.equal(decided.why, known ? "alike" : "strange");
      }
      said[decided.why ?? "sure"] += 1;
    });
  }
  for (const [answer, count] of Object.entries(said)) assert.ok(count >= 10, `${answer}: ${count}`);
});

test("the three likeliest come in order, of equal ones the first class first", () => {
  const rule = { temperature: 1, probability: 0.5, evidence: -10 };
  const { top } = decide(weigh([[1, 3, 0, 3, 2]], rule), rule);
  assert.deepEqual(
    top.map(({ index }) => index),
    [1, 3, 4],
  );
  assert.equal(decide(weigh([[1, 2]], rule), rule).top.length, 2);
});

test("logits of any size give shares", () => {
  const rule = { temperature: 0.001, probability: 0.5, evidence: 0 };
  assert.deepEqual(weigh([[1e4, -1e4, 0]], rule).shares, [1, 0, 0]);
});

test("frames count alike at first, then the newest for a third, until the picture changes", () => {
  const average = new Average();
  const frame = (value) => ({ shares: [value, 1 - value], evidence: 10 * value, match: value });
  near(average.add(frame(0)).shares, [0, 1]);
  near(average.add(frame(1)).shares, [1 / 2, 1 / 2]);
  near(average.add(frame(1)).shares, [2 / 3, 1 / 3]);
  const { shares, evidence, match } = average.add(frame(0)); // now the mean would be a half
  near([...shares, evidence, match], [4 / 9, 5 / 9, 40 / 9, 4 / 9]);
  average.clear();
  near(average.add(frame(1)).shares, [1, 0]);
});
