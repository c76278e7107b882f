/** Keeps own genres in the browser while the list is remembered. All tabs of the page share them. */

import { place } from '../base/config.js';

const SCHEMA = 1;

/**
 * @typedef {import('./example.js').Kept} Kept
 */

const itsKey = () => `${place().keptAs}-own-genres`;

/** @param {Kept} kept @returns {string} as it is stored */
const textOf = ({ mode, examples, base, known }) => JSON.stringify({
  schema: SCHEMA, mode, base, known: [...known],
  examples: examples.map(({ song, embeddings, ...rest }) => ({ ...rest, embeddings: [...embeddings] })),
});

export class Keeper {
  #history;
  /** What is stored, as this page wrote or read it last; null for nothing. @type {string | null} */
  #text = null;
  // Whether the list was stored when this page looked last.
  #stored;

  /** @param {EventTarget & {on: boolean, stored: boolean}} history tells whether the list is remembered */
  constructor(history) {
    this.#history = history;
    this.#stored = history.stored;
  }

  /** @param {() => void} listener is called when another tab has stored something, or erased it */
  onOther(listener) {
    globalThis.addEventListener('storage', ({ key }) => {
      if (key === itsKey()) listener();
    });
  }

  /** @returns {Kept | null} what is stored; null for nothing that this page can read */
  read() {
    this.#text = null;
    if (!this.#history.stored) return null;
    try {
      const text = localStorage.getItem(itsKey());
      const found = JSON.parse(text ?? 'null');
      if (found?.schema !== SCHEMA) return null;
      const kept = {
        mode: found.mode, base: found.base, known: new Map(found.known),
        examples: found.examples.map((/** @type {Kept['examples'][0] & {embeddings: [string, number[]][]}} */ example) =>
          ({ ...example, embeddings: new Map(example.embeddings), song: null })),
      };
      this.#text = text;
      return kept;
    } catch {
      return null;
    }
  }

  /**
   * Store own genres for the next visit while the list is remembered, and erase them with it.
   * @param {Kept} kept
   * @throws {DOMException} there is no room
   */
  keep(kept) {
    const { on, stored } = this.#history;
    if (this.#stored && !stored) this.#erase();
    this.#stored = stored;
    if (!on) return;
    // Once there was something, other tabs are told that there is nothing any more.
    if (this.#text === null && !kept.examples.length && !kept.base) return;
    const text = textOf(kept);
    if (text === this.#text) return;
    localStorage.setItem(itsKey(), text);
    this.#text = text;
  }

  #erase() {
    this.#text = null;
    try {
      localStorage.removeItem(itsKey());
    } catch {
      // A browser that stores nothing has nothing to erase.
    }
  }
}
