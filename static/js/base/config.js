/** What the server tells the page's scripts: webapp/pages.py writes it into the page. */

/**
 * The numbers that a version wants of a song. Python reads more of it than is named here.
 * @typedef {object} FeatureSpec
 * @property {string} id
 * @property {'log_mel' | 'mfcc' | 'statistics'} kind
 * @property {number} sample_rate in Hz
 * @property {number} decimals of a number as it is sent
 */

/**
 * A version of the model.
 * @typedef {object} Model
 * @property {string} version
 * @property {string} title
 * @property {string} pageUrl
 * @property {string} predictUrl where its predictions are asked for
 * @property {FeatureSpec} featureSpec
 * @property {number[]} shape of a piece's numbers
 * @property {string[]} numberNames of a piece's numbers, where they have some
 * @property {number} segmentSeconds length of a piece
 * @property {string[]} genres
 * @property {boolean} tellsUnfamiliar whether it notices songs that are unlike its training music
 * @property {Embedding | null} embedding null for a version that cannot learn own genres
 *
 * What a version says of how songs resemble each other.
 * @typedef {object} Embedding
 * @property {number} size numbers of a song
 * @property {string} url of the version's embedding.json
 * @property {string} modelSha256 of the model that gives it
 */

/**
 * Limits of what is taken.
 * @typedef {object} Limits
 * @property {number} maxMinutes longest song
 * @property {number} maxSegments pieces in a request
 * @property {number} maxBodyBytes of a request
 */

/**
 * Where the site lies under its host name.
 * @typedef {object} Place
 * @property {string} root path of the page, with a slash at its end
 * @property {string} keptAs begins the names of all that is kept in the browser; other sites under the
 *   same host name have another one
 */

/**
 * @typedef {Limits & Place & import('../analysis/messages.d.ts').Addresses & {pageVersion: string,
 *   filesToLoad: number, maxWholeMinutes: number, streamMinutes: number,
 *   mix: import('../sound/downmix.js').Mix, selected: string, models: Model[]}} Config
 *   filesToLoad: those of the analysis; maxWholeMinutes: longest song that is decoded at once; streamMinutes: longer ones are decoded bit by
 *   bit where that is possible; mix: how channels become one; selected: the version that answers first
 */

/**
 * @returns {Config}
 * @throws {Error} on a page without songs
 */
export function readConfig() {
  const text = document.getElementById('config')?.textContent;
  if (!text) throw new Error('The page has no #config');
  return JSON.parse(text);
}

/** @type {Place | undefined} */
let known;

/** @returns {Place} of this page; of a site at the top of its host where there is none, as in tests */
export function place() {
  known ??= globalThis.document ? readConfig() : { root: '/', keptAs: 'musiclassify' };
  return known;
}
