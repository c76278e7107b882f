/**
 * Own genres: songs that are filed under words of the visitor teach these, and every song of the list
 * is answered in them. All of it stays in the browser; the version's embedding.json is all that is
 * asked for.
 */

import { UserError, reasonOf } from '../base/errors.js';
import { t } from '../base/text.js';
import { exampleOf, forgetKept, isOf, keep, readKept } from './example.js';
import { loadOwnFile, merged, readOwnFile, renamed, withSongs } from './own_file.js';
import { resolveName } from './names.js';

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
 * @typedef {{examples: Example[], base: Base | null, mode: Mode}} Snapshot
 */

const MOST_UNDO = 20;
const MOST_BYTES = 2_000_000;

/** Fires "change" when anything of it differs; songs whose answer differs fire "own". */
export class OwnGenres extends EventTarget {
  #queue;
  #engine;
  #history;
  #models;
  /** @type {Example[]} */
  #examples = [];
  /** @type {Base | null} */
  #base = null;
  /** @type {Snapshot[]} */
  #undo = [];
  /** Text of embedding.json, by the sha256 of the model. @type {Map<string, string>} */
  #known = new Map();
  /** Text of the file that answers, and its model. @type {{text: string, model: string} | null} */
  #file = null;
  /** @type {WeakMap<Song, {answer: OwnAnswer, of: number[]}>} */
  #answers = new WeakMap();
  /** @type {Map<Example, ExampleTaught>} */
  #reports = new Map();
  /** Songs whose answer is asked for again, as it came without an embedding. @type {Set<Song>} */
  #asked = new Set();
  #busy = false;
  #again = false;
  // Whether the examples differ from those that were learned.
  #stale = true;
  #wasKept = false;

  /**
   * @param {import('../songs/queue.js').SongQueue} queue
   * @param {import('../analysis/engine.js').Engine} engine
   * @param {EventTarget & {on: boolean, stored: boolean}} history tells whether the list is remembered
   * @param {Model[]} models all versions
   */
  constructor(queue, engine, history, models) {
    super();
    this.#queue = queue;
    this.#engine = engine;
    this.#history = history;
    this.#models = models;
    /** @type {Mode} */
    this.mode = 'own';
    /** @type {'none' | 'learning' | 'ready' | 'failed'} */
    this.state = 'none';
    /** Why nothing could be learned, or what was not kept, as a sentence. */
    this.message = '';
    /** How well each genre is recognised, once it is learned. @type {GenreTaught[]} */
    this.taught = [];
    queue.on('add', (songs) => this.#add(songs));
    queue.on('remove', (songs) => this.#remove(songs));
    queue.on('change', (song) => this.#note(song));
    queue.on('use', () => this.#renew());
    history.addEventListener('change', () => this.#keep());
  }

  /** Bring back what an earlier visit has kept, if the list is remembered. */
  start() {
    const kept = this.#history.stored ? readKept() : null;
    if (!kept) return;
    this.#wasKept = true;
    this.mode = kept.mode;
    this.#examples = kept.examples;
    this.#base = kept.base;
    this.#known = kept.known;
    this.#add(this.#queue.songs);
    this.#renew();
  }

  /** The version that answers, if own genres can be learned with it. */
  get #learner() {
    const { model } = this.#queue;
    return model.embedding ? { ...model.embedding, model } : null;
  }

  /** Whether the version that answers can learn. */
  get able() {
    return this.#learner !== null;
  }

  /** Versions that can learn. @returns {string[]} */
  get ableVersions() {
    return this.#models.filter(({ embedding }) => embedding).map(({ version }) => version);
  }

  /** Whether there is anything of the visitor's. */
  get any() {
    return this.#examples.length > 0 || this.#base !== null;
  }

  /** Names of own genres, in the order in which they came. @returns {string[]} */
  get genres() {
    const names = [...(this.#base?.genres ?? []), ...this.#examples].map((each) =>
      ('genre' in each ? each.genre : each.name));
    return [...new Set(names)];
  }

  /** Number of examples of a genre, those that wait included. @param {string} genre */
  countOf(genre) {
    const before = this.#base?.genres.find(({ name }) => name === genre)?.songs ?? 0;
    return before + this.#examples.filter((example) => example.genre === genre).length;
  }

  /** Examples that have no embedding of this model yet, and whether their songs are in the list. */
  get waiting() {
    const of = this.#learner?.modelSha256 ?? '';
    const without = this.#examples.filter(({ embeddings }) => !embeddings.has(of));
    const gone = without.filter(({ song }) => !song || song.state === 'failed' || song.state === 'cancelled');
    return { here: without.length - gone.length, gone: gone.length };
  }

  /** What can be undone. */
  get undoable() {
    return this.#undo.length > 0;
  }

  /** @param {Song} song @returns {string | null} the own genre under which it is filed */
  filedAs(song) {
    return this.#exampleOf(song)?.genre ?? null;
  }

  /** @param {Song} song @returns {OwnAnswer | null} */
  answerTo(song) {
    const found = this.#answers.get(song);
    return found && song.state === 'done' && found.of === song.embedding?.song ? found.answer : null;
  }

  /** @param {Song} song @returns {ExampleTaught | null} what it is taken for when it is left out */
  reportOn(song) {
    const example = this.#exampleOf(song);
    return (example && this.#reports.get(example)) ?? null;
  }

  /** Examples that look misfiled. @returns {{example: Example, winner: string}[]} */
  get misfiled() {
    return [...this.#reports].flatMap(([example, { misfiled, winner }]) =>
      (misfiled && winner ? [{ example, winner }] : []));
  }

  /** Songs of the same embedding under different genres. @returns {{names: string[], genres: string[]}[]} */
  get twice() {
    const of = this.#learner?.modelSha256 ?? '';
    /** @type {Map<string, Example>} */
    const first = new Map();
    return this.#examples.flatMap((example) => {
      const values = example.embeddings.get(of);
      if (!values) return [];
      const known = first.get(values.join());
      if (!known) first.set(values.join(), example);
      return known && known.genre !== example.genre
        ? [{ names: [known.name, example.name], genres: [known.genre, example.genre] }] : [];
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
   * The songs of the list that have embeddings, laid out among each other.
   * @returns {Promise<{songs: Song[], laid: import('../analysis/messages.d.ts').LaidOut} | null>} null
   *   where the version gives no embeddings, or no song has one
   * @throws {UserError}
   */
  async layOut() {
    const learner = this.#learner;
    const songs = this.#queue.songs.filter(({ embedding }) => embedding);
    if (!learner || !songs.length) return null;
    const values = flat(songs.map(({ embedding }) => embedding?.song ?? []));
    return { songs, laid: await this.#engine.layOut(values, await this.#knownOf(learner)) };
  }

  /**
   * File songs under a genre; those that have no answer yet teach it as soon as they have one.
   * @param {Song[]} songs
   * @param {string} name
   * @returns {string} the genre
   * @throws {UserError} a name that cannot be one
   */
  file(songs, name) {
    const genre = this.#resolve(name);
    this.#remember();
    for (const song of songs) this.#put(song, genre, '');
    this.#renew();
    return genre;
  }

  /**
   * File songs as their folders tell.
   * @param {{song: Song, genre: string, folder: string}[]} found
   * @throws {UserError} a name that cannot be one; nothing is filed then
   */
  fileAll(found) {
    const first = new Map(found.map(({ genre }) => [genre, genre]));
    const known = this.#spellings();
    for (const name of first.keys()) {
      const genre = resolveName(name, known);
      known.push(genre);
      first.set(name, genre);
    }
    this.#remember();
    for (const { song, genre, folder } of found) this.#put(song, first.get(genre) ?? genre, folder);
    this.#renew();
  }

  /** Take songs out of their own genre. @param {Song[]} songs */
  unfile(songs) {
    this.#remember();
    const gone = new Set(songs.map((song) => this.#exampleOf(song)));
    this.#examples = this.#examples.filter((example) => !gone.has(example));
    this.#renew();
  }

  /**
   * Give a genre another name; if that is another's, the two become one.
   * @param {string} genre
   * @param {string} name
   * @returns {string} the genre
   * @throws {UserError} a name that cannot be one
   */
  rename(genre, name) {
    const others = this.#spellings().filter((other) => other !== genre);
    const wanted = resolveName(name, others);
    if (wanted === genre) return genre;
    this.#remember();
    this.#examples = this.#examples.map((example) =>
      (example.genre === genre ? { ...example, genre: wanted } : example));
    if (this.#base) this.#base = renamed(this.#base, genre, wanted);
    this.#renew();
    return wanted;
  }

  /** @param {string} genre is forgotten, with its examples */
  drop(genre) {
    this.#remember();
    this.#examples = this.#examples.filter((example) => example.genre !== genre);
    if (this.#base) this.#base = merged(this.#base, (genres) => genres.filter(({ name }) => name !== genre));
    this.#renew();
  }

  /** @param {Mode} mode */
  setMode(mode) {
    if (mode === this.mode) return;
    this.mode = mode;
    this.#renew();
  }

  /** Take the last change back. */
  undo() {
    const before = this.#undo.pop();
    if (!before) return;
    // Songs may have left or come since.
    this.#examples = before.examples.map((example) =>
      ({ ...example, song: this.#queue.songs.find((song) => isOf(example, song)) ?? null }));
    this.#base = before.base;
    this.mode = before.mode;
    this.#renew();
  }

  /** Forget all own genres; "undo" brings them back until the page is left. */
  forget() {
    this.#remember();
    this.#examples = [];
    this.#base = null;
    this.#renew();
  }

  /**
   * @param {boolean} named whether names of songs stand in it
   * @returns {string} the text of a file of own genres
   * @throws {UserError} there is nothing to save
   */
  save(named) {
    if (!this.#file) throw new UserError(t('There is nothing to save yet: file songs under two genres first.'));
    const of = this.#file.model;
    const songs = this.#examples.filter(({ embeddings }) => embeddings.has(of));
    return named ? withSongs(this.#file.text, songs) : this.#file.text;
  }

  /**
   * Load a file of own genres in place of those that are there; "undo" brings these back.
   * @param {File} file
   * @throws {UserError} it cannot be used; nothing has changed then
   */
  async load(file) {
    const learner = this.#learner;
    if (!learner) throw new UserError(this.unableText());
    if (file.size > MOST_BYTES) throw new UserError(t('This is no file of own genres: those have at most 2 MB.'));
    const { base, mode } = await loadOwnFile(await readOwnFile(file), learner, this.#models, this.#engine);
    this.#remember();
    this.#examples = [];
    this.#base = base;
    this.mode = mode;
    this.#renew();
  }

  /** @returns {string} which version can learn, as a sentence */
  unableText() {
    const { version } = this.#queue.model;
    const able = this.ableVersions.join(', ');
    return able
      ? t('Model {version} cannot learn own genres; choose {able} above.', { version, able })
      : t('No version of this site can learn own genres.');
  }

  // --- songs ------------------------------------------------------------------------------------

  /** @param {Song} song @returns {Example | undefined} */
  #exampleOf(song) {
    return this.#examples.find((example) => example.song === song);
  }

  /** @param {Song[]} songs */
  #add(songs) {
    const open = this.#examples.filter(({ song }) => !song);
    for (const song of open.length ? songs : []) {
      const example = open.find((each) => !each.song && isOf(each, song));
      if (example) example.song = song;
    }
    for (const song of songs) this.#note(song);
  }

  /** @param {Song[]} songs that have left the list */
  #remove(songs) {
    const gone = new Set(songs);
    let changed = false;
    for (const example of this.#examples) {
      if (!example.song || !gone.has(example.song)) continue;
      example.song = null;
      changed = true;
    }
    // One that never got its answer can teach nothing.
    this.#examples = this.#examples.filter(({ song, embeddings }) => song || embeddings.size);
    if (changed) this.#renew();
  }

  /** @param {Song} song that differs */
  #note(song) {
    if (!this.any) return;
    const { embedding } = song;
    const example = this.#exampleOf(song);
    if (!embedding) {
      if (song.state === 'done' && this.able) this.#ask(song);
      else if (example && song.finished) this.#tell();
      return;
    }
    if (example && !example.embeddings.has(embedding.model)) {
      example.embeddings.set(embedding.model, embedding.song);
      this.#renew();
    } else if (!this.answerTo(song)) this.#renew(false);
  }

  /** The answer came without an embedding, or with one of another model: ask once more. @param {Song} song */
  async #ask(song) {
    if (this.#asked.has(song) || !song.model?.embedding) return;
    this.#asked.add(song);
    try {
      await this.#queue.renewAnswer(song);
    } catch {
      // The server is away: the next change of the song, or the next visit, asks again.
      setTimeout(() => this.#asked.delete(song), 10_000);
    }
  }

  /**
   * @param {Song} song
   * @param {string} genre
   * @param {string} folder
   */
  #put(song, genre, folder) {
    const old = this.#exampleOf(song);
    this.#examples = this.#examples.filter((example) => example !== old);
    this.#examples.push({ ...exampleOf(song, genre, folder), ...(old && { embeddings: old.embeddings }) });
    if (song.state === 'done' && !song.embedding) this.#ask(song);
  }

  /** Names that another spelling is taken for. @returns {string[]} */
  #spellings() {
    return [...this.genres, ...(this.mode === 'beside' ? this.#queue.model.genres : [])];
  }

  /** @param {string} name */
  #resolve(name) {
    return resolveName(name, this.#spellings());
  }

  #remember() {
    this.#undo.push({ examples: this.#examples.map((example) => ({ ...example })), base: this.#base, mode: this.mode });
    if (this.#undo.length > MOST_UNDO) this.#undo.shift();
  }

  // --- learning ---------------------------------------------------------------------------------

  /**
   * Learn and answer anew, once for all changes that come together.
   * @param {boolean} learn whether the examples differ, and not only the songs
   */
  async #renew(learn = true) {
    this.#again = true;
    this.#stale ||= learn;
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#again) {
        // Changes of one moment are learned at once.
        await new Promise((resolve) => { setTimeout(resolve); });
        this.#again = false;
        await this.#learn();
      }
    } finally {
      this.#busy = false;
    }
    this.#keep();
  }

  async #learn() {
    const learner = this.#learner;
    if (!learner || !this.any) {
      this.#answerNone();
      this.#set('none', '');
      return;
    }
    const of = learner.modelSha256;
    for (const song of this.#queue.songs) if (song.state === 'done' && !song.embedding) this.#ask(song);
    const examples = this.#examples.filter(({ embeddings }) => embeddings.has(of));
    const base = this.#base?.modelSha256 === of ? this.#base : null;
    if (!examples.length && !base) {
      this.#answerNone();
      this.#set('learning', '');
      return;
    }
    const wanted = this.#queue.songs.filter((song) =>
      song.embedding && (this.#stale || this.#file?.model !== of || !this.answerTo(song)));
    try {
      if (this.#stale || this.#file?.model !== of) {
        if (this.state === 'none' || this.state === 'failed') this.#set('learning', '');
        this.#stale = false;
        const text = await this.#knownOf(learner);
        if (examples.length) await this.#teach(examples, base, learner, text);
        else if (base) {
          this.#file = { text: base.text, model: of };
          this.taught = base.genres;
          this.#reports = new Map();
        }
      }
      await this.#answer(wanted);
      this.#set(this.waiting.here ? 'learning' : 'ready', '');
    } catch (error) {
      this.#answerNone();
      if (!(error instanceof UserError)) console.error(error);
      this.#set('failed', reasonOf(error));
    }
  }

  /**
   * @param {Example[]} examples
   * @param {Base | null} base
   * @param {{modelSha256: string, model: Model}} learner
   * @param {string} known text of its embedding.json
   */
  async #teach(examples, base, { modelSha256, model }, known) {
    const request = JSON.stringify({
      model: JSON.parse(known), modelSha256, featureSpec: model.featureSpec.id, mode: this.mode,
      names: examples.map(({ genre }) => genre), folders: examples.map(({ folder }) => folder),
      base: base?.text ?? null,
    });
    const values = flat(examples.map(({ embeddings }) => embeddings.get(modelSha256) ?? []));
    const { file, genres, examples: reports } = await this.#engine.teach(values, request);
    this.#file = { text: file, model: modelSha256 };
    this.taught = genres;
    this.#reports = new Map(examples.map((example, index) => [example, reports[index]]));
  }

  /** @param {Song[]} wanted songs with embeddings */
  async #answer(wanted) {
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

  #answerNone() {
    this.#file = null;
    this.taught = [];
    this.#reports = new Map();
    this.#answers = new WeakMap();
    for (const song of this.#queue.songs) song.dispatchEvent(new Event('own'));
  }

  /** @param {{text: string, model: string}} file */
  #request({ text, model }) {
    return JSON.stringify({ model: JSON.parse(this.#known.get(model) ?? 'null'), file: text });
  }

  /**
   * @param {{url: string, modelSha256: string}} learner
   * @returns {Promise<string>} the text of its embedding.json
   * @throws {UserError} it cannot be had
   */
  async #knownOf({ url, modelSha256 }) {
    const known = this.#known.get(modelSha256);
    if (known) return known;
    try {
      const response = await fetch(url);
      if (!response.ok) throw new Error(`status ${response.status}`);
      const text = await response.text();
      this.#known.set(modelSha256, text);
      return text;
    } catch {
      throw new UserError(t('What the model knows of its genres cannot be loaded. Is the server still running? Your examples are kept; “Try again” learns from them.'));
    }
  }

  /** Learn again after a failure. */
  retry() {
    this.#asked.clear();
    this.#renew();
  }

  /** @param {OwnGenres['state']} state @param {string} message */
  #set(state, message) {
    this.state = state;
    this.message = message;
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event('change'));
  }

  /** Keep it for the next visit while the list is remembered, and forget it when that is erased. */
  #keep() {
    if (!this.#history.on) {
      if (this.#wasKept && !this.#history.stored) forgetKept();
      return;
    }
    try {
      keep({ mode: this.mode, examples: this.#examples, base: this.#base, known: this.#known });
      this.#wasKept = true;
    } catch {
      this.message = t('There is no room to remember your genres: save them to a file before you leave the page.');
      this.#tell();
    }
  }
}

/** @param {number[][]} rows @returns {Float32Array} one after the other */
function flat(rows) {
  const size = rows[0]?.length ?? 0;
  const values = new Float32Array(rows.length * size);
  rows.forEach((row, index) => values.set(row, index * size));
  return values;
}
