// Draws speed and size: the switch, the big figure, bars, ratios, and the table with all figures.

import { gains, lines, onDisk, perCharge, rate } from "./compare.js";
import { make } from "./screen.js";
import { LATEST } from "./timings.js";
import { TITLES, bytes, time } from "./words.js";

const PARTS = ["capture", "preparation", "network"];
const at = (id) => document.getElementById(id);

/** Draw what was measured so far: `timings` of the networks in `models`, of which `role` answers. */
export function draw({ role, models, timings }) {
  const roles = Object.keys(TITLES).filter((each) => each in models);
  const measured = Object.fromEntries(roles.map((each) => [each, timings.of(each)]));
  const now = measured[role];
  at("pace").dataset.role = role;
  for (const id of ["pace", "bars", "legend"]) at(id).hidden = !now;
  at("big").textContent = now ? time(now.whole.median) : "–";
  at("rate").textContent = rate(now);
  gained(gains(models, measured));
  const times = perCharge(models[role]?.header.facts.energy_mj);
  at("charge").textContent = times
    ? `About ${times} identifications per battery charge (estimate, network alone)`
    : "";
  bars(roles, role, measured);
  table(
    roles.filter((each) => models[each]),
    models,
    measured,
  );
}

/** The switch: which networks there are, how large they are, which one answers. */
export function choices({ role, models }) {
  at("switch").hidden = Object.keys(models).length < 2;
  for (const input of document.querySelectorAll("[name=role]"))
    input.checked = input.value === role;
  for (const each of Object.keys(models)) {
    at(`size-${each}`).textContent = models[each] ? bytes(onDisk(models[each])) : "…";
  }
}

/** How the figures were measured, in small print. */
export function method(thread, runtime) {
  const where = thread === "main" ? "on the page's own thread" : "in a worker";
  const sizes = runtime
    ? ` It is computed by ONNX Runtime for the web ${runtime.version}: ${bytes(runtime.bytes)}, ` +
      `${bytes(runtime.gzip_bytes)} on the wire, kept after the first visit.`
    : "";
  at("method").textContent =
    `Medians (and 90th percentiles) of the last ${LATEST} frames; one thread, ${where}.${sizes} ` +
    "The small picture in the corner is all that a network is given.";
}

function gained(found) {
  const shown = found.flat().join();
  if (at("gains").dataset.shown === shown) return;
  at("gains").dataset.shown = shown;
  at("gains").replaceChildren(
    ...found.map(([what, change]) => {
      const [times, how] = change.split(" ");
      const className = /slower|larger/.test(how) ? "worse" : "";
      return make("li", { className }, make("b", { textContent: times }), ` ${how} ${what}`);
    }),
  );
}

const rows = Object.fromEntries(
  Object.entries(TITLES).map(([role, name]) => {
    const parts = PARTS.map((part) => make("i", { className: part }));
    const row = make(
      "div",
      { className: "bar" },
      make("span", { className: "which", textContent: name }),
      make("span", { className: "track" }, ...parts),
      make("b"),
    );
    row.dataset.role = role;
    return [role, row];
  }),
);

function bars(roles, role, measured) {
  const longest = Math.max(...roles.map((each) => measured[each]?.whole.median ?? 0));
  for (const each of roles) {
    const now = measured[each];
    rows[each].classList.toggle("on", each === role);
    for (const part of rows[each].querySelectorAll("i")) {
      part.hidden = !now;
      part.style.width = now
        ? `${((100 * now[part.className].median) / longest).toFixed(1)}%`
        : "0";
    }
    rows[each].lastChild.textContent = now ? `${time(now.whole.median)} ms` : "–";
  }
  const [shown, wanted] = [[...at("bars").children], roles.map((each) => rows[each])];
  if (shown.length !== wanted.length || wanted.some((row, i) => row !== shown[i])) {
    at("bars").replaceChildren(...wanted);
  }
}

function table(roles, models, measured) {
  if (!at("details").open) return;
  at("heads").replaceChildren(
    make("td"),
    ...roles.map((each) => make("th", { scope: "col", textContent: TITLES[each] })),
  );
  at("table").replaceChildren(
    ...lines(roles, models, measured).map(({ label, cells, change }) => {
      const more = change ? [make("b", { textContent: change })] : [];
      return make(
        "tr",
        {},
        make("th", { scope: "row" }, label, ...more),
        ...cells.map((textContent) => make("td", { textContent })),
      );
    }),
  );
}
