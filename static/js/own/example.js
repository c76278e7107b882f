/** Songs that are filed under own genres. */

/**
 * @typedef {import('../songs/song.js').Song} Song
 * @typedef {'own' | 'beside'} Mode "beside": the model's genres take part
 *
 * A song that teaches a genre. It stays when the song leaves the list.
 * @typedef {object} Example
 * @property {string} name
 * @property {string} path
 * @property {number} size of the file, in bytes
 * @property {string} genre
 * @property {string} folder between the genre's folder and the song; songs of one may be of one artist
 * @property {Map<string, number[]>} embeddings by the sha256 of the model that gave them; empty while the
 *   song waits for its answer
 * @property {Song | null} song while it is in the list
 *
 * A file of own genres that was loaded.
 * @typedef {object} Base
 * @property {string} text
 * @property {import('../analysis/messages.d.ts').GenreTaught[]} genres
 * @property {string} modelSha256
 *
 * All that makes own genres.
 * @typedef {object} Kept
 * @property {Mode} mode
 * @property {Example[]} examples
 * @property {Base | null} base
 * @property {Map<string, string>} known text of embedding.json, by the sha256 of the model
 */

/** @param {Song} song @param {string} genre @param {string} folder @returns {Example} */
export const exampleOf = (song, genre, folder) => ({
  name: song.name, path: song.path, size: song.size, genre, folder,
  embeddings: new Map(song.embedding ? [[song.embedding.model, song.embedding.song]] : []),
  song,
});

/** @param {Example} example @param {Song} song @returns {boolean} whether it is of this song */
export const isOf = ({ name, path, size }, song) =>
  name === song.name && path === song.path && size === song.size;

/**
 * Songs of the same embedding under different genres.
 * @param {Example[]} examples
 * @param {string} of sha256 of the model
 * @returns {{names: string[], genres: string[]}[]}
 */
export function filedTwice(examples, of) {
  /** @type {Map<string, Example>} */
  const first = new Map();
  return examples.flatMap((example) => {
    const values = example.embeddings.get(of);
    if (!values) return [];
    const known = first.get(values.join());
    if (!known) first.set(values.join(), example);
    return known && known.genre !== example.genre
      ? [{ names: [known.name, example.name], genres: [known.genre, example.genre] }] : [];
  });
}
