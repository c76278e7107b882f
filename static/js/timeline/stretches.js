/** Stretches of a song: those without an answer, and those that one genre wins. */

import { t } from '../base/text.js';

// An excerpt leaves over a fraction of a second at its end, mostly, which is not worth a word.
const NOTICEABLE_S = 1;
// Times in an answer are rounded.
const SAME_S = 0.01;

/**
 * A stretch without an answer, in seconds, and a word for it.
 * @typedef {{from: number, to: number, what: string}} Gap
 */

/**
 * Stretches without an answer: silent pieces, the intro, and the ends of excerpts and of the song that
 * are too short for a piece.
 * @param {{start: number}[]} segments the pieces that were answered
 * @param {{pieces: [number, number][], skipped: number}} extraction
 * @param {number} seconds length of the song
 * @returns {Gap[]}
 */
export function gaps(segments, { pieces, skipped }, seconds) {
  /** @type {Gap[]} */
  const found = [];
  const silence = t('silence');
  if (skipped > 0) found.push({ from: 0, to: skipped, what: t('intro, left out') });
  let answered = 0;
  let last = skipped;
  for (const [start, end] of pieces) {
    if (start - last > NOTICEABLE_S) found.push({ from: last, to: start, what: t('left out') });
    if (Math.abs(segments[answered]?.start - start) < SAME_S) answered += 1;
    else {
      const before = found.at(-1);
      if (before?.what === silence && start - before.to < NOTICEABLE_S) before.to = end;
      else found.push({ from: start, to: end, what: silence });
    }
    last = end;
  }
  if (seconds - last > NOTICEABLE_S) found.push({ from: last, to: seconds, what: t('end, left out') });
  return found;
}

/**
 * Neighbouring pieces with the same winner.
 * @param {import('../server/api.js').Segment[]} segments
 * @returns {{from: number, to: number, genre: string}[]}
 */
export function runs(segments) {
  /** @type {{from: number, to: number, genre: string}[]} */
  const found = [];
  for (const { start, end, genre } of segments) {
    const last = found.at(-1);
    if (last && last.genre === genre && start - last.to < NOTICEABLE_S) last.to = end;
    else found.push({ from: start, to: end, genre });
  }
  return found;
}
