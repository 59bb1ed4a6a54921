// Reads the page's model files (.plants): gzip of 8 bytes for the header's length, the header as
// JSON, the ONNX graph. Whatever is wrong with a file is an error whose message is a sentence.
//
//   const model = await fetched("models/leaves-after.plants");   // {header, onnx, bytes}
//   const model = await opened(file);                            // a File from the disk

import { unfit } from "./budgets.js";
import {
  CLASSES,
  EVIDENCES,
  FORMAT,
  LARGEST,
  LARGEST_HEADER,
  MATCHES,
  PROBABILITIES,
  ROLES,
  SIDES,
  SUFFIX,
  TEMPERATURES,
  TURNS,
} from "./shared.js";
import { NOT_A_MODEL, Problem, say } from "./words.js";

/** The model at an address of this page; `name` is for sentences. */
export async function fetched(address, name = address) {
  let response;
  try {
    response = await fetch(address);
  } catch {
    throw new Problem(say.modelUnreachable(name));
  }
  if (!response.ok) throw new Problem(say.modelMissing(name));
  return unpacked(new Uint8Array(await response.arrayBuffer()), name);
}

const ending = (name, known) => known.find((each) => name.toLowerCase().endsWith(each));

/** Whether a file's name is that of a model, be it one for this page or for something else. */
export const isModel = (name) => Boolean(ending(name, [SUFFIX, ...Object.keys(NOT_A_MODEL)]));

/** The model in a file that was chosen or dropped. */
export async function opened(file) {
  const kind = ending(file.name, Object.keys(NOT_A_MODEL));
  if (kind) throw new Problem(say.notAModel(file.name, kind));
  if (file.size > LARGEST) throw new Problem(say.modelTooLarge(file.name));
  return unpacked(new Uint8Array(await file.arrayBuffer()), file.name);
}

/** {header, onnx, bytes} of a file's content; `name` is for sentences. */
export async function unpacked(content, name) {
  if (content[0] !== 0x1f || content[1] !== 0x8b) throw new Problem(say.notPlants(name));
  const whole = await inflated(content, name);
  const damaged = (what) => new Problem(say.modelDamaged(name, what));
  if (whole.length < 8) throw damaged("it ends early");
  const length = Number(new DataView(whole.buffer).getBigUint64(0, true));
  if (length > LARGEST_HEADER || 8 + length > whole.length) throw damaged("its header is cut off");
  let header;
  try {
    header = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(whole.subarray(8, 8 + length)),
    );
  } catch {
    throw damaged("its header is no JSON");
  }
  if (Number.isInteger(header?.format) && header.format > FORMAT) {
    throw new Problem(say.modelLater(name, header.format, FORMAT));
  }
  const wrong = fault(header);
  if (wrong) throw damaged(wrong);
  const onnx = whole.slice(8 + length);
  if (onnx.length !== header.onnx_bytes) throw damaged("its network is cut off");
  if (globalThis.crypto?.subtle) {
    // Only secure addresses have it; elsewhere gzip's own checksum has to do.
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", onnx));
    const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (hex !== header.sha256) throw damaged("its network is not the one that was written");
  }
  const heavy = unfit(onnx, header);
  if (heavy) throw new Problem(say.modelUnfit(name, heavy));
  return { header, onnx, bytes: content.length };
}

async function inflated(content, name) {
  if (typeof DecompressionStream !== "function") throw new Problem(say.oldBrowser);
  const reader = new Blob([content])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"))
    .getReader();
  const parts = [];
  let length = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      length += part.value.length;
      if (length > LARGEST) break;
      parts.push(part.value);
    }
  } catch {
    throw new Problem(say.modelDamaged(name, "it cannot be unpacked"));
  }
  if (length > LARGEST) {
    reader.cancel().catch(() => {});
    throw new Problem(say.modelTooLarge(name));
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const isWithin = (value, [least, most]) => isNumber(value) && value >= least && value <= most;
const areNames = (value) =>
  Array.isArray(value) && value.every((name) => typeof name === "string" && name !== "");

/** What is wrong with a header, in words; "" if nothing is. */
function fault(header) {
  if (header === null || typeof header !== "object" || Array.isArray(header))
    return "its header is no object";
  const { format, name, about, role, classes, groups, shape, mean, scale, unsure, facts } = header;
  if (format !== FORMAT) return "its header has no format";
  if (!areNames([name]) || typeof about !== "string") return "its name is missing";
  if (!ROLES.includes(role)) return `its role is neither ${ROLES.join(" nor ")}`;
  if (!areNames(classes) || !isWithin(classes.length, CLASSES)) return "it names no classes";
  if (groups !== null && !(areNames(groups) && groups.length === classes.length))
    return "its groups do not fit its classes";
  const side = shape?.[1];
  const square = Array.isArray(shape) && shape.length === 3 && shape[0] === 3 && shape[2] === side;
  if (!square || !Number.isInteger(side) || !isWithin(side, SIDES))
    return "its pictures have no usable size";
  if (!areScales(mean, scale, shape[0])) return "its pixels have no scale";
  if (!isRule(unsure, classes.length)) return "it does not say when it is unsure";
  if (facts === null || typeof facts !== "object") return "its facts are missing";
  const size = header.onnx_bytes;
  return Number.isInteger(size) && size > 0 ? "" : "it holds no network";
}

/** Whether pixels can be normalised so: a number for all channels, or a list with one for each. */
function areScales(mean, scale, channels) {
  const [means, scales] = [[mean].flat(), [scale].flat()];
  if (means.length !== scales.length || ![1, channels].includes(means.length)) return false;
  return means.every(isNumber) && scales.every((each) => isNumber(each) && each > 0);
}

/** Whether this is a rule for so many classes; turns and a pattern it need not have. */
function isRule(rule, classes) {
  const { temperature, probability, evidence, turns = 1, pattern = null } = rule ?? {};
  const thresholds =
    isWithin(temperature, TEMPERATURES) &&
    isWithin(probability, PROBABILITIES) &&
    isWithin(evidence, EVIDENCES);
  if (!thresholds || !TURNS.includes(turns)) return false;
  if (pattern === null) return true;
  const row = (given) =>
    Array.isArray(given) && given.length === classes && given.every(Number.isFinite);
  const table = (given) => Array.isArray(given) && given.length === classes && given.every(row);
  const { weights, bias, directions, match } = pattern;
  return table(weights) && row(bias) && table(directions) && isWithin(match, MATCHES);
}
