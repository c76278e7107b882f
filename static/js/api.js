/** The only place that sends anything: the numbers of one song, and nothing else. */

import { UserError } from './errors.js';

const TIMEOUT_MS = 60_000;

/**
 * @typedef {object} Prediction
 * @property {string} version
 * @property {string[]} genres
 * @property {{start: number, end: number, genre: string, probabilities: number[]}[]} segments
 * @property {{genre: string, probabilities: number[], votes: Record<string, number>,
 *   unfamiliar: {score: number, threshold: number, flag: boolean} | null}} aggregate
 */

/** What the server says about a refusal, or a sentence of our own. */
async function refusal(response) {
  let message = '';
  try {
    message = (await response.json()).error.message;
  } catch {
    message = `it answered with status ${response.status}`;
  }
  if (response.status === 429) return `The server is busy: ${message} Try again in a moment.`;
  if (response.status >= 500) return `The server has a problem: ${message} Try again, please.`;
  return `The server refused this song: ${message}`;
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
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body,
      signal: timeout.signal,
    });
    if (!response.ok) throw new UserError(await refusal(response));
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
