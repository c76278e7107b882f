/** The one kind of error whose message is meant for the visitor. */

export class UserError extends Error {
  /**
   * @param {string} message a sentence: what is wrong and what to do
   * @param {{retryable?: boolean, cancelled?: boolean, unreachable?: boolean, again?: number | null}}
   *   [options] retryable: trying again may help; unreachable: there was no answer at all; again:
   *   seconds after which the server wants to be asked again, null when it said nothing of that
   */
  constructor(message, { retryable = true, cancelled = false, unreachable = false, again = null } = {}) {
    super(message);
    this.name = 'UserError';
    this.retryable = retryable;
    this.cancelled = cancelled;
    this.unreachable = unreachable;
    this.again = again;
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
