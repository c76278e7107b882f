import assert from 'node:assert/strict';
import test from 'node:test';

import { Keeper } from '../../../static/js/own/keeper.js';

/**
 * @typedef {import('../../../static/js/own/example.js').Example} Example
 * @typedef {import('../../../static/js/own/example.js').Kept} Kept
 */

const KEY = 'musiclassify-own-genres';

/** What the browser stores; every write is noted. */
class Storage {
  /** @type {Map<string, string>} */
  values = new Map();
  writes = 0;

  /** @param {string} key */
  getItem(key) {
    return this.values.get(key) ?? null;
  }

  /** @param {string} key @param {string} value */
  setItem(key, value) {
    this.writes += 1;
    this.values.set(key, value);
  }

  /** @param {string} key */
  removeItem(key) {
    this.values.delete(key);
  }
}

/** A browser whose list is remembered, or not; its tabs share what it stores. */
function makeBrowser() {
  const storage = new Storage();
  Object.defineProperty(globalThis, 'localStorage', { value: storage, configurable: true });
  const tab = (on = true) => {
    const history = Object.assign(new EventTarget(), { on, stored: on });
    return { history, keeper: new Keeper(history) };
  };
  return { storage, tab };
}

/** @param {string[]} genres @returns {Kept} an example of each */
const keptOf = (genres) => ({
  mode: 'beside',
  base: null,
  known: new Map([['sha', '{"format":1}']]),
  examples: genres.map((genre, n) => ({
    name: `${n}.mp3`, path: `${genre}/${n}.mp3`, size: n, genre, folder: 'an artist',
    embeddings: new Map([['sha', [n, 0.5]]]), song: null,
  })),
});

test('what is kept is read back as it was, without the songs of the list', () => {
  const { tab } = makeBrowser();
  const kept = keptOf(['gnawa', 'chaabi']);
  const song = /** @type {any} */ ({ file: 'of a list' });
  tab().keeper.keep({ ...kept, examples: kept.examples.map((example) => ({ ...example, song })) });
  assert.deepEqual(tab().keeper.read(), kept);
});

test('nothing is kept or read of a list that is not remembered', () => {
  const { storage, tab } = makeBrowser();
  tab().keeper.keep(keptOf(['gnawa']));
  const before = storage.getItem(KEY);
  const { keeper } = tab(false);
  assert.equal(keeper.read(), null);
  keeper.keep(keptOf(['chaabi']));
  assert.equal(storage.getItem(KEY), before);
});

test('what is kept is erased with the list, and stays when the list is only out of reach', () => {
  const { storage, tab } = makeBrowser();
  const { history, keeper } = tab();
  keeper.keep(keptOf(['gnawa']));
  history.on = false;
  keeper.keep(keptOf(['gnawa']));
  assert.ok(storage.getItem(KEY));
  history.stored = false;
  keeper.keep(keptOf(['gnawa']));
  assert.equal(storage.getItem(KEY), null);
});

test('a tab that has none erases and overwrites none of another', () => {
  const { storage, tab } = makeBrowser();
  const { keeper } = tab();
  tab().keeper.keep(keptOf(['gnawa']));
  keeper.keep(keptOf([]));
  assert.match(storage.getItem(KEY) ?? '', /gnawa/);
});

test('all are forgotten in the other tabs, too', () => {
  const { tab } = makeBrowser();
  const { keeper } = tab();
  keeper.keep(keptOf(['gnawa']));
  keeper.keep(keptOf([]));
  assert.deepEqual(tab().keeper.read()?.examples, []);
});

test('nothing is written that is kept already', () => {
  const { storage, tab } = makeBrowser();
  tab().keeper.keep(keptOf(['gnawa']));
  const { keeper } = tab();
  const kept = keeper.read();
  assert.ok(kept);
  keeper.keep(kept);
  keeper.keep(keptOf(['gnawa']));
  assert.equal(storage.writes, 1);
});

for (const [what, text] of [
  ['no JSON', '{'], ['another kind of thing', '7'], ['of a newer page', '{"schema":2,"examples":[]}'],
  ['cut off', '{"schema":1,"mode":"own","known":[]}'],
]) {
  test(`what is ${what} is not read, and erased with the list`, () => {
    const { storage, tab } = makeBrowser();
    storage.setItem(KEY, text);
    const { history, keeper } = tab();
    assert.equal(keeper.read(), null);
    keeper.keep(keptOf([]));
    assert.equal(storage.getItem(KEY), text);
    Object.assign(history, { on: false, stored: false });
    keeper.keep(keptOf([]));
    assert.equal(storage.getItem(KEY), null);
  });
}

test('a browser without room says so', () => {
  const { storage, tab } = makeBrowser();
  storage.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };
  assert.throws(() => tab().keeper.keep(keptOf(['gnawa'])), { name: 'QuotaExceededError' });
});
