import assert from "node:assert/strict";
import { test } from "node:test";

import { given, page } from "./given.mjs";

test("Python reads the values that the page has", async () => {
  assert.deepEqual({ ...(await page("shared.js")) }, given.shared);
});
