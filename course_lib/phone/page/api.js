// What tests and the curious find on window.plantApp; pixels are RGBA bytes, row by row.
//
//   await plantApp.ready                                  // the first answer is there, or a sentence
//   await plantApp.prepare(imageDataOrBitmap, size)       // Uint8Array(size * size * 3), RGB
//   await plantApp.identify(pixels, width, height, role)  // {label, share, evidence, sure, logits}
//   plantApp.statistics() // {source, before, after}; each {frames, network: {median, p90}, ...}

import { pixelsOf } from "./camera.js";
import { decide, weigh } from "./decide.js";
import { quarters } from "./looking.js";
import { prepare } from "./prepare.js";

export const api = ({ ready, engine, networks, looking }) => ({
  ready,

  async prepare(picture, size = networks.now.header.shape[1]) {
    const read = picture.data
      ? { pixels: picture.data, width: picture.width, height: picture.height }
      : pixelsOf(picture, size);
    return prepare(read.pixels, read.width, read.height, size);
  },

  async identify(pixels, width, height, role = networks.role) {
    await networks.load(role);
    const { classes, unsure } = networks.models[role].header;
    const { views } = await engine.identify(role, { pixels, width, height }, quarters(unsure));
    const { index, ...given } = decide(weigh(views, unsure), unsure);
    return { label: classes[index], ...given, logits: Array.from(views[0]) };
  },

  statistics: () => ({
    source: looking.source.kind,
    before: looking.timings.of("before"),
    after: looking.timings.of("after"),
  }),
});
