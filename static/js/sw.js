/**
 * Keeps the page, so that it opens and analyses songs while the server does not answer.
 *
 * webapp/offline.py writes SITE in front of this script. What has a version in its address never
 * changes and is taken from the caches first. The page itself has none: the server is always asked
 * for it first. A page names its scripts by their version, so those of two versions never mix, and
 * it does not matter which version of this worker hands them out.
 */

/* global SITE */

const PREFIX = 'musiclassify-';
const PAGE_CACHE = `${PREFIX}page-${SITE.version}`;
// By itself: it is large and changes seldom.
const RUNTIME_CACHE = `${PREFIX}runtime-${SITE.runtimeVersion}`;

const VERSIONED = /^\/static\/(page|runtime)\/[^/]+\//;
const FEATURES = '/features.zip';

/** @param {Cache} cache @param {string} url @param {RequestCache} mode */
async function keep(cache, url, mode) {
  const response = await fetch(url, { cache: mode });
  if (!response.ok) throw new Error(`${url} has status ${response.status}`);
  await cache.put(url, response);
}

/** One after the other: a song may be on its way to the server. */
async function keepPage() {
  const cache = await caches.open(PAGE_CACHE);
  for (const url of SITE.files) await keep(cache, url, 'default');
  for (const url of SITE.pages) {
    const response = await fetch(url, { cache: 'no-cache' });
    // The site was updated meanwhile: the browser will find that worker, too.
    if (response.headers.get(SITE.versionHeader) !== SITE.version) throw new Error('another version');
    await cache.put(url, response);
  }
}

let keeping = Promise.resolve();

/** From the browser's own cache: the page has just loaded these files. Windows may ask at once. */
function keepRuntime() {
  keeping = keeping.catch(() => {}).then(keepMissing);
  return keeping;
}

async function keepMissing() {
  const cache = await caches.open(RUNTIME_CACHE);
  for (const url of SITE.runtime) {
    if (!(await cache.match(url))) await keep(cache, url, 'force-cache');
  }
}

/** Remove what other versions kept, unless another window may still need it. */
async function tidy() {
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (windows.length > 1) return;
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== PAGE_CACHE && name !== RUNTIME_CACHE) await caches.delete(name);
  }
}

/** Something else is served here now. */
async function leave() {
  await self.registration.unregister();
  for (const name of await caches.keys()) if (name.startsWith(PREFIX)) await caches.delete(name);
}

/** Of a page's address only the language matters. */
function pageKey(url) {
  const language = url.searchParams.get(SITE.languageParameter);
  const key = `/?${SITE.languageParameter}=${language}`;
  return SITE.pages.includes(key) ? key : '/';
}

/** What this version keeps, whatever version the address names. Nothing is opened that was deleted. */
function kept(path) {
  return caches.match(path, { cacheName: PAGE_CACHE, ignoreSearch: !SITE.pages.includes(path), ignoreVary: true });
}

/** The page: the server's, and the kept one only when there is no server. */
async function page(event, url) {
  const { request } = event;
  const key = pageKey(url);
  let response;
  try {
    // On the way back through the history the browser would take an old one.
    response = await fetch(request.cache === 'force-cache' ? new Request(request, { cache: 'no-cache' }) : request);
  } catch {
    return (await kept(key)) ?? (await kept('/')) ?? Response.error();
  }
  const version = response.headers.get(SITE.versionHeader);
  if (version === SITE.version) {
    const copy = response.clone();
    event.waitUntil(caches.open(PAGE_CACHE).then((cache) => cache.put(key, copy)).catch(() => {}));
  } else if (!version && response.status < 500) {
    event.waitUntil(leave());
  }
  return response;
}

/** A file: a kept one if its address names a version, otherwise the server's as long as it answers. */
async function file(request, url) {
  if (VERSIONED.test(url.pathname) || url.searchParams.has('v')) {
    const found = await caches.match(url.href);
    if (found) return found;
  }
  try {
    return await fetch(request);
  } catch {
    const name = url.pathname.replace('/static/', '');
    return (await kept(SITE.folder + name)) ?? (await kept(url.pathname)) ?? Response.error();
  }
}

self.addEventListener('install', (event) => event.waitUntil(keepPage()));

self.addEventListener('activate', (event) => event.waitUntil(tidy().then(() => self.clients.claim())));

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (request.mode === 'navigate') {
    if (url.pathname === '/') event.respondWith(page(event, url));
  } else if (url.pathname.startsWith('/static/') || url.pathname === FEATURES) {
    event.respondWith(file(request, url));
  }
});

/** A page that has loaded the analysis tells its version; one of ours needs nobody else. */
async function greet(version, port) {
  port.postMessage({ version: SITE.version });
  if (version !== SITE.version) return;
  await self.skipWaiting();
  await keepRuntime();
  port.postMessage({ version: SITE.version, kept: true });
  // One that waits must leave the other its files.
  if (self.serviceWorker?.state === 'activated') await tidy();
}

self.addEventListener('message', (event) => {
  const { type, version } = event.data;
  // What cannot be kept now, because the disk is full or the server gone, is tried at the next visit.
  if (type === 'hello') event.waitUntil(greet(version, event.ports[0]).catch(() => {}));
  else if (type === 'take-over') event.waitUntil(self.skipWaiting());
});
