/** The only place that sends anything: the numbers of one song, and nothing else. */

import { UserError } from '../base/errors.js';
import { integer, size } from '../base/format.js';
import { packNoMore, packed } from './packing.js';
import { t, tn, words } from '../base/text.js';

const TIMEOUT_MS = 60_000;
const GATEWAY = [502, 503, 504];

/**
 * One piece of a song: start and end in seconds, its winner, and the probability of each genre.
 * @typedef {{start: number, end: number, genre: string, probabilities: number[]}} Segment
 *
 * @typedef {object} Prediction
 * @property {string} version
 * @property {string[]} genres
 * @property {Segment[]} segments
 * @property {{genre: string, probabilities: number[], votes: Record<string, number>,
 *   unfamiliar: {score: number, threshold: number, flag: boolean} | null}} aggregate
 * @property {SongEmbedding} [embedding] of a version that gives one
 *
 * Where a version places a song: similar ones lie near each other.
 * @typedef {object} SongEmbedding
 * @property {string} model sha256 of the model that gave it
 * @property {number[]} song
 * @property {Float32Array} pieces those of the pieces, one after the other
 */

/**
 * Refuse what the server would refuse, before it is sent.
 * @param {{body: Blob, nSegments: number}} extraction
 * @param {{maxSegments: number, maxBodyBytes: number}} limits of the server, per request
 * @throws {UserError}
 */
export function refuseLarge({ body, nSegments }, { maxSegments, maxBodyBytes }) {
  let reason = '';
  if (nSegments > maxSegments) {
    reason = tn(
      'it has {n} piece, and at most {most} are taken',
      'it has {n} pieces, and at most {most} are taken',
      nSegments,
      { n: integer(nSegments), most: integer(maxSegments) },
    );
  } else if (body.size > maxBodyBytes) {
    reason = t('its numbers take {size}, and at most {most} are taken', { size: size(body.size), most: size(maxBodyBytes) });
  }
  if (reason) {
    throw new UserError(
      t('This song is too long for this server: {reason}. Nothing was sent. Cut it into parts, please.', { reason }),
      { retryable: false },
    );
  }
}

/** @param {Response} response @returns {number | null} seconds that the server, or a proxy, asks to wait */
function retryAfter({ headers }) {
  const said = headers.get('Retry-After')?.trim();
  if (!said) return null;
  const seconds = /^\d+$/.test(said) ? Number(said) : (Date.parse(said) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : null;
}

/**
 * The server's sentence about a refusal, or one of our own. Only a busy or broken server may answer
 * otherwise when the same numbers come again, so only these errors are retryable.
 * @param {Response} response
 */
async function refusal(response) {
  const { status } = response;
  let message = '';
  // The server itself answers in JSON: anything else comes from a proxy.
  let unreachable = false;
  try {
    message = (await response.json()).error.message;
  } catch {
    message = t('it answered with status {status}.', { status });
    unreachable = GATEWAY.includes(status);
  }
  const again = retryAfter(response);
  if (status === 429) return new UserError(t('The server is busy: {message} Try again in a moment.', { message }), { again: again ?? 0 });
  if (status >= 500) return new UserError(t('The server has a problem: {message} Try again, please.', { message }), { unreachable, again });
  return new UserError(t('The server refused this song: {message}', { message }), { retryable: false });
}

/** @param {string} text @returns {Prediction} */
function understand(text) {
  let answer = null;
  try {
    answer = JSON.parse(text);
  } catch {
    // told below
  }
  if (answer?.aggregate && answer.segments) return answer;
  throw new UserError(t('The server gave no answer that this page understands. Reload the page if the site was updated, or try again.'));
}

/**
 * Take the embeddings out of an answer, which is shown, stored and exported without them.
 * @param {Prediction} answer to a request with `?embedding=1`
 * @param {string} model sha256 of the model that gave it
 * @returns {Prediction}
 */
export function takeEmbedding({ aggregate, segments, ...rest }, model) {
  const { embedding: song, ...judged } = /** @type {typeof aggregate & {embedding?: number[]}} */ (aggregate);
  const pieces = /** @type {(Segment & {embedding?: number[]})[]} */ (segments);
  const plain = pieces.map(({ embedding, ...piece }) => piece);
  if (!song) return { ...rest, aggregate: judged, segments: plain };
  const values = Float32Array.from(pieces.flatMap(({ embedding }) => embedding ?? []));
  return { ...rest, aggregate: judged, segments: plain, embedding: { model, song, pieces: values } };
}

/**
 * @param {string} url where predictions of the chosen version are made
 * @param {Blob} body the JSON text
 * @param {AbortSignal} signal ends the request when the song is removed
 * @param {(bytes: number) => void} [onSent] called with the bytes that go over the wire, at each try
 * @returns {Promise<Prediction>}
 * @throws {UserError}
 */
export async function predict(url, body, signal, onSent = () => {}) {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), TIMEOUT_MS);
  const forward = () => timeout.abort();
  signal.addEventListener('abort', forward);
  try {
    const { content, headers } = await packed(body);
    timeout.signal.throwIfAborted();
    onSent(content.size);
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json', Accept: 'application/json',
        // For the sentences of refusals.
        'Accept-Language': words.language,
        ...headers,
      },
      body: content,
      signal: timeout.signal,
    });
    if (response.status === 415 && content !== body && packNoMore()) {
      return await predict(url, body, signal, onSent);
    }
    if (!response.ok) throw await refusal(response);
    return understand(await response.text());
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (signal.aborted) throw new UserError(t('Removed.'), { cancelled: true });
    if (timeout.signal.aborted) {
      throw new UserError(t('The server did not answer within {seconds} seconds. Retry sends the numbers again.', { seconds: TIMEOUT_MS / 1000 }));
    }
    throw new UserError(
      t('The server cannot be reached. Start it again if it was stopped; Retry sends the numbers again without decoding the song anew.'),
      { unreachable: true },
    );
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', forward);
  }
}
