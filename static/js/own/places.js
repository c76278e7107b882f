/** Songs laid out among each other: how far apart they are, and which are nearest to one. */

/**
 * @typedef {import('../songs/song.js').Song} Song
 * @typedef {import('../analysis/messages.d.ts').LaidOut} LaidOut
 *
 * A song near another.
 * @typedef {object} Neighbour
 * @property {Song} song
 * @property {number} share its distance, as a share of the usual one; NaN where there is none
 */

// The usual distance is that of as many pairs as this, or of all if there are fewer.
const MOST_PAIRS = 5000;
// Two songs are no pair of a list: nothing is usual.
const FEWEST_SONGS = 3;

/**
 * Pairs of different numbers below n, spread evenly over all that there are.
 * @param {number} n
 * @returns {Generator<[number, number]>}
 */
function* pairs(n) {
  const all = (n * (n - 1)) / 2;
  const step = Math.max(1, all / MOST_PAIRS);
  let first = 0;
  let before = 0;
  for (let at = 0; Math.floor(at) < all; at += step) {
    const place = Math.floor(at);
    while (place >= before + n - 1 - first) {
      before += n - 1 - first;
      first += 1;
    }
    yield [first, first + 1 + place - before];
  }
}

export class Places {
  #places;
  #size;
  /** @type {Map<Song, number>} */
  #rows;
  /** @type {number | null} */
  #usual = null;

  /**
   * @param {Song[]} songs
   * @param {LaidOut} laid the same songs, in this order
   */
  constructor(songs, { points, places, size, shares }) {
    this.#places = places;
    this.#size = size;
    this.#rows = new Map(songs.map((song, row) => [song, row]));
    this.songs = songs;
    /** Two of each song, along the principal axes. */
    this.points = points;
    /** Of all differences, what each of both axes shows. */
    this.shares = shares;
  }

  /** @param {Song} song @returns {number} its place among the songs; -1 for one that is not laid out */
  rowOf(song) {
    return this.#rows.get(song) ?? -1;
  }

  /** The distance than which half of all pairs of songs are nearer; NaN if there are too few. */
  get usual() {
    this.#usual ??= this.#findUsual();
    return this.#usual;
  }

  #findUsual() {
    const n = this.songs.length;
    if (n < FEWEST_SONGS) return NaN;
    const found = Float64Array.from(pairs(n), ([a, b]) => this.#squared(a, b)).sort();
    // In a list of copies the usual distance is that of the others.
    return Math.sqrt(found[Math.floor(found.length / 2)] || found[found.length - 1] || 1);
  }

  /** @param {number} a @param {number} b rows @returns {number} square of the distance between them */
  #squared(a, b) {
    const places = this.#places;
    const size = this.#size;
    let sum = 0;
    for (let i = a * size, j = b * size, end = i + size; i < end; i += 1, j += 1) {
      const apart = places[i] - places[j];
      sum += apart * apart;
    }
    return sum;
  }

  /**
   * The songs that are nearest to one: first the nearest; equally near ones as they were added.
   * @param {Song} song
   * @param {number} n at most
   * @returns {Neighbour[]} nothing for a song that is not laid out
   */
  nearest(song, n) {
    const row = this.rowOf(song);
    if (row < 0) return [];
    /** Square distance and row of those found so far, in order. @type {[number, number][]} */
    const best = [];
    for (let other = 0; other < this.songs.length; other += 1) {
      if (other === row) continue;
      const apart = this.#squared(row, other);
      if (best.length === n && apart >= best[n - 1][0]) continue;
      const at = best.findIndex(([than]) => apart < than);
      best.splice(at < 0 ? best.length : at, 0, [apart, other]);
      if (best.length > n) best.pop();
    }
    return best.map(([apart, other]) =>
      ({ song: this.songs[other], share: Math.sqrt(apart) / this.usual }));
  }
}
