/** Globals of a page that scripts read when they are loaded: imported before them. */

Object.defineProperty(globalThis, 'location', {
  value: new URL('https://music.example.org/'), configurable: true,
});
// Node 20 has no navigator, later ones tell the processors of this computer.
Object.defineProperty(globalThis, 'navigator', {
  value: { hardwareConcurrency: 2 }, configurable: true,
});
