// The camera, and how its frames and other pictures become pixels.
//
//   const camera = new Camera(video);
//   await camera.open();
//   await camera.nextFrame();
//   const frame = camera.capture(64); // {pixels, width, height}: RGBA

import { ofFrame, ofPicture } from "./crop.js";
import { Problem, say } from "./words.js";

export class Camera {
  #stream = null;
  #wanted = { facingMode: { ideal: "environment" } };
  #canvas = new Canvas();
  /** Called with a sentence when the camera pauses or (true) is gone, with null when it is back. */
  onchange = () => {};

  constructor(video) {
    this.video = video;
  }

  get running() {
    return this.#stream !== null;
  }

  /** Ask for the camera, the rear one first. Throws a Problem that says what to do. */
  async open() {
    if (!navigator.mediaDevices?.getUserMedia) throw new Problem(say.cameraInsecure);
    this.close();
    const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
    const wishes = { ...size, ...this.#wanted, frameRate: { ideal: 30 } };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: wishes, audio: false });
    } catch (error) {
      throw new Problem(sentence(error));
    }
    this.#stream = stream;
    const [track] = stream.getVideoTracks();
    track.onended = () => {
      if (stream !== this.#stream) return;
      this.close();
      this.onchange(say.cameraGone, true);
    };
    track.onmute = () => stream === this.#stream && this.onchange(say.cameraMuted);
    track.onunmute = () => stream === this.#stream && this.onchange(null);
    this.video.srcObject = stream;
    try {
      await this.video.play();
    } catch (error) {
      this.close();
      throw new Problem(say.cameraFailed(error.name));
    }
  }

  close() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = null;
    this.video.srcObject = null;
  }

  /** Whether there is another camera to switch to. */
  async hasSeveral() {
    return (await this.#all()).length > 1;
  }

  /** Go on to the next camera of the device. */
  async flip() {
    const cameras = await this.#all();
    const now = cameras.findIndex(
      ({ deviceId }) => deviceId === this.#track?.getSettings().deviceId,
    );
    this.#wanted = { deviceId: { exact: cameras[(now + 1) % cameras.length].deviceId } };
    await this.open();
  }

  /** A camera that looks at its user shows a mirror image, as a mirror does. */
  get mirrored() {
    return this.#track?.getSettings?.().facingMode === "user";
  }

  get hasTorch() {
    return Boolean(this.#track?.getCapabilities?.().torch);
  }

  async torch(on) {
    try {
      await this.#track.applyConstraints({ advanced: [{ torch: on }] });
    } catch {
      throw new Problem(say.torchFailed);
    }
  }

  /** Resolves when the next frame is there. */
  nextFrame() {
    const { video } = this;
    return new Promise((resolve) => {
      if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(resolve);
      else requestAnimationFrame(resolve);
    });
  }

  /** The middle square of the frame now on the screen, for a network of `size`. */
  capture(size) {
    const { videoWidth: width, videoHeight: height } = this.video;
    return { ...this.#canvas.read(this.video, ofFrame(width, height, size)), spare: true };
  }

  async #all() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter((device) => device.kind === "videoinput");
  }

  get #track() {
    return this.#stream?.getVideoTracks()[0];
  }
}

/** A picture's bytes as an ImageBitmap, upright. Throws a Problem if they are no picture. */
export async function decoded(blob, name) {
  try {
    return await createImageBitmap(blob);
  } catch {
    throw new Problem(say.pictureUnreadable(name));
  }
}

/** The pixels of a still picture that a network of `size` needs, at full resolution, on white. */
export function pixelsOf(picture, size) {
  return new Canvas().read(picture, ofPicture(picture.width, picture.height, size));
}

/** One canvas that stays in the processor's memory, where its pixels are read. */
class Canvas {
  #context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

  /** RGBA of a part of a picture, on white; a square of `side` pixels, or as large as it is. */
  read(picture, { x, y, w, h, side }) {
    const [width, height] = side ? [side, side] : [w, h];
    const { canvas } = this.#context;
    if (canvas.width !== width || canvas.height !== height)
      Object.assign(canvas, { width, height });
    if (!(picture instanceof HTMLVideoElement)) {
      this.#context.fillStyle = "#fff";
      this.#context.fillRect(0, 0, width, height);
    }
    this.#context.imageSmoothingQuality = "medium";
    this.#context.drawImage(picture, x, y, w, h, 0, 0, width, height);
    return { pixels: this.#context.getImageData(0, 0, width, height).data, width, height };
  }
}

function sentence(error) {
  const framed = window.top !== window;
  return (
    {
      NotAllowedError: framed ? say.cameraFramed : say.cameraRefused,
      SecurityError: framed ? say.cameraFramed : say.cameraRefused,
      NotFoundError: say.cameraMissing,
      OverconstrainedError: say.cameraMissing,
      NotReadableError: say.cameraBusy,
      AbortError: say.cameraBusy,
    }[error.name] ?? say.cameraFailed(error.name)
  );
}
