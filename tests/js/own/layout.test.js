import assert from 'node:assert/strict';
import test from 'node:test';

import '../page.js';
import { UserError } from '../../../static/js/base/errors.js';
import { Layout } from '../../../static/js/own/layout.js';
import { Places } from '../../../static/js/own/places.js';
import { makeAnswered, makeModel } from '../made.js';
import { Fakes, extraction, until } from '../songs/fakes.js';

/** @typedef {import('../../../static/js/songs/song.js').Song} Song */

const SHA = 'a'.repeat(64);
const MODEL = makeModel({ embedding: { url: '/api/v1/models/v1/embedding', modelSha256: SHA, size: 2 } });

/** @param {string} name @param {number[] | null} numbers @returns {Song} of MODEL */
function songAt(name, numbers) {
  const song = makeAnswered({ path: name });
  song.model = MODEL;
  song.extraction = extraction();
  if (song.prediction && numbers) song.prediction.embedding = { model: SHA, song: numbers, pieces: new Float32Array(numbers) };
  return song;
}

/** Songs lie where their numbers say; the engine does that work otherwise. @param {Float32Array} values @param {number} size */
const laidOut = (values, size) => ({
  type: /** @type {const} */ ('laidOut'), points: values, places: values, size, shares: [0.5, 0.25],
});

/** @param {Record<string, number[]>} numbers by the name of the song */
function placesOf(numbers) {
  const songs = Object.entries(numbers).map(([name, each]) => songAt(name, each));
  const size = songs[0].embedding?.song.length ?? 0;
  return new Places(songs, laidOut(Float32Array.from(Object.values(numbers).flat()), size));
}

/** @param {Places} places @param {string} name */
function named(places, name) {
  const [song] = places.songs.filter((each) => each.name === name);
  return song;
}

/** A list, and what lays it out: notes of how many songs, waits and fails as a test wants. */
function makeList() {
  const fakes = new Fakes({ model: MODEL });
  const { queue } = fakes;
  /** @type {{sizes: number[], fault: Error | null, hold: Promise<void> | null}} */
  const engine = { sizes: [], fault: null, hold: null };
  const own = /** @type {any} */ ({
    askedForMissing: 0,
    askForMissing() {
      own.askedForMissing += 1;
    },
    get able() {
      return queue.model.embedding !== null;
    },
    async layOut() {
      const songs = queue.songs.filter(({ embedding }) => embedding);
      engine.sizes.push(songs.length);
      await engine.hold;
      if (engine.fault) throw engine.fault;
      return { songs, laid: laidOut(Float32Array.from(songs.flatMap(({ embedding }) => embedding?.song ?? [])), 2) };
    },
  });
  const layout = new Layout(own, queue);
  let changes = 0;
  layout.addEventListener('change', () => { changes += 1; });
  return { fakes, own, queue, engine, layout, changes: () => changes };
}

const moment = () => new Promise((resolve) => { setTimeout(resolve, 5); });

test('the nearest songs come first, copies before all, and not the song itself', () => {
  const places = placesOf({ a: [0, 0], far: [9, 0], b: [3, 4], copy: [0, 0], c: [0, 2] });
  const found = places.nearest(named(places, 'a'), 3);
  assert.deepEqual(found.map(({ song }) => song.name), ['copy', 'c', 'b']);
  assert.equal(found[0].share, 0);
  assert.ok(Math.abs(found[2].share / found[1].share - 5 / 2) < 1e-9);
  assert.deepEqual(places.nearest(named(places, 'copy'), 1).map(({ song }) => song.name), ['a']);
  assert.equal(places.nearest(named(places, 'a'), 99).length, 4);
});

test('equally near songs come as they were added', () => {
  const places = placesOf({ right: [1, 0], a: [0, 0], left: [-1, 0], up: [0, 1] });
  const found = places.nearest(named(places, 'a'), 2);
  assert.deepEqual(found.map(({ song }) => song.name), ['right', 'left']);
});

test('a song that is not laid out has no neighbours', () => {
  const places = placesOf({ a: [0, 0], b: [1, 0] });
  const other = songAt('other', [0, 0]);
  assert.deepEqual(places.nearest(other, 5), []);
  assert.equal(places.rowOf(other), -1);
});

test('the usual distance is the median of all pairs', () => {
  // 1, 2, 3, 4, 6 and 7 between them.
  assert.equal(placesOf({ a: [0, 0], b: [1, 0], c: [3, 0], d: [7, 0] }).usual, 4);
  const places = placesOf({ a: [0, 0], b: [1, 0], c: [3, 0], d: [7, 0] });
  assert.deepEqual(places.nearest(named(places, 'd'), 1).map(({ share }) => share), [1]);
});

test('two songs alone have no usual distance, and copies alone are as near as can be', () => {
  const two = placesOf({ a: [0, 0], b: [1, 0] });
  assert.ok(Number.isNaN(two.usual));
  assert.ok(Number.isNaN(two.nearest(named(two, 'a'), 1)[0].share));
  const copies = placesOf({ a: [1, 1], b: [1, 1], c: [1, 1] });
  assert.equal(copies.nearest(named(copies, 'a'), 1)[0].share, 0);
  const mostly = placesOf({ a: [1, 1], b: [1, 1], c: [1, 1], d: [1, 1], other: [4, 5] });
  assert.equal(mostly.nearest(named(mostly, 'other'), 1)[0].share, 1);
});

test('of 2,000 songs the usual distance is nearly the median, and the nearest ones are found in 30 ms', () => {
  const n = 2000;
  const size = 128;
  let state = 1;
  const draw = () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
  const values = Float32Array.from({ length: n * size }, draw);
  const songs = Array.from({ length: n }, (_, i) => songAt(`${i}`, [i]));
  const places = new Places(songs, laidOut(values, size));
  // Evenly drawn numbers: the square of the distance is size / 6 on average, and hardly varies.
  assert.ok(Math.abs(places.usual / Math.sqrt(size / 6) - 1) < 0.02);
  const times = Array.from({ length: 21 }, (_, i) => {
    const start = performance.now();
    assert.equal(places.nearest(songs[90 * i], 5).length, 5);
    return performance.now() - start;
  });
  assert.ok(times.sort((a, b) => a - b)[10] < 30, `${times[10]} ms`);
});

test('a layout is made when it is asked for, and kept', async () => {
  const { queue, engine, layout } = makeList();
  queue.add([songAt('a', [0, 0]), songAt('b', [3, 4]), songAt('without', null)]);
  await moment();
  assert.deepEqual(engine.sizes, []);
  assert.equal(layout.count, 2);
  const [one, other] = await Promise.all([layout.get(), layout.get()]);
  assert.equal(one, other);
  assert.equal(await layout.get(), one);
  assert.deepEqual(engine.sizes, [2]);
  assert.deepEqual(one?.songs.map(({ name }) => name), ['a', 'b']);
  assert.deepEqual([...one?.points ?? []], [0, 0, 3, 4]);
  assert.deepEqual(one?.shares, [0.5, 0.25]);
});

test('changes of a moment are told once and laid out once', async () => {
  const { queue, engine, layout, changes } = makeList();
  await moment();
  const before = changes();
  for (let i = 0; i < 20; i += 1) queue.add([songAt(`${i}`, [i, 0])]);
  queue.remove([queue.songs[3]]);
  await moment();
  assert.equal(changes() - before, 1);
  assert.equal((await layout.get())?.songs.length, 19);
  assert.deepEqual(engine.sizes, [19]);
});

test('songs that come or go, or have other numbers, make it anew', async () => {
  const { queue, engine, layout, changes } = makeList();
  queue.add([songAt('a', [0, 0]), songAt('b', [3, 4])]);
  await layout.get();
  await moment();
  const told = changes();
  queue.add([songAt('c', [1, 1])]);
  assert.equal((await layout.get())?.songs.length, 3);
  queue.remove([queue.songs[0]]);
  assert.deepEqual((await layout.get())?.songs.map(({ name }) => name), ['b', 'c']);
  const [b] = queue.songs;
  if (b.prediction) b.prediction = { ...b.prediction, embedding: { model: SHA, song: [8, 8], pieces: new Float32Array(2) } };
  queue.use(MODEL);
  assert.deepEqual([...(await layout.get())?.points ?? []].slice(0, 2), [8, 8]);
  await moment();
  assert.equal(changes() - told, 3);
  assert.deepEqual(engine.sizes, [2, 3, 2, 2]);
});

test('songs without numbers that come or go leave it as it is', async () => {
  const { queue, engine, layout, changes } = makeList();
  queue.add([songAt('a', [0, 0])]);
  const before = await layout.get();
  await moment();
  const told = changes();
  const song = makeAnswered({ path: 'of another version' });
  queue.add([song]);
  queue.remove([song]);
  await moment();
  assert.equal(changes(), told);
  assert.equal(await layout.get(), before);
  assert.deepEqual(engine.sizes, [1]);
});

test('songs that come while it is made are told afterwards', async () => {
  const { queue, engine, layout, changes } = makeList();
  queue.add([songAt('a', [0, 0])]);
  let release = () => {};
  engine.hold = new Promise((resolve) => { release = resolve; });
  const first = layout.get();
  await until(() => engine.sizes.length === 1);
  queue.add([songAt('b', [1, 1])]);
  await moment();
  const told = changes();
  const meanwhile = layout.get();
  release();
  assert.equal((await first)?.songs.length, 1);
  assert.equal(await meanwhile, await first);
  await moment();
  assert.equal(changes(), told + 1);
  assert.equal((await layout.get())?.songs.length, 2);
});

test('what cannot be laid out is told to who asks, and tried again only when asked', async () => {
  const { queue, engine, layout, changes } = makeList();
  queue.add([songAt('a', [0, 0])]);
  await moment();
  const told = changes();
  engine.fault = new UserError('No.');
  await assert.rejects(layout.get(), /No\./);
  await moment();
  assert.equal(changes(), told);
  assert.equal(engine.sizes.length, 1);
  engine.fault = null;
  assert.equal((await layout.get())?.songs.length, 1);
});

test('a version without numbers lays nothing out, and asks for nothing', async () => {
  const { fakes, queue, engine, layout } = makeList();
  queue.add([songAt('a', [0, 0]), songAt('b', [0, 0])]);
  await layout.get();
  queue.use(makeModel({ version: 'v9' }));
  assert.ok(!layout.able);
  assert.equal(layout.count, 0);
  assert.equal(await layout.get(), null);
  queue.use(MODEL);
  assert.equal((await layout.get())?.songs.length, 2);
  assert.deepEqual(engine.sizes, [2, 2]);
  assert.equal(fakes.asked.length, 0);
});

test('answers without numbers are asked for whenever the list is laid out', async () => {
  const { own, queue, layout } = makeList();
  const song = songAt('a', null);
  queue.add([song]);
  assert.equal(own.askedForMissing, 0);
  assert.equal(await layout.get(), null);
  assert.equal(own.askedForMissing, 1);
  const { prediction } = songAt('a', [2, 2]);
  song.prediction = prediction;
  queue.giveFile(song, new File(['x'], 'a'));
  assert.equal(layout.count, 1);
  assert.equal((await layout.get())?.songs.length, 1);
});
