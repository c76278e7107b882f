/** Globals of a page that scripts read on loading; tests import this module before the scripts. */

Object.defineProperty(globalThis, 'location', {
  value: new URL('https://music.example.org/'), configurable: true,
});
// Node 20 has no navigator; later versions give the number of processors of this computer.
Object.defineProperty(globalThis, 'navigator', {
  value: { hardwareConcurrency: 2 }, configurable: true,
});
