/** The page's end of the service worker (sw.js), which keeps the page for times without a server. */

import { newVersionNotice } from './notices.js';
import { place } from '../base/config.js';
import { byId, one } from '../base/dom.js';
import { t } from '../base/text.js';
import { scriptUrl } from '../base/trusted.js';

/** @typedef {Pick<import('../base/config.js').Config, 'pageVersion' | 'snapshot'>} Kept the parts of a page */

const UPDATE_MS = 600_000;
const TAKE_OVER_MS = 3000;

/** Undefined in old browsers, and at addresses of other computers without https. */
const container = globalThis.isSecureContext ? navigator.serviceWorker : undefined;

/** Remove all that the browser keeps of this page. */
async function forget() {
  const { root, keptAs } = place();
  const registration = await container?.getRegistration(root);
  // Without one of its own, it is that of a site further up under the same name.
  if (registration && new URL(registration.scope).pathname === root) await registration.unregister();
  for (const name of await caches.keys()) if (name.startsWith(`${keptAs}-`)) await caches.delete(name);
}

/** Show the paragraph that says that the page is kept. */
function tellKept() {
  const note = byId('kept');
  if (!note.hidden) return;
  note.hidden = false;
  const button = one(note, 'button', HTMLButtonElement);
  button.addEventListener('click', async () => {
    await forget();
    one(note, '[role=status]').textContent = t('Removed. Your next visit keeps it again.');
    button.hidden = true;
    note.focus();
  });
}

/**
 * Say hello to a worker. It tells its version; if that is the page's, it keeps the analysis, too.
 * @param {ServiceWorker} worker
 * @param {Kept} page
 * @returns {Promise<string>}
 */
function greet(worker, { pageVersion, snapshot }) {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => {
      resolve(data.version);
      if (data.kept) tellKept();
    };
    const kept = snapshot && new URL(snapshot.url, location.href).href;
    worker.postMessage({ type: 'hello', version: pageVersion, snapshot: kept }, [port2]);
  });
}

/** @param {ServiceWorker} worker @returns {Promise<boolean>} once it has kept the page's files */
function installed(worker) {
  return new Promise((resolve) => {
    const look = () => {
      if (worker.state === 'installing') return;
      worker.removeEventListener('statechange', look);
      resolve(worker.state !== 'redundant');
    };
    worker.addEventListener('statechange', look);
    look();
  });
}

/**
 * @param {ServiceWorkerContainer} workers
 * @param {Kept} page
 * @param {import('../server/server_link.js').ServerLink} link
 */
async function keep(workers, page, link) {
  const registration = await workers.register(scriptUrl(`${place().root}sw.js`));
  /** @type {ServiceWorker | null} */
  let waiting = null;
  const offer = newVersionNotice(() => {
    const reload = () => location.reload();
    if (waiting?.state !== 'installed') {
      // Another window has let it take over already.
      reload();
      return;
    }
    workers.addEventListener('controllerchange', reload, { once: true });
    waiting.postMessage({ type: 'take-over' });
    setTimeout(reload, TAKE_OVER_MS);
  });
  /** @param {ServiceWorker | null} worker */
  const meet = async (worker) => {
    if (!worker || !(await installed(worker))) return;
    const other = (await greet(worker, page)) !== page.pageVersion;
    // An active worker of another version is one that this page's own will replace.
    if (!other || worker === registration.active) return;
    waiting = worker;
    offer(true);
    // Replaced before it could take over: the server has yet another version.
    worker.addEventListener('statechange', () => {
      if (worker === waiting && worker.state === 'redundant') offer(false);
    });
  };
  registration.addEventListener('updatefound', () => meet(registration.installing));
  // The browser has looked for a new version when this page was opened.
  let asked = performance.now();
  const update = () => {
    asked = performance.now();
    registration.update().catch(() => {});
  };
  meet(registration.installing ?? registration.waiting ?? registration.active);
  link.addEventListener('change', () => {
    if (link.up) update();
  });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && performance.now() - asked > UPDATE_MS) update();
  });
}

/**
 * Let the browser keep the page, once the analysis is loaded: the analysis must not wait, and its files
 * are at hand then.
 * @param {Kept} config
 * @param {import('../analysis/engine.js').Engine} engine
 * @param {import('../server/server_link.js').ServerLink} link
 */
export function keepForOffline(config, engine, link) {
  if (!container) return;
  // A kept page may have been opened just because there is no server.
  if (container.controller) link.check();
  const begin = () => {
    if (engine.state !== 'ready') return;
    engine.removeEventListener('change', begin);
    // Some browsers forbid it, as when nothing may be stored; all else works without it.
    keep(container, config, link).catch(() => {});
  };
  engine.addEventListener('change', begin);
  begin();
}
