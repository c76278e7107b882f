/** One song and all that is known of it. */

import { clock } from '../base/format.js';

let nextNumber = 1;

/**
 * @typedef {import('../base/config.js').Model} Model
 * @typedef {import('../sound/cut.js').Part} Part
 */

/**
 * What of a song is listened to: three excerpts of those that have more, or all.
 * @typedef {'whole' | 'excerpts'} Listen
 *
 * How far a song is. A paused song waits like a queued one, until the queue goes on.
 * @typedef {'queued' | 'paused' | 'decoding' | 'extracting' | 'predicting' | 'cancelled' | 'done'
 *   | 'failed'} State
 */

/** Fires "change" whenever the queue has changed it: its view listens. */
export class Song extends EventTarget {
  /**
   * @param {File | {name: string, size: number}} file
   * @param {string} path where it lies in the folder that it came with, or its name
   * @param {Part | null} part what of the file is analysed; null: all
   */
  constructor(file, path = file.name, part = null) {
    super();
    this.id = nextNumber;
    nextNumber += 1;
    /** The sound; null when only the answer was kept. @type {File | null} */
    this.file = file instanceof File ? file : null;
    this.fileName = file.name;
    this.size = file.size;
    /** See fingerprint.js; undefined: not taken yet. @type {string | null | undefined} */
    this.fingerprint = undefined;
    this.path = path;
    this.part = part;
    this.name = part ? `${file.name} (${clock(part.from)}\u2013${clock(part.to)})` : file.name;
    /** @type {State} */
    this.state = 'queued';
    /** Share of the running step, 0 to 1, or null when it cannot be known. @type {number | null} */
    this.progress = null;
    /** @type {import('../base/errors.js').UserError | null} */
    this.error = null;
    /** Seconds, once decoded. @type {number | null} */
    this.seconds = null;
    /** Outline of the sound, once decoded: see peaks.js. @type {Uint8Array | null} */
    this.peaks = null;
    /** The version that answers: that of the queue, or of an earlier visit. @type {Model | null} */
    this.model = null;
    /** What is to be listened to. @type {Listen} */
    this.listen = 'whole';
    /** All of it is wanted as soon as its file is here again. */
    this.wantsWhole = false;
    /** The numbers that are sent, by feature spec; kept until the song is removed: shown, and sent
     * again. @type {Map<string, import('../analysis/engine.js').Extraction>} */
    this.extractions = new Map();
    /** Answers by version. @type {Map<string, import('../server/api.js').Prediction>} */
    this.predictions = new Map();
    /** Of a long song: the answer so far, while it is listened to or after it was given up.
     * @type {import('./long_song.js').Heard | null} */
    this.heard = null;
    /** Why its request is sent again only after a pause: the server wants that, or the answer was
     * lost. @type {'busy' | 'lost' | null} */
    this.waits = null;
    /** Milliseconds of each finished step.
     * @type {Partial<Record<'decode' | 'extract' | 'request', number>>} */
    this.times = {};
    /** Whether it was finished in an earlier page. */
    this.restored = false;
    /** A part of it to be analysed as soon as its file is here again. @type {Part | null} */
    this.wanted = null;
    /** Ends the work at it; another try gets another one. */
    this.attempt = new AbortController();
  }

  /** The numbers for its version, or null. */
  get extraction() {
    return (this.model && this.extractions.get(this.model.featureSpec.id)) ?? null;
  }

  set extraction(extraction) {
    if (this.model && extraction) this.extractions.set(this.model.featureSpec.id, extraction);
  }

  /** What its answer was, or will be, listened to; a song of few excerpts is so as a whole. @returns {Listen} */
  get listened() {
    return this.extraction ? this.extraction.listened ?? 'whole' : this.listen;
  }

  /** The numbers that were sent or may have been, as far as they are known. */
  get sent() {
    return this.extraction ?? this.heard?.extraction ?? null;
  }

  /** The answer of its version, or null. */
  get prediction() {
    return (this.model && this.predictions.get(this.model.version)) ?? null;
  }

  set prediction(prediction) {
    if (this.model && prediction) this.predictions.set(this.model.version, prediction);
  }

  /** Where its version places it, or null: of a version without embeddings, or not asked for. */
  get embedding() {
    const found = this.prediction?.embedding;
    return found && found.model === this.model?.embedding?.modelSha256 ? found : null;
  }

  /** Where in the file it begins, in seconds. */
  get begin() {
    return this.part?.from ?? 0;
  }

  get finished() {
    return this.state === 'done' || this.state === 'failed' || this.state === 'cancelled';
  }

  get running() {
    return this.state === 'decoding' || this.state === 'extracting' || this.state === 'predicting';
  }

  get retryable() {
    return this.state === 'cancelled' || (this.state === 'failed' && Boolean(this.error?.retryable));
  }

  /** Whether it cannot be analysed before its file is chosen again. */
  get needsFile() {
    return !this.file && !this.extraction;
  }
}
