/** A list of answered songs: counts, order, and files to take away. */

/**
 * @typedef {import('./song.js').Song} Song
 * @typedef {Song & {prediction: import('../server/api.js').Prediction}} Answered
 *
 * @typedef {import('../own/own_genres.js').OwnAnswer} OwnAnswer
 * @typedef {(song: Song) => OwnAnswer | null} AnswerTo the answer in own genres; null where there is none
 */

/** The group of songs that are unlike the training music, beside the genres. */
export const UNSURE = 'not sure';
/** The group of songs that are none of the own genres; no genre has an empty name. */
export const NONE_OF_THESE = '';
/** Keys of groups begin with it where the groups are own genres: these may be called anything. */
export const OWN = 'own:';

// As the server rounds.
const MILLION = 1e6;

/** @type {AnswerTo} */
const noOwn = () => null;

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

/**
 * @param {Song} song
 * @param {AnswerTo} answerTo
 * @returns {string | null} its own genre, NONE_OF_THESE, or null when it has no answer in own genres
 */
export function ownGroup(song, answerTo) {
  const answer = answerTo(song);
  return answer && (answer.unsure ? NONE_OF_THESE : answer.genre);
}

/**
 * @param {Song} song
 * @param {string} key of a group: its name, behind OWN for one of the own genres
 * @param {AnswerTo} [answerTo]
 */
export const isIn = (song, key, answerTo = noOwn) => (key.startsWith(OWN)
  ? ownGroup(song, answerTo) === key.slice(OWN.length) : group(song) === key);

/** @param {Answered} song */
const doubted = (song) => Number(group(song) === UNSURE);

/**
 * The genres of answers; those of several versions may differ.
 * @param {Answered[]} songs
 * @returns {string[]}
 */
const genresOf = (songs) => [...new Set(songs.flatMap(({ prediction }) => prediction.genres))];

/**
 * Own genres first, then the model's that take part.
 * @param {Song[]} songs
 * @param {string[]} own
 * @param {AnswerTo} answerTo
 * @returns {string[]}
 */
const ownGenresOf = (songs, own, answerTo) =>
  [...new Set([...own, ...songs.flatMap((song) => answerTo(song)?.genres ?? [])])];

/**
 * The order by own genres. Songs without an answer in them come last, as they were added.
 * @param {Song[]} songs
 * @param {string[]} own genres
 * @param {AnswerTo} answerTo
 * @returns {(a: Song, b: Song) => number}
 */
function byOwn(songs, own, answerTo) {
  const places = [...ownGenresOf(songs, own, answerTo), NONE_OF_THESE];
  const found = new Map(songs.map((song) => {
    const name = ownGroup(song, answerTo);
    const place = name === null ? places.length : places.indexOf(name);
    return [song, { place, share: answerTo(song)?.probability ?? 0 }];
  }));
  const of = (/** @type {Song} */ song) => found.get(song) ?? { place: places.length, share: 0 };
  return (a, b) => of(a).place - of(b).place || of(b).share - of(a).share || asAdded(a, b);
}

/**
 * Answered songs in an order; those without an answer follow as they were added.
 * @param {Song[]} songs
 * @param {string} order value of its menu entry; "added" for all as they were added, "own" by own genres
 * @param {AnswerTo} [answerTo]
 * @param {string[]} [own] genres, in their order
 * @returns {Song[]}
 */
export function ordered(songs, order, answerTo = noOwn, own = []) {
  if (order === 'added') return [...songs].sort(asAdded);
  const done = songs.filter(isAnswered);
  if (order === 'own') done.sort(byOwn(done, own, answerTo));
  else {
    const places = [...genresOf(done), UNSURE];
    done.sort((a, b) => ORDERS[order](a, b, places));
  }
  return [...done, ...songs.filter((song) => !isAnswered(song)).sort(asAdded)];
}

/**
 * A group of songs: of a genre, UNSURE or NONE_OF_THESE.
 * @typedef {{name: string, count: number}} Group
 */

/**
 * @param {(string | null)[]} found the group of each song
 * @param {string[]} genres
 * @param {string} last group
 * @returns {Group[]} every genre, others that were found, and the last group
 */
function tally(found, genres, last) {
  /** @type {Map<string, number>} */
  const counted = new Map();
  for (const name of found) if (name !== null) counted.set(name, (counted.get(name) ?? 0) + 1);
  const others = [...counted.keys()].filter((name) => name !== last && !genres.includes(name));
  return [...genres, ...others, last].map((name) => ({ name, count: counted.get(name) ?? 0 }));
}

/**
 * The number of songs in each group.
 * @param {Song[]} songs
 * @param {string[]} genres of the version that answers now
 * @returns {Group[]} every genre, those that only songs of other versions have, and UNSURE
 */
export const counts = (songs, genres) => tally(songs.map(group), genres, UNSURE);

/**
 * The number of songs in each group of own genres.
 * @param {Song[]} songs
 * @param {string[]} own genres
 * @param {AnswerTo} answerTo
 * @returns {Group[]} every own genre, those of the model's that songs have beside them, and NONE_OF_THESE;
 *   nothing while no song has an answer in own genres
 */
export function ownCounts(songs, own, answerTo) {
  const found = songs.map((song) => ownGroup(song, answerTo));
  if (found.every((name) => name === null)) return [];
  return tally(found, ownGenresOf(songs, own, answerTo), NONE_OF_THESE)
    .filter(({ name, count }) => count || own.includes(name) || name === NONE_OF_THESE);
}

/**
 * An answer in own genres for files: shares are rounded, and what is lost or gained goes to the largest.
 * @param {OwnAnswer} answer
 */
function rounded({ genres, probabilities, genre, unsure }) {
  const millionths = probabilities.map((share) => Math.round(share * MILLION));
  millionths[genres.indexOf(genre)] += MILLION - millionths.reduce((sum, share) => sum + share, 0);
  return { genres, probabilities: millionths.map((share) => share / MILLION), genre, unsure };
}

/**
 * How a table is written: spreadsheets open it in columns, and take its numbers for numbers, only if it is
 * the way of their language.
 * @typedef {{separator: string, mark: string}} Form mark: of decimals
 */

/** By the value of its menu entry. @type {Record<'comma' | 'semicolon' | 'swiss', Form>} */
export const FORMS = {
  comma: { separator: ',', mark: '.' }, semicolon: { separator: ';', mark: ',' }, swiss: { separator: ';', mark: '.' },
};

// Their numbers have a point, and columns are told apart by semicolons all the same.
const SWISS = ['CH', 'LI'];

/**
 * @param {string} page language of the page
 * @param {string} browser language of the browser
 * @returns {keyof typeof FORMS} the usual one: French on a French page, otherwise that of the browser
 */
export function usualForm(page, browser) {
  const language = page !== 'en' && !browser.startsWith(page) ? page : browser;
  try {
    const parts = new Intl.NumberFormat(language, { numberingSystem: 'latn' }).formatToParts(0.5);
    if (parts.find(({ type }) => type === 'decimal')?.value !== '.') return 'semicolon';
    return SWISS.includes(new Intl.Locale(language).region ?? '') ? 'swiss' : 'comma';
  } catch {
    // A browser of an unusual system may name no language: "en-US@posix".
    return 'comma';
  }
}

/**
 * @param {string | number | boolean} value
 * @param {Form} form
 */
function cell(value, { separator, mark }) {
  if (typeof value === 'number') return String(value).replace('.', mark);
  // Spreadsheets run what begins like a formula, and a file may be called anything.
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /["\r\n]/.test(text) || text.includes(separator) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {OwnAnswer | null} answer @returns {[string, number | string]} its cells */
function ownCells(answer) {
  if (!answer) return ['', ''];
  const { genres, probabilities, genre, unsure } = rounded(answer);
  return [unsure ? '' : genre, probabilities[genres.indexOf(genre)]];
}

/**
 * @param {Answered[]} songs
 * @param {AnswerTo} [answerTo]
 * @param {Form} [form]
 * @returns {string} a table with a head. Of a song that is none of the own genres it has the
 *   probability of the closest one, but not its name
 */
export function toCsv(songs, answerTo = noOwn, form = FORMS.comma) {
  const genres = genresOf(songs);
  const some = songs.some((song) => answerTo(song));
  const head = [
    'file', 'genre', 'probability', 'unfamiliar', 'seconds', 'version',
    ...(some ? ['own_genre', 'own_probability'] : []), ...genres,
  ];
  const rows = songs.map((song) => {
    const { prediction } = song;
    const { aggregate, version } = prediction;
    const unfamiliar = aggregate.unfamiliar ? aggregate.unfamiliar.flag : '';
    return [
      song.path, aggregate.genre, surety(song), unfamiliar, (song.seconds ?? 0).toFixed(2).replace('.', form.mark), version,
      ...(some ? ownCells(answerTo(song)) : []),
      ...genres.map((genre) => aggregate.probabilities[prediction.genres.indexOf(genre)] ?? ''),
    ];
  });
  // The mark in front tells spreadsheets that it is UTF-8.
  return `\ufeff${[head, ...rows].map((row) => row.map((value) => cell(value, form)).join(form.separator)).join('\r\n')}\r\n`;
}

/** @param {import('../server/api.js').Prediction} prediction */
function withoutEmbedding({ embedding, ...rest }) {
  return rest;
}

/**
 * @param {Answered[]} songs
 * @param {AnswerTo} [answerTo]
 * @returns {string} all that is known
 */
export function toJson(songs, answerTo = noOwn) {
  const all = songs.map((song) => {
    const own = answerTo(song);
    return {
      file: song.path,
      seconds: Number((song.seconds ?? 0).toFixed(2)),
      ...withoutEmbedding(song.prediction),
      ...(own && { own: rounded(own) }),
    };
  });
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

/** @param {string} title of a group @returns {string} a name that every system takes for a file */
export const playlistName = (title) => `${title.replaceAll(/[^\p{L}\p{M}\p{N}-]+/gu, '-')}.m3u8`;

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
