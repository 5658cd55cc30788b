// Keeps this guest's bookings for when there is no connection, and nothing else that could be wrong.
"use strict";

const PAGES = "bookings-1";
const PARTS = "parts-1";
const OFFLINE = "/offline/";
// The server says of a page that it may be kept, and of which guest it is.
const MAY_KEEP = "X-Keep-Offline";
// Whoever presses one of these is nobody here any more, or somebody else.
const ENDS = /^\/(my\/leave|my\/data\/delete|guest\/[^/]+)\/$/;
const KEEPABLE = /^\/(my|booking\/[^/]+)\/$/;
// Names with a digest in them: what they hold never changes.
const PART = /^\/static\/.+\.[0-9a-f]{12}\.(css|js|svg)$/;
// Staff's pages and machines' answers are not ours to touch; the desk keeps its own house.
const NOT_OURS = /^\/(admin|desk|api|legacy|feed|health)\b/;
const MOST_PAGES = 20;

const pathOf = (url) => new URL(url).pathname;

// Work that shares a cache is done one after the other: each looks at what the one before has left.
function makeLine() {
  let last = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  };
}
const pagesInTurn = makeLine();
// Parts come from the network, which may take its time: pages do not wait for them.
const partsInTurn = makeLine();

self.addEventListener("install", (event) => {
  // A place that is given back by a page that is being left goes straight to the network: by way of a worker
  // that has to be woken first, Chromium loses it.
  event.addRoutes?.({ condition: { requestMethod: "POST", requestMode: "no-cors" }, source: "network" })?.catch(() => {});
  event.waitUntil(fetchOffline().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (![PAGES, PARTS].includes(name)) await caches.delete(name);
      await self.clients.claim();
    })(),
  );
});

// All of an answer comes before the copy goes that it replaces: a connection may break in the middle.
async function wholeOf(answer) {
  return new Response(await answer.blob(), answer);
}

// The page for everything else, in the language that is read now.
async function fetchOffline() {
  const answer = await fetch(OFFLINE, { credentials: "same-origin" });
  if (!answer.ok) return;
  const copy = await wholeOf(answer);
  await (await caches.open(PARTS)).put(OFFLINE, copy);
  await partsInTurn(keepParts);
}

// Keep what the kept pages are drawn with, and no older styles and scripts.
async function keepParts() {
  const [pages, parts] = await Promise.all([caches.open(PAGES), caches.open(PARTS)]);
  const drawn = [await parts.match(OFFLINE), ...(await pages.matchAll())].filter(Boolean);
  const wanted = new Set();
  for (const answer of drawn) {
    for (const [, path] of (await answer.text()).matchAll(/(?:href|src)="(\/static\/[^"]+)"/g)) {
      if (PART.test(path)) wanted.add(path);
    }
  }
  const kept = (await parts.keys()).map((request) => pathOf(request.url)).filter((path) => path !== OFFLINE);
  for (const path of kept) if (!wanted.has(path)) await parts.delete(path);
  for (const path of wanted) if (!kept.includes(path)) await parts.add(path);
}

// How often the pages were forgotten: an answer to whoever was here before may still be on its way.
let forgotten = 0;

function forget() {
  forgotten += 1;
  return pagesInTurn(() => caches.delete(PAGES)).catch(() => {});
}

// Fetch one of the pages that may be kept, and note what the server says of it.
async function fetchNoted(event, path, wanted) {
  const before = forgotten;
  const answer = await fetch(wanted);
  await note(event, path, answer.clone(), before).catch(() => {});
  return answer;
}

async function note(event, path, answer, before) {
  // A portal that is out of order or too busy says nothing of the guest, and neither does another page.
  if (answer.redirected || answer.status >= 500 || answer.status === 429) return;
  const guest = answer.ok && answer.headers.get(MAY_KEEP);
  if (!guest) {
    // It is this guest's no longer.
    if (path === "/my/") await forget();
    else await pagesInTurn(async () => (await caches.open(PAGES)).delete(path));
    return;
  }
  const copy = await wholeOf(answer);
  await pagesInTurn(() => before === forgotten && keep(path, copy, guest));
  event.waitUntil(partsInTurn(keepParts).catch(() => {}));
}

async function keep(path, copy, guest) {
  const pages = await caches.open(PAGES);
  for (const kept of await pages.keys()) {
    const other = await pages.match(kept);
    if (other.headers.get(MAY_KEEP) !== guest) await pages.delete(kept);
  }
  await pages.put(path, copy);
  for (const kept of (await pages.keys()).slice(0, -MOST_PAGES)) await pages.delete(kept);
}

// A kept page says that it is one: its own words for that are shown by the attribute.
async function asKept(kept) {
  const text = (await kept.text()).replace("<html ", "<html data-kept ");
  const headers = new Headers(kept.headers);
  for (const name of ["Content-Encoding", "Content-Length"]) headers.delete(name);
  return new Response(text, { headers });
}

async function page(event) {
  const { request } = event;
  const path = pathOf(request.url);
  const isKeepable = request.method === "GET" && KEEPABLE.test(path);
  try {
    const answer = await (isKeepable ? fetchNoted(event, path, request) : fetch(request));
    if (request.method === "POST" && ENDS.test(path) && answer.status < 400) await forget();
    return answer;
  } catch (error) {
    const kept = isKeepable && (await (await caches.open(PAGES)).match(path));
    if (kept) return asKept(kept);
    return (await caches.match(OFFLINE, { cacheName: PARTS })) || Promise.reject(error);
  }
}

async function part(request) {
  const kept = await caches.match(request, { cacheName: PARTS });
  return kept || fetch(request);
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin || NOT_OURS.test(url.pathname)) return;
  if (request.mode === "navigate") event.respondWith(page(event));
  else if (request.method === "GET" && PART.test(url.pathname)) event.respondWith(part(request));
});

// A page tells which of the guest's bookings it shows, and in which language it speaks.
self.addEventListener("message", (event) => {
  const { keep = [], renew = false } = event.data || {};
  event.waitUntil(
    (async () => {
      if (renew) await fetchOffline();
      for (const path of keep.filter((wanted) => KEEPABLE.test(wanted)).slice(0, MOST_PAGES)) {
        await fetchNoted(event, path, path);
      }
    })().catch(() => {}),
  );
});
