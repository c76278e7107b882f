import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { askAll, combined, firstRequests, joined, sentBytes } from '../../../static/js/server/requests.js';

/**
 * @typedef {import('../../../static/js/server/api.js').Prediction} Prediction
 * @typedef {import('../../../static/js/analysis/engine.js').Extraction} Extraction
 */

// A name that takes more bytes than it has letters.
const SPEC = 'spéc "1"';
/** Pieces of three requests as the browser's Python writes them. */
const PIECES = [
  ['{"start":0.0,"end":5.0}', '{"start":5.0,"end":10.0}'],
  ['{"start":10.0,"end":15.0,"what":"é"}'],
  ['{"start":15.0,"end":20.0}', '{"start":20.0,"end":25.0}', '{"start":25.0,"end":30.0}'],
];
/** @param {string[]} pieces */
const textOf = (pieces) => `{"feature_spec":${JSON.stringify(SPEC)},"segments":[${pieces.join(',')}]}`;
const TEXTS = PIECES.map(textOf);

/** @param {string[]} texts @returns {Extraction} as the page keeps that of a long song */
function longSong(texts = TEXTS) {
  const requests = texts.map((text, n) => ({ body: new Blob([text]), nSegments: PIECES[n].length }));
  return { ...joined(requests, SPEC), repeated: false, skipped: 0, pieces: [] };
}

/** @returns {Extraction} as the page keeps that of a song of one request */
const shortSong = () =>
  ({ body: new Blob([TEXTS[0]]), nSegments: 2, repeated: false, skipped: 0, pieces: [] });

test('the joined requests of a song equal one request for the whole song', async () => {
  const { body, nSegments } = longSong();
  assert.equal(await body.text(), textOf(PIECES.flat()));
  assert.equal(body.type, 'application/json');
  assert.equal(nSegments, 6);
});

test('a single request stays as it is when joined', async () => {
  const { body, nSegments, parts } = longSong(TEXTS.slice(0, 1));
  assert.equal(await body.text(), TEXTS[0]);
  assert.equal(nSegments, 2);
  assert.equal(parts?.length, 1);
});

test('each request of a long song is sent byte for byte as it was made', async () => {
  const song = longSong();
  /** @type {[string, string][]} */
  const asked = [];
  await askAll(song, async (body) => {
    asked.push([await body.text(), body.type]);
    return ANSWERS[0];
  });
  assert.deepEqual(asked, TEXTS.map((text) => [text, 'application/json']));
  assert.equal(sentBytes(song), TEXTS.reduce((sum, text) => sum + Buffer.byteLength(text), 0));
});

test('a song of one request is sent as it is', async () => {
  const song = shortSong();
  const sent = await askAll(song, async (body) => {
    assert.equal(body, song.body);
    return ANSWERS[0];
  });
  assert.equal(sent, ANSWERS[0]);
  assert.equal(sentBytes(song), Buffer.byteLength(TEXTS[0]));
  assert.equal(firstRequests(song, 1), song.body);
});

test('the first requests of a song are joined to one request', async () => {
  const song = longSong();
  assert.equal(await firstRequests(song, 1).text(), TEXTS[0]);
  assert.equal(await firstRequests(song, 2).text(), textOf(PIECES.slice(0, 2).flat()));
  for (const most of [3, 4, 1000]) {
    assert.equal(await firstRequests(song, most).text(), textOf(PIECES.flat()));
  }
});

test('requests are sent one after the other, and none after a refusal', async () => {
  let asking = 0;
  let asked = 0;
  const ask = async () => {
    asking += 1;
    assert.equal(asking, 1);
    await new Promise(setImmediate);
    asking -= 1;
    asked += 1;
    if (asked === 2) throw new Error('refused');
    return ANSWERS[0];
  };
  await assert.rejects(askAll(longSong(), ask), /^Error: refused$/);
  assert.equal(asked, 2);
});

/**
 * A request's answer as the server gives it.
 * @param {number[][]} rows probabilities of each piece
 * @param {number | null} score how unlike the training music they are; above 1 is unlike
 * @param {number} from number of the first piece
 * @returns {Prediction}
 */
function answer(rows, score, from) {
  const genres = ['blues', 'pop', 'rock'];
  /** @param {number[]} row */
  const winner = (row) => genres[row.indexOf(Math.max(...row))];
  const mean = genres.map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);
  return {
    version: 'v1',
    genres,
    segments: rows.map((row, n) => ({
      start: 5 * (from + n), end: 5 * (from + n) + 5, genre: winner(row), probabilities: row,
    })),
    aggregate: {
      genre: winner(mean),
      probabilities: mean,
      votes: Object.fromEntries(genres.map((genre) =>
        [genre, rows.filter((row) => winner(row) === genre).length])),
      unfamiliar: score === null ? null : { score, threshold: 1, flag: score > 1 },
    },
  };
}

/** Answers to two requests: the first is blues, but rock wins by the mean of all pieces. */
const ANSWERS = [
  answer([[0.5, 0.2, 0.3]], 4, 0),
  answer([[0.1, 0.2, 0.7], [0.2, 0.3, 0.5], [0.4, 0.3, 0.3]], 0.5, 1),
];

test('the combined answer is the mean of the pieces, not of the requests', () => {
  assert.deepEqual(combined(ANSWERS), {
    version: 'v1',
    genres: ['blues', 'pop', 'rock'],
    segments: [...ANSWERS[0].segments, ...ANSWERS[1].segments],
    aggregate: {
      genre: 'rock',
      probabilities: [0.3, 0.25, 0.45],
      votes: { blues: 2, pop: 0, rock: 2 },
      // (4 + 3 * 0.5) / 4
      unfamiliar: { score: 1.375, threshold: 1, flag: true },
    },
  });
});

test('a version without a score for unfamiliar sounds gets none in the combined answer', () => {
  assert.equal(combined([answer([[1, 0, 0]], null, 0), answer([[1, 0, 0]], null, 1)]).aggregate.unfamiliar, null);
});

test('a combined score at the threshold does not count as unfamiliar', () => {
  const { aggregate } = combined([answer([[1, 0, 0]], 0.5, 0), answer([[1, 0, 0]], 1.5, 1)]);
  assert.deepEqual(aggregate.unfamiliar, { score: 1, threshold: 1, flag: false });
});

test('a genre without a vote may be left out of an answer', () => {
  const first = answer([[1, 0, 0]], null, 0);
  first.aggregate.votes = { blues: 1 };
  const { votes } = combined([first, answer([[0, 0, 1]], null, 1)]).aggregate;
  assert.deepEqual(votes, { blues: 1, pop: 0, rock: 1 });
});

test('a combined answer is rounded like an answer of the server', () => {
  const { aggregate } = combined([
    answer([[1, 0, 0]], 1.23456, 0), answer([[1, 0, 0]], 1.23456, 1), answer([[0, 0.5, 0.5]], 0, 2),
  ]);
  assert.deepEqual(aggregate.probabilities, [0.666667, 0.166667, 0.166667]);
  assert.equal(aggregate.unfamiliar?.score, 0.82304);
});

/** @param {Prediction} prediction @param {number[]} song @param {number[][]} pieces */
const placed = (prediction, song, pieces) =>
  ({ ...prediction, embedding: { model: 'sha', song, pieces: Float32Array.from(pieces.flat()) } });

test('the combined embedding is the mean of the pieces, not of the requests', () => {
  const [one, three] = ANSWERS;
  const { embedding } = combined([
    placed(one, [4, -2], [[4, -2]]), placed(three, [0, 2], [[0, 1], [-1, 2], [1, 3]]),
  ]);
  assert.deepEqual(embedding, {
    // (1 * 4 + 3 * 0) / 4, (1 * -2 + 3 * 2) / 4
    model: 'sha', song: [1, 1], pieces: Float32Array.of(4, -2, 0, 1, -1, 2, 1, 3),
  });
});

test('a song has no embedding when one of its requests came without', () => {
  const [one, three] = ANSWERS;
  assert.ok(!('embedding' in combined([placed(one, [4, -2], [[4, -2]]), three])));
  assert.ok(!('embedding' in combined(ANSWERS)));
});

/**
 * @typedef {object} LongSong a row of the table that tests/inference/test_long_songs.py holds the
 *   server to
 * @property {string} name
 * @property {string[]} genres
 * @property {number | null} threshold
 * @property {{probabilities: number[][]}[]} requests
 * @property {{votes: Record<string, number>, score: number | null}[]} answers
 * @property {Prediction['aggregate']} expected
 */
/** @type {LongSong[]} */
const LONG_SONGS = JSON.parse(readFileSync(new URL('../../data/long_songs.json', import.meta.url), 'utf8'));

for (const { name, genres, threshold, requests, answers, expected } of LONG_SONGS) {
  test(`page and server agree on ${name}`, () => {
    const combinedAnswer = combined(requests.map(({ probabilities }, n) => ({
      version: 'v1',
      genres,
      segments: probabilities.map((row) => ({ start: 0, end: 5, genre: '', probabilities: row })),
      aggregate: {
        genre: '',
        probabilities: [],
        votes: answers[n].votes,
        unfamiliar: threshold === null
          ? null : { score: answers[n].score ?? NaN, threshold, flag: false },
      },
    })));
    assert.deepEqual(combinedAnswer.aggregate, expected);
  });
}
