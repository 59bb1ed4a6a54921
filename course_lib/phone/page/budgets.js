// What a network from someone else's file may cost, counted before the runtime has it, as
// course_lib/deploy/budgets.py counts.

import { bareBytes, graphOf, Unfit } from "./onnx.js";
import { blocks, filled, product, result, RULES, Step, WEIGHTS } from "./shapes.js";
import { LARGEST, MOST_BARE, MOST_FOLDED, MOST_MEMORY, MOST_STEPS } from "./shared.js";

const [MOST_OPERATIONS, MOST_TENSORS, LARGEST_SETTING, MOST_PLACES] = [10_000, 4096, 4096, 16];
// Bytes of a number by its type in ONNX.
const SIZES = { 1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8 };
const [FLOAT32, INT64] = [1, 7];
const UNBLOCKED = ["Flatten", "Gemm", "MatMul", "QGemm", "QLinearMatMul", "Reshape"];

/** What is wrong with a graph, for the shape and the classes of its header; "" if nothing is. */
export function unfit(content, { shape, classes }) {
  try {
    if (bareBytes(content, MOST_BARE) > MOST_BARE) throw new Unfit("its graph is too large");
    const graph = graphOf(content);
    checkGraph(graph);
    checkEnds(graph, shape, classes.length);
    walk(graph, shape, classes.length);
    return "";
  } catch (error) {
    if (error instanceof Unfit) return error.message;
    throw error;
  }
}

function checkGraph({ nodes, tensors, strange }) {
  if (nodes.length > MOST_OPERATIONS) throw new Unfit("its graph has too many operations");
  for (const { operation, domain, inputs, outputs, settings } of nodes) {
    if (!RULES.has(operation) || !["", "com.microsoft"].includes(domain))
      throw new Unfit(`its graph holds ${operation || "an operation without a name"}`);
    if (Math.max(inputs.length, outputs.length, settings.length) > MOST_PLACES)
      throw new Unfit(`its ${operation} has too many inputs or settings`);
    if (new Set(settings.map(({ name }) => name)).size < settings.length)
      throw new Unfit(`its ${operation} says a setting twice`);
    for (const { name, known, all } of settings)
      if (!known || all.some((number) => Math.abs(number) > LARGEST_SETTING))
        throw new Unfit(`${name} of its ${operation} is no small number`);
  }
  if (tensors.some(({ outside }) => outside)) throw new Unfit("it wants to read another file");
  if (strange) throw new Unfit("its graph holds more than operations and tensors");
  if (tensors.length > MOST_TENSORS) throw new Unfit("its graph holds too many tensors");
}

/** Whether the graph says that it turns one such image into so many logits. */
function checkEnds({ tensors, inputs, outputs }, shape, classes) {
  const stored = new Set(tensors.map(({ name }) => name));
  const free = ({ name }) => !stored.has(name);
  const found = [...inputs.filter(free), ...outputs.filter(free)];
  const wanted = [
    { name: "images", type: FLOAT32, shape: [1, ...shape] },
    { name: "logits", type: FLOAT32, shape: [1, classes] },
  ];
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Unfit(`its graph must turn images 1,${shape} into logits 1,${classes}`);
}

/** Follow one image through the graph. */
function walk({ nodes, tensors }, shape, classes) {
  const values = given(tensors);
  values.set("images", { shape: [1, ...shape], size: 4, stored: false });
  const numbers = new Map(
    tensors.filter(({ type }) => type === INT64).map(({ name, raw }) => [name, integers(raw)]),
  );
  const cost = {
    weights: tensors.reduce((sum, { raw }) => sum + raw.length, 0),
    ...{ values: 0, folded: 0, padding: 0, largest: 0, buffer: 0, steps: 0, foldedSteps: 0 },
  };
  if (cost.weights > LARGEST) throw new Unfit("its tensors are too large");
  for (const node of nodes) {
    const inputs = node.inputs.map((name) => read(name, values, node.operation));
    const step = new Step(
      node.operation,
      inputs.map((input) => input?.shape ?? null),
      new Map(node.settings.map(({ name, value }) => [name, value])),
      node.inputs.map((name) => numbers.get(name) ?? null),
    );
    const [made, steps] = result(step);
    const stored = inputs.every((input) => !input || input.stored);
    const value = { shape: made, size: sizeOf(step, inputs), stored };
    add(cost, step.operation, inputs, value, steps);
    refuse(cost, step.operation);
    name(node, value, values);
  }
  const answers = values.get("logits")?.shape ?? [];
  if (JSON.stringify(answers) !== JSON.stringify([1, classes]))
    throw new Unfit(`its graph gives ${answers.length ? answers : "nothing"}, not 1,${classes}`);
}

function given(tensors) {
  const values = new Map();
  for (const { name, shape, type, raw } of tensors) {
    const size = SIZES[type];
    if (!size || shape.length > MOST_PLACES || shape.some((side) => side < 1))
      throw new Unfit("it holds a tensor that cannot be");
    if (raw.length !== size * product(shape) || values.has(name) || !name)
      throw new Unfit("a tensor of it is not there once, with raw data of its size");
    values.set(name, { shape, size, stored: true });
  }
  return values;
}

function read(name, values, operation) {
  if (name && !values.has(name))
    throw new Unfit(`its ${operation} reads ${name}, which nothing before it gives`);
  return name ? values.get(name) : null;
}

function name({ operation, outputs }, value, values) {
  const names = outputs.filter(Boolean);
  if (names.length !== 1 || values.has(names[0]) || outputs[0] !== names[0])
    throw new Unfit(`its ${operation} must give one result with a name of its own`);
  values.set(names[0], value);
}

function integers(raw) {
  if (raw.length > 8 * MOST_PLACES) return null;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Array.from({ length: Math.floor(raw.length / 8) }, (_, i) =>
    Number(view.getBigInt64(8 * i, true)),
  );
}

function sizeOf(step, inputs) {
  if (["Cast", "QuantizeLinear", "DequantizeLinear"].includes(step.operation)) {
    const kind = step.number("to", step.number("output_dtype", 0));
    if (kind) return SIZES[kind] ?? 8;
  }
  if (step.operation === "QuantizeLinear") return inputs[2]?.size ?? 1;
  return ["DequantizeLinear", "QGemm"].includes(step.operation) ? 4 : inputs[0].size;
}

const bytes = ({ shape, size }) => product(shape) * size;

function add(cost, operation, inputs, made, steps) {
  const blocked = made.shape.length === 4 && !UNBLOCKED.includes(operation);
  const channels = made.shape[1];
  cost.steps += steps;
  cost.values += blocked ? (bytes(made) / channels) * blocks(channels) : bytes(made);
  if (made.stored) {
    cost.folded += bytes(made);
    cost.foldedSteps += steps;
  }
  const weight = WEIGHTS.has(operation) ? inputs[WEIGHTS.get(operation)] : null;
  if (!weight) return;
  if (weight.stored) {
    const whole = filled(operation, weight.shape) * weight.size;
    cost.padding += whole - bytes(weight);
    cost.largest = Math.max(cost.largest, whole);
  }
  if (!operation.includes("Conv")) return;
  const windows = product(made.shape.slice(2)) * product(weight.shape.slice(2));
  cost.buffer = Math.max(cost.buffer, windows * Math.max(8, weight.shape[1] * inputs[0].size));
}

function refuse(cost, operation) {
  const { weights, largest, padding, folded, values, buffer } = cost;
  const memory = 3 * weights + 3 * (largest + padding + folded) + values + buffer;
  for (const [found, most, what] of [
    [memory, MOST_MEMORY, "bytes"],
    [cost.steps, MOST_STEPS, "steps"],
    [cost.foldedSteps, MOST_FOLDED, "steps from its weights alone"],
  ]) {
    const figures = `${found.toLocaleString("en")} ${what}, more than ${most.toLocaleString("en")}`;
    if (found > most) throw new Unfit(`with its ${operation} it takes ${figures}`);
  }
}
