/**
 * The only places where a text becomes the address of a script, or markup. The site's policy lets the
 * browser refuse all others (Trusted Types); browsers without them do as before.
 */

const KEY = Symbol.for('musiclassify.trusted');

// Styles, and boxes with names: what wavesurfer.js draws into. Nothing else fits, nor runs.
const BOXES = /^\s*<style>[^<]*<\/style>(?:\s*<div(?: (?:class|part)="[\w -]*")*>|\s*<\/div>)*\s*$/;

function createScriptURL(url) {
  if (new URL(url, location.href).origin !== location.origin) throw new TypeError('a foreign script');
  return url;
}

function makePolicy() {
  const types = globalThis.trustedTypes;
  // Used by libraries that know nothing of this.
  types?.createPolicy('default', { createHTML: (html) => (html === '' || BOXES.test(html) ? html : null) });
  return types?.createPolicy('musiclassify', { createScriptURL });
}

// Each can be made once only, and a module may be loaded under two addresses.
globalThis[KEY] ??= makePolicy();

/**
 * The address of a script of this site, for a worker.
 * @param {string | URL} url
 * @returns {string | URL} or a TrustedScriptURL, where there are some
 * @throws {TypeError} for one of another site
 */
export const scriptUrl = (url) => globalThis[KEY]?.createScriptURL(String(url)) ?? url;
