// A picture's middle square, made small by bicubic interpolation: the same integers as PIL's.
//
//   const small = prepare(rgba, 640, 480, 64); // Uint8Array(64 * 64 * 3), RGB
//
// It is PIL.Image.resize((S, S), BICUBIC, box=middle): one direction after the other, weights
// rounded to 22 bits, pixels to 8 bits after each pass. Pixels beside the square count at its
// rim, as they do in PIL. Transparency is not looked at: draw the picture on white before.

const BITS = 22;
const HALF = 1 << (BITS - 1);
const SUPPORT = 2; // reach of the cubic, in pixels of the smaller picture

/** RGB bytes (size, size, 3) of the middle square of RGBA bytes (height, width, 4). */
export function prepare(pixels, width, height, size) {
  const side = Math.min(width, height);
  const across = weights(Math.floor((width - side) / 2), side, width, size);
  const down = weights(Math.floor((height - side) / 2), side, height, size);
  if (isTall(width, height, size)) {
    const low = vertical(pixels, width, 4, down);
    return horizontal(low, width, 3, across, 0, size);
  }
  const first = down.starts[0];
  const rows = down.starts[size - 1] + down.counts[size - 1] - first;
  const narrow = horizontal(pixels, width, 4, across, first, rows);
  return vertical(narrow, size, 3, down, first);
}

/** The part of a picture that `prepare` reads, so that no more has to be copied: {x, y, w, h}. */
export function needed(width, height, size) {
  const side = Math.min(width, height);
  const rim = Math.ceil(SUPPORT * Math.max(1, side / size)) + 1;
  // An even margin keeps the middle where it is, to the pixel; a tall picture has to stay tall.
  const least = isTall(width, height, size) ? Math.max(size, 2 * width - size) + 1 : 0;
  const spare = (whole, leave) =>
    Math.max(0, Math.floor((whole - Math.max(side + 2 * rim, leave)) / 2));
  const [x, y] = [spare(width, 0), spare(height, least)];
  return { x, y, w: width - 2 * x, h: height - 2 * y };
}

/** Network input (3, size, size) of RGB bytes (size, size, 3): (pixel - mean) / scale, which are
 * numbers for all channels, or lists with one for each. */
export function normalise(rgb, mean, scale) {
  const area = rgb.length / 3;
  const input = new Float32Array(rgb.length);
  for (let channel = 0; channel < 3; channel++) {
    const [middle, unit] = [ofChannel(mean, channel), ofChannel(scale, channel)];
    const levels = Float32Array.from({ length: 256 }, (_, level) => (level - middle) / unit);
    const plane = input.subarray(channel * area);
    for (let i = 0, j = channel; i < area; i++, j += 3) plane[i] = levels[rgb[j]];
  }
  return input;
}

const ofChannel = (given, channel) =>
  Array.isArray(given) ? given[channel % given.length] : given;

/** RGB bytes (size, size, 3), turned to the left by so many quarters. */
export function turned(rgb, size, quarters) {
  if (quarters === 0) return rgb;
  const out = new Uint8Array(rgb.length);
  const last = size - 1;
  for (let y = 0, to = 0; y < size; y++) {
    for (let x = 0; x < size; x++, to += 3) {
      const [row, column] = [
        [y, x],
        [x, last - y],
        [last - y, last - x],
        [last - x, y],
      ][quarters];
      const from = (row * size + column) * 3;
      out[to] = rgb[from];
      out[to + 1] = rgb[from + 1];
      out[to + 2] = rgb[from + 2];
    }
  }
  return out;
}

/** Whether PIL (from version 13) makes it lower before it makes it narrower. */
function isTall(width, height, size) {
  return height > size && height - size > 2 * (width - size);
}

function cubic(x) {
  const d = Math.abs(x);
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * -0.5 : 0;
}

const known = new Map(); // a camera's frames all have the same size

/** For each pixel to make: where the pixels that it is made of start, how many, their weights. */
function weights(from, side, whole, size) {
  const key = `${from} ${side} ${whole} ${size}`;
  if (known.has(key)) return known.get(key);
  const step = side / size;
  const wide = Math.max(1, step);
  const reach = SUPPORT * wide;
  const most = Math.ceil(reach) * 2 + 1;
  const starts = new Int32Array(size);
  const counts = new Int32Array(size);
  const values = new Int32Array(size * most);
  for (let i = 0; i < size; i++) {
    const centre = from + (i + 0.5) * step;
    const start = Math.max(0, Math.trunc(centre - reach + 0.5));
    const count = Math.min(whole, Math.trunc(centre + reach + 0.5)) - start;
    const shares = Array.from({ length: count }, (_, j) =>
      cubic((j + start - centre + 0.5) * (1 / wide)),
    );
    const sum = shares.reduce((total, share) => total + share, 0);
    shares.forEach((share, j) => {
      const scaled = (share / sum) * (1 << BITS);
      values[i * most + j] = Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    });
    starts[i] = start;
    counts[i] = count;
  }
  if (known.size > 8) known.clear();
  const made = { size, starts, counts, values, most };
  known.set(key, made);
  return made;
}

/** Rows `first` to `first + rows` made narrower: pixels of `stride` bytes to RGB. */
function horizontal(pixels, width, stride, { size, starts, counts, values, most }, first, rows) {
  const out = new Uint8Array(rows * size * 3);
  for (let y = 0, to = 0; y < rows; y++) {
    const row = (first + y) * width * stride;
    for (let x = 0; x < size; x++, to += 3) {
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      let at = row + starts[x] * stride;
      for (let k = x * most, end = k + counts[x]; k < end; k++, at += stride) {
        const weight = values[k];
        red = (red + Math.imul(pixels[at], weight)) | 0;
        green = (green + Math.imul(pixels[at + 1], weight)) | 0;
        blue = (blue + Math.imul(pixels[at + 2], weight)) | 0;
      }
      out[to] = eight(red);
      out[to + 1] = eight(green);
      out[to + 2] = eight(blue);
    }
  }
  return out;
}

/** All rows made lower: pixels of `stride` bytes, whose first row is row `first`, to RGB. */
function vertical(pixels, width, stride, { size, starts, counts, values, most }, first = 0) {
  const out = new Uint8Array(size * width * 3);
  const sums = new Int32Array(width * stride);
  for (let y = 0, to = 0; y < size; y++) {
    sums.fill(HALF);
    for (let k = 0; k < counts[y]; k++) {
      const weight = values[y * most + k];
      const at = (starts[y] - first + k) * sums.length;
      for (let i = 0; i < sums.length; i++) {
        sums[i] = (sums[i] + Math.imul(pixels[at + i], weight)) | 0;
      }
    }
    for (let x = 0; x < sums.length; x += stride, to += 3) {
      out[to] = eight(sums[x]);
      out[to + 1] = eight(sums[x + 1]);
      out[to + 2] = eight(sums[x + 2]);
    }
  }
  return out;
}

function eight(sum) {
  const level = sum >> BITS;
  return level < 0 ? 0 : level > 255 ? 255 : level;
}
