// Draws speed and size: the switch, the big figure, bars, ratios, and the table with all figures.

import { make } from "./screen.js";
import { ROLES, bytes, count, ratio, time } from "./words.js";

const BATTERY = 54e6; // mJ: 15 Wh, a usual phone's
const PARTS = ["capture", "preparation", "network"];
const at = (id) => document.getElementById(id);

/** Draw what was measured so far: `figures` of the networks in `models`, of which `role` answers. */
export function draw({ role, models, figures }) {
  const roles = Object.keys(ROLES).filter((each) => each in models);
  const measured = Object.fromEntries(roles.map((each) => [each, figures.of(each)]));
  const now = measured[role];
  at("pace").dataset.role = role;
  for (const id of ["pace", "bars", "legend"]) at(id).hidden = !now;
  at("big").textContent = now ? time(now.whole.median) : "–";
  at("rate").textContent = rate(now);
  gains(models, measured);
  const energy = models[role]?.header.facts.energy_mj;
  at("charge").textContent = energy
    ? `About ${count(BATTERY / energy)} identifications per battery charge (estimate, network alone)`
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
    `Medians (and 90th percentiles) of the last 60 frames; one thread, ${where}.${sizes} ` +
    "The small picture in the corner is all that a network is given.";
}

function rate(now) {
  if (!now) return "";
  if (now.perSecond) return `${Math.round(now.perSecond)} frames a second`;
  return `enough for ${Math.floor(1000 / now.whole.median).toLocaleString("en")} frames a second`;
}

/** Bytes of the file that is kept: the checkpoint, or the packed network. */
function onDisk({ header, bytes: transferred }) {
  const { file_bytes: file, checkpoint_bytes: checkpoint } = header.facts;
  return file ?? (header.role === "before" ? checkpoint : null) ?? transferred;
}

function gains({ before, after }, measured) {
  const times = [measured.before, measured.after].map((found) => found?.network.median);
  const found =
    before && after
      ? [
          ["network", ratio(...times, "faster", "slower")],
          ["file", ratio(onDisk(before), onDisk(after), "smaller", "larger")],
        ].filter(([, change]) => /^\d/.test(change))
      : [];
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
  Object.entries(ROLES).map(([role, name]) => {
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
    ...roles.map((each) => make("th", { scope: "col", textContent: ROLES[each] })),
  );
  const lines = [...sizes(models), ...times(measured), ...facts(models)];
  at("figures").replaceChildren(
    ...lines
      .filter(([, show]) => roles.some((each) => show(each)))
      .map(([label, show, change]) =>
        make(
          "tr",
          {},
          make(
            "th",
            { scope: "row" },
            label,
            ...(change ? [make("b", { textContent: change })] : []),
          ),
          ...roles.map((each) => make("td", { textContent: show(each) || "–" })),
        ),
      ),
  );
}

// Lines of the table: [label, role => text, change]

function sizes(models) {
  const change = (size) =>
    models.before && models.after
      ? ratio(size(models.before), size(models.after), "smaller", "larger")
      : "";
  return [
    ["File on disk", onDisk],
    ["Downloaded", (model) => model.bytes],
  ].map(([label, size]) => [label, (role) => bytes(size(models[role])), change(size)]);
}

function times(measured) {
  const line = (label, part, compared) => [
    `${label}, ms`,
    (role) => {
      const found = measured[role]?.[part];
      return found ? `${time(found.median)} (${time(found.p90)})` : "";
    },
    compared
      ? ratio(measured.before?.[part].median, measured.after?.[part].median, "faster", "slower")
      : "",
  ];
  return [
    line("Capture", "capture", false),
    line("Preparation", "preparation", false),
    line("Network", "network", true),
    line("Whole frame", "whole", true),
    ["Frames a second", (role) => measured[role]?.perSecond?.toFixed(0), ""],
  ];
}

function facts(models) {
  const of = (role) => models[role]?.header.facts ?? {};
  const change = (key, less, more) => ratio(of("before")[key], of("after")[key], less, more);
  return [
    [
      "Identifications per charge, estimate",
      (role) => {
        const energy = of(role).energy_mj;
        return energy && count(BATTERY / energy);
      },
      change("energy_mj", "less energy", "more energy"),
    ],
    [
      "Accuracy on test pictures",
      (role) => {
        const { accuracy, accuracy_low: low, accuracy_high: high } = of(role);
        const [share, ends] = [(x) => (100 * x).toFixed(1), low !== null && high !== null];
        return (
          typeof accuracy === "number" &&
          `${share(accuracy)}%${ends ? ` (${share(low)} to ${share(high)})` : ""}`
        );
      },
      "",
    ],
    [
      "Multiply-adds",
      (role) => of(role).macs && count(of(role).macs),
      change("macs", "fewer", "more"),
    ],
    [
      "Picture it is given",
      (role) => models[role] && models[role].header.shape.slice(1).join(" × "),
      "",
    ],
    ["Numbers", (role) => of(role).kind, ""],
  ];
}
