// Draws the answer, the picture and the notices; what it shows is what it was told last.

import { middle } from "./crop.js";
import { CHIPS, HINTS, isLatin, percent, readable, say } from "./words.js";

const STABLE = 1000; // milliseconds that an answer stays before it is read aloud
const REDRAW = 100; // milliseconds between two drawings of the same name's bars
const SHARPEST = 1200; // pixels a side of a still picture on the screen
const at = (id) => document.getElementById(id);

/** An element with these properties and children. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// The answer

let lines = []; // of the likeliest classes
let drawn = 0;

/** What `decide` said, with the model's header for its names, and the truth where it is known. */
export function answer(given, { classes, groups }, { dark, truth }) {
  const [best, group] = [classes[given.index], groups?.[given.index]];
  const name = given.sure ? readable(best) : "Not sure";
  announce(given.sure ? name : `Not sure. ${HINTS[dark ? "dark" : given.why]}`);
  // Laying the page out takes a slow phone longer than a frame: a new name at once, bars in time.
  if (name === at("name").textContent && performance.now() - drawn < REDRAW) return;
  drawn = performance.now();
  state(given.sure ? "yes" : "no");
  named(name, given.sure && isLatin(best, group));
  const known =
    truth === null ? "" : truth === best ? ", and right" : `, but it is ${readable(truth)}`;
  put(
    "aside",
    given.sure
      ? `${percent(given.share).replace(">", "Over ")} sure${known}`
      : HINTS[dark ? "dark" : given.why],
  );
  if (lines.length !== given.top.length) lines = given.top.map(newLine);
  if (at("likely").children.length !== lines.length)
    at("likely").replaceChildren(...lines.map(({ item }) => item));
  given.top.forEach(({ index, share }, i) => {
    lines[i].name.textContent = readable(classes[index]);
    lines[i].name.classList.toggle("latin", isLatin(classes[index], groups?.[index]));
    lines[i].bar.style.transform = `scaleX(${share.toFixed(3)})`;
    lines[i].share.textContent = percent(share);
  });
}

/** A sentence where the answer would be, and one below it. */
export function noAnswer(sentence, more = "") {
  state("wait");
  named(sentence, false);
  put("aside", more);
  at("likely").replaceChildren();
}

function state(sure) {
  at("answer").dataset.sure = sure;
  at("finder").dataset.sure = sure;
}

function named(text, latin) {
  put("name", text);
  at("name").classList.toggle("latin", latin);
}

function put(id, text) {
  if (at(id).textContent !== text) at(id).textContent = text;
}

function newLine() {
  const [name, bar, share] = [make("span", { className: "what" }), make("i"), make("b")];
  return {
    name,
    bar,
    share,
    item: make("li", {}, name, make("span", { className: "track" }, bar), share),
  };
}

let spoken = { text: "", timer: 0 };

/** Have read aloud what stays the same for a while, once. */
function announce(text) {
  if (text === spoken.text) return;
  clearTimeout(spoken.timer);
  spoken = { text, timer: setTimeout(() => put("spoken", text), STABLE) };
}

// The picture

/** Where the picture comes from, and the buttons that go with that. */
export function source(kind, paused, mirrored = false) {
  const live = kind === "camera" || kind === "frozen";
  Object.assign(at("finder").dataset, { source: kind, paused });
  put("chip-text", CHIPS[paused ? "paused" : kind]);
  at("chip").hidden = kind === "empty" && !paused;
  at("video").hidden = kind !== "camera";
  at("still").hidden = kind === "camera" || kind === "empty";
  at("finder").classList.toggle("mirrored", live && mirrored);
  at("invite").hidden = live;
  at("samples").hidden = live || !at("samples").children.length;
  at("controls").hidden = !live;
  if (kind === "empty") at("lens").hidden = true;
  const frozen = kind === "frozen";
  at("freeze").setAttribute("aria-pressed", String(frozen));
  at("freeze")
    .querySelector("use")
    .setAttribute("href", frozen ? "#i-play" : "#i-pause");
}

/** Show the middle square of a still picture. */
export function still(picture) {
  const { x, y, w, h } = middle(picture.width, picture.height);
  const shown = Math.min(w, SHARPEST);
  Object.assign(at("still"), { width: shown, height: shown });
  const context = at("still").getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, x, y, w, h, 0, 0, shown, shown);
}

/** The small picture that the network was given: RGB bytes. */
export function seen(rgb, side) {
  const canvas = at("seen");
  if (canvas.width !== side) Object.assign(canvas, { width: side, height: side });
  const image = new ImageData(side, side);
  for (let i = 0, j = 0; j < rgb.length; i += 4, j += 3) {
    image.data[i] = rgb[j];
    image.data[i + 1] = rgb[j + 1];
    image.data[i + 2] = rgb[j + 2];
    image.data[i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  at("lens").hidden = false;
}

/** The strip of sample pictures; `choose` is called with the one that is pressed. */
export function samples(list, choose) {
  at("samples").replaceChildren(
    ...list.map((sample, i) => {
      const picture = make("img", {
        src: sample.file,
        alt: "",
        width: 48,
        height: 48,
        decoding: "async",
      });
      const button = make("button", { type: "button", onclick: () => choose(sample) }, picture);
      button.setAttribute(
        "aria-label",
        `Sample ${i + 1}${sample.label ? `: ${readable(sample.label)}` : ""}`,
      );
      button.dataset.file = sample.file;
      return make("li", {}, button);
    }),
  );
}

/** Mark the sample that is looked at. */
export function chosen(file) {
  for (const button of at("samples").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.file === file));
  }
}

// The rest

/** A sentence that says what to do, with a button where there is something to press. */
export function notice(sentence, label = "", act = null) {
  at("notice").hidden = false;
  put("notice-text", sentence);
  Object.assign(at("notice-act"), { hidden: !act, textContent: label, onclick: act });
}

export function noNotice() {
  at("notice").hidden = true;
  put("notice-text", "");
}

/** The modes to choose from, and what this one's networks know. */
export function modes(list, mode) {
  at("modes").hidden = list.length < 2;
  at("mode").replaceChildren(
    ...list.map(({ id, title }) => make("option", { value: id, textContent: title })),
  );
  at("mode").value = mode.id;
}

export function knows({ about, classes, groups }) {
  put("knows", about);
  put("known-title", `All ${classes.length.toLocaleString("en")} names`);
  at("names").replaceChildren(
    ...classes.map((name, i) =>
      make("li", {
        textContent: readable(name),
        className: isLatin(name, groups?.[i]) ? "latin" : "",
      }),
    ),
  );
}

export function offline(kept) {
  put("offline", kept ? say.offlineReady : say.offlineOff);
}
