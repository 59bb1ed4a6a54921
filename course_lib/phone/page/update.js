// Keeps the page for use without a connection, and tells when a newer one is ready.

/** `kept(true)` once the page works offline, `kept(false)` where it can't; `newer(take)` when there
 * is a newer version: `take()` reloads into it. */
export async function keepOffline({ kept, newer }) {
  const workers = navigator.serviceWorker;
  if (!workers) return kept(false);
  try {
    await workers.register("./sw.js", { updateViaCache: "none" });
    const { active } = await workers.ready;
    workers.onmessage = ({ data }) => {
      if (data === "kept") kept(true);
      if (data === "newer") newer(() => active.postMessage("take"));
      if (data === "taken") location.reload();
    };
    active.postMessage("check");
  } catch {
    kept(false); // switched off, or in a frame that may not keep anything
  }
  return undefined;
}
