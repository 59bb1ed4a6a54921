// The page: puts the parts together and says what the buttons do.

import { api } from "./api.js";
import { Camera, decoded } from "./camera.js";
import * as ledger from "./ledger.js";
import { Looking } from "./looking.js";
import { isModel } from "./model.js";
import { Networks, chosenMode, linkedMode } from "./networks.js";
import * as screen from "./screen.js";
import { start } from "./thread.js";
import { keepOffline } from "./update.js";
import { Problem, say } from "./words.js";

const AWAY = 30_000; // milliseconds in the background until the camera is let go
const PATIENCE = 1500; // milliseconds until the second network is fetched, whatever goes on
const at = (id) => document.getElementById(id);
const thread = new URLSearchParams(location.search).get("thread") === "main" ? "main" : "worker";

const engine = start(thread);
const camera = new Camera(at("video"));
const networks = new Networks(engine);
let settle;
const ready = new Promise((resolve) => (settle = resolve));
const looking = new Looking(camera, engine, networks, {
  show(given, seen, header, more) {
    screen.seen(seen, header.shape[1]);
    screen.answer(given, header, more);
    settle();
  },
  measured() {
    screen.source(looking.source.kind, document.hidden, camera.mirrored);
    ledger.draw({ role: networks.role, models: networks.models, timings: looking.timings });
  },
  failed: trouble,
});
let modes = [];
let wishes = 0; // pictures asked for; one that comes when another is wanted is dropped
const sleeping = { timer: 0, camera: false };

// Pictures

function lookAt(source) {
  wishes += 1;
  if (source.kind !== "camera") camera.close();
  if (source.picture) screen.still(source.picture);
  screen.chosen(source.file);
  looking.at(source);
}

/** Look at what a promise gives, unless something else is wanted by then. */
async function lookAtNext(coming) {
  const mine = ++wishes;
  const source = await coming;
  if (mine === wishes) lookAt(source);
}

async function photo(file) {
  return { kind: "photo", picture: await decoded(file, file.name) };
}

async function sample({ file, label }) {
  const response = await fetch(file).catch(() => null);
  if (!response?.ok) throw new Problem(say.sampleMissing);
  const picture = await decoded(await response.blob(), file);
  return { kind: "sample", picture, truth: label ?? null, file };
}

async function startCamera(open = () => camera.open()) {
  looking.stop();
  try {
    await open();
  } catch (error) {
    if (looking.live) await lookElsewhere();
    else looking.again();
    throw error;
  }
  lookAt({ kind: "camera" });
  at("torch").hidden = !camera.hasTorch;
  at("torch").setAttribute("aria-pressed", "false");
  at("flip").hidden = !(await camera.hasSeveral());
}

/** What to look at when the camera is off. */
async function lookElsewhere() {
  const [first] = networks.mode.samples;
  if (first) return lookAtNext(sample(first));
  lookAt({ kind: "empty" });
  return screen.noAnswer(...say.begin);
}

async function freeze() {
  if (looking.source.kind === "frozen") {
    return camera.running ? lookAt({ kind: "camera" }) : startCamera();
  }
  if (!looking.live) return undefined;
  const picture = await createImageBitmap(at("video"));
  screen.still(picture);
  return looking.at({ kind: "frozen", picture });
}

camera.onchange = (sentence, gone) => {
  if (gone)
    lookElsewhere()
      .catch(trouble)
      .finally(() => screen.notice(sentence));
  else if (sentence) screen.notice(sentence);
  else screen.noNotice();
};

// Networks

async function enter(mode) {
  looking.stop();
  looking.clearTimings();
  screen.modes(modes, mode);
  screen.samples(
    mode.samples,
    guarded((each) => lookAtNext(sample(each))),
  );
  screen.noAnswer(say.loading);
  const loaded = networks.enter(mode);
  if (["empty", "sample"].includes(looking.source.kind)) {
    if (mode.samples.length) lookAtNext(sample(mode.samples[0])).catch(trouble);
    else lookAt({ kind: "empty" });
  }
  await loaded;
  if (networks.mode !== mode) return;
  ledger.choices(networks);
  screen.knows(networks.now.header);
  at("cards").hidden = !mode.cards;
  if (mode.cards) at("cards").href = mode.cards;
  if (looking.source.kind === "empty") {
    screen.noAnswer(...say.begin);
    settle();
  }
  looking.again();
  await Promise.race([
    ready.then(() => looking.done),
    new Promise((go) => setTimeout(go, PATIENCE)),
  ]);
  await bringOther(mode);
}

/** Fetch the network that does not answer yet, so that the switch is quick. */
async function bringOther(mode) {
  const other = networks.missing;
  if (!other || networks.mode !== mode) return;
  try {
    await networks.load(other);
  } catch (error) {
    if (networks.mode !== mode) return;
    networks.forget(other);
    trouble(error);
  }
  ledger.choices(networks);
  if (networks.mode === mode && !looking.live) looking.again();
}

async function choose(role) {
  const before = networks.role;
  networks.role = role;
  try {
    if (!networks.now) {
      looking.stop();
      screen.noAnswer(say.loading);
      await networks.load(role);
    }
  } catch (error) {
    networks.role = before;
    throw error;
  } finally {
    ledger.choices(networks);
    looking.again();
  }
}

async function openModels(given) {
  const mode = await given;
  modes = [...modes.filter(({ id }) => id !== mode.id), mode];
  await enter(mode);
}

async function take(files) {
  const models = files.filter(({ name }) => isModel(name));
  if (models.length) await openModels(chosenMode(models));
  else if (files.length) await lookAtNext(photo(files[0]));
}

// What goes wrong

function trouble(error) {
  const known = error instanceof Problem;
  const reload = !known || error.action === "reload";
  screen.notice(
    known ? error.message : say.stopped,
    "Reload",
    reload ? () => location.reload() : null,
  );
  if (!networks.now) screen.noAnswer(say.noAnswer);
  settle();
}

/** What a button does: an older sentence goes, and what goes wrong becomes one. */
const guarded =
  (act) =>
  async (...given) => {
    screen.noNotice();
    try {
      await act(...given);
    } catch (error) {
      trouble(error);
    }
  };

document.addEventListener("visibilitychange", () => {
  clearTimeout(sleeping.timer);
  if (document.hidden) {
    looking.again();
    sleeping.timer = setTimeout(() => {
      sleeping.camera = looking.live;
      camera.close();
    }, AWAY);
  } else if (sleeping.camera) {
    sleeping.camera = false;
    guarded(startCamera)();
  } else {
    looking.again();
  }
});

// What the buttons do

at("start").onclick = guarded(() => startCamera());
at("freeze").onclick = guarded(freeze);
at("stop").onclick = guarded(async () => {
  await lookElsewhere();
  at("start").focus();
});
at("from-live").onclick = () => at("photo").click();
at("flip").onclick = guarded(() => startCamera(() => camera.flip()));
at("torch").onclick = guarded(async () => {
  const on = at("torch").getAttribute("aria-pressed") !== "true";
  await camera.torch(on);
  at("torch").setAttribute("aria-pressed", String(on));
});
at("notice-close").onclick = screen.noNotice;
at("mode").onchange = guarded(() => enter(modes.find(({ id }) => id === at("mode").value)));
at("details").ontoggle = () => looking.measured();
for (const input of document.querySelectorAll("[name=role]"))
  input.onchange = guarded(() => choose(input.value));
for (const [id, act] of [
  ["photo", take],
  ["model", (files) => openModels(chosenMode(files))],
]) {
  at(id).onchange = guarded(async () => {
    const files = [...at(id).files];
    at(id).value = ""; // so that the same file can be chosen again
    if (files.length) await act(files);
  });
}
document.addEventListener("keydown", (event) => {
  const busy = event.target.closest("button, input, select, summary, a");
  if (event.key !== " " || busy || at("controls").hidden) return;
  event.preventDefault();
  guarded(freeze)();
});
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    at("finder").classList.toggle("dropping", name === "dragenter" || name === "dragover");
    if (name === "drop") guarded(take)([...event.dataTransfer.files]);
  });
}
addEventListener(
  "hashchange",
  () => location.hash.startsWith("#model=") && guarded(openModels)(linkedMode(location.hash)),
);

// The beginning

async function begin() {
  let list = null;
  try {
    list = await (await fetch("models.json")).json();
    modes = list.modes;
  } catch {
    if (!location.hash.startsWith("#model=")) throw new Problem(say.listMissing, "reload");
  }
  ledger.method(thread, list?.runtime);
  if (location.hash.startsWith("#model=")) {
    try {
      return await openModels(linkedMode(location.hash));
    } catch (error) {
      if (!modes.length || networks.mode.id) throw error;
      await enter(modes[0]);
      throw error;
    }
  }
  return enter(modes[0]);
}

window.plantApp = api({ ready, engine, networks, looking });
guarded(begin)();
ready.then(async () => {
  await keepOffline({
    kept: screen.offline,
    newer(takeIt) {
      at("update").hidden = false;
      at("reload").onclick = takeIt;
    },
  });
});
