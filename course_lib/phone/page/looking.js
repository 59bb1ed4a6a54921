// Looks at the camera or a still picture, again and again, and measures each pass.
//
//   const looking = new Looking(camera, engine, networks, { show, measured });
//   looking.at({ kind: "camera" });
//   looking.at({ kind: "photo", picture: bitmap });

import { pixelsOf } from "./camera.js";
import { Average, decide, weigh } from "./decide.js";
import { Timings } from "./timings.js";

const STILL = { passes: 15, atLeast: 5, milliseconds: 600 }; // what a still picture is measured with
const REDRAW = 200; // milliseconds between two drawings of the figures
const DARK = 40; // mean level of what a network sees, of 255

export class Looking {
  #turn = 0; // each change starts a new one; what comes late from an older one is dropped
  #average = new Average();
  #timings = { live: new Timings(), still: new Timings() };
  source = { kind: "empty" }; // kind: sample, photo, camera, frozen; picture, truth, file
  /** Settled when there is nothing more to do for a still picture. */
  done = Promise.resolve();

  constructor(camera, engine, networks, { show, measured, failed }) {
    Object.assign(this, { camera, engine, networks, show, measured, failed });
  }

  get live() {
    return this.source.kind === "camera";
  }

  /** What was measured of this kind of source. */
  get timings() {
    return this.live ? this.#timings.live : this.#timings.still;
  }

  /** Look at something else. */
  at(source) {
    this.source = source;
    this.again();
  }

  /** Begin anew, with whoever is to answer now. */
  again() {
    this.stop();
    const mine = this.#turn;
    this.measured();
    if (document.hidden || !this.networks.now) return;
    const work = this.live ? this.#watch(mine) : this.source.picture ? this.#study(mine) : null;
    this.done = Promise.resolve(work).catch((error) => mine === this.#turn && this.failed(error));
  }

  stop() {
    this.#turn += 1;
    this.#average.clear();
  }

  clearTimings() {
    Object.values(this.#timings).forEach((each) => each.clear());
  }

  /** The camera, frame by frame: always the newest, as fast as the network answers. */
  async #watch(mine) {
    const { role, now } = this.networks;
    const { turns = 1 } = now.header.unsure;
    let drawn = 0;
    for (let count = 0; ; count++) {
      await this.camera.nextFrame();
      if (mine !== this.#turn) return;
      const begin = performance.now();
      const frame = this.camera.capture(now.header.shape[1]);
      const capture = performance.now() - begin;
      // One view a frame: the average over the frames is one over the views as well.
      const { views, seen, milliseconds } = await this.engine.identify(role, frame, [
        count % turns,
      ]);
      if (mine !== this.#turn) return;
      this.#answer(views, seen, now.header);
      const end = performance.now();
      this.timings.add(role, { capture, ...milliseconds, whole: end - begin }, end);
      if (end - drawn > REDRAW) {
        this.measured();
        drawn = end;
      }
    }
  }

  /** A still picture: the answer, then some passes more for the figures of all networks. */
  async #study(mine) {
    const { role, models } = this.networks;
    const unmeasured = Object.keys(models).filter((each) => models[each] && !this.timings.of(each));
    for (const each of new Set([role, ...unmeasured])) {
      const { header } = models[each];
      const begin = performance.now();
      const frame = pixelsOf(this.source.picture, header.shape[1]);
      const capture = performance.now() - begin;
      for (let pass = 0; pass < STILL.passes; pass++) {
        const start = performance.now();
        const views = pass ? [0] : quarters(header.unsure);
        const {
          views: logits,
          seen,
          milliseconds,
        } = await this.engine.identify(each, frame, views);
        if (mine !== this.#turn) return;
        if (each === role && pass === 0) this.#answer(logits, seen, header);
        const end = performance.now();
        if (pass)
          this.timings.add(each, { capture, ...milliseconds, whole: capture + end - start });
        if (pass >= STILL.atLeast && end - begin > STILL.milliseconds) break;
      }
      this.measured();
    }
  }

  #answer(views, seen, header) {
    const fresh = weigh(views, header.unsure);
    const given = decide(this.live ? this.#average.add(fresh) : fresh, header.unsure);
    const dark = seen.reduce((sum, level) => sum + level, 0) < DARK * seen.length;
    this.show(given, seen, header, { dark, truth: this.source.truth ?? null });
  }
}

/** The quarter turns that a still picture is looked at in. */
export const quarters = ({ turns = 1 }) => Array.from({ length: turns }, (_, quarter) => quarter);
