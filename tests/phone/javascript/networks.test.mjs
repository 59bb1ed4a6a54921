import assert from "node:assert/strict";
import { test } from "node:test";

import { bytesOf, given, page } from "./given.mjs";

const { Networks, chosenMode, linkedMode } = await page("networks.js");
const { MINE } = await page("shared.js");

const file = (role, name = `${role}.plants`) => {
  const content = bytesOf(given.pair[role]);
  return { name, size: content.length, arrayBuffer: async () => content.buffer };
};

/** An engine that notes what it is given. */
function noting() {
  const loads = [];
  return { loads, load: async (key, model, name) => void loads.push([key, name]) };
}

test("opened files are a mode: one network or both, and no cards", async () => {
  const mode = await chosenMode([file("before"), file("after")]);
  assert.deepEqual([mode.id, mode.title, mode.samples, mode.cards], [MINE, "trees", [], undefined]);
  assert.deepEqual([mode.before.file, mode.after.file], ["before.plants", "after.plants"]);
  await assert.rejects(chosenMode([file("after"), file("after")]), /compressed network/);
  await assert.rejects(chosenMode([1, 2, 3]), /Choose one model file, or two/);
});

test("the compressed network answers first, the original is loaded when it is asked for", async () => {
  const engine = noting();
  const networks = new Networks(engine);
  assert.equal(networks.now, null);
  await networks.enter(await chosenMode([file("before"), file("after")]));
  assert.deepEqual([networks.role, networks.missing], ["after", "before"]);
  assert.equal(networks.now.header.role, "after");
  await Promise.all([networks.load("before"), networks.load("before")]);
  assert.deepEqual(engine.loads, [
    ["after", "after.plants"],
    ["before", "before.plants"],
  ]);
  assert.equal(networks.missing, null);
  await networks.enter(await chosenMode([file("before")]));
  assert.deepEqual([networks.role, Object.keys(networks.models)], ["before", ["before"]]);
});

test("a network that did not load can be asked for again", async () => {
  const engine = { load: () => Promise.reject(new Error("no memory")) };
  const networks = new Networks(engine);
  await assert.rejects(networks.enter(await chosenMode([file("after")])), /no memory/);
  engine.load = async () => {};
  await networks.load("after");
  assert.equal(networks.now.file, "after.plants");
});

test("a file of the other role is damaged", async () => {
  const after = (await chosenMode([file("after")])).after;
  const networks = new Networks(noting());
  await assert.rejects(
    networks.enter({ id: "x", samples: [], before: after }),
    /the after network/,
  );
});

test("a link names models of this place alone", async (context) => {
  globalThis.location = new URL("https://plants.example/page/");
  context.after(() => delete globalThis.location);
  const asked = [];
  context.mock.method(globalThis, "fetch", async (address) => {
    asked.push(address);
    return new Response(bytesOf(given.pair.after));
  });
  const mode = await linkedMode("#model=models/a.plants");
  assert.deepEqual(asked, ["https://plants.example/page/models/a.plants"]);
  assert.equal(mode.after.file, "models/a.plants");
  await assert.rejects(linkedMode("#model=https://other.example/a.plants"), /another site/);
  assert.equal(asked.length, 1);
});
