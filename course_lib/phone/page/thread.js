// Where the engine runs: in a worker, or (?thread=main) here, so that a slowed-down processor can
// be measured: browsers slow the main thread only. Both have load and identify.

import { Problem, say } from "./words.js";

/** An engine that answers as `Engine` does; its errors are sentences. */
export function start(thread) {
  const engine = thread === "main" ? here() : inWorker();
  const sentence = (error, file) => {
    const sentences = { wasm: say.noWasm, runtime: say.noRuntime, network: say.modelRefused(file) };
    return error instanceof Problem
      ? error
      : new Problem(sentences[error.cause] ?? say.stopped, "reload");
  };
  return {
    load: (key, model, file) =>
      engine("load", [key, model]).catch((error) => {
        throw sentence(error, file);
      }),
    identify: (key, { pixels, width, height, spare }, quarters) =>
      engine("identify", [key, pixels, width, height, quarters], spare).catch((error) => {
        throw sentence(error);
      }),
  };
}

function here() {
  const engine = import("./engine.js").then(({ Engine }) => new Engine());
  return async (task, given) => (await engine)[task](...given);
}

function inWorker() {
  const waiting = new Map();
  let last = 0;
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data: { id, result, problem } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (problem) reject(new Error(problem.message, { cause: problem.cause }));
    else resolve(result);
  };
  worker.onerror = () => {
    for (const { reject } of waiting.values()) reject(new Error("the worker failed"));
    waiting.clear();
  };
  // A frame that nobody needs any more (`spare`) is handed over, not copied.
  return (task, given, spare = false) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      worker.postMessage({ id: last, task, given }, spare ? [given[1].buffer] : []);
    });
}
