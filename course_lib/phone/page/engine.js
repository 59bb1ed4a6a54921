// What runs the networks: onnxruntime-web, WASM, one thread. The worker and the page share it.
//
//   const engine = new Engine();
//   await engine.load("after", model);
//   const { views, seen, milliseconds } = await engine.identify("after", rgba, 640, 480);

import { normalise, prepare, turned } from "./prepare.js";

const RUNTIME = new URL("./runtime/ort.wasm.bundle.min.mjs", import.meta.url).href;
const WASM = new URL("./runtime/ort-wasm-simd-threaded.wasm", import.meta.url).href;

let starting = null;

/** The runtime, loaded once. Throws an error whose `cause` is "wasm" or "runtime". */
function runtime() {
  starting ??= (async () => {
    if (typeof WebAssembly !== "object") throw new Error("no WebAssembly", { cause: "wasm" });
    try {
      const ort = await import(RUNTIME);
      ort.env.wasm.numThreads = 1;
      // Its glue is in the bundle: a folder's name here would make it look for a third file.
      ort.env.wasm.wasmPaths = { wasm: WASM };
      ort.env.logLevel = "error";
      return ort;
    } catch (error) {
      throw new Error(String(error), { cause: "runtime" });
    }
  })();
  return starting;
}

export class Engine {
  #networks = new Map();
  #last = Promise.resolve();

  /** Load a network under a key, and run it once so that the first frame is not slow. */
  async load(key, { header, onnx }) {
    const ort = await runtime();
    let session;
    try {
      session = await ort.InferenceSession.create(onnx, {
        executionProviders: ["wasm"],
        graphOptimizationLevel: "all",
        logSeverityLevel: 3,
      });
    } catch (error) {
      throw new Error(String(error?.message ?? error), { cause: await blame(error) });
    }
    const side = header.shape[1];
    await this.#inTurn(async () => {
      await this.#networks.get(key)?.session.release();
      this.#networks.set(key, { header, session, ort });
      await this.#run(key, new Float32Array(3 * side * side)).catch((error) => {
        throw new Error(String(error?.message ?? error), { cause: "network" });
      });
    });
  }

  /** Logits for the middle square of RGBA bytes, turned by each of `quarters`; what the network
   * saw; and the milliseconds that it took, those of the network for one view. */
  identify(key, pixels, width, height, quarters = [0]) {
    return this.#inTurn(() => this.#identify(key, pixels, width, height, quarters));
  }

  /** A session can't do two things at once. */
  #inTurn(work) {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  async #identify(key, pixels, width, height, quarters) {
    const { header } = this.#networks.get(key);
    const side = header.shape[1];
    const milliseconds = { preparation: 0, network: 0 };
    const begin = performance.now();
    const seen = prepare(pixels, width, height, side);
    milliseconds.preparation = performance.now() - begin;
    const views = [];
    for (const quarter of quarters) {
      const start = performance.now();
      const input = normalise(turned(seen, side, quarter), header.mean, header.scale);
      const prepared = performance.now();
      views.push(await this.#run(key, input));
      milliseconds.preparation += (prepared - start) / quarters.length;
      milliseconds.network += (performance.now() - prepared) / quarters.length;
    }
    return { views, seen, milliseconds };
  }

  async #run(key, input) {
    const { header, session, ort } = this.#networks.get(key);
    const images = new ort.Tensor("float32", input, [1, ...header.shape]);
    const { logits } = await session.run({ images });
    if (logits?.data.length !== header.classes.length) {
      throw new Error("another number of answers than of classes");
    }
    return logits.data;
  }
}

/** Whose fault it is that a session could not be made. */
async function blame(error) {
  const text = String(error?.message ?? error);
  if (!/no available backend|wasm|WebAssembly/i.test(text)) return "network";
  try {
    const response = await fetch(WASM, { method: "HEAD" });
    return response.ok ? "wasm" : "runtime";
  } catch {
    return "runtime";
  }
}
