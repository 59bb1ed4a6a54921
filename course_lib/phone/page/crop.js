// Which part of a picture is read from the canvas, and at what size: {x, y, w, h, side}. `side` is
// that of the square that it is drawn as; null: as large as it is.

import { needed } from "./prepare.js";

const SHARPER = 2; // a frame is captured at this many times what the network takes, at most
const LARGEST = 4096; // pixels a side that every browser's canvas holds

/** The middle square of a camera's frame, no larger than a network of `size` needs.
 *
 * As when Python reads a large JPEG, the browser makes it smaller first, in one quick step; a
 * whole frame would take longer to read than the network takes to answer. */
export function ofFrame(width, height, size) {
  const side = Math.min(width, height);
  const [x, y] = [Math.floor((width - side) / 2), Math.floor((height - side) / 2)];
  return { x, y, w: side, h: side, side: Math.min(side, SHARPER * size) };
}

/** What a network of `size` needs of a still picture, at full resolution. */
export function ofPicture(width, height, size) {
  const box = needed(width, height, size);
  if (Math.max(box.w, box.h) <= LARGEST) return { ...box, side: null };
  return { ...middle(width, height), side: Math.min(width, height, LARGEST) };
}

/** The middle square of a picture, to draw it on the screen: halves of pixels count. */
export function middle(width, height) {
  const side = Math.min(width, height);
  return { x: (width - side) / 2, y: (height - side) / 2, w: side, h: side };
}
