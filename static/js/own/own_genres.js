/**
 * Own genres: songs that are filed under words of the visitor teach these, and every song of the list
 * is answered in them. All of it stays in the browser; the version's embedding.json is all that is
 * asked for.
 */

import { UserError, reasonOf } from '../base/errors.js';
import { t } from '../base/text.js';
import { serverLink } from '../server/server_link.js';
import { exampleOf, filedTwice, isOf } from './example.js';
import { Keeper } from './keeper.js';
import { Learner } from './learner.js';
import { loadOwnFile, merged, readOwnFile, renamed, unusedText, withSongs } from './own_file.js';
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
 * @typedef {import('./learner.js').OwnAnswer} OwnAnswer
 *
 * @typedef {{examples: Example[], base: Base | null, mode: Mode}} Snapshot
 */

const MOST_UNDO = 20;

/** Fires "change" when anything of it differs; songs whose answer differs fire "own". */
export class OwnGenres extends EventTarget {
  #queue;
  #engine;
  #learner;
  #keeper;
  #models;
  /** @type {Example[]} */
  #examples = [];
  /** @type {Base | null} */
  #base = null;
  /** @type {Snapshot[]} */
  #undo = [];
  /** Songs whose answer is asked for again, as it came without an embedding. @type {Set<Song>} */
  #asked = new Set();
  #busy = false;
  #again = false;
  // Whether the examples differ from those that were learned.
  #stale = true;

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
    this.#learner = new Learner(engine);
    this.#keeper = new Keeper(history);
    this.#models = models;
    /** @type {Mode} */
    this.mode = 'own';
    /** @type {'none' | 'learning' | 'ready' | 'failed'} */
    this.state = 'none';
    /** Why nothing could be learned, or what was not kept, as a sentence. */
    this.message = '';
    queue.on('add', (songs) => this.#add(songs));
    queue.on('remove', (songs) => this.#remove(songs));
    queue.on('change', (song) => this.#note(song));
    queue.on('use', () => this.#renew());
    history.addEventListener('change', () => this.#keep());
    this.#keeper.onOther(() => this.start());
    // What could not be loaded may be there again.
    serverLink.addEventListener('change', () => {
      if (serverLink.up && this.state === 'failed') this.#renew();
    });
  }

  /** Bring back what an earlier visit, or another tab, has kept, if the list is remembered. */
  start() {
    const kept = this.#keeper.read();
    if (!kept) return;
    this.mode = kept.mode;
    this.#examples = kept.examples;
    this.#base = kept.base;
    this.#learner.known = kept.known;
    this.#add(this.#queue.songs);
    this.#renew();
  }

  /** The version that answers, if own genres can be learned with it. */
  get #able() {
    const { model } = this.#queue;
    return model.embedding ? { ...model.embedding, model } : null;
  }

  /** Whether the version that answers can learn. */
  get able() {
    return this.#able !== null;
  }

  /** Versions that can learn. @returns {string[]} */
  get ableVersions() {
    return this.#models.filter(({ embedding }) => embedding).map(({ version }) => version);
  }

  /** Whether there is anything of the visitor's. */
  get some() {
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
    const of = this.#able?.modelSha256 ?? '';
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

  /** How well each genre is recognised, once it is learned. @returns {GenreTaught[]} */
  get taught() {
    return this.#learner.taught;
  }

  /** @param {Song} song @returns {OwnAnswer | null} */
  answerTo(song) {
    return this.#learner.answerTo(song);
  }

  /**
   * The pieces of a song, answered in own genres.
   * @param {Song} song that has an answer in them
   * @returns {Promise<import('../server/api.js').Prediction>} as the model's own answer is given
   * @throws {UserError}
   */
  piecesOf(song) {
    return this.#learner.piecesOf(song);
  }

  /** @param {Song} song @returns {ExampleTaught | null} what it is taken for when it is left out */
  reportOn(song) {
    const example = this.#exampleOf(song);
    return (example && this.#learner.reports.get(example)) ?? null;
  }

  /** Examples that look misfiled. @returns {{example: Example, winner: string}[]} */
  get misfiled() {
    return [...this.#learner.reports].flatMap(([example, { misfiled, winner }]) =>
      (misfiled && winner ? [{ example, winner }] : []));
  }

  /** Songs of the same embedding under different genres. */
  get twice() {
    return filedTwice(this.#examples, this.#able?.modelSha256 ?? '');
  }

  /**
   * The songs of the list that have embeddings, laid out among each other.
   * @returns {Promise<{songs: Song[], laid: import('../analysis/messages.d.ts').LaidOut} | null>} null
   *   where the version gives no embeddings, or no song has one
   * @throws {UserError}
   */
  async layOut() {
    const able = this.#able;
    if (!able) return null;
    const songs = this.#queue.songs.filter(({ embedding }) => embedding?.model === able.modelSha256);
    return songs.length ? { songs, laid: await this.#learner.layOut(songs, able) } : null;
  }

  /**
   * File songs under a genre; those that have no answer yet teach it as soon as they have one.
   * @param {Song[]} songs
   * @param {string} name
   * @returns {string} the genre
   * @throws {UserError} a name that cannot be one
   */
  file(songs, name) {
    const genre = resolveName(name, this.genres);
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
    const known = this.genres;
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
    const others = this.genres.filter((other) => other !== genre);
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
   * @throws {UserError} there is nothing to save, or too much
   */
  save(named) {
    const { file } = this.#learner;
    if (!file) throw new UserError(t('There is nothing to save yet: file songs under two genres first.'));
    const examples = this.#examples.filter(({ embeddings }) => embeddings.has(file.model));
    const base = this.#base?.modelSha256 === file.model ? this.#base : null;
    return withSongs(file.text, named ? { examples, base } : null);
  }

  /**
   * Load a file of own genres in place of those that are there; "undo" brings these back.
   * @param {File} file
   * @throws {UserError} it cannot be used; nothing has changed then
   */
  async load(file) {
    const able = this.#able;
    if (!able) throw new UserError(this.unableText());
    const { base, mode } = await loadOwnFile(await readOwnFile(file), able, this.#models, this.#engine);
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
    if (!this.some) return;
    const { embedding } = song;
    const example = this.#exampleOf(song);
    if (!embedding) {
      if (song.state === 'done' && this.able) this.#ask(song);
      else if (example && song.finished) this.#renew(false);
      return;
    }
    if (example && !example.embeddings.has(embedding.model)) {
      example.embeddings.set(embedding.model, embedding.song);
      this.#renew();
    } else if (!this.answerTo(song)) this.#renew(false);
  }

  /** Ask once more for answers that came without embeddings, as those of an older page. */
  askForMissing() {
    for (const song of this.#queue.songs) if (song.state === 'done' && !song.embedding) this.#ask(song);
  }

  /** The answer came without an embedding, or with one of another model: ask once more. @param {Song} song */
  async #ask(song) {
    if (this.#asked.has(song) || !song.model?.embedding) return;
    this.#asked.add(song);
    const { signal } = song.attempt;
    try {
      await serverLink.send(() => this.#queue.renewAnswer(song), signal);
    } catch {
      // What the server refuses is asked again only when the visitor wants it.
    }
    // Another version answered meanwhile.
    if (signal.aborted) this.#asked.delete(song);
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
    const able = this.#able;
    if (!able || !this.some) {
      this.#answerNone();
      this.#set('none', '');
      return;
    }
    const of = able.modelSha256;
    this.askForMissing();
    const examples = this.#examples.filter(({ embeddings }) => embeddings.has(of));
    const base = this.#base?.modelSha256 === of ? this.#base : null;
    const unused = this.#base && !base ? unusedText(this.#base, able.model, this.#models) : '';
    if (!examples.length && !base) {
      this.#answerNone();
      this.#set(this.waiting.here ? 'learning' : 'failed', unused);
      return;
    }
    const wanted = this.#queue.songs.filter((song) =>
      song.embedding?.model === of && (this.#stale || this.#learner.file?.model !== of || !this.answerTo(song)));
    try {
      if (this.#stale || this.#learner.file?.model !== of) {
        if (this.state === 'none' || this.state === 'failed') this.#set('learning', '');
        this.#stale = false;
        await this.#learner.learn(examples, base, this.mode, able);
      }
      await this.#learner.answer(wanted);
      this.#set(this.waiting.here ? 'learning' : 'ready', unused);
    } catch (error) {
      this.#answerNone();
      if (!(error instanceof UserError)) console.error(error);
      else if (error.unreachable) serverLink.check();
      this.#set('failed', reasonOf(error));
    }
  }

  #answerNone() {
    this.#learner.clear();
    for (const song of this.#queue.songs) song.dispatchEvent(new Event('own'));
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
    this.dispatchEvent(new Event('change'));
  }

  /** Keep it for the next visit, if the list is remembered. */
  #keep() {
    try {
      this.#keeper.keep({ mode: this.mode, examples: this.#examples, base: this.#base, known: this.#learner.known });
    } catch {
      this.message = t('There is no room to remember your genres: save them to a file before you leave the page.');
      this.dispatchEvent(new Event('change'));
    }
  }
}
