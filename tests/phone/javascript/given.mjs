// What the tests share: the page's modules, and what Python made for them. tests/phone/test_javascript.py
// names both in the environment and starts Node: `python -m pytest tests/phone/test_javascript.py`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { PAGE, GIVEN } = process.env;
if (!PAGE || !GIVEN)
  throw new Error("start these tests with pytest tests/phone/test_javascript.py");

/** A module of the page. */
export const page = (name) => import(pathToFileURL(`${PAGE}/${name}`).href);

/** What Python made, and what it computes of that. */
export const given = JSON.parse(readFileSync(GIVEN, "utf-8"));

export const bytesOf = (text) => new Uint8Array(Buffer.from(text, "base64"));

/** Numbers as near as float32 allows. */
export function near(found, wanted, about = "") {
  assert.equal(found.length, wanted.length, about);
  wanted.forEach((number, i) => {
    const room = 2e-5 * Math.max(1, Math.abs(number));
    assert.ok(Math.abs(found[i] - number) <= room, `${about}: ${found[i]}, not ${number}`);
  });
}
