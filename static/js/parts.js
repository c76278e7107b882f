/** A long song is sent in several requests: their numbers in one, their answers in one. */

import { ranking } from './genres.js';

// As the server writes them: digits after the point of a probability, significant ones of a score.
const DECIMALS = 6;
const SIGNIFICANT_DIGITS = 6;

/**
 * @typedef {object} Part
 * @property {Blob} body the JSON text of one request
 * @property {number} nSegments
 * @property {number} nPieces of the song up to its end, silent ones too
 * @property {import('./api.js').Prediction | null} prediction once it is answered
 */

const rounded = (value) => Number(value.toFixed(DECIMALS));
const encoder = new TextEncoder();

/**
 * The JSON of all parts in one, as if they had been one request. Nothing is copied: it refers to
 * their content. They are written without spaces and differ only in their segments.
 * @param {Blob[]} bodies
 * @param {string} specId
 * @returns {Blob}
 */
export function joined(bodies, specId) {
  const head = encoder.encode(`{"feature_spec":${JSON.stringify(specId)},"segments":[`);
  const tail = encoder.encode(']}');
  const inner = bodies.map((body) => body.slice(head.length, body.size - tail.length));
  return new Blob([head, ...inner.flatMap((part, i) => (i ? [',', part] : [part])), tail], {
    type: 'application/json',
  });
}

/** @param {import('./engine.js').Extraction} extraction @returns {number} bytes of its requests */
export const sentBytes = ({ body, parts }) =>
  (parts ? parts.reduce((sum, part) => sum + part.body.size, 0) : body.size);

/**
 * One answer for the song, as the server would give it for all its segments at once: the mean of
 * their probabilities and of their scores.
 * @param {import('./api.js').Prediction[]} answers in the order of the song
 * @returns {import('./api.js').Prediction}
 */
export function combined(answers) {
  const [{ version, genres, aggregate: first }] = answers;
  const segments = answers.flatMap((answer) => answer.segments);
  const mean = genres.map((_, index) =>
    segments.reduce((sum, { probabilities }) => sum + probabilities[index], 0) / segments.length);
  const votes = Object.fromEntries(genres.map((genre) =>
    [genre, answers.reduce((sum, { aggregate }) => sum + aggregate.votes[genre], 0)]));
  let unfamiliar = null;
  if (first.unfamiliar) {
    const { threshold } = first.unfamiliar;
    const sum = answers.reduce((total, { aggregate, segments: { length } }) =>
      total + aggregate.unfamiliar.score * length, 0);
    const score = Number((sum / segments.length).toPrecision(SIGNIFICANT_DIGITS));
    unfamiliar = { score, threshold, flag: score > threshold };
  }
  const genre = genres[ranking(mean)[0]];
  return {
    version, genres, segments, aggregate: { genre, probabilities: mean.map(rounded), votes, unfamiliar },
  };
}

/**
 * Ask for what has no answer yet, and combine.
 * @param {import('./engine.js').Extraction} extraction
 * @param {(body: Blob) => Promise<import('./api.js').Prediction>} ask
 * @returns {Promise<import('./api.js').Prediction>}
 */
export async function answerAll({ body, parts }, ask) {
  if (!parts) return ask(body);
  for (const part of parts) part.prediction ??= await ask(part.body);
  return combined(parts.map((part) => part.prediction));
}
