/**
 * Keeps the page, so that it opens and analyses songs while the server does not answer.
 *
 * webapp/offline.py writes SITE in front of this script. Files with a version in their address never
 * change and are taken from the caches first. The page itself has none: the server is always asked
 * for it first. A page names its scripts by their version, so those of two versions never mix, and
 * it does not matter which version of this worker hands them out.
 */

const here = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

const PREFIX = `${SITE.keptAs}-`;
const PAGE_CACHE = `${PREFIX}page-${SITE.version}`;
// Apart from the page: the runtime is large and changes seldom.
const RUNTIME_CACHE = `${PREFIX}runtime-${SITE.runtimeVersion}`;

// Of paths inside the site.
const VERSIONED = /^\/static\/((page|runtime)\/[^/]+\/|snapshot\/)/;
const SNAPSHOT = /^\/static\/snapshot\//;
// For files of a service worker the browser neither keeps nor uses compiled WebAssembly: a start took
// 0.6 s longer. So these are left to the browser's own cache; the analysis asks once more, with KEPT,
// for those that it did not get.
const COMPILED = /^\/static\/(runtime|snapshot)\/.*(?<!\.mjs)$/;
const KEPT = 'kept';
const FEATURES = '/features.zip';
// Statuses with which a proxy answers for a server that is away.
const GATEWAY = [502, 503, 504];

/**
 * Other sites may lie under the same host name.
 * @param {URL} url
 * @returns {string} its path inside this site, which begins with a slash; empty outside
 */
const inside = ({ pathname }) => (pathname.startsWith(SITE.root) ? pathname.slice(SITE.root.length - 1) : '');

/** @param {Cache} cache @param {string} url @param {RequestCache} mode */
async function keep(cache, url, mode) {
  const response = await fetch(url, { cache: mode });
  if (!response.ok) throw new Error(`${url} has status ${response.status}`);
  await cache.put(url, response);
}

/** Keep all files, one after the other: a song may be on its way to the server. */
async function keepPage() {
  const cache = await caches.open(PAGE_CACHE);
  for (const url of SITE.files) await keep(cache, url, 'default');
  for (const url of [...SITE.pages, ...SITE.instead]) {
    const response = await fetch(url, { cache: 'no-cache' });
    // The site was updated meanwhile: the browser will find its new worker.
    if (response.headers.get(SITE.versionHeader) !== SITE.version) throw new Error('another version');
    await cache.put(url, response);
  }
}

let keeping = Promise.resolve();

/**
 * Keep the runtime. Several windows may ask at the same time.
 * @param {string | null} snapshot address of the page's
 */
function keepRuntime(snapshot) {
  keeping = keeping.catch(() => {}).then(() => keepMissing(snapshot));
  return keeping;
}

/**
 * From the browser's own cache: the page has just loaded these files.
 * @param {string | null} snapshot
 */
async function keepMissing(snapshot) {
  const cache = await caches.open(RUNTIME_CACHE);
  for (const url of SITE.runtime) {
    if (!(await cache.match(url))) await keep(cache, url, 'force-cache');
  }
  // Another host of the site has another one, or none; the analysis starts without, too.
  for (const { url } of await cache.keys()) {
    if (SNAPSHOT.test(inside(new URL(url))) && url !== snapshot) await cache.delete(url);
  }
  if (snapshot && !(await cache.match(snapshot))) await keep(cache, snapshot, 'force-cache').catch(() => {});
}

/** Remove what other versions kept, unless another window may still need it. */
async function tidy() {
  const windows = await here.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (windows.filter(({ url }) => inside(new URL(url))).length > 1) return;
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== PAGE_CACHE && name !== RUNTIME_CACHE) await caches.delete(name);
  }
}

/** Remove everything: another site is served here now. */
async function leave() {
  await here.registration.unregister();
  for (const name of await caches.keys()) if (name.startsWith(PREFIX)) await caches.delete(name);
}

/**
 * The page in the language that an address names.
 * @param {string[]} pages the same in all languages
 * @param {URL} url
 */
function inLanguage(pages, url) {
  const language = url.searchParams.get(SITE.languageParameter);
  return pages.find((page) => page.endsWith(`?${SITE.languageParameter}=${language}`)) ?? pages[0];
}

/**
 * What this version keeps under this very address. `caches.open` would make a deleted cache anew.
 * @param {string} path
 */
const keptPage = (path) => caches.match(path, { cacheName: PAGE_CACHE, ignoreVary: true });

/** What this version keeps of a file, whatever version the address names. @param {string} path */
const keptFile = (path) => caches.match(path, { cacheName: PAGE_CACHE, ignoreVary: true, ignoreSearch: true });

/**
 * From the server, also on the way back through the history, where browsers would take an old page.
 * @param {Request} request
 */
const fresh = (request) =>
  fetch(request.cache === 'force-cache' ? new Request(request, { cache: 'no-cache' }) : request);

/**
 * The page: the server's, or the kept one when there is no server.
 * @param {FetchEvent} event
 * @param {URL} url
 */
async function page(event, url) {
  const key = inLanguage(SITE.pages, url);
  const fallback = () => keptPage(key);
  let response;
  try {
    response = await fresh(event.request);
  } catch {
    return (await fallback()) ?? Response.error();
  }
  const version = response.headers.get(SITE.versionHeader);
  if (version === SITE.version) {
    const copy = response.clone();
    event.waitUntil(caches.open(PAGE_CACHE).then((cache) => cache.put(key, copy)).catch(() => {}));
  } else if (GATEWAY.includes(response.status)) {
    return (await fallback()) ?? response;
  } else if (!version && (response.ok || response.status === 404)) {
    event.waitUntil(leave());
  }
  return response;
}

/**
 * A page that only the server has: its answer, or a kept page that says why there is none.
 * @param {Request} request
 * @param {URL} url
 */
async function elsewhere(request, url) {
  try {
    return await fresh(request);
  } catch {
    const found = await keptPage(inLanguage(SITE.instead, url));
    if (!found) return Response.error();
    const { headers } = found;
    return new Response(await found.blob(), { status: 503, statusText: 'Service Unavailable', headers });
  }
}

/**
 * A file: a kept one if its address names a version, otherwise the server's as long as it answers.
 * @param {Request} request
 * @param {URL} url
 */
async function file(request, url) {
  url.searchParams.delete(KEPT);
  if (VERSIONED.test(inside(url)) || url.searchParams.has('v')) {
    const found = await caches.match(url.href);
    if (found) return found;
  }
  try {
    return await fetch(request);
  } catch {
    const name = inside(url).replace('/static/', '');
    return (await keptFile(SITE.folder + name)) ?? (await keptFile(url.pathname)) ?? Response.error();
  }
}

here.addEventListener('install', (event) => event.waitUntil(keepPage()));

here.addEventListener('activate', (event) => event.waitUntil(tidy().then(() => here.clients.claim())));

here.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== here.location.origin) return;
  const path = inside(url);
  if (request.mode === 'navigate') {
    event.respondWith(path === '/' ? page(event, url) : elsewhere(request, url));
  } else if (COMPILED.test(path) && !url.searchParams.has(KEPT)) {
    // left to the browser
  } else if (path.startsWith('/static/') || path === FEATURES) {
    event.respondWith(file(request, url));
  }
});

/**
 * Answer a page that has loaded the analysis. One of this version needs no other worker, so this one
 * takes over and keeps the runtime for it.
 * @param {string} version of the page
 * @param {string | null} snapshot its address, if the page has one
 * @param {MessagePort} port
 */
async function greet(version, snapshot, port) {
  port.postMessage({ version: SITE.version });
  if (version !== SITE.version) return;
  await here.skipWaiting();
  await keepRuntime(snapshot);
  port.postMessage({ version: SITE.version, kept: true });
  // A worker that waits must leave the active one its files.
  if (here.serviceWorker?.state === 'activated') await tidy();
}

here.addEventListener('message', (event) => {
  const { type, version, snapshot } = event.data;
  // Files that cannot be kept now, as the disk is full or the server gone, are tried at the next visit.
  if (type === 'hello') event.waitUntil(greet(version, snapshot, event.ports[0]).catch(() => {}));
  else if (type === 'take-over') event.waitUntil(here.skipWaiting());
});
