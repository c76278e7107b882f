/** Files of own genres: loaded, with other names, and with the names of songs. */

import { UserError } from '../base/errors.js';
import { t } from '../base/text.js';

/**
 * @typedef {import('./example.js').Base} Base
 * @typedef {import('./example.js').Example} Example
 * @typedef {import('../analysis/messages.d.ts').GenreTaught} GenreTaught
 * @typedef {GenreTaught & {mean: number[]}} Genre
 */

/**
 * @param {File} file
 * @returns {Promise<string>}
 * @throws {UserError} it cannot be read
 */
export async function readOwnFile(file) {
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
    if (other) {
      throw new UserError(t('These genres were learned with model {version}; choose it above, then load the file again.', { version: other.version }));
    }
    throw new UserError(version === model.version
      ? t('Model {version} was exported again since these genres were learned. Teach it again from your songs.', { version })
      : t('These genres were learned with model {version}, which is not on this site. Teach them again from your songs.', { version }));
  }
  return { base: { text, genres, modelSha256: of }, mode };
}

/**
 * A base whose genres are others.
 * @param {Base} base
 * @param {(genres: Genre[]) => Genre[]} change
 * @returns {Base | null} null when none is left
 */
export function merged(base, change) {
  const content = JSON.parse(base.text);
  const means = new Map(content.genres.map((/** @type {any} */ genre) => [genre.name, genre.mean]));
  const genres = change(base.genres.map((genre) => ({ ...genre, mean: means.get(genre.name) })));
  if (!genres.length) return null;
  content.genres = genres.map(({ name, songs, mean, recognised }) => ({
    name, songs, mean,
    recognised: recognised && { value: recognised[0], low: recognised[1], high: recognised[2] },
  }));
  delete content.songs;
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
export const renamed = (base, from, to) => merged(base, (genres) => {
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
 * @param {string} text of a file of own genres
 * @param {Example[]} examples whose names are to stand in it
 * @returns {string}
 */
export const withSongs = (text, examples) => {
  const content = JSON.parse(text);
  content.songs = examples.map(({ name, genre }) => ({ name, genre }));
  return `${JSON.stringify(content)}\n`;
};
