// Every sentence that the page says in a changing place, and how it writes figures.

import { LARGEST, SUFFIX } from "./shared.js";

/** An error whose message is a sentence for the screen; `action` names what would help. */
export class Problem extends Error {
  constructor(sentence, action = null) {
    super(sentence);
    this.action = action;
  }
}

const PHOTO = "A photo or a sample works too.";
const MODEL_FILE = `Choose the file that ends in ${SUFFIX}; \`compress\` writes it beside the others.`;

/** What else people pick when they look for a model, by the ending of its name. */
export const NOT_A_MODEL = {
  ".packed": `a packed network, which only Python reads. ${MODEL_FILE}`,
  ".onnx": `a bare graph: it does not say which plants it knows. ${MODEL_FILE}`,
  ".pte": `for apps made with ExecuTorch. ${MODEL_FILE}`,
  ".safetensors": `a checkpoint, which only Python reads. ${MODEL_FILE}`,
};

export const say = {
  // The camera
  cameraMissing: `No camera was found on this device. Plug one in and press “Use the camera” again. ${PHOTO}`,
  cameraRefused: `The camera was refused. Allow it for this page in the browser's settings (often the icon beside the address), then press “Use the camera” again. ${PHOTO}`,
  cameraFramed:
    "The camera is not available inside another page. Open this page in a tab of its own, then press “Use the camera” again.",
  cameraBusy: `Another app is using the camera. Close that app, then press “Use the camera” again. ${PHOTO}`,
  cameraGone: `The camera was taken away. Press “Use the camera” to go on. ${PHOTO}`,
  cameraMuted:
    "The camera is paused by the phone or another app. It goes on by itself when it is free again.",
  cameraInsecure: `Browsers give the camera to secure addresses only (https, or this computer itself), and this one is not. Open the page by its https address, or use “Photo”, which works here.`,
  cameraFailed: (why) =>
    `The camera did not start (${why}). Press “Use the camera” to try again. ${PHOTO}`,
  torchFailed: "The light did not switch. Some phones only allow it with another camera.",

  // Pictures
  pictureUnreadable: (name) =>
    `${name} can't be read as a picture here. Save it as JPEG or PNG and choose it again; HEIC photos need Safari.`,
  sampleMissing: "This sample can't be loaded. Choose another one, or a photo of your own.",

  // Models
  modelUnreachable: (file) =>
    `${file} can't be reached. Check the connection to where this page comes from, then reload.`,
  modelMissing: (file) =>
    `The model file ${file} is missing. Build the page again (python -m course_lib app build), or check the link.`,
  modelDamaged: (file, what) =>
    `The model file ${file} is damaged: ${what}. Copy or build it again.`,
  modelLater: (file, format, known) =>
    `The model file ${file} has format ${format}; this page reads format ${known}. Reload the page for its newest version, or build it again with the course that wrote the file.`,
  modelTooLarge: (file) =>
    `${file} is too large for this page, which takes networks of up to ${bytes(LARGEST)}.`,
  modelUnfit: (file, what) =>
    `The network in ${file} is none that this page runs: ${what}. Write it again with \`compress\`.`,
  modelRefused: (file) =>
    `The network in ${file} does not run here. Write it again with \`compress\`.`,
  notPlants: (file) => `${file} is no model file of this page. ${MODEL_FILE}`,
  notAModel: (file, ending) => `${file} is ${NOT_A_MODEL[ending]}`,
  twice: (role) =>
    `Both files are the ${TITLES[role].toLowerCase()} network. Choose one of each, or one alone.`,
  tooManyFiles: "Choose one model file, or two: the original and the compressed network.",
  elsewhere:
    "This link names a model on another site, and this page fetches nothing from elsewhere. Download the file, then choose it with “Open my model”.",
  listMissing:
    "The page's list of models (models.json) is missing or damaged. Build the page again (python -m course_lib app build), then reload.",

  // What runs them
  noWasm:
    "This browser has WebAssembly switched off, and the networks need it. Switch it on (on an iPhone: Lockdown Mode off for this page), or open the page in another browser.",
  noRuntime:
    "The runtime's files (the folder runtime/) are missing or damaged. Build the page again (python -m course_lib app build), then reload.",
  oldBrowser:
    "This browser is too old to unpack the networks. Update it, or open the page in another one (Safari from 16.4, Chrome from 105, Firefox from 114).",
  stopped: "The network stopped working. Reload the page to start it again.",

  // States
  begin: ["Show me a plant", "Use the camera, or choose a photo."],
  noAnswer: "No network to ask",
  loading: "Loading the network …",
  offlineReady: "Works without a connection from now on.",
  offlineOff:
    "In a tab of its own, at a secure address (https), this page also works without a connection.",
};

export const TITLES = { before: "Original", after: "Compressed" };

export const HINTS = {
  strange: "Come closer, to one leaf or fruit.",
  alike: "Show one alone, on plain ground.",
  dark: "It is dark here: more light helps.",
};

export const CHIPS = {
  sample: "Sample",
  photo: "Photo",
  camera: "Live",
  frozen: "Frozen",
  paused: "Paused",
  empty: "Ready",
};

// Names

/** A class as it is read: folders are often called Common_wheat. */
export const readable = (name) => name.replaceAll("_", " ");

/** Two-part names whose first part is the group are Latin, and set in italics as botanists do. */
export const isLatin = (name, group) => Boolean(group) && name.startsWith(`${group} `);

// Figures

/** 4.6 MB, as file managers show it: 1 kB is 1,000 bytes. */
export function bytes(count) {
  const step = count < 999.5 ? 0 : count < 999500 ? 1 : 2;
  const value = count / 1000 ** step;
  return `${step && value < 99.95 ? value.toFixed(1) : Math.round(value)} ${["B", "kB", "MB"][step]}`;
}

/** 0.72, 3.4, 57: milliseconds with two figures that mean something. */
export function time(milliseconds) {
  if (milliseconds < 0.995) return milliseconds.toFixed(2);
  return milliseconds < 99.5 ? milliseconds.toFixed(1) : String(Math.round(milliseconds));
}

/** 97%; nothing is certain, and nothing impossible. */
export function percent(share) {
  if (share > 0.995) return ">99%";
  return share < 0.005 ? "<1%" : `${Math.round(100 * share)}%`;
}

/** "18x faster", "1.4x slower", "about the same". */
export function ratio(before, after, less, more) {
  if (!(before > 0) || !(after > 0)) return "";
  const times = Math.max(before / after, after / before);
  if (times < 1.05) return "about the same";
  const shown = times < 9.95 ? times.toFixed(1) : Math.round(times).toLocaleString("en");
  return `${shown}x ${after < before ? less : more}`;
}

/** 4.5 billion: large counts in words. */
export function count(number) {
  const scale = [
    [1e12, "trillion"],
    [1e9, "billion"],
    [1e6, "million"],
  ].find(([size]) => number >= size);
  if (!scale) return Math.round(number).toLocaleString("en");
  const value = number / scale[0];
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${scale[1]}`;
}
