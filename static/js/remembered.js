/** A song as it is stored, and back. */

import { UserError } from './errors.js';
import { Song } from './queue.js';
import { t } from './text.js';

// Records of a higher one were written by a newer page and are left alone.
export const SCHEMA = 1;

/**
 * What a song's numbers were made for and sent to.
 * @typedef {object} Asked
 * @property {string} version
 * @property {string} featureSpec its id
 * @property {number[]} shape
 * @property {string[]} numberNames
 * @property {number} segmentSeconds
 * @property {string} predictUrl
 */

/** @returns {Asked} by the page as it is now */
function askedNow({ version, featureSpec, shape, numberNames, segmentSeconds, predictUrl }) {
  return { version, featureSpec: featureSpec.id, shape, numberNames, segmentSeconds, predictUrl };
}

/** @param {object} record @returns {boolean} whether nothing is left to do for it */
export const isFinished = ({ state }) => ['done', 'failed', 'cancelled'].includes(state);

/** @param {Song} song @returns {boolean} whether its sound is needed after a reload */
export const needsSound = ({ state, error }) =>
  state !== 'done' && !(state === 'failed' && !error.retryable);

/** What of a song's state is stored: the steps of its way are not. */
export function storedState(song) {
  return song.finished || song.state === 'paused' ? song.state : 'queued';
}

/**
 * @param {Song} song
 * @param {{key: string, order: number, owner: string}} place
 * @param {object} config of the page
 * @returns {object} all but the numbers and the sound
 */
export function toRecord(song, { key, order, owner }, config) {
  const { name, path, size, seconds, times, error, prediction, peaks = null } = song;
  let extraction = null;
  if (song.extraction) {
    const { body, ...rest } = song.extraction;
    extraction = rest;
  }
  return {
    schema: SCHEMA, key, order, owner, state: storedState(song),
    name, path, size, seconds, times: { ...times }, peaks, prediction, extraction,
    error: error && { message: error.message, retryable: error.retryable },
    asked: extraction && (song.asked ?? askedNow(config)),
  };
}

/**
 * @param {object} record
 * @param {Blob | undefined} body
 * @param {File | undefined} file
 * @param {object} config of the page
 * @returns {Song} finished, or queued to go on from its numbers or its sound
 */
export function fromRecord(record, body, file, config) {
  const { state, name, size, path, seconds, times, error, asked, peaks } = record;
  const song = Song.of({ name, size, path, file: file ?? null });
  Object.assign(song, { seconds, times });
  // Numbers that the version which answers now does not understand are of no use to it.
  const usable = record.extraction && body
    && (state === 'done' || asked.featureSpec === config.featureSpec.id);
  if (usable) Object.assign(song, { asked, extraction: { ...record.extraction, body } });
  if (peaks) song.peaks = peaks;
  if (state === 'done' && usable) {
    song.state = 'done';
    song.prediction = record.prediction;
  } else if (state === 'cancelled') {
    song.state = 'cancelled';
  } else if (state === 'failed' && (!error.retryable || !song.needsFile)) {
    song.state = 'failed';
    song.error = new UserError(error.message, { retryable: error.retryable });
  } else if (song.needsFile) {
    song.state = 'failed';
    song.error = new UserError(t('Choose this file again to analyse it'));
  }
  song.restored = song.finished;
  // What is still to be sent goes to the version that answers now.
  if (!song.finished) song.asked = null;
  return song;
}
