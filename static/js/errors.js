/** The one kind of error whose message is meant for the visitor. */

export class UserError extends Error {
  /**
   * @param {string} message a sentence: what is wrong and what to do
   * @param {{retryable?: boolean, cancelled?: boolean, unreachable?: boolean, waitS?: number}} [options]
   *   retryable: trying again may help; unreachable: there was no answer at all; waitS: seconds after
   *   which the server will take the same again, 0 if it did not say
   */
  constructor(message, { retryable = true, cancelled = false, unreachable = false, waitS = 0 } = {}) {
    super(message);
    this.name = 'UserError';
    this.retryable = retryable;
    this.cancelled = cancelled;
    this.unreachable = unreachable;
    this.waitS = waitS;
  }
}

/**
 * Settle as `promise` does, or reject when it takes too long.
 * @template T
 * @param {Promise<T>} promise
 * @param {number} ms
 * @param {() => Error} makeError
 * @returns {Promise<T>}
 */
export function withTimeout(promise, ms, makeError) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(makeError()), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
