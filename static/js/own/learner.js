/** Learns own genres from examples and answers songs in them: what the page asks its Python for. */

import { UserError } from '../base/errors.js';
import { t } from '../base/text.js';
import { withMode } from './own_file.js';

/**
 * @typedef {import('../songs/song.js').Song} Song
 * @typedef {import('../base/config.js').Model} Model
 * @typedef {import('../server/api.js').Prediction} Prediction
 * @typedef {import('../analysis/messages.d.ts').GenreTaught} GenreTaught
 * @typedef {import('../analysis/messages.d.ts').ExampleTaught} ExampleTaught
 * @typedef {import('./example.js').Example} Example
 * @typedef {import('./example.js').Base} Base
 * @typedef {import('./example.js').Mode} Mode
 *
 * The answer to a song in own genres.
 * @typedef {object} OwnAnswer
 * @property {string[]} genres own ones first
 * @property {number[]} probabilities
 * @property {string} genre the most probable one
 * @property {number} probability of it
 * @property {boolean} unsure none of these
 *
 * A version that can learn.
 * @typedef {import('../base/config.js').Embedding & {model: Model}} Able
 */

export class Learner {
  #engine;
  /** Text of the file that answers, and its model. @type {{text: string, model: string} | null} */
  #file = null;
  /** @type {WeakMap<Song, {answer: OwnAnswer, of: number[]}>} */
  #answers = new WeakMap();
  /** @type {Map<Example, ExampleTaught>} */
  #reports = new Map();
  /** Texts of embedding.json that are on their way, by their addresses. @type {Map<string, Promise<string>>} */
  #coming = new Map();

  /** @param {import('../analysis/engine.js').Engine} engine */
  constructor(engine) {
    this.#engine = engine;
    /** Text of embedding.json, by the sha256 of the model. @type {Map<string, string>} */
    this.known = new Map();
    /** How well each genre is recognised. @type {GenreTaught[]} */
    this.taught = [];
  }

  /** What answers; null before anything was learned. */
  get file() {
    return this.#file;
  }

  /** What each example is taken for when it is left out. @returns {ReadonlyMap<Example, ExampleTaught>} */
  get reports() {
    return this.#reports;
  }

  /** @param {Song} song @returns {OwnAnswer | null} */
  answerTo(song) {
    const found = this.#answers.get(song);
    return found && song.state === 'done' && found.of === song.embedding?.song ? found.answer : null;
  }

  /** Forget what was learned and answered. */
  clear() {
    this.#file = null;
    this.taught = [];
    this.#reports = new Map();
    this.#answers = new WeakMap();
  }

  /**
   * Learn from examples, or take what a file has learned.
   * @param {Example[]} examples that have embeddings of this version
   * @param {Base | null} base of this version; one of both there must be
   * @param {Mode} mode
   * @param {Able} able
   * @throws {UserError} nothing can be learned of them
   */
  async learn(examples, base, mode, able) {
    const known = await this.knownOf(able);
    // A file answers as it is; what is too little for its mode is refused like examples.
    if (examples.length || !base || (mode === 'own' && base.genres.length < 2)) {
      await this.#teach(examples, base, mode, able, known);
    } else {
      this.#file = { text: withMode(base.text, mode), model: able.modelSha256 };
      this.taught = base.genres;
      this.#reports = new Map();
    }
  }

  /**
   * @param {Example[]} examples
   * @param {Base | null} base
   * @param {Mode} mode
   * @param {Able} able
   * @param {string} known text of its embedding.json
   */
  async #teach(examples, base, mode, { modelSha256, model }, known) {
    const request = JSON.stringify({
      model: JSON.parse(known), modelSha256, featureSpec: model.featureSpec.id, mode,
      names: examples.map(({ genre }) => genre), folders: examples.map(({ folder }) => folder),
      base: base?.text ?? null,
    });
    const values = flat(examples.map(({ embeddings }) => embeddings.get(modelSha256) ?? []));
    const { file, genres, examples: reports } = await this.#engine.teach(values, request);
    this.#file = { text: file, model: modelSha256 };
    this.taught = genres;
    this.#reports = new Map(examples.map((example, index) => [example, reports[index]]));
  }

  /**
   * Answer songs; each that has a new answer fires "own".
   * @param {Song[]} wanted songs with embeddings
   * @throws {UserError}
   */
  async answer(wanted) {
    const file = this.#file;
    const placed = wanted.map((song) => ({ song, of: song.embedding?.song ?? [] }));
    if (!file || !placed.length) return;
    const values = flat(placed.map(({ of }) => of));
    const { genres, probabilities, unsure } = await this.#engine.tellOwn(values, this.#request(file));
    const k = genres.length;
    placed.forEach(({ song, of }, row) => {
      const shares = [...probabilities.subarray(row * k, (row + 1) * k)];
      const probability = Math.max(...shares);
      const genre = genres[shares.indexOf(probability)];
      const answer = { genres, probabilities: shares, genre, probability, unsure: unsure[row] };
      this.#answers.set(song, { answer, of });
      song.dispatchEvent(new Event('own'));
    });
  }

  /**
   * The pieces of a song, answered in own genres.
   * @param {Song} song that has an answer in them
   * @returns {Promise<Prediction>} as the model's own answer is given
   * @throws {UserError}
   */
  async piecesOf(song) {
    const { prediction, embedding } = song;
    const answer = this.answerTo(song);
    const file = this.#file;
    if (!prediction || !embedding || !answer || !file) throw new UserError(t('This song has no answer in your genres.'));
    const told = await this.#engine.tellOwn(embedding.pieces, this.#request(file));
    const k = told.genres.length;
    const segments = prediction.segments.map(({ start, end }, i) => {
      const probabilities = [...told.probabilities.subarray(i * k, (i + 1) * k)];
      return { start, end, probabilities, genre: told.genres[probabilities.indexOf(Math.max(...probabilities))] };
    });
    /** @type {Record<string, number>} */
    const votes = {};
    for (const { genre } of segments) votes[genre] = (votes[genre] ?? 0) + 1;
    return {
      version: prediction.version, genres: told.genres, segments,
      aggregate: { genre: answer.genre, probabilities: answer.probabilities, votes, unfamiliar: null },
    };
  }

  /**
   * Lay songs out among each other.
   * @param {Song[]} songs with embeddings
   * @param {Able} able
   * @returns {Promise<import('../analysis/messages.d.ts').LaidOut>}
   * @throws {UserError}
   */
  async layOut(songs, able) {
    const values = flat(songs.map(({ embedding }) => embedding?.song ?? []));
    return this.#engine.layOut(values, await this.knownOf(able));
  }

  /** @param {{text: string, model: string}} file */
  #request({ text, model }) {
    return JSON.stringify({ model: JSON.parse(this.known.get(model) ?? 'null'), file: text });
  }

  /**
   * @param {Able} able
   * @returns {Promise<string>} the text of its embedding.json
   * @throws {UserError} it cannot be had
   */
  async knownOf({ url, modelSha256 }) {
    const known = this.known.get(modelSha256);
    if (known) return known;
    // The map of the list may want it at the same moment.
    const coming = this.#coming.get(url) ?? textAt(url);
    this.#coming.set(url, coming);
    try {
      const text = await coming;
      this.known.set(modelSha256, text);
      return text;
    } catch {
      throw new UserError(
        t('What the model knows of its genres cannot be loaded. Is the server still running?'),
        { unreachable: true },
      );
    } finally {
      this.#coming.delete(url);
    }
  }
}

/** @param {string} url @returns {Promise<string>} @throws {Error} it cannot be had */
async function textAt(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.text();
}

/** @param {number[][]} rows @returns {Float32Array} one after the other */
function flat(rows) {
  const size = rows[0]?.length ?? 0;
  const values = new Float32Array(rows.length * size);
  rows.forEach((row, index) => values.set(row, index * size));
  return values;
}
