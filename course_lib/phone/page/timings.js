// How long the last frames of each network took.
//
//   const timings = new Timings();
//   timings.add("after", { capture: 1.1, preparation: 1.0, network: 0.7, whole: 3.2 });
//   timings.of("after"); // { frames: 1, capture: { median: 1.1, p90: 1.1 }, ..., perSecond: null }

export const LATEST = 60; // frames
const PARTS = ["capture", "preparation", "network", "whole"];
const PAUSE = 3000; // milliseconds; longer between two frames and they are no stream

export class Timings {
  #frames = { before: [], after: [] };

  /** One frame's milliseconds; `at` is when it was finished, for a camera's stream. */
  add(role, milliseconds, at = null) {
    const frames = this.#frames[role];
    if (at !== null && at - (frames.at(-1)?.at ?? at) > PAUSE) frames.length = 0;
    frames.push({ ...milliseconds, at });
    if (frames.length > LATEST) frames.shift();
  }

  /** Median and p90 of each part in milliseconds, and frames a second; null before any frame. */
  of(role) {
    const frames = this.#frames[role];
    if (!frames.length) return null;
    const parts = PARTS.map((part) => {
      const sorted = frames.map((frame) => frame[part]).sort((a, b) => a - b);
      return [part, { median: middle(sorted), p90: sorted[Math.ceil(0.9 * sorted.length) - 1] }];
    });
    return { frames: frames.length, ...Object.fromEntries(parts), perSecond: rate(frames) };
  }

  clear() {
    this.#frames = { before: [], after: [] };
  }
}

function middle(sorted) {
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
}

function rate(frames) {
  const [first, last] = [frames[0], frames.at(-1)];
  if (frames.length < 5 || first.at === null || last.at <= first.at) return null;
  return (1000 * (frames.length - 1)) / (last.at - first.at);
}
