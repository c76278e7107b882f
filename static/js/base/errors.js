/** The one kind of error whose message is meant for the visitor. */

export class UserError extends Error {
  /**
   * @param {string} message a sentence: what is wrong and what to do
   * @param {object} [options]
   * @param {boolean} [options.retryable] trying again may help
   * @param {boolean} [options.cancelled] the visitor gave it up
   * @param {boolean} [options.unreachable] there was no answer at all
   * @param {number | null} [options.again] seconds after which the server wants to be asked again;
   *   null when it named none
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

/** @param {unknown} error that was caught @returns {string} what it says */
export const reasonOf = (error) => (error instanceof Error ? error.message : String(error));

/**
 * Settle as `promise` does, or reject when it takes too long.
 * @template T
 * @param {Promise<T>} promise
 * @param {number} ms
 * @param {() => Error} makeError
 * @returns {Promise<T>}
 */
export function withTimeout(promise, ms, makeError) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Promise<never>} */
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(makeError()), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
