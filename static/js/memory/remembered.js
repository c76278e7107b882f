/** A song as it is stored, and back. */

import { UserError } from '../base/errors.js';
import { t } from '../base/text.js';
import { Song } from '../songs/song.js';

/**
 * @typedef {import('../base/config.js').Model} Model
 * @typedef {import('../songs/song.js').State} State
 *
 * @typedef {object} Place
 * @property {string} key
 * @property {number} order its place in the list
 * @property {string} owner name of the tab that works on it
 *
 * All of a song but the numbers and the sound.
 * @typedef {object} More
 * @property {number} schema
 * @property {State} state
 * @property {string} fileName
 * @property {string} path
 * @property {number} size
 * @property {string} [fingerprint] absent where it is not known
 * @property {Song['part']} part
 * @property {Song['listen']} [listen] absent for whole songs
 * @property {Song['seconds']} seconds
 * @property {Song['times']} times
 * @property {Song['peaks']} peaks
 * @property {Song['prediction']} prediction
 * @property {Omit<import('../analysis/engine.js').Extraction, 'body'> | null} extraction
 * @property {{message: string, retryable: boolean} | null} error
 * @property {Model | null} model for which the numbers were made, and to which they were sent
 *
 * @typedef {Place & More} SongRecord
 */

// Records of a higher one were written by a newer page and are left alone.
export const SCHEMA = 1;

/** @param {{state: State}} record @returns {boolean} whether nothing is left to do for it */
export const isFinished = ({ state }) => ['done', 'failed', 'cancelled'].includes(state);

/** @param {Song} song @returns {boolean} whether its sound is needed after a reload */
export const needsSound = ({ state, error }) =>
  state !== 'done' && !(state === 'failed' && !error?.retryable);

/** @param {Song} song @returns {State} that is stored: a song under way waits again after a reload */
export function storedState(song) {
  return song.finished || song.state === 'paused' ? song.state : 'queued';
}

/**
 * @param {Song} song
 * @param {Place} place
 * @returns {SongRecord}
 */
export function toRecord(song, { key, order, owner }) {
  const { fileName, path, size, fingerprint, part, listen, seconds, times, error, prediction, peaks, model } = song;
  let extraction = null;
  if (song.extraction) {
    const { body, ...rest } = song.extraction;
    extraction = rest;
  }
  return {
    schema: SCHEMA, key, order, owner, state: storedState(song),
    fileName, path, size, ...(fingerprint && { fingerprint }), part, ...(listen === 'whole' ? {} : { listen }), seconds, times: { ...times }, peaks, prediction, extraction,
    error: error && { message: error.message, retryable: error.retryable },
    model: extraction && model,
  };
}

/**
 * @param {SongRecord} record
 * @param {Blob | undefined} body its numbers
 * @param {File | undefined} file its sound
 * @param {Model[]} models of this page
 * @param {Model} current the one that answers now
 * @returns {Song} finished, or queued to go on from its numbers or its sound
 */
export function fromRecord(record, body, file, models, current) {
  const {
    state, fileName, size, path, fingerprint, part, listen = 'whole', seconds, times, error, peaks, extraction,
  } = record;
  const song = new Song(file ?? { name: fileName, size }, path, part);
  Object.assign(song, { fingerprint, listen, seconds, times, peaks });
  const asked = models.find(({ version, featureSpec }) =>
    version === record.model?.version && featureSpec.id === record.model.featureSpec.id) ?? record.model;
  // An answer stays that of its version; numbers that are still to be sent go to the current one.
  song.model = state === 'done' ? asked : current;
  if (extraction && body && asked) {
    song.extractions.set(asked.featureSpec.id, { ...extraction, body });
  }
  if (state === 'done' && song.extraction) {
    song.state = 'done';
    song.prediction = record.prediction;
  } else if (state === 'cancelled') {
    song.state = 'cancelled';
  } else if (state === 'failed' && error && (!error.retryable || !song.needsFile)) {
    song.state = 'failed';
    song.error = new UserError(error.message, { retryable: error.retryable });
  } else if (song.needsFile) {
    song.state = 'failed';
    song.error = new UserError(t('Choose this file again to analyse it'));
  }
  song.restored = song.finished;
  return song;
}
