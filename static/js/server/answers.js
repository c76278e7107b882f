/** The server's answer to the numbers of a song. */

import { predict, takeEmbedding } from './api.js';
import { askAll } from './requests.js';

/**
 * @typedef {import('../base/config.js').Model} Model
 * @typedef {import('./api.js').Prediction} Prediction
 *
 * Numbers of a song, or of a stretch of a long one.
 * @typedef {import('../analysis/messages.d.ts').Numbers & import('../analysis/engine.js').More} Request
 */

export class Answers {
  #link;

  /** @param {import('./server_link.js').ServerLink} link tells whether the server is there */
  constructor(link) {
    this.#link = link;
  }

  /**
   * Ask at once; the bytes that went over the wire are noted in `request.wire`.
   * @param {Request} request
   * @param {Model} model
   * @param {AbortSignal} signal gives it up
   * @returns {Promise<Prediction>}
   * @throws {UserError}
   */
  to(request, { predictUrl, embedding }, signal) {
    request.wire = 0;
    const url = embedding ? `${predictUrl}?embedding=1` : predictUrl;
    return askAll(request, async (body) => {
      const answer = await predict(url, body, signal, (bytes) => {
        request.wire = (request.wire ?? 0) + bytes;
      });
      return embedding ? takeEmbedding(answer, embedding.modelSha256) : answer;
    });
  }

  /**
   * Ask, and wait while the server is away or busy.
   * @param {Request} request
   * @param {Model} model
   * @param {AbortSignal} signal gives it up
   * @param {(why: 'busy' | 'lost' | null) => void} onWait see ServerLink.send
   * @returns {Promise<{prediction: Prediction, took: number}>} took: milliseconds of the request
   *   that was answered, without what was waited before
   * @throws {UserError}
   */
  patientlyTo(request, model, signal, onWait) {
    return this.#link.send(async () => {
      const start = performance.now();
      const prediction = await this.to(request, model, signal);
      const { duration } = performance.measure('request', { start });
      return { prediction, took: duration };
    }, signal, onWait);
  }
}
