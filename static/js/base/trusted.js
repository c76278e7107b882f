/**
 * The only places where a text becomes the address of a script, or markup. The site's policy lets
 * browsers that know Trusted Types refuse all others.
 */

const KEY = Symbol.for('musiclassify.trusted');
// A module that is loaded under two addresses runs twice, but a policy can be made only once.
const shared = /** @type {{[KEY]?: TrustedTypePolicy}} */ (globalThis);

// Styles and boxes with names, into which wavesurfer.js draws. Nothing that runs fits.
const BOXES = /^\s*<style>[^<]*<\/style>(?:\s*<div(?: (?:class|part)="[\w -]*")*>|\s*<\/div>)*\s*$/;

/** @param {string} url */
function createScriptURL(url) {
  if (new URL(url, location.href).origin !== location.origin) throw new TypeError('a foreign script');
  return url;
}

/** @param {string} html */
const createHTML = (html) => (html === '' || BOXES.test(html) ? html : null);

function makePolicy() {
  const types = globalThis.trustedTypes;
  // Libraries write plain text; the browser passes it through the policy of this name.
  types?.createPolicy('default', { createHTML });
  return types?.createPolicy('musiclassify', { createScriptURL });
}

shared[KEY] ??= makePolicy();

/**
 * The address of a script of this site, for a worker.
 * @param {string | URL} url
 * @returns {string | URL} a TrustedScriptURL in browsers that have them
 * @throws {TypeError} for one of another site
 */
export const scriptUrl = (url) => shared[KEY]?.createScriptURL(String(url)) ?? url;
