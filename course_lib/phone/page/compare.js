// What is said of two networks beside each other: sizes, times, energy, in words and ratios.

import { bytes, count, ratio, time } from "./words.js";

const BATTERY = 54e6; // mJ: 15 Wh, a usual phone's

/** Bytes of the file that is kept: the checkpoint, or the packed network. */
export function onDisk({ header, bytes: transferred }) {
  const { file_bytes: file, checkpoint_bytes: checkpoint } = header.facts;
  return file ?? (header.role === "before" ? checkpoint : null) ?? transferred;
}

/** "55 frames a second", of what was measured; "" before anything was. */
export function rate(now) {
  if (!now) return "";
  if (now.perSecond) return `${Math.round(now.perSecond)} frames a second`;
  return `enough for ${Math.floor(1000 / now.whole.median).toLocaleString("en")} frames a second`;
}

/** How many identifications a battery's charge is enough for; "" if the energy is not known. */
export const perCharge = (millijoules) => (millijoules ? count(BATTERY / millijoules) : "");

/** What compression changed: [what, ratio in words] of network and file, where it says a number. */
export function gains({ before, after }, measured) {
  if (!before || !after) return [];
  const times = [measured.before, measured.after].map((found) => found?.network.median);
  return [
    ["network", ratio(...times, "faster", "slower")],
    ["file", ratio(onDisk(before), onDisk(after), "smaller", "larger")],
  ].filter(([, change]) => /^\d/.test(change));
}

/** The table: {label, cells: one text for each of `roles`, change}; no line of which nothing is known. */
export function lines(roles, models, measured) {
  return [...sizes(models), ...times(measured), ...facts(models)]
    .map(([label, show, change]) => ({ label, cells: roles.map(show), change }))
    .filter(({ cells }) => cells.some(Boolean))
    .map((line) => ({ ...line, cells: line.cells.map((text) => text || "–") }));
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
      (role) => perCharge(of(role).energy_mj),
      change("energy_mj", "less energy", "more energy"),
    ],
    [
      "Accuracy on test pictures",
      (role) => {
        const { accuracy, accuracy_low: low, accuracy_high: high } = of(role);
        const [share, ends] = [(x) => (100 * x).toFixed(1), [low, high].every(Number.isFinite)];
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
