/** The only place that sends anything: the numbers of one song, and nothing else. */

import { UserError } from './errors.js';
import { integer, size } from './format.js';

const TIMEOUT_MS = 60_000;

/**
 * @typedef {object} Prediction
 * @property {string} version
 * @property {string[]} genres
 * @property {{start: number, end: number, genre: string, probabilities: number[]}[]} segments
 * @property {{genre: string, probabilities: number[], votes: Record<string, number>,
 *   unfamiliar: {score: number, threshold: number, flag: boolean} | null}} aggregate
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
    reason = `it has ${integer(nSegments)} pieces, and at most ${integer(maxSegments)} are taken`;
  } else if (body.size > maxBodyBytes) {
    reason = `its numbers take ${size(body.size)}, and at most ${size(maxBodyBytes)} are taken`;
  }
  if (reason) {
    throw new UserError(
      `This song is too long for this server: ${reason}. Nothing was sent. Cut it into parts, please.`,
      { retryable: false },
    );
  }
}

/**
 * What the server says about a refusal, or a sentence of our own. Only a busy or broken server may
 * answer otherwise when the same numbers come again.
 */
async function refusal(response) {
  let message = '';
  try {
    message = (await response.json()).error.message;
  } catch {
    message = `it answered with status ${response.status}`;
  }
  if (response.status === 429) return new UserError(`The server is busy: ${message} Try again in a moment.`);
  if (response.status >= 500) return new UserError(`The server has a problem: ${message} Try again, please.`);
  return new UserError(`The server refused this song: ${message}`, { retryable: false });
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
  throw new UserError('The server gave no answer that this page understands. Reload the page if the site was updated, or try again.');
}

/**
 * @param {string} url where predictions of the chosen version are made
 * @param {Blob} body the JSON text
 * @param {AbortSignal} signal ends the request when the song is removed
 * @returns {Promise<Prediction>}
 * @throws {UserError}
 */
export async function predict(url, body, signal) {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), TIMEOUT_MS);
  const forward = () => timeout.abort();
  signal.addEventListener('abort', forward);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json', Accept: 'application/json',
        // What is refused is told in the page's language.
        'Accept-Language': document.documentElement.lang,
      },
      body,
      signal: timeout.signal,
    });
    if (!response.ok) throw await refusal(response);
    return understand(await response.text());
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (signal.aborted) throw new UserError('Removed.', { cancelled: true });
    if (timeout.signal.aborted) {
      throw new UserError(`The server did not answer within ${TIMEOUT_MS / 1000} seconds. Retry sends the numbers again.`);
    }
    throw new UserError('The server cannot be reached. Start it again if it was stopped; Retry sends the numbers again without decoding the song anew.');
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', forward);
  }
}
