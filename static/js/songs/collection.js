/** What a list of answered songs comes to: counts, order, and files to take away. */

/** The group of songs that are unlike the training music, beside the genres. */
export const UNSURE = 'not sure';

/** Orders of the list by the value of their menu entry; places: of the groups. */
const ORDERS = {
  added: (a, b) => a.id - b.id,
  genre: (a, b, places) =>
    places.indexOf(group(a)) - places.indexOf(group(b)) || surety(b) - surety(a) || a.id - b.id,
  // A probability among the genres says nothing of a song that is unlike all of them.
  surest: (a, b) => doubted(a) - doubted(b) || surety(b) - surety(a) || a.id - b.id,
  unsurest: (a, b) => doubted(b) - doubted(a) || surety(a) - surety(b) || a.id - b.id,
};

/** @param {import('./song.js').Song} song @returns {number} probability of its genre */
export function surety({ prediction }) {
  const { genre, probabilities } = prediction.aggregate;
  return probabilities[prediction.genres.indexOf(genre)];
}

/** @param {import('./song.js').Song} song @returns {string | null} its genre, UNSURE, or null */
export function group(song) {
  if (song.state !== 'done') return null;
  const { genre, unfamiliar } = song.prediction.aggregate;
  return unfamiliar?.flag ? UNSURE : genre;
}

const doubted = (song) => Number(group(song) === UNSURE);

/**
 * The genres of answers; those of several versions may differ.
 * @param {import('./song.js').Song[]} songs answered ones
 * @returns {string[]}
 */
const genresOf = (songs) => [...new Set(songs.flatMap(({ prediction }) => prediction.genres))];

/**
 * Answered songs in an order; those without an answer follow as they were added.
 * @param {import('./song.js').Song[]} songs
 * @param {keyof ORDERS} order
 */
export function ordered(songs, order) {
  if (order === 'added') return [...songs].sort(ORDERS.added);
  const done = songs.filter((song) => song.state === 'done');
  const places = [...genresOf(done), UNSURE];
  done.sort((a, b) => ORDERS[order](a, b, places));
  return [...done, ...songs.filter((song) => song.state !== 'done').sort(ORDERS.added)];
}

/**
 * How many songs each group has.
 * @param {import('./song.js').Song[]} songs
 * @param {string[]} genres of the version that answers now
 * @returns {{name: string, index: number, count: number}[]} every genre; others that songs of other
 *   versions have (index null); UNSURE (index -1)
 */
export function counts(songs, genres) {
  const found = new Map();
  for (const name of songs.map(group)) found.set(name, (found.get(name) ?? 0) + 1);
  const count = (name) => found.get(name) ?? 0;
  const others = [...found.keys()].filter((name) =>
    name !== null && name !== UNSURE && !genres.includes(name));
  return [
    ...genres.map((name, index) => ({ name, index, count: count(name) })),
    ...others.map((name) => ({ name, index: null, count: count(name) })),
    { name: UNSURE, index: -1, count: count(UNSURE) },
  ];
}

function cell(value) {
  // Spreadsheets run what begins like a formula, and a file may be called anything.
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {import('./song.js').Song[]} songs answered ones @returns {string} a table with a head */
export function toCsv(songs) {
  const genres = genresOf(songs);
  const head = ['file', 'genre', 'probability', 'unfamiliar', 'seconds', 'version', ...genres];
  const rows = songs.map((song) => {
    const { prediction } = song;
    const { aggregate, version } = prediction;
    const unfamiliar = aggregate.unfamiliar ? aggregate.unfamiliar.flag : '';
    return [
      song.path, aggregate.genre, surety(song), unfamiliar, song.seconds.toFixed(2), version,
      ...genres.map((genre) => aggregate.probabilities[prediction.genres.indexOf(genre)] ?? ''),
    ];
  });
  // The mark in front tells spreadsheets that it is UTF-8.
  return `\ufeff${[head, ...rows].map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}

/** @param {import('./song.js').Song[]} songs answered ones @returns {string} all that is known */
export function toJson(songs) {
  const all = songs.map((song) => ({
    file: song.path,
    seconds: Number(song.seconds.toFixed(2)),
    ...song.prediction,
  }));
  return `${JSON.stringify({ songs: all }, null, 1)}\n`;
}

/**
 * An extended M3U playlist in UTF-8. Browsers do not tell where files lie, so its paths count from
 * the folder that was dropped.
 * @param {import('./song.js').Song[]} songs
 */
export function toPlaylist(songs) {
  const clean = (text) => text.replace(/[\r\n]+/g, ' ');
  // A line that begins with # is no file.
  const place = (path) => clean(path.startsWith('#') ? `./${path}` : path);
  const lines = songs.map((song) =>
    `#EXTINF:${Math.round(song.seconds)},${clean(song.name.replace(/\.[^.]+$/, ''))}\n${place(song.path)}\n`);
  return `#EXTM3U\n${lines.join('')}`;
}

/** Hand a text to the visitor as a file. */
export function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has taken the blob over by the next turns of the event loop.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
