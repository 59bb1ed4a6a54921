// The engine in a thread of its own, so that the page stays smooth while a network computes.
// Messages: {id, task: "load" | "identify", given: [...]}; answers: {id, result} or
// {id, problem: {message, cause}}.

import { Engine } from "./engine.js";

const engine = new Engine();

onmessage = async ({ data: { id, task, given } }) => {
  try {
    postMessage({ id, result: await engine[task](...given) });
  } catch (error) {
    postMessage({ id, problem: { message: String(error?.message ?? error), cause: error?.cause } });
  }
};
