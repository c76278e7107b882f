/** The requests of a long song: all their numbers as one, all their answers as one. */

import { ranking } from '../base/genres.js';

// As webapp/inference/predictor.py writes them: digits after the point of a probability, significant
// ones of a score.
const DECIMALS = 6;
const SIGNIFICANT_DIGITS = 6;

const JSON_TYPE = { type: 'application/json' };
const TAIL = ']}';
// How a piece begins; its times are rounded.
const FIRST_PIECE = '{"start":';
const ROUNDED_S = 0.001;

/**
 * One request of a long song.
 * @typedef {object} Part
 * @property {number} from where its pieces begin in the numbers of the whole song, in bytes
 * @property {number} to where they end
 * @property {number} nSegments
 */

/**
 * The JSON of all requests in one, as if they had been one. Nothing is copied: it refers to their
 * content. They are written without spaces and differ only in their segments.
 * @param {{body: Blob, nSegments: number}[]} requests
 * @param {string} specId
 * @returns {{body: Blob, nSegments: number, parts: Part[]}}
 */
export function joined(requests, specId) {
  const head = new Blob([`{"feature_spec":${JSON.stringify(specId)},"segments":[`]);
  /** @type {BlobPart[]} */
  const content = [head];
  /** @type {Part[]} */
  const parts = [];
  let place = head.size;
  for (const { body, nSegments } of requests) {
    if (parts.length) {
      content.push(',');
      place += 1;
    }
    const inner = body.slice(head.size, body.size - TAIL.length);
    content.push(inner);
    parts.push({ from: place, to: place + inner.size, nSegments });
    place += inner.size;
  }
  const nSegments = parts.reduce((sum, part) => sum + part.nSegments, 0);
  return { body: new Blob([...content, TAIL], JSON_TYPE), nSegments, parts };
}

/**
 * A request without the pieces that turned out to be silent beside the rest of their song. What is left
 * stays as it was written, digit by digit.
 * @param {import('../analysis/messages.d.ts').Numbers} request
 * @param {import('../analysis/messages.d.ts').Piece[]} gaps
 * @returns {Promise<import('../analysis/messages.d.ts').Numbers | null>} the same one where it has no
 *   such pieces; null where it has no others
 */
export async function withoutGaps(request, gaps) {
  const text = await request.body.text();
  const first = text.indexOf(FIRST_PIECE);
  const pieces = text.slice(first, -TAIL.length).split(/,(?=\{"start":)/);
  const left = pieces.filter((piece) => {
    const start = Number.parseFloat(piece.slice(FIRST_PIECE.length));
    return !gaps.some(([from, to]) => start > from - ROUNDED_S && start < to - ROUNDED_S);
  });
  if (left.length === pieces.length) return request;
  if (!left.length) return null;
  const body = new Blob([text.slice(0, first), left.join(), TAIL], JSON_TYPE);
  return { ...request, body, nSegments: left.length };
}

/**
 * The request of a part.
 * @param {Blob} body all of them in one
 * @param {Part[]} parts
 * @param {{from: number, to: number}} part
 * @returns {Blob}
 */
const requestOf = (body, parts, { from, to }) =>
  new Blob([body.slice(0, parts[0].from), body.slice(from, to), TAIL], JSON_TYPE);

/**
 * The numbers of a song's beginning, as a request of their own.
 * @param {import('../analysis/engine.js').Extraction} extraction
 * @param {number} most requests of a long song
 * @returns {Blob}
 */
export const firstRequests = ({ body, parts }, most) => (parts
  ? requestOf(body, parts, { from: parts[0].from, to: parts[Math.min(most, parts.length) - 1].to })
  : body);

/** @param {import('../analysis/engine.js').Extraction} extraction @returns {number} bytes of its requests */
export const sentBytes = ({ body, parts }) => (parts
  ? parts.reduce((sum, { from, to }) => sum + parts[0].from + to - from + TAIL.length, 0)
  : body.size);

/**
 * One answer for the song, as the server would give it for all its segments at once: the mean of
 * their probabilities and of their scores.
 *
 * The server has the same rule for the segments of one request (webapp/inference/aggregation.py). It
 * stands here once more because the server keeps nothing between requests, and a long song needs
 * several: its numbers exceed the limits of one, and its first answers are shown while the rest is
 * decoded. One table of cases holds both to the same answers: tests/data/long_songs.json. Only the last
 * digit may differ, since probabilities come here rounded.
 *
 * @param {import('./api.js').Prediction[]} answers in the order of the song
 * @returns {import('./api.js').Prediction}
 */
export function combined(answers) {
  const [{ version, genres, aggregate: first }] = answers;
  const segments = answers.flatMap((answer) => answer.segments);
  const mean = genres.map((_, index) =>
    segments.reduce((sum, { probabilities }) => sum + probabilities[index], 0) / segments.length);
  const votes = Object.fromEntries(genres.map((genre) =>
    [genre, answers.reduce((sum, { aggregate }) => sum + (aggregate.votes[genre] ?? 0), 0)]));
  let unfamiliar = null;
  if (first.unfamiliar) {
    const { threshold } = first.unfamiliar;
    const sum = answers.reduce((total, { aggregate, segments: { length } }) =>
      total + (aggregate.unfamiliar?.score ?? 0) * length, 0);
    const score = Number((sum / segments.length).toPrecision(SIGNIFICANT_DIGITS));
    unfamiliar = { score, threshold, flag: score > threshold };
  }
  const embedding = combinedEmbedding(answers);
  const genre = genres[ranking(mean)[0]];
  const probabilities = mean.map((value) => Number(value.toFixed(DECIMALS)));
  return {
    version, genres, segments, aggregate: { genre, probabilities, votes, unfamiliar },
    ...(embedding && { embedding }),
  };
}

/**
 * @param {import('./api.js').Prediction[]} answers in the order of the song
 * @returns {import('./api.js').SongEmbedding | null} the mean, weighted by pieces; null where one has none
 */
function combinedEmbedding(answers) {
  const found = answers.flatMap(({ embedding, segments: { length } }) =>
    (embedding ? [{ ...embedding, length }] : []));
  if (!found.length || found.length < answers.length) return null;
  const total = found.reduce((sum, { length }) => sum + length, 0);
  const song = found[0].song.map((_, index) =>
    found.reduce((sum, { song: values, length }) => sum + values[index] * length, 0) / total);
  const pieces = new Float32Array(found.reduce((sum, { pieces: { length } }) => sum + length, 0));
  let place = 0;
  for (const { pieces: some } of found) {
    pieces.set(some, place);
    place += some.length;
  }
  return { model: found[0].model, song, pieces };
}

/**
 * Ask for all requests of a song, one after the other, and combine the answers.
 * @param {{body: Blob, parts?: Part[]}} extraction
 * @param {(body: Blob) => Promise<import('./api.js').Prediction>} ask
 * @returns {Promise<import('./api.js').Prediction>}
 */
export async function askAll({ body, parts }, ask) {
  if (!parts) return ask(body);
  const answers = [];
  for (const part of parts) answers.push(await ask(requestOf(body, parts, part)));
  return combined(answers);
}
