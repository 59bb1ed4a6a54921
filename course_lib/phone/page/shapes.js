// What operations give, and in how many steps: the rules of course_lib/deploy/shapes.py.

import { Unfit } from "./onnx.js";

const [PER_NUMBER, PER_PRODUCT, PER_WINDOW, PER_CALL] = [32, 4, 16, 512];
const FEW = 4;

export const product = (numbers) => numbers.reduce((whole, number) => whole * number, 1);
const equal = (a, b) => a.length === b.length && a.every((each, i) => each === b[i]);
const range = (length) => Array.from({ length }, (_, i) => i);

/** An operation before it runs: shapes of its inputs (null: left out), settings, stored integers. */
export class Step {
  constructor(operation, shapes, settings, stored) {
    Object.assign(this, { operation, shapes, settings, stored });
  }

  shape(place) {
    return this.shapes[place] ?? this.wrong(`has no input ${place}`);
  }

  number(name, usual) {
    const value = this.settings.has(name) ? this.settings.get(name) : usual;
    return typeof value === "number" ? value : this.wrong(`has a setting ${name} of another kind`);
  }

  numbers(name, usual, least) {
    const value = this.settings.has(name) ? this.settings.get(name) : usual;
    const fits = Array.isArray(value) && value.length === usual.length;
    if (!fits || value.some((each) => each < least)) this.wrong(`has no usable ${name}`);
    return value;
  }

  axes(rank) {
    const found = this.settings.has("axes") ? this.settings.get("axes") : (this.stored[1] ?? []);
    if (!this.settings.has("axes") && !this.stored[1] && this.shapes[1])
      this.wrong("computes its axes");
    if (!Array.isArray(found)) this.wrong("has axes that are no list");
    return found.map((axis) => this.axis(axis, rank));
  }

  axis(axis, rank) {
    if (axis < -rank || axis >= rank) this.wrong(`names axis ${axis} of ${rank}`);
    return axis < 0 ? axis + rank : axis;
  }

  wrong(what) {
    throw new Unfit(`its ${this.operation} ${what}`);
  }
}

/** [shape, steps] of what an operation gives. */
export function result(step) {
  const [shape, steps] = RULES.get(step.operation)(step);
  if (shape.some((side) => !(side >= 1))) step.wrong(`would give a tensor of shape ${shape}`);
  const largest = Math.max(...[shape, ...step.shapes].map((each) => (each ? product(each) : 0)));
  return [shape, steps + PER_NUMBER * largest];
}

const BLOCK = 16;

/** Where an operation has what the engine lays out anew. */
export const WEIGHTS = new Map([
  ["Conv", 1],
  ["QLinearConv", 3],
  ["Gemm", 1],
  ["MatMul", 1],
  ["QGemm", 3],
  ["QLinearMatMul", 3],
]);

/** A count filled up to blocks. */
export const blocks = (count) => Math.ceil(count / BLOCK) * BLOCK;

/** How many numbers a weight has, laid out in blocks. */
export function filled(operation, weight) {
  if (weight.length < 2) return product(weight);
  if (operation.includes("Conv")) {
    const inputs = weight[1] > BLOCK ? blocks(weight[1]) : weight[1];
    return blocks(weight[0]) * inputs * product(weight.slice(2));
  }
  const [rows, columns] = weight.slice(-2);
  const sums = 4 * Math.max(rows, columns);
  return product(weight.slice(0, -2)) * (blocks(rows) * blocks(columns) + sums);
}

const same = (step) => [step.shape(0), 0];

const broadcast = (first, second) => (step) => [
  joined(step, step.shape(first), step.shape(second)),
  0,
];

function joined(step, a, b) {
  const rank = Math.max(a.length, b.length);
  const [left, right] = [a, b].map((shape) => [...Array(rank - shape.length).fill(1), ...shape]);
  return left.map((side, i) => {
    const largest = Math.max(side, right[i]);
    const fit = [side, right[i]].every((each) => each === 1 || each === largest);
    return fit ? largest : step.wrong(`cannot join ${a} and ${b}`);
  });
}

const conv = (place) => (step) => {
  const [given, kernel, groups] = [step.shape(0), step.shape(place), step.number("group", 1)];
  const rank = given.length;
  const fits = kernel.length === rank && rank >= 3 && rank <= 5 && groups > 0;
  if (!fits || kernel[1] * groups !== given[1] || kernel[0] % groups)
    step.wrong(`has weights ${kernel} for ${given} in ${groups} groups`);
  const around = kernel.slice(2);
  if (!equal(around, step.numbers("kernel_shape", around, 1)))
    step.wrong("says another kernel_shape than its weights have");
  const shape = [given[0], kernel[0], ...windows(step, given.slice(2), around)];
  const each = kernel[0] < FEW * groups ? PER_WINDOW : 1;
  const products = product(shape) * product(kernel.slice(1));
  return [shape, each * products + PER_CALL * given[0] * groups];
};

function pool(step) {
  const given = step.shape(0);
  const rank = given.length;
  if (rank < 3 || rank > 5 || !step.settings.has("kernel_shape")) step.wrong("has no kernel_shape");
  const kernel = step.numbers("kernel_shape", Array(rank - 2).fill(1), 1);
  const shape = [...given.slice(0, 2), ...windows(step, given.slice(2), kernel)];
  return [shape, PER_WINDOW * product(shape) * product(kernel)];
}

function windows(step, sides, kernel) {
  const ones = sides.map(() => 1);
  const [strides, spread] = [step.numbers("strides", ones, 1), step.numbers("dilations", ones, 1)];
  const pads = step.numbers("pads", [...ones, ...ones].fill(0), 0);
  const way = step.settings.has("auto_pad") ? step.settings.get("auto_pad") : "NOTSET";
  if (way === "SAME_UPPER" || way === "SAME_LOWER")
    return sides.map((side, i) => Math.ceil(side / strides[i]));
  if (way !== "NOTSET" && way !== "VALID") step.wrong("has an unknown auto_pad");
  return sides.map((side, i) => {
    const [before, after] = way === "NOTSET" ? [pads[i], pads[i + sides.length]] : [0, 0];
    const room = side + before + after - (kernel[i] - 1) * spread[i] - 1;
    const places = Math.floor(room / strides[i]) + 1;
    const part = step.number("ceil_mode", 0) !== 0 && room % strides[i] !== 0;
    const more = part && places * strides[i] < side + before;
    return room >= 0 ? places + Number(more) : 0;
  });
}

function globalPool(step) {
  const given = step.shape(0);
  if (given.length < 3 || step.number("channels_last", 0)) step.wrong(`takes no ${given}`);
  return [given.map((side, i) => (i < 2 ? side : 1)), 0];
}

const gemm = (place) => (step) => {
  const shapes = [step.shape(0), step.shape(place)];
  if (shapes.some((shape) => shape.length !== 2)) step.wrong("must have two matrices");
  const [a, b] = shapes.map((shape, i) =>
    step.number(["transA", "transB"][i], 0) ? [shape[1], shape[0]] : shape,
  );
  if (a[1] !== b[0]) step.wrong(`cannot multiply ${a} by ${b}`);
  return [[a[0], b[1]], PER_PRODUCT * a[0] * a[1] * b[1]];
};

const matmul = (place) => (step) => {
  const [a, b] = [step.shape(0), step.shape(place)];
  const inner = (b.length > 1 ? b.at(-2) : b[0]) ?? 0;
  if (!a.length || a.at(-1) !== inner) step.wrong(`cannot multiply ${a} by ${b}`);
  const batch = joined(step, a.slice(0, -2), b.slice(0, -2));
  const shape = [...batch, ...a.slice(0, -1).slice(-1), ...(b.length > 1 ? b.slice(-1) : [])];
  return [shape, PER_PRODUCT * product(shape) * inner + PER_CALL * product(batch)];
};

function flatten(step) {
  const [given, axis] = [step.shape(0), step.number("axis", 1)];
  const cut = axis === given.length ? axis : step.axis(axis, given.length);
  return [[product(given.slice(0, cut)), product(given.slice(cut))], 0];
}

function reshape(step) {
  const [given, wanted] = [step.shape(0), step.stored[1]];
  if (!wanted) step.wrong("computes the shape to give");
  const copied = !step.number("allowzero", 0);
  const sides = wanted.map((side, i) =>
    side === 0 && copied && i < given.length ? given[i] : side,
  );
  const known = product(sides.filter((side) => side !== -1));
  if (sides.filter((side) => side === -1).length === 1 && known > 0)
    sides[sides.indexOf(-1)] = Math.floor(product(given) / known);
  if (sides.some((side) => side < 1) || product(sides) !== product(given))
    step.wrong(`cannot make ${wanted} of ${given}`);
  return [sides, 0];
}

function squeeze(step) {
  const given = step.shape(0);
  const named = step.axes(given.length);
  const axes = named.length ? named : range(given.length).filter((i) => given[i] === 1);
  if (axes.some((axis) => given[axis] !== 1)) step.wrong(`cannot leave out axes ${axes}`);
  return [given.filter((_, i) => !axes.includes(i)), 0];
}

function reduce(step) {
  const given = step.shape(0);
  let axes = step.axes(given.length);
  if (!axes.length && !step.number("noop_with_empty_axes", 0)) axes = range(given.length);
  const kept = step.number("keepdims", 1);
  const sides = given.map((side, i) => (axes.includes(i) ? 1 : side));
  return [sides.filter((_, i) => kept || !axes.includes(i)), 0];
}

function transpose(step) {
  const given = step.shape(0);
  const order = step.numbers("perm", range(given.length).reverse(), 0);
  const sorted = [...order].sort((a, b) => a - b);
  if (!equal(sorted, range(given.length))) step.wrong(`cannot order ${given} by ${order}`);
  return [order.map((i) => given[i]), 0];
}

const named = (names, rule) => names.split(" ").map((name) => [name, rule]);

/** The operations that a graph may hold. */
export const RULES = new Map([
  ...named("BatchNormalization Cast Clip DequantizeLinear Identity QuantizeLinear", same),
  ...named("Relu Sigmoid Softmax", same),
  ...named("Add Mul Sub", broadcast(0, 1)),
  ["QLinearAdd", broadcast(0, 3)],
  ["Conv", conv(1)],
  ["QLinearConv", conv(3)],
  ...named("AveragePool MaxPool", pool),
  ...named("GlobalAveragePool QLinearGlobalAveragePool", globalPool),
  ["Gemm", gemm(1)],
  ["QGemm", gemm(3)],
  ["MatMul", matmul(1)],
  ["QLinearMatMul", matmul(3)],
  ["Flatten", flatten],
  ["Reshape", reshape],
  ["Squeeze", squeeze],
  ["ReduceMean", reduce],
  ["Transpose", transpose],
]);
