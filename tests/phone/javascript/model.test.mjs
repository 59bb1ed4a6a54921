import assert from "node:assert/strict";
import { test } from "node:test";

import { bytesOf, given, page } from "./given.mjs";

const { isModel, opened, unpacked } = await page("model.js");
const { LARGEST } = await page("shared.js");

for (const { about, file, says } of given.files) {
  test(`${about}: ${says ? "refused" : "opened"}, as Python does`, async () => {
    const content = bytesOf(file);
    if (says) {
      await assert.rejects(unpacked(content, "a.plants"), ({ name, message }) => {
        assert.equal(name, "Error", message); // a sentence, no mistake of the program
        assert.match(message, new RegExp(says));
        assert.match(message, /a\.plants/);
        return true;
      });
    } else {
      const { header, onnx, bytes } = await unpacked(content, "a.plants");
      const { onnx_bytes, sha256 } = header; // of one graph or another
      assert.deepEqual({ ...given.header, onnx_bytes, sha256 }, header);
      assert.deepEqual([onnx.length, bytes], [header.onnx_bytes, content.length]);
    }
  });
}

test("files of other kinds are told apart by their names", async () => {
  for (const name of ["a.plants", "b.PACKED", "c.onnx", "d.pte", "e.safetensors"])
    assert.ok(isModel(name), name);
  for (const name of ["plants", "a.png", "a.plants.jpg"]) assert.ok(!isModel(name), name);
  const packed = { name: "b.PACKED", size: 3, arrayBuffer: async () => new ArrayBuffer(3) };
  await assert.rejects(opened(packed), /b\.PACKED is a packed network/);
});

test("a file too large is not read", async () => {
  const file = { name: "a.plants", size: LARGEST + 1, arrayBuffer: () => assert.fail("read") };
  await assert.rejects(opened(file), /too large for this page, which takes .* up to 67\.1 MB/);
});
