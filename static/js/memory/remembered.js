/** A song as it is stored, and back. */

import { UserError } from '../base/errors.js';
import { Song } from '../songs/song.js';
import { t } from '../base/text.js';

// Records of a higher one were written by a newer page and are left alone.
export const SCHEMA = 1;

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
 * @returns {object} all but the numbers and the sound
 */
export function toRecord(song, { key, order, owner }) {
  const { fileName, path, size, part, seconds, times, error, prediction, peaks, model } = song;
  let extraction = null;
  if (song.extraction) {
    const { body, ...rest } = song.extraction;
    extraction = rest;
  }
  return {
    schema: SCHEMA, key, order, owner, state: storedState(song),
    fileName, path, size, part, seconds, times: { ...times }, peaks, prediction, extraction,
    error: error && { message: error.message, retryable: error.retryable },
    // What the numbers were made for and sent to.
    model: extraction && model,
  };
}

/**
 * @param {object} record
 * @param {Blob | undefined} body
 * @param {File | undefined} file
 * @param {import('../songs/song.js').Model[]} models of this page
 * @param {import('../songs/song.js').Model} current the one that answers now
 * @returns {Song} finished, or queued to go on from its numbers or its sound
 */
export function fromRecord(record, body, file, models, current) {
  const { state, fileName, size, path, part, seconds, times, error, peaks } = record;
  const song = new Song(file ?? { name: fileName, size }, path, part);
  Object.assign(song, { seconds, times, peaks });
  const asked = models.find(({ version, featureSpec }) =>
    version === record.model?.version && featureSpec.id === record.model.featureSpec.id) ?? record.model;
  // What is still to be sent goes to the version that answers now; an answer is that of its own.
  song.model = state === 'done' ? asked : current;
  if (record.extraction && body) {
    song.extractions.set(asked.featureSpec.id, { ...record.extraction, body });
  }
  if (state === 'done' && song.extraction) {
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
  return song;
}
