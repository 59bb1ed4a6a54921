// Keeps the whole page, with its runtime and models, for use without a connection.
//
// models.json names all "files", and "built", a hash of them. Each version has a cache of its own, so
// that files of two versions never mix. A newer version is fetched aside, and taken when the page says so.

const NOTE = "plants-note"; // a cache with one entry: the name of the version in use
const HERE = "version";

self.addEventListener("install", (event) => {
  event.waitUntil(
    newest().then(async (name) => {
      if (!(await current())) await use(name);
      await self.skipWaiting();
    }),
  );
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (new URL(request.url).origin !== location.origin) return;
  if (request.method === "GET" || request.method === "HEAD") event.respondWith(response(request));
});

self.addEventListener("message", (event) => {
  const tell = (word) => event.source.postMessage(word);
  event.waitUntil(
    (async () => {
      if (event.data === "take") {
        await use(await newest());
        tell("taken");
      } else if (event.data === "check") {
        if (await current()) tell("kept");
        const name = await newest().catch(() => null); // no connection: later, then
        if (name && name !== (await current())) tell("newer");
      }
    })(),
  );
});

async function response(request) {
  const name = await current();
  const kept = name && (await (await caches.open(name)).match(request.url, { ignoreSearch: true }));
  return kept || fetch(request);
}

/** The name of the newest version's cache, filled. */
async function newest() {
  const list = await (await fresh("models.json")).json();
  const name = `plants-${list.built}`;
  const cache = await caches.open(name);
  if (await cache.match(HERE)) return name;
  const files = ["./", "models.json", ...list.files.filter((file) => file !== "sw.js")];
  await Promise.all(files.map(async (file) => cache.put(file, await fresh(file))));
  await cache.put(HERE, new Response("whole"));
  return name;
}

/** A file as the server has it now; what it has not changed is not sent again. */
async function fresh(file) {
  const response = await fetch(file, { cache: "no-cache" });
  if (!response.ok) throw new Error(`${file}: ${response.status}`);
  return response;
}

async function current() {
  const note = await (await caches.open(NOTE)).match(HERE);
  return note ? note.text() : null;
}

async function use(name) {
  await (await caches.open(NOTE)).put(HERE, new Response(name));
  const old = (await caches.keys()).filter(
    (key) => key.startsWith("plants-") && key !== name && key !== NOTE,
  );
  await Promise.all(old.map((key) => caches.delete(key)));
}
