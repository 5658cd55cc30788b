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

// The page for everything else, in the language that is read now.
async function fetchOffline() {
  const answer = await fetch(OFFLINE, { credentials: "same-origin" });
  if (!answer.ok) return;
  await (await caches.open(PARTS)).put(OFFLINE, answer);
  await keepParts();
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

async function forget() {
  await caches.delete(PAGES);
}

// Note what the server says of a page: it may be kept, or it is this guest's no longer.
async function note(path, answer) {
  const guest = answer.ok && answer.headers.get(MAY_KEEP);
  const pages = await caches.open(PAGES);
  if (!guest) {
    if (path === "/my/") await forget();
    else await pages.delete(path);
    return;
  }
  for (const kept of await pages.keys()) {
    const other = await pages.match(kept);
    if (other.headers.get(MAY_KEEP) !== guest) await pages.delete(kept);
  }
  await pages.put(path, answer);
  for (const kept of (await pages.keys()).slice(0, -MOST_PAGES)) await pages.delete(kept);
  await keepParts();
}

// A kept page says that it is one: its own words for that are shown by the attribute.
async function asKept(kept) {
  const text = (await kept.text()).replace("<html ", "<html data-kept ");
  const headers = new Headers(kept.headers);
  for (const name of ["Content-Encoding", "Content-Length"]) headers.delete(name);
  return new Response(text, { headers });
}

async function page(request) {
  const path = pathOf(request.url);
  const isKeepable = request.method === "GET" && KEEPABLE.test(path);
  try {
    const answer = await fetch(request);
    if (isKeepable && !answer.redirected) await note(path, answer.clone()).catch(() => {});
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
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (request.method === "GET" && PART.test(url.pathname)) event.respondWith(part(request));
});

// A page tells which of the guest's bookings it shows, and in which language it speaks.
self.addEventListener("message", (event) => {
  const { keep = [], renew = false } = event.data || {};
  event.waitUntil(
    (async () => {
      if (renew) await fetchOffline();
      for (const path of keep.filter((wanted) => KEEPABLE.test(wanted)).slice(0, MOST_PAGES)) {
        await note(path, await fetch(path, { credentials: "same-origin" }));
      }
    })().catch(() => {}),
  );
});
