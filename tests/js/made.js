/** Makes models, answers and songs; a test passes only the values that matter to it. */

import { isAnswered } from '../../static/js/songs/collection.js';
import { Song } from '../../static/js/songs/song.js';

/**
 * @typedef {import('../../static/js/base/config.js').Model} Model
 * @typedef {import('../../static/js/server/api.js').Prediction} Prediction
 */

export const GENRES = ['blues', 'pop', 'rock'];

/** @param {Partial<Model>} [more] @returns {Model} */
export const makeModel = (more = {}) => ({
  version: 'v1',
  title: 'The first',
  pageUrl: '/models/v1',
  predictUrl: '/api/v1/models/v1/predictions',
  featureSpec: { id: 'spec', kind: 'mfcc', sample_rate: 22050, decimals: 3 },
  shape: [2, 3],
  numberNames: [],
  segmentSeconds: 5,
  genres: GENRES,
  tellsUnfamiliar: false,
  embedding: null,
  ...more,
});

/**
 * An answer with pieces of five seconds.
 * @param {string} pieces initials of the winning genre of each piece, out of GENRES
 * @param {number[]} probabilities of the whole song, and of each piece
 * @returns {Prediction}
 */
export function makePrediction(pieces, probabilities) {
  const won = [...pieces].map((initial) => GENRES.filter((genre) => genre.startsWith(initial))[0]);
  return {
    version: 'v1',
    genres: GENRES,
    segments: won.map((genre, n) => ({ start: 5 * n, end: 5 * n + 5, genre, probabilities })),
    aggregate: {
      genre: GENRES[probabilities.indexOf(Math.max(...probabilities))],
      probabilities,
      votes: Object.fromEntries([...new Set(won)].map((genre) =>
        [genre, won.filter((each) => each === genre).length])),
      unfamiliar: null,
    },
  };
}

/** @param {string} name @param {string} [path] @param {string} [content] @returns {Song} with its file */
export const makeSong = (name, path = name, content = 'sound') => new Song(new File([content], name), path);

/**
 * @param {object} [song]
 * @param {string} [song.path]
 * @param {number} [song.seconds]
 * @param {string[]} [song.genres]
 * @param {number[]} [song.probabilities]
 * @param {boolean | null} [song.flag] whether it is unlike the training music; null: not judged
 * @param {string} [song.version]
 * @returns {import('../../static/js/songs/collection.js').Answered}
 */
export function makeAnswered({
  path = 'song.mp3', seconds = 12, genres = GENRES, probabilities = [0.1, 0.7, 0.2], flag = null,
  version = 'v1',
} = {}) {
  const song = makeSong(path.slice(path.lastIndexOf('/') + 1), path);
  song.state = 'done';
  song.seconds = seconds;
  song.model = makeModel({ version, genres });
  const genre = genres[probabilities.indexOf(Math.max(...probabilities))];
  song.prediction = {
    version,
    genres,
    segments: [{ start: 0, end: 5, genre, probabilities }],
    aggregate: {
      genre,
      probabilities,
      votes: { [genre]: 1 },
      unfamiliar: flag === null ? null : { score: flag ? 2 : 0, threshold: 1, flag },
    },
  };
  if (!isAnswered(song)) throw new Error('the song has no answer');
  return song;
}
