/** Files of own genres: loaded, with other names, and with the names of songs. */

import { UserError } from '../base/errors.js';
import { t } from '../base/text.js';

/**
 * @typedef {import('./example.js').Base} Base
 * @typedef {import('./example.js').Example} Example
 * @typedef {import('../analysis/messages.d.ts').GenreTaught} GenreTaught
 * @typedef {GenreTaught & {mean: number[]}} Genre
 */

const MOST_BYTES = 2_000_000;

/**
 * @param {File} file
 * @returns {Promise<string>}
 * @throws {UserError} it is too large, or cannot be read
 */
export async function readOwnFile(file) {
  if (file.size > MOST_BYTES) throw new UserError(t('This is no file of own genres: those have at most 2 MB.'));
  try {
    return await file.text();
  } catch {
    throw new UserError(t('The file cannot be read; choose it again, please.'));
  }
}

/**
 * @param {string} text
 * @param {{modelSha256: string, model: import('../base/config.js').Model}} learner the version that answers
 * @param {import('../base/config.js').Model[]} models
 * @param {import('../analysis/engine.js').Engine} engine
 * @returns {Promise<{base: Base, mode: import('./example.js').Mode}>}
 * @throws {UserError} damaged, or learned with another version or model
 */
export async function loadOwnFile(text, { modelSha256, model }, models, engine) {
  const { version, modelSha256: of, mode, genres } = await engine.loadOwn(text);
  if (of !== modelSha256) {
    const other = models.find(({ embedding }) => embedding?.modelSha256 === of);
    throw new UserError(other
      ? t('These genres were learned with model {version}; choose it above, then load the file again.', { version: other.version })
      : unknownModelText(version, model));
  }
  return { base: { text, genres, modelSha256: of }, mode };
}

/**
 * @param {string} version with which genres were learned
 * @param {import('../base/config.js').Model} model that answers
 * @returns {string} why it cannot use them, when no version of this site is the one that learned them
 */
const unknownModelText = (version, model) => (version === model.version
  ? t('Model {version} was exported again since these genres were learned. Teach it again from your songs.', { version })
  : t('These genres were learned with model {version}, which is not on this site. Teach them again from your songs.', { version }));

/**
 * @param {Base} base that was loaded or kept
 * @param {import('../base/config.js').Model} model that answers
 * @param {import('../base/config.js').Model[]} models
 * @returns {string} why the base teaches nothing now; empty when it does
 */
export function unusedText({ text, modelSha256 }, model, models) {
  if (modelSha256 === model.embedding?.modelSha256) return '';
  const other = models.find(({ embedding }) => embedding?.modelSha256 === modelSha256);
  return other
    ? t('The genres that were loaded were learned with model {version}; choose it above to use them.', { version: other.version })
    : unknownModelText(JSON.parse(text).version, model);
}

/**
 * A base whose genres are others.
 * @param {Base} base
 * @param {(genres: Genre[]) => Genre[]} change
 * @returns {Base | null} null when none is left
 */
export function merged(base, change) {
  const content = JSON.parse(base.text);
  const means = new Map(content.genres.map((/** @type {{name: string, mean: number[]}} */ genre) => [genre.name, genre.mean]));
  const genres = change(base.genres.map((genre) => ({ ...genre, mean: means.get(genre.name) })));
  if (!genres.length) return null;
  content.genres = genres.map(({ name, songs, mean, recognised }) => ({
    name, songs, mean,
    recognised: recognised ? { value: recognised[0], low: recognised[1], high: recognised[2] } : null,
  }));
  const names = new Set(genres.map(({ name }) => name));
  content.songs &&= content.songs.filter((/** @type {{genre: string}} */ { genre }) => names.has(genre));
  return {
    ...base, text: `${JSON.stringify(content)}\n`, genres: genres.map(({ mean, ...genre }) => genre),
  };
}

/**
 * @param {Base} base
 * @param {string} from
 * @param {string} to
 * @returns {Base | null}
 */
export const renamed = (base, from, to) => merged(withGenre(base, from, to), (genres) => {
  const [one, other] = [from, to].map((wanted) => genres.find(({ name }) => name === wanted));
  if (!one) return genres;
  if (!other) return genres.map((genre) => (genre === one ? { ...one, name: to } : genre));
  const songs = one.songs + other.songs;
  const mean = one.mean.map((value, i) => (value * one.songs + other.mean[i] * other.songs) / songs);
  // How often the two together are recognised is not known.
  const both = { ...other, songs, mean, recognised: null, few: true, takenFor: null, takenShare: 0, overlaps: null };
  return genres.filter((genre) => genre !== one).map((genre) => (genre === other ? both : genre));
});

/**
 * @param {Base} base whose file may name songs
 * @param {string} from
 * @param {string} to
 * @returns {Base} those songs are of the other genre
 */
function withGenre(base, from, to) {
  const content = JSON.parse(base.text);
  content.songs &&= content.songs.map((/** @type {{genre: string}} */ song) =>
    (song.genre === from ? { ...song, genre: to } : song));
  return { ...base, text: `${JSON.stringify(content)}\n` };
}

/**
 * @param {string} text of a file of own genres
 * @param {import('./example.js').Mode} mode
 * @returns {string} the same genres, for answers in this mode
 */
export const withMode = (text, mode) => `${JSON.stringify({ ...JSON.parse(text), mode })}\n`;

/**
 * @param {string} text of a file of own genres
 * @param {{examples: Example[], base: Base | null} | null} named whose songs' names are to stand in it;
 *   null: none
 * @returns {string}
 * @throws {UserError} the names are too much for a file
 */
export function withSongs(text, named) {
  const { songs, ...content } = JSON.parse(text);
  if (!named) return songs ? `${JSON.stringify(content)}\n` : text;
  const { songs: before = [] } = named.base ? JSON.parse(named.base.text) : {};
  const later = named.examples.map(({ name, genre }) => ({ name, genre }));
  const whole = `${JSON.stringify({ ...content, songs: [...before, ...later] })}\n`;
  if (new Blob([whole]).size > MOST_BYTES) {
    throw new UserError(t('The names of so many songs are too much for a file of own genres; save it without them.'));
  }
  return whole;
}
