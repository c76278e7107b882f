/** The answer of another version to a song, beside that of the version which answers. */

import { UserError } from '../base/errors.js';
import { t } from '../base/text.js';

/**
 * @typedef {import('./song.js').Song} Song
 * @typedef {import('../base/config.js').Model} Model
 */

export class SecondOpinion {
  #samples;
  #numbers;
  #answers;

  /** @param {import('./queue.js').Collaborators} collaborators */
  constructor({ samples, numbers, answers }) {
    this.#samples = samples;
    this.#numbers = numbers;
    this.#answers = answers;
  }

  /**
   * @param {Song} song an answered one; what is found is kept with it
   * @param {Model} model
   * @param {AbortSignal} signal
   * @returns {Promise<import('../server/api.js').Prediction>}
   * @throws {UserError}
   */
  async of(song, model, signal) {
    const known = song.predictions.get(model.version);
    if (known) return known;
    const extraction = song.extractions.get(model.featureSpec.id) ?? await this.#extract(song, model, signal);
    song.extractions.set(model.featureSpec.id, extraction);
    const prediction = await this.#answers.to(extraction, model, signal);
    song.predictions.set(model.version, prediction);
    return prediction;
  }

  /**
   * @param {Song} song
   * @param {Model} model that is told other numbers than those which are there
   * @param {AbortSignal} signal
   */
  async #extract({ file, part, listened }, model, signal) {
    if (!file) throw new UserError(t('The sound itself is not kept; choose the file again, please.'));
    const { featureSpec } = model;
    const { samples, stream, bounds } = listened === 'whole' || part
      ? await this.#samples.of(file, part, featureSpec.sample_rate, signal)
      : await this.#samples.excerptsOf(file, featureSpec.sample_rate, signal, (length) => this.#numbers.choose(length, featureSpec));
    signal.throwIfAborted();
    if (samples) return this.#numbers.of(samples, featureSpec, undefined, bounds);
    const { extraction } = await this.#numbers.ofStream(stream, { model, signal });
    if (!extraction) throw new Error('a song without numbers');
    return extraction;
  }
}
