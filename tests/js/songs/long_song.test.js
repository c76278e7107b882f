import '../page.js';

import assert from 'node:assert/strict';
import test from 'node:test';

import { UserError } from '../../../static/js/base/errors.js';
import { NOTHING_HEARD, listen } from '../../../static/js/songs/long_song.js';
import { GENRES, makeModel } from '../made.js';

/**
 * @typedef {import('../../../static/js/songs/long_song.js').Heard} Heard
 * @typedef {import('../../../static/js/songs/long_song.js').Listening} Listening
 * @typedef {import('../../../static/js/server/api.js').Prediction} Prediction
 * @typedef {import('../../../static/js/server/answers.js').Request} Request
 * @typedef {import('../../../static/js/sound/messages.d.ts').Damage} Damage
 */

const CHUNK_S = 30;
const PIECES_PER_CHUNK = 6;
/** A model with the sample rate of the outline, 20 values a second. */
const MODEL = makeModel({ featureSpec: { id: 'spec', kind: 'mfcc', sample_rate: 20, decimals: 3 } });
const LIMITS = { maxMinutes: 60, maxSegments: 1000, maxBodyBytes: 1_000_000 };

/** @param {number} piece number of the piece @returns {{start: number, end: number}} */
const timesOf = (piece) => ({ start: 5 * piece, end: 5 * piece + 5 });

/**
 * A song in chunks of half a minute.
 * @param {number} count
 * @param {{damage?: Damage[], fails?: number}} [more] fails: number of the chunk that cannot be decoded
 */
const streamOf = (count, { damage = [], fails = Infinity } = {}) => ({
  taken: 0,
  closed: 0,
  async next() {
    this.taken += 1;
    if (this.taken === fails) throw new UserError('The file is damaged.');
    assert.ok(this.taken <= count, 'a chunk after the last one was asked for');
    return {
      samples: new Float32Array(20 * CHUNK_S).fill((this.taken - 0.5) / 255),
      seconds: CHUNK_S * this.taken,
      last: this.taken === count,
      damage: damage.filter(({ from }) => from < CHUNK_S * this.taken),
    };
  },
  close() {
    this.closed += 1;
  },
});

/** A fake analysis: it keeps the pieces of each song, and makes requests of them when told to. */
class FakeEngine {
  starts = 1;
  /** @type {number[]} */
  forgotten = [];
  /** @type {import('../../../static/js/analysis/messages.d.ts').Stretch[]} */
  told = [];
  /** @type {Map<number, {next: number, waiting: number[]}>} */
  #songs = new Map();

  /**
   * @param {object} [more]
   * @param {(piece: number) => boolean} [more.silent]
   * @param {() => void} [more.before] at each chunk
   * @param {[number, number][]} [more.gaps] stretches that are silent beside what follows them
   */
  constructor({ silent = () => false, before = () => {}, gaps = [] } = {}) {
    this.silent = silent;
    this.before = before;
    this.gaps = gaps;
  }

  /**
   * @param {Float32Array} samples
   * @param {object} spec
   * @param {() => void} _onProgress
   * @param {import('../../../static/js/analysis/messages.d.ts').Stretch} stretch
   */
  async extract(samples, spec, _onProgress, stretch) {
    this.before();
    this.told.push(stretch);
    assert.equal(spec, MODEL.featureSpec);
    assert.equal(samples.length, 20 * CHUNK_S);
    const song = this.#songs.get(stretch.key) ?? { next: 0, waiting: [] };
    this.#songs.set(stretch.key, song);
    const pieces = Array.from({ length: PIECES_PER_CHUNK }, () => song.next++);
    song.waiting.push(...pieces.filter((piece) => !this.silent(piece)));
    const requests = [];
    while (song.waiting.length && (stretch.take || stretch.last || song.waiting.length > stretch.most)) {
      const inIt = song.waiting.splice(0, stretch.most);
      const segments = inIt.map((piece) => JSON.stringify(timesOf(piece))).join(',');
      requests.push({
        body: new Blob([`{"feature_spec":"spec","segments":[${segments}]}`]),
        nSegments: inIt.length, repeated: false, skipped: 30,
      });
    }
    const times = pieces.map(timesOf).map(({ start, end }) => [start, end]);
    return { requests, pieces: times, gaps: stretch.last ? this.gaps : [] };
  }

  /** @param {number} key */
  forget(key) {
    this.forgotten.push(key);
  }
}

/** The server's answer: every piece is rock. @param {Request} request @returns {Promise<Prediction>} */
async function answerTo(request) {
  const { segments } = JSON.parse(await request.body.text());
  request.wire = 100;
  return {
    version: 'v1',
    genres: GENRES,
    segments: segments.map((/** @type {{start: number, end: number}} */ times) =>
      ({ ...times, genre: 'rock', probabilities: [0, 0.25, 0.75] })),
    aggregate: {
      genre: 'rock', probabilities: [0, 0.25, 0.75], votes: { rock: segments.length }, unfamiliar: null,
    },
  };
}

/**
 * Listen to a song; return the last state, all states that were shown before, and the analysis.
 * @param {ReturnType<typeof streamOf>} stream
 * @param {Partial<Listening> & {engine?: FakeEngine, limits?: typeof LIMITS}} [how]
 */
async function heard(stream, { engine = new FakeEngine(), ...how } = {}) {
  /** @type {Heard[]} */
  const shown = [];
  const all = await listen(stream, {
    engine: /** @type {any} */ (engine),
    limits: LIMITS, model: MODEL, signal: new AbortController().signal,
    ask: answerTo, show: (known) => shown.push(known), ...how,
  });
  return { all, shown, engine };
}

/** @param {Heard} known @returns {number} number of pieces with an answer */
const answeredPieces = ({ answered }) => answered?.prediction.segments.length ?? 0;

test('a song is answered as a whole, with every piece once and in order', async () => {
  const stream = streamOf(16);
  const { all, engine } = await heard(stream);
  assert.equal(all.complete, true);
  assert.equal(all.seconds, 480);
  const expected = Array.from({ length: 96 }, (_, piece) => timesOf(piece));
  assert.deepEqual(all.answered?.prediction.segments.map(({ start, end }) => ({ start, end })), expected);
  assert.deepEqual(all.answered?.prediction.aggregate, {
    genre: 'rock', probabilities: [0, 0.25, 0.75], votes: { blues: 0, pop: 0, rock: 96 }, unfamiliar: null,
  });
  assert.deepEqual(all.answered?.pieces, expected.map(({ start, end }) => [start, end]));
  assert.deepEqual([all.answered?.seconds, all.answered?.skipped], [480, 30]);
  const { extraction } = all;
  assert.deepEqual(JSON.parse(await extraction?.body.text() ?? ''), { feature_spec: 'spec', segments: expected });
  assert.deepEqual(extraction?.pieces, expected.map(({ start, end }) => [start, end]));
  assert.deepEqual([extraction?.nSegments, extraction?.skipped, extraction?.repeated], [96, 30, false]);
  assert.equal(extraction?.damage, '');
  assert.equal(all.peaks?.length, 20 * 480);
  assert.deepEqual([all.peaks?.[0], all.peaks?.at(-1)], [1, 16]);
  assert.equal(stream.closed, 1);
  assert.deepEqual(engine.forgotten, [engine.told[0].key]);
});

test('requests are sent after two minutes, then every five minutes, then at the end', async () => {
  /** @type {number[]} */
  const sizes = [];
  const { engine, all } = await heard(streamOf(26), {
    ask: (request) => {
      sizes.push(request.nSegments);
      return answerTo(request);
    },
  });
  assert.deepEqual(sizes, [4, 10, 10, 2].map((chunks) => PIECES_PER_CHUNK * chunks));
  assert.deepEqual(engine.told.flatMap(({ take }, n) => (take ? [n + 1] : [])), [4, 14, 24]);
  assert.deepEqual(engine.told.flatMap(({ last }, n) => (last ? [n + 1] : [])), [26]);
  // The bytes that went over the wire are added up.
  assert.equal(all.extraction?.wire, 400);
  assert.deepEqual(all.extraction?.parts?.map(({ nSegments }) => nSegments), sizes);
});

test('the page shows each chunk, and each answer as soon as it comes', async () => {
  const { shown } = await heard(streamOf(15));
  assert.deepEqual(new Set(shown.map(({ seconds }) => seconds)),
    new Set(Array.from({ length: 15 }, (_, n) => CHUNK_S * (n + 1))));
  const counts = shown.map(answeredPieces);
  assert.deepEqual([...new Set(counts)], [0, 24, 84, 90]);
  // The first answers come long before the end.
  assert.ok(shown[counts.indexOf(24)].seconds <= 180);
  const { answered } = shown[counts.indexOf(24)];
  assert.deepEqual([answered?.pieces.length, answered?.seconds], [24, 120]);
  // The numbers are shown as soon as they are sent.
  assert.deepEqual(
    [90, 120, 150, 420, 450].map((end) =>
      shown.find(({ seconds }) => seconds === end)?.extraction?.nSegments ?? 0),
    [0, 24, 24, 84, 90],
  );
  // States that were shown do not change afterwards.
  assert.equal(shown[0].seconds, 30);
  assert.equal(shown[0].extraction, null);
  assert.ok(shown.slice(0, -1).every(({ complete }) => !complete));
  assert.equal(NOTHING_HEARD.seconds, 0);
});

test('silent pieces are listed, but not sent', async () => {
  const { all } = await heard(streamOf(5), { engine: new FakeEngine({ silent: (piece) => piece % 2 === 1 }) });
  assert.equal(all.extraction?.pieces.length, 30);
  assert.equal(all.extraction?.nSegments, 15);
  assert.equal(answeredPieces(all), 15);
  assert.equal(all.answered?.pieces.length, 30);
});

test('a gap that was answered before the song grew louder is taken out, and no other request asked again', async () => {
  /** @type {number[]} */
  const sizes = [];
  // All of the first request, half of the second one.
  const { all } = await heard(streamOf(26), {
    engine: new FakeEngine({ gaps: [[0, 120], [120, 270]] }),
    ask: (request) => {
      sizes.push(request.nSegments);
      return answerTo(request);
    },
  });
  assert.deepEqual(sizes, [24, 60, 60, 12, 30]);
  assert.equal(all.complete, true);
  const expected = Array.from({ length: 102 }, (_, n) => timesOf(54 + n));
  assert.deepEqual(all.answered?.prediction.segments.map(({ start, end }) => ({ start, end })), expected);
  assert.equal(all.answered?.prediction.aggregate.votes.rock, 102);
  assert.equal(all.answered?.pieces.length, 156);
  assert.deepEqual(JSON.parse(await all.extraction?.body.text() ?? '').segments, expected);
  assert.deepEqual([all.extraction?.nSegments, all.extraction?.pieces.length], [102, 156]);
  // What was sent for nothing was sent.
  assert.equal(all.extraction?.wire, 500);
});

test('a server that goes away when a gap is to be taken out is asked for everything but the gap', async () => {
  let asked = 0;
  const { all } = await heard(streamOf(5), {
    engine: new FakeEngine({ gaps: [[0, 30]] }),
    ask: (request) => {
      asked += 1;
      if (asked === 3) throw new UserError('The server cannot be reached.', { unreachable: true });
      return answerTo(request);
    },
  });
  assert.equal(all.complete, false);
  assert.deepEqual([all.extraction?.nSegments, all.extraction?.parts?.length], [24, 2]);
});

test('a request keeps to the limits of pieces and bytes', async () => {
  // A piece has 2 x 3 numbers of at most 11 characters, and 200 more: 266 bytes.
  for (const [limits, most] of /** @type {const} */ ([
    [{ ...LIMITS, maxSegments: 7 }, 7],
    [{ ...LIMITS, maxBodyBytes: 5 * 266 }, 5],
    [{ ...LIMITS, maxBodyBytes: 5 * 266 - 1 }, 4],
  ])) {
    const { engine, all } = await heard(streamOf(5), { limits });
    assert.deepEqual(new Set(engine.told.map((stretch) => stretch.most)), new Set([most]));
    assert.ok(all.extraction?.parts?.every(({ nSegments }) => nSegments <= most));
    assert.equal(answeredPieces(all), 30);
  }
  const { engine } = await heard(streamOf(1), { limits: { ...LIMITS, maxBodyBytes: 265 } });
  assert.equal(engine.told[0].most, 1);
});

test('a song is refused before sending if one piece exceeds the limit of bytes', async () => {
  let asked = 0;
  const stream = streamOf(5);
  await assert.rejects(
    heard(stream, {
      // Too few bytes even for one piece.
      limits: { ...LIMITS, maxBodyBytes: 10 },
      ask: (request) => {
        asked += 1;
        return answerTo(request);
      },
    }),
    { name: 'UserError', message: /^This song is too long for this server: its numbers take/, retryable: false },
  );
  assert.equal(asked, 0);
  assert.equal(stream.closed, 1);
});

test('two songs that are analysed at the same time are kept apart', async () => {
  const engine = new FakeEngine();
  const both = await Promise.all([heard(streamOf(5), { engine }), heard(streamOf(7), { engine })]);
  assert.deepEqual(both.map(({ all }) => answeredPieces(all)), [30, 42]);
  assert.equal(new Set(engine.forgotten).size, 2);
});

test('without a function to ask the server, only the numbers are made', async () => {
  const { all } = await heard(streamOf(5), { ask: undefined });
  assert.equal(all.extraction?.nSegments, 30);
  assert.deepEqual([all.answered, all.complete], [null, false]);
});

test('a server that goes away gets no more requests, and all numbers are made', async () => {
  let asked = 0;
  const { all } = await heard(streamOf(26), {
    ask: (request) => {
      asked += 1;
      if (asked === 2) throw new UserError('The server cannot be reached.', { unreachable: true });
      return answerTo(request);
    },
  });
  assert.equal(asked, 2);
  assert.equal(all.complete, false);
  // The answers of the beginning stay.
  assert.equal(answeredPieces(all), 24);
  assert.equal(all.extraction?.nSegments, 156);
  assert.equal(all.extraction?.wire, undefined);
});

test('a refusal of the server ends the song at once', async () => {
  const stream = streamOf(26);
  const engine = new FakeEngine();
  const ask = async () => {
    throw new UserError('The server refused this song: no.', { retryable: false });
  };
  await assert.rejects(heard(stream, { engine, ask }), { message: 'The server refused this song: no.' });
  assert.ok(stream.taken < 8, `${stream.taken} chunks were decoded`);
  assert.equal(stream.closed, 1);
  assert.equal(engine.forgotten.length, 1);
});

test('an error of the last request is reported, too', async () => {
  await assert.rejects(heard(streamOf(2), {
    ask: async () => {
      throw new TypeError('a fault of the page');
    },
  }), TypeError);
});

test('a song that turns out longer than the limit is refused', async () => {
  const stream = streamOf(26);
  await assert.rejects(heard(stream, { limits: { ...LIMITS, maxMinutes: 3 } }), {
    message: /^This is too long: it lasts 3:30, and at most 3 minutes are analysed\./, retryable: false,
  });
  assert.equal(stream.taken, 7);
  assert.equal(stream.closed, 1);
});

test('a song that is given up sends and shows nothing more, and closes its file', async () => {
  const attempt = new AbortController();
  const stream = streamOf(26);
  let chunks = 0;
  let asked = 0;
  /** @type {Heard[]} */
  const shown = [];
  const engine = new FakeEngine({
    before: () => {
      chunks += 1;
      if (chunks === 3) attempt.abort();
    },
  });
  await assert.rejects(heard(stream, {
    engine,
    signal: attempt.signal,
    show: (known) => shown.push(known),
    ask: (request) => {
      asked += 1;
      return answerTo(request);
    },
  }), { name: 'AbortError' });
  assert.deepEqual([chunks, asked, shown.length], [3, 0, 2]);
  assert.equal(stream.closed, 1);
  assert.equal(engine.forgotten.length, 1);
});

test('an answer that comes after giving up is not shown', async () => {
  const attempt = new AbortController();
  /** @type {Heard[]} */
  const shown = [];
  await heard(streamOf(2), {
    signal: attempt.signal,
    show: (known) => shown.push(known),
    ask: (request) => {
      attempt.abort();
      return answerTo(request);
    },
  });
  assert.deepEqual(shown.map(answeredPieces), [0, 0]);
});

test('a song fails if the analysis is restarted in the middle of it', async () => {
  const stream = streamOf(5);
  const engine = new FakeEngine({ before: () => { engine.starts = engine.told.length + 1; } });
  await assert.rejects(heard(stream, { engine }), {
    message: 'The analysis broke off and was started anew. Retry tries this song again.', retryable: true,
  });
  assert.equal(stream.closed, 1);
});

test('a song fails and its file is closed if a chunk cannot be decoded', async () => {
  const stream = streamOf(5, { fails: 3 });
  const engine = new FakeEngine();
  await assert.rejects(heard(stream, { engine }), { message: 'The file is damaged.' });
  assert.equal(stream.closed, 1);
  assert.equal(engine.forgotten.length, 1);
});

test('the message about damage names its first place', async () => {
  /** @param {Damage[]} damage */
  const told = async (damage) => (await heard(streamOf(5, { damage }))).all.extraction?.damage;
  assert.equal(await told([{ from: 65, to: null }]),
    'The file breaks off or is damaged at 1:05; the answer is for what comes before.');
  assert.equal(await told([{ from: 65, to: 70 }]),
    'The file is damaged, first at 1:05; what could not be decoded is left out of the answer.');
  assert.equal(await told([{ from: 65, to: 70 }, { from: 100, to: null }]),
    'The file is damaged, first at 1:05; what could not be decoded is left out of the answer.');
});
