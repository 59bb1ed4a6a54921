// Reads of an ONNX graph what is needed to count what it takes. Throws an Unfit, whose message is
// a part of a sentence, for what is none.

/** What is wrong with a graph. */
export class Unfit extends Error {}

const BROKEN = "its parts end early, or have no length";

/** The bytes of a graph that are no weights. Throws when there are more than `most`. */
export function bareBytes(content, most) {
  let [bare, read] = [content.length, 0];
  const enter = (part, [inside, ...deeper]) => {
    each(part, (number, value) => {
      read += 1;
      if (2 * read > most) throw new Unfit(`its graph has more than ${most / 2} parts`);
      if (number !== inside || !(value instanceof Uint8Array)) return;
      if (deeper.length) enter(value, deeper);
      else bare -= value.length;
    });
  };
  enter(content, [7, 5, 9]); // the graph, its tensors, their raw data
  return bare;
}

/** {nodes, tensors, inputs, outputs, strange}: a graph with what its operations need. */
export function graphOf(content) {
  const model = fields(content);
  const graph = fields(model.joined(7));
  return {
    nodes: graph.all(1).map(nodeOf),
    tensors: graph.all(5).map(tensorOf),
    inputs: graph.all(11).map(valueOf),
    outputs: graph.all(12).map(valueOf),
    strange: [model.all(20), model.all(25), graph.all(15)].some((parts) => parts.length > 0),
  };
}

function nodeOf(part) {
  const node = fields(part);
  return {
    inputs: node.all(1).map(text),
    outputs: node.all(2).map(text),
    operation: node.text(4),
    domain: node.text(7),
    settings: node.all(5).map(settingOf),
  };
}

const [FLOAT, INT, TEXT, FLOATS, INTS] = [1, 2, 3, 6, 7];

/** A setting: its numbers, a number or a text, null for floats. */
function settingOf(part) {
  const setting = fields(part);
  const kind = setting.number(20);
  const numbers = setting.numbers(8);
  const odd = [5, 6, 9, 10, 11, 14, 15, 21, 22, 23].some((number) => setting.has(number));
  const known = [FLOAT, INT, TEXT, FLOATS, INTS].includes(kind) && !odd;
  const value = { [INT]: setting.number(3), [INTS]: numbers, [TEXT]: setting.text(4) }[kind];
  return {
    name: setting.text(1),
    known,
    value: value ?? null,
    all: [setting.number(3), ...numbers],
  };
}

function tensorOf(part) {
  const tensor = fields(part);
  const outside = tensor.has(13) || tensor.number(14) !== 0;
  const raw = tensor.all(9).at(-1) ?? new Uint8Array(0);
  return { name: tensor.text(8), shape: tensor.numbers(1), type: tensor.number(2), outside, raw };
}

function valueOf(part) {
  const value = fields(part);
  const tensor = fields(fields(value.joined(2)).joined(1));
  const sides = fields(tensor.joined(2)).all(1).map(fields);
  const shape = sides.map((side) => (side.has(2) ? 0 : side.number(1)));
  return { name: value.text(1), type: tensor.number(1), shape };
}

// Protobuf

/** Bytes, read from their beginning. */
class Reader {
  at = 0;

  constructor(content) {
    this.content = content;
  }

  get ended() {
    return this.at >= this.content.length;
  }

  number() {
    let value = 0n;
    for (let shift = 0n; shift < 70n && !this.ended; shift += 7n) {
      const byte = this.content[this.at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(BigInt.asIntN(64, value));
    }
    throw new Unfit(BROKEN);
  }

  take(length) {
    this.at += length;
    if (length < 0 || this.at > this.content.length) throw new Unfit(BROKEN);
    return this.content.subarray(this.at - length, this.at);
  }
}

const FIXED = { 1: 8, 5: 4 }; // floats

/** Calls back with (number, value) for each field: bytes, a number, or null for floats. */
function each(content, found) {
  const reader = new Reader(content);
  while (!reader.ended) {
    const key = reader.number();
    const kind = key % 8;
    let value = null;
    if (kind === 0) value = reader.number();
    else if (kind === 2) value = reader.take(reader.number());
    else if (FIXED[kind]) reader.take(FIXED[kind]);
    else throw new Unfit(BROKEN);
    found(Math.floor(key / 8), value);
  }
}

/** The fields of one part, by number. */
function fields(content) {
  const found = new Map();
  each(content, (number, value) => {
    if (!found.has(number)) found.set(number, []);
    found.get(number).push(value);
  });
  const all = (number) => (found.get(number) ?? []).filter((each) => each instanceof Uint8Array);
  const number = (which) =>
    (found.get(which) ?? []).filter((each) => typeof each === "number").at(-1) ?? 0;
  return {
    all,
    number,
    has: (which) => found.has(which),
    text: (which) => text(all(which).at(-1) ?? new Uint8Array(0)),
    numbers: (which) => (found.get(which) ?? []).flatMap(unpacked),
    // What is there twice is one part in two pieces.
    joined: (which) => joined(all(which)),
  };
}

/** Numbers stand alone, or many in one run of bytes. */
function unpacked(value) {
  if (!(value instanceof Uint8Array)) return value === null ? [] : [value];
  const [reader, numbers] = [new Reader(value), []];
  while (!reader.ended) numbers.push(reader.number());
  return numbers;
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function text(part) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(part);
  } catch {
    throw new Unfit("its graph has names that are no text");
  }
}
