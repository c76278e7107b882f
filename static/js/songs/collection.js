/** A list of answered songs: counts, order, and files to take away. */

/**
 * @typedef {import('./song.js').Song} Song
 * @typedef {Song & {prediction: import('../server/api.js').Prediction}} Answered
 */

/** The group of songs that are unlike the training music, beside the genres. */
export const UNSURE = 'not sure';

/** @param {Song} song @returns {song is Answered} */
export const isAnswered = (song) => song.state === 'done' && song.prediction !== null;

/** @param {Song} a @param {Song} b */
const asAdded = (a, b) => a.id - b.id;

/** @typedef {(a: Answered, b: Answered, places: (string | null)[]) => number} Order places: of groups */

/** Orders of answered songs by the value of their menu entry. @type {Record<string, Order>} */
const ORDERS = {
  genre: (a, b, places) =>
    places.indexOf(group(a)) - places.indexOf(group(b)) || surety(b) - surety(a) || asAdded(a, b),
  // A probability among the genres says nothing of a song that is unlike all of them.
  surest: (a, b) => doubted(a) - doubted(b) || surety(b) - surety(a) || asAdded(a, b),
  unsurest: (a, b) => doubted(b) - doubted(a) || surety(a) - surety(b) || asAdded(a, b),
};

/** @param {Answered} song @returns {number} probability of its genre */
export function surety({ prediction }) {
  const { genre, probabilities } = prediction.aggregate;
  return probabilities[prediction.genres.indexOf(genre)];
}

/** @param {Song} song @returns {string | null} its genre, UNSURE, or null when it has no answer */
export function group(song) {
  if (!isAnswered(song)) return null;
  const { genre, unfamiliar } = song.prediction.aggregate;
  return unfamiliar?.flag ? UNSURE : genre;
}

/** @param {Answered} song */
const doubted = (song) => Number(group(song) === UNSURE);

/**
 * The genres of answers; those of several versions may differ.
 * @param {Answered[]} songs
 * @returns {string[]}
 */
const genresOf = (songs) => [...new Set(songs.flatMap(({ prediction }) => prediction.genres))];

/**
 * Answered songs in an order; those without an answer follow as they were added.
 * @param {Song[]} songs
 * @param {string} order value of its menu entry; "added" for all as they were added
 * @returns {Song[]}
 */
export function ordered(songs, order) {
  if (order === 'added') return [...songs].sort(asAdded);
  const done = songs.filter(isAnswered);
  const places = [...genresOf(done), UNSURE];
  done.sort((a, b) => ORDERS[order](a, b, places));
  return [...done, ...songs.filter((song) => !isAnswered(song)).sort(asAdded)];
}

/**
 * A group of songs: of a genre, or UNSURE.
 * @typedef {{name: string, count: number}} Group
 */

/**
 * The number of songs in each group.
 * @param {Song[]} songs
 * @param {string[]} genres of the version that answers now
 * @returns {Group[]} every genre, those that only songs of other versions have, and UNSURE
 */
export function counts(songs, genres) {
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const name of songs.map(group)) {
    if (name !== null) found.set(name, (found.get(name) ?? 0) + 1);
  }
  /** @param {string} name */
  const count = (name) => found.get(name) ?? 0;
  const others = [...found.keys()].filter((name) => name !== UNSURE && !genres.includes(name));
  return [
    ...[...genres, ...others].map((name) => ({ name, count: count(name) })),
    { name: UNSURE, count: count(UNSURE) },
  ];
}

/** @param {string | number | boolean} value */
function cell(value) {
  // Spreadsheets run what begins like a formula, and a file may be called anything.
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {Answered[]} songs @returns {string} a table with a head */
export function toCsv(songs) {
  const genres = genresOf(songs);
  const head = ['file', 'genre', 'probability', 'unfamiliar', 'seconds', 'version', ...genres];
  const rows = songs.map((song) => {
    const { prediction } = song;
    const { aggregate, version } = prediction;
    const unfamiliar = aggregate.unfamiliar ? aggregate.unfamiliar.flag : '';
    return [
      song.path, aggregate.genre, surety(song), unfamiliar, (song.seconds ?? 0).toFixed(2), version,
      ...genres.map((genre) => aggregate.probabilities[prediction.genres.indexOf(genre)] ?? ''),
    ];
  });
  // The mark in front tells spreadsheets that it is UTF-8.
  return `\ufeff${[head, ...rows].map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}

/** @param {import('../server/api.js').Prediction} prediction */
function withoutEmbedding({ embedding, ...rest }) {
  return rest;
}

/** @param {Answered[]} songs @returns {string} all that is known */
export function toJson(songs) {
  const all = songs.map((song) => ({
    file: song.path,
    seconds: Number((song.seconds ?? 0).toFixed(2)),
    ...withoutEmbedding(song.prediction),
  }));
  return `${JSON.stringify({ songs: all }, null, 1)}\n`;
}

/**
 * An extended M3U playlist in UTF-8. Browsers do not tell where files lie, so its paths count from
 * the folder that was dropped.
 * @param {Song[]} songs
 */
export function toPlaylist(songs) {
  /** @param {string} text */
  const clean = (text) => text.replace(/[\r\n]+/g, ' ');
  // A line that begins with # is no file.
  /** @param {string} path */
  const place = (path) => clean(path.startsWith('#') ? `./${path}` : path);
  const lines = songs.map((song) =>
    `#EXTINF:${Math.round(song.seconds ?? 0)},${clean(song.name.replace(/\.[^.]+$/, ''))}\n${place(song.path)}\n`);
  return `#EXTM3U\n${lines.join('')}`;
}

/**
 * Hand a text to the visitor as a file.
 * @param {string} name
 * @param {string} text
 * @param {string} type of its content
 */
export function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // A second is more than the download needs to take the blob over.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
