/**
 * Reads a long file in its own thread: takes it apart (mediabunny), decodes it (WebCodecs) and hands
 * out half a minute after the other, mixed to one channel, as wav.
 *
 * Messages in: open, next. Messages out: chunk, failed. See sound_stream.js for the other end.
 */

import { reasonOf } from '../base/errors.js';
import { encoderPadding } from './mp3_padding.js';
import { floatWav } from './wav.js';

// Whole seconds: they are whole samples at every rate, before and after resampling.
const CHUNK_S = 30;
// Sound before and after a chunk, for the resampler to look at; cut off afterwards.
const MARGIN_S = 1;
// What encoders add at the end, at most; known as such only when the end has come.
const MOST_PADDING = 8192;
// A decoder that fails is started again behind the damage, farther each time.
const FIRST_STEP_S = 0.5;
const MOST_STEPS = 8;
// A file that holds so much less than it tells has been cut off, or its rest cannot be read.
const NOTICEABLE_S = 2;

/** @typedef {import('./messages.d.ts').Damage} Damage */

/** The reason why a file cannot be read. sound_stream.js has a sentence for each code. */
class Unreadable extends Error {
  /** @param {import('./messages.d.ts').Obstacle} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/** The chunks of the file that was opened. @type {ReturnType<typeof chunksOf> | undefined} */
let chunks;

async function library() {
  try {
    return await import('../../vendor/mediabunny.js');
  } catch {
    throw new Unreadable('library');
  }
}

/** @param {import('../../vendor/mediabunny.js').AudioSample} sample @returns {Float32Array} the mean of its channels */
function toMono(sample) {
  const { numberOfFrames: length, numberOfChannels: channels } = sample;
  const mono = new Float32Array(length);
  sample.copyTo(mono, { planeIndex: 0, format: 'f32-planar' });
  if (channels === 1) return mono;
  const other = new Float32Array(length);
  for (let planeIndex = 1; planeIndex < channels; planeIndex += 1) {
    sample.copyTo(other, { planeIndex, format: 'f32-planar' });
    for (let i = 0; i < length; i += 1) mono[i] += other[i];
  }
  const gain = 1 / channels;
  for (let i = 0; i < length; i += 1) mono[i] *= gain;
  return mono;
}

/**
 * The samples of a track in order. Where the decoder fails, they go on behind the damage, with silence
 * in between so that the times stay true.
 * @param {import('../../vendor/mediabunny.js').InputAudioTrack} track
 * @param {typeof import('../../vendor/mediabunny.js').AudioSampleSink} Sink
 * @param {Damage[]} damage seconds that were lost; filled here
 */
async function* samplesOf(track, Sink, damage) {
  /** @type {number | null} */
  let rate = null;
  /** @type {number | null} */
  let reached = null;
  let from = -Infinity;
  let step = FIRST_STEP_S;
  for (let failures = 0; ;) {
    const samples = new Sink(track).samples(from);
    let broken = false;
    for (;;) {
      let next;
      try {
        next = await samples.next();
      } catch {
        broken = true;
        break;
      }
      if (next.done) break;
      const sample = next.value;
      const start = sample.timestamp;
      rate ??= sample.sampleRate;
      if (sample.sampleRate !== rate) {
        sample.close();
        throw new Unreadable('rate');
      }
      let mono = toMono(sample);
      sample.close();
      if (failures && reached !== null) {
        const lost = Math.round((start - reached) * rate);
        if (lost > 0) {
          damage.push({ from: reached, to: start });
          for (let left = lost; left > 0; left -= rate) {
            yield { mono: new Float32Array(Math.min(left, rate)), rate, start: reached };
          }
        } else mono = mono.subarray(-lost);
        failures = 0;
        step = FIRST_STEP_S;
      }
      reached = start + sample.duration;
      yield { mono, rate, start };
    }
    if (!broken) return;
    if (reached === null) throw new Unreadable('codec');
    failures += 1;
    // The rest cannot be decoded: the sound so far counts, as when a file breaks off.
    if (failures > MOST_STEPS) {
      damage.push({ from: reached, to: null });
      return;
    }
    from = reached + step;
    step *= 2;
  }
}

/**
 * The length of the sound as the file tells it.
 * @param {import('../../vendor/mediabunny.js').InputAudioTrack} track
 * @param {import('../../vendor/mediabunny.js').InputFormat} format
 * @param {typeof import('../../vendor/mediabunny.js')} bunny
 * @returns {Promise<{told: number | null, exact: boolean}>} seconds; exact: nothing that comes later
 *   belongs to it
 */
async function lengthOf(track, format, { IsobmffInputFormat, OggInputFormat }) {
  try {
    // An ogg file's last page tells.
    if (format instanceof OggInputFormat) return { told: await track.computeDuration(), exact: true };
    return { told: await track.getDurationFromMetadata(), exact: format instanceof IsobmffInputFormat };
  } catch {
    // All that is decoded counts.
    return { told: null, exact: false };
  }
}

/**
 * @param {File} file
 * @returns {AsyncGenerator<import('./messages.d.ts').WavChunk, void>}
 * @throws {Unreadable}
 */
async function* chunksOf(file) {
  const bunny = await library();
  const { ALL_FORMATS, AudioSampleSink, BlobSource, Input, Mp3InputFormat } = bunny;
  const input = new Input({ formats: ALL_FORMATS, source: new BlobSource(file) });
  if (!(await input.canRead())) throw new Unreadable('container');
  const track = await input.getPrimaryAudioTrack();
  if (!track) throw new Unreadable('no-audio');
  if (!(await track.canDecode())) throw new Unreadable('codec');
  const format = await input.getFormat();
  const padding = format instanceof Mp3InputFormat ? await encoderPadding(file) : null;
  const { told, exact } = await lengthOf(track, format, bunny);

  /** @type {Damage[]} */
  const damage = [];
  let rate = 0;
  // Samples from `start` on, `length` of them; all positions count from the song's first sample.
  let held = new Float32Array(0);
  let start = 0;
  let length = 0;
  let skip = 0;
  let chunk = 0;

  /**
   * Hand out the samples up to a place, and keep those that the next chunk needs, too.
   * @param {number} stop the place
   * @param {boolean} last
   */
  const emit = (stop, last) => {
    const first = Math.max(0, (chunk * CHUNK_S - MARGIN_S) * rate);
    const content = floatWav(held.subarray(first - start, stop - start), rate);
    const margin = chunk ? MARGIN_S : 0;
    chunk += 1;
    const keep = Math.max(start, (chunk * CHUNK_S - MARGIN_S) * rate);
    const left = Math.max(0, start + length - keep);
    held.copyWithin(0, keep - start, keep - start + left);
    start = keep;
    length = left;
    const seconds = last ? stop / rate : chunk * CHUNK_S;
    return { wav: content, margin, kept: last ? null : CHUNK_S, seconds, last, damage };
  };

  for await (const sample of samplesOf(track, AudioSampleSink, damage)) {
    if (!held.length) {
      rate = sample.rate;
      held = new Float32Array((CHUNK_S + 4 * MARGIN_S) * rate + 2 * MOST_PADDING);
      skip = padding ? padding.start : Math.max(0, Math.round(-sample.start * rate));
    }
    let { mono } = sample;
    if (skip) {
      const gone = Math.min(skip, mono.length);
      mono = mono.subarray(gone);
      skip -= gone;
    }
    while (mono.length) {
      const room = Math.min(mono.length, held.length - length);
      held.set(mono.subarray(0, room), length);
      length += room;
      mono = mono.subarray(room);
      const stop = ((chunk + 1) * CHUNK_S + MARGIN_S) * rate;
      if (start + length >= stop + MOST_PADDING) yield emit(stop, false);
    }
  }
  if (!held.length) throw new Unreadable('no-audio');
  let end = start + length;
  const stop = padding?.end ?? (exact && told !== null ? told * rate : Infinity);
  if (end > stop && end - stop <= MOST_PADDING) end = Math.round(stop);
  if (told !== null && told - end / rate > NOTICEABLE_S) damage.push({ from: end / rate, to: null });
  yield emit(end, true);
}

/** @param {import('./messages.d.ts').FromStreamWorker} message @param {Transferable[]} [transfer] */
const tell = (message, transfer = []) => self.postMessage(message, transfer);

/** @param {MessageEvent<import('./messages.d.ts').ToStreamWorker>} event */
self.onmessage = async ({ data }) => {
  try {
    if (data.type === 'open') chunks = chunksOf(data.file);
    const next = await chunks?.next();
    if (!next || next.done) return;
    tell({ type: 'chunk', ...next.value }, [next.value.wav]);
  } catch (error) {
    const code = error instanceof Unreadable ? error.code : 'damaged';
    tell({ type: 'failed', code, message: reasonOf(error) });
  }
};
