/** Fake decoding, analysis and server of a queue; the test settles each of their calls. */

import assert from 'node:assert/strict';

import { SongQueue } from '../../../static/js/songs/queue.js';
import { makeModel } from '../made.js';

/**
 * @typedef {import('../../../static/js/songs/song.js').Song} Song
 * @typedef {import('../../../static/js/base/config.js').Model} Model
 * @typedef {import('../../../static/js/base/config.js').FeatureSpec} FeatureSpec
 * @typedef {import('../../../static/js/sound/decode.js').Decoded} Decoded
 * @typedef {import('../../../static/js/sound/decode.js').Stream} Stream
 * @typedef {import('../../../static/js/analysis/engine.js').Extraction} Extraction
 * @typedef {import('../../../static/js/songs/long_song.js').Heard} Heard
 * @typedef {import('../../../static/js/songs/long_song.js').Listening} Listening
 * @typedef {import('../../../static/js/server/api.js').Prediction} Prediction
 */

const PATIENCE_MS = 2000;

/**
 * A call that has no answer yet.
 * @template In, Out
 * @typedef {In & {resolve: (value: Out) => void, reject: (error: unknown) => void}} Call
 */

/**
 * Record a call; it waits until the test settles it.
 * @template In, Out
 * @param {Call<In, Out>[]} calls
 * @param {In} what was asked
 * @returns {Promise<Out>}
 */
const wait = (calls, what) => new Promise((resolve, reject) => {
  calls.push({ ...what, resolve, reject });
});

/** Let all promises that can settle do so. */
export async function settled() {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
}

/**
 * Wait until a condition holds, however many promises have to settle before.
 * @param {() => boolean} condition
 */
export async function until(condition) {
  const end = Date.now() + PATIENCE_MS;
  while (!condition()) {
    assert.ok(Date.now() < end, `waited ${PATIENCE_MS} ms in vain for ${condition}`);
    await new Promise(setImmediate);
  }
}

export class Fakes {
  /** @type {Call<{file: File, part: object | null, rate: number, signal: AbortSignal}, Decoded>[]} */
  decoding = [];
  /** @type {Call<{samples: Float32Array, spec: FeatureSpec, onProgress: (done: number, total: number) => void}, Extraction>[]} */
  extracting = [];
  /** @type {Call<Listening & {stream: Stream}, Heard>[]} */
  listening = [];
  /** @type {Call<{request: {body: Blob}, model: Model, signal: AbortSignal, onWait: (why: 'busy' | 'lost' | null) => void}, {prediction: Prediction, took: number}>[]} */
  asking = [];
  /** Requests that are sent only once, as for a long song. @type {Call<{request: {body: Blob}, model: Model}, Prediction>[]} */
  asked = [];
  #ready;
  #look = () => {};

  /** @param {{ready?: boolean, model?: Model, Queue?: typeof SongQueue}} [around] */
  constructor({ ready = true, model = makeModel(), Queue = SongQueue } = {}) {
    this.#ready = ready;
    const fakes = this;
    /** @type {any} */
    const collaborators = {
      samples: {
        /** @param {File} file @param {object | null} part @param {number} rate @param {AbortSignal} signal */
        of: (file, part, rate, signal) => wait(this.decoding, { file, part, rate, signal }),
      },
      numbers: {
        get ready() {
          return fakes.#ready;
        },
        /** @param {() => void} look */
        follow: (look) => { this.#look = look; },
        /** @param {Float32Array} samples @param {FeatureSpec} spec @param {() => void} onProgress */
        of: (samples, spec, onProgress) => wait(this.extracting, { samples, spec, onProgress }),
        /** @param {Stream} stream @param {Listening} how */
        ofStream: (stream, how) => wait(this.listening, { stream, ...how }),
      },
      answers: {
        /** @param {{body: Blob}} request @param {Model} version */
        to: (request, version) => wait(this.asked, { request, model: version }),
        /** @param {{body: Blob}} request @param {Model} version @param {AbortSignal} signal @param {() => void} onWait */
        patientlyTo: (request, version, signal, onWait) =>
          wait(this.asking, { request, model: version, signal, onWait }),
      },
    };
    this.collaborators = collaborators;
    this.queue = new Queue(model, collaborators);
  }

  /** Make the analysis ready. */
  makeReady() {
    this.#ready = true;
    this.#look();
  }

  /** States of all songs of the queue. */
  get states() {
    return this.queue.songs.map(({ state }) => state);
  }

  /** Names of the songs whose decoding has begun. */
  get begun() {
    return this.decoding.map(({ file }) => file.name);
  }
}

/** @param {number} [seconds] @returns {Decoded} a sound at 20 Hz, so that each sample is a peak */
export const sound = (seconds = 2) =>
  ({ samples: new Float32Array(20 * seconds).fill(1), seconds });

/** @param {string} text @returns {Extraction} */
export const extraction = (text = '{"segments":[]}') =>
  ({ body: new Blob([text]), nSegments: 1, repeated: false, skipped: 0, pieces: [[0, 5]] });

/** @param {string} [version] @returns {{prediction: Prediction, took: number}} */
export const reply = (version = 'v1') => ({
  prediction: {
    version, genres: ['pop'], segments: [],
    aggregate: { genre: 'pop', probabilities: [1], votes: {}, unfamiliar: null },
  },
  took: 7,
});
