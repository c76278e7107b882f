/** What the page (sound_stream.js) and its decoding thread (stream_worker.js) say to each other. */

/** Sound that could not be decoded, in seconds of the song; to: null where it lasts to the end. */
export interface Damage {
  from: number;
  to: number | null;
}

/** Why a file cannot be read bit by bit. */
export type Obstacle = 'library' | 'container' | 'no-audio' | 'codec' | 'damaged' | 'rate';

/** mix: how channels become one; layout: of plain samples, read without a decoder; null: the file's own format. */
export type ToStreamWorker =
  | { type: 'open'; file: File; mix: import('./downmix.js').Mix; layout: import('./plain.js').Layout | null }
  | { type: 'next' };

/** Half a minute of sound, mixed to one channel, at the rate of the file. */
export interface WavChunk {
  /** With sound around the chunk itself, for the resampler to look at. */
  wav: ArrayBuffer;
  /** Seconds of it in front of the chunk. */
  margin: number;
  /** Seconds of the chunk; null: all that follows. */
  kept: number | null;
  /** Where the chunk ends in the song, in seconds. */
  seconds: number;
  last: boolean;
  /** All of the song so far. */
  damage: Damage[];
}

/** found: the decoder begins; heard: its first sound is there. */
export type FromStreamWorker =
  | ({ type: 'chunk' } & WavChunk)
  | { type: 'found' }
  | { type: 'heard' }
  | { type: 'failed'; code: Obstacle; message: string };
