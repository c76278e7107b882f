/**
 * Reads a long file in its own thread: takes it apart (mediabunny), decodes it (WebCodecs) and hands
 * out half a minute after the other, mixed to one channel, as wav.
 *
 * Messages in: open, next. Messages out: found, heard, chunk, failed. See sound_stream.js for the other end.
 */

import { reasonOf } from '../base/errors.js';
import { louderOf, meanOf } from './downmix.js';
import { LowRate, isHigh } from './low_rate.js';
import { MOST_PADDING, encoderPadding } from './mp3_padding.js';
import { AsWav } from './plain.js';
import { floatWav } from './wav.js';

// Sound before and after a chunk, for the resampler to look at; cut off afterwards.
const MARGIN_S = 1;
// A decoder that fails is started again behind the damage, farther each time.
const FIRST_STEP_S = 0.5;
const MOST_STEPS = 8;
// A file that holds so much less than it tells has been cut off, or its rest cannot be read.
const NOTICEABLE_S = 2;

/**
 * @typedef {import('./messages.d.ts').Damage} Damage
 * @typedef {{channels: Float32Array[], rate: number, start: number}} Sounding samples of a song; rate in
 *   Hz, start in seconds
 */

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

/** @param {import('../../vendor/mediabunny.js').AudioSample} sample @returns {Float32Array[]} its channels */
const channelsOf = (sample) => Array.from({ length: sample.numberOfChannels }, (_, planeIndex) => {
  const channel = new Float32Array(sample.numberOfFrames);
  sample.copyTo(channel, { planeIndex, format: 'f32-planar' });
  return channel;
});

/**
 * @param {Float32Array[]} channels
 * @param {number} count
 * @returns {Float32Array[]} so many channels with the same mean
 */
const asMany = (channels, count) =>
  (channels.length === count ? channels : new Array(count).fill(meanOf(channels)));

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
      let channels = channelsOf(sample);
      sample.close();
      if (failures && reached !== null) {
        const lost = Math.round((start - reached) * rate);
        if (lost > 0) {
          damage.push({ from: reached, to: start });
          for (let left = lost; left > 0; left -= rate) {
            yield { channels: [new Float32Array(Math.min(left, rate))], rate, start: reached };
          }
        } else channels = channels.map((channel) => channel.subarray(-lost));
        failures = 0;
        step = FIRST_STEP_S;
      }
      reached = start + sample.duration;
      yield { channels, rate, start };
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
 * Samples of a high rate at a lower one: see low_rate.js. Others pass as they are.
 * @param {AsyncIterable<Sounding>} samples
 * @returns {AsyncGenerator<Sounding, void>}
 */
async function* lowered(samples) {
  /** @type {LowRate[]} */
  let low = [];
  for await (const { channels, rate, start } of samples) {
    if (!isHigh(rate)) {
      yield { channels, rate, start };
      continue;
    }
    if (!low.length) low = channels.map(() => new LowRate(rate));
    const all = asMany(channels, low.length);
    yield { channels: low.map((each, channel) => each.push(all[channel])), rate: low[0].rate, start };
  }
  if (low.length) yield { channels: low.map((each) => each.end()), rate: low[0].rate, start: 0 };
}

/**
 * @param {File} file
 * @param {import('./plain.js').Layout | null} layout of its samples, where they are read without a decoder
 * @param {typeof import('../../vendor/mediabunny.js')} bunny
 */
function sourceOf(file, layout, { BlobSource, CustomSource }) {
  if (!layout) return new BlobSource(file);
  const wav = new AsWav(file, layout);
  return new CustomSource({
    getSize: () => wav.size, read: (start, end) => wav.read(start, end), prefetchProfile: 'fileSystem',
  });
}

/**
 * @param {File} file
 * @param {import('./downmix.js').Mix} mix
 * @param {import('./plain.js').Layout | null} layout
 * @returns {AsyncGenerator<import('./messages.d.ts').WavChunk, void>}
 * @throws {Unreadable}
 */
async function* chunksOf(file, { blockSeconds, oppositeDb }, layout) {
  const bunny = await library();
  const { ALL_FORMATS, AudioSampleSink, Input, Mp3InputFormat } = bunny;
  const input = new Input({ formats: ALL_FORMATS, source: sourceOf(file, layout, bunny) });
  if (!(await input.canRead())) throw new Unreadable('container');
  const track = await input.getPrimaryAudioTrack();
  if (!track) throw new Unreadable('no-audio');
  if (!(await track.canDecode())) throw new Unreadable('codec');
  const format = await input.getFormat();
  const isMp3 = format instanceof Mp3InputFormat;
  const padding = isMp3 ? await encoderPadding(file) : null;
  // The library takes an mp3 that tells nothing for one whose frames are all as large as the first one.
  const { told, exact } = isMp3 && !padding ? { told: null, exact: false } : await lengthOf(track, format, bunny);

  tell({ type: 'found' });
  /** @type {Damage[]} */
  const damage = [];
  let rate = 0;
  // Samples from `start` on, `length` of them; all positions count from the song's first sample.
  /** @type {Float32Array[]} */
  let held = [];
  let start = 0;
  let length = 0;
  let skip = 0;
  let chunk = 0;

  /**
   * Mix the chunk, and what is around it: that as the block beside it, for the resampler to hear no edge.
   * @param {number} first
   * @param {number} stop
   * @param {boolean} last such a chunk can be a little longer than a block
   */
  const mixed = (first, stop, last) => {
    const channels = held.map((channel) => channel.subarray(first - start, stop - start));
    const mono = meanOf(channels);
    const size = blockSeconds * rate;
    const begin = chunk * size - first;
    for (let from = begin; from < (last ? mono.length : begin + 1); from += size) {
      const block = channels.map((channel) => channel.subarray(from, from + size));
      const louder = louderOf(block, mono.subarray(from, from + size), oppositeDb);
      const edge = from === begin ? 0 : from;
      if (louder !== null) mono.set(channels[louder].subarray(edge, last ? from + size : undefined), edge);
    }
    return mono;
  };

  /**
   * Hand out the samples up to a place, and keep those that the next chunk needs, too.
   * @param {number} stop the place
   * @param {boolean} last
   */
  const emit = (stop, last) => {
    const first = Math.max(0, (chunk * blockSeconds - MARGIN_S) * rate);
    const content = floatWav(mixed(first, stop, last), rate);
    const margin = chunk ? MARGIN_S : 0;
    chunk += 1;
    const keep = Math.max(start, (chunk * blockSeconds - MARGIN_S) * rate);
    const left = Math.max(0, start + length - keep);
    for (const channel of held) channel.copyWithin(0, keep - start, keep - start + left);
    start = keep;
    length = left;
    const seconds = last ? stop / rate : chunk * blockSeconds;
    return { wav: content, margin, kept: last ? null : blockSeconds, seconds, last, damage };
  };

  for await (const sample of lowered(samplesOf(track, AudioSampleSink, damage))) {
    if (!held.length) {
      tell({ type: 'heard' });
      rate = sample.rate;
      // Whole seconds are whole samples at every rate, before and after resampling.
      const most = (blockSeconds + 4 * MARGIN_S) * rate + 2 * MOST_PADDING;
      held = sample.channels.map(() => new Float32Array(most));
      skip = padding ? padding.start : Math.max(0, Math.round(-sample.start * rate));
    }
    // In joined files, a song of more channels may follow.
    if (sample.channels.length > held.length) {
      held = asMany(held, sample.channels.length).map((channel) => channel.slice());
    }
    const channels = asMany(sample.channels, held.length);
    let done = Math.min(skip, channels[0].length);
    skip -= done;
    while (done < channels[0].length) {
      const room = Math.min(channels[0].length - done, held[0].length - length);
      held.forEach((channel, n) => channel.set(channels[n].subarray(done, done + room), length));
      length += room;
      done += room;
      const stop = ((chunk + 1) * blockSeconds + MARGIN_S) * rate;
      if (start + length >= stop + MOST_PADDING) yield emit(stop, false);
    }
  }
  if (!held.length) throw new Unreadable('no-audio');
  let end = start + length;
  const stop = padding?.end ?? (exact && told !== null ? told * rate : Infinity);
  if (end > stop && end - stop <= MOST_PADDING) end = Math.round(stop);
  if (told !== null && told - end / rate > NOTICEABLE_S && damage.at(-1)?.to !== null) damage.push({ from: end / rate, to: null });
  yield emit(end, true);
}

/** @param {import('./messages.d.ts').FromStreamWorker} message @param {Transferable[]} [transfer] */
const tell = (message, transfer = []) => self.postMessage(message, transfer);

/** @param {MessageEvent<import('./messages.d.ts').ToStreamWorker>} event */
self.onmessage = async ({ data }) => {
  try {
    if (data.type === 'open') chunks = chunksOf(data.file, data.mix, data.layout);
    const next = await chunks?.next();
    if (!next || next.done) return;
    tell({ type: 'chunk', ...next.value }, [next.value.wav]);
  } catch (error) {
    const code = error instanceof Unreadable ? error.code : 'damaged';
    tell({ type: 'failed', code, message: reasonOf(error) });
  }
};
