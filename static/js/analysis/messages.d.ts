/** What the page (engine.js) and its analysis (analysis_worker.js) say to each other. */

import type { Words } from '../base/text.js';

/** Samples of a long song: whose they are, and what is wanted of them. */
export interface Stretch {
  /** Tells the songs apart that are analysed at the same time. */
  key: number;
  /** Whether the numbers that are ready are wanted now. */
  take: boolean;
  /** Whether the song ends here. */
  last: boolean;
  /** How many pieces a request may have. */
  most: number;
}

/** A task has a number; `spec` is the JSON of a feature spec. */
export type Task =
  | { type: 'extract'; samples: Float32Array; spec: string; stream?: Stretch }
  | { type: 'invert'; text: string; spec: string };

export type ToAnalysis =
  | { type: 'start'; runtimeUrl: string; featuresUrl: string; words: Words }
  | (Task & { id: number })
  | { type: 'forget'; key: number }
  | { type: 'drop'; id: number };

/** Numbers as they are sent. */
export interface Numbers {
  /** JSON text. */
  body: Blob;
  /** Pieces whose numbers are in it: all but silent ones. */
  nSegments: number;
  /** Shorter than one piece, so a weak answer. */
  repeated: boolean;
  /** Seconds left out at the start of the song. */
  skipped: number;
}

/** Start and end of a piece in seconds. */
export type Piece = [number, number];

/** Of a whole song; pieces: silent ones, too. */
export interface Extracted extends Numbers {
  pieces: Piece[];
}

/** Of the samples of a long song: requests that are ready, and the pieces that have come. */
export interface Fed {
  requests: Numbers[];
  pieces: Piece[];
}

export interface Inverted {
  samples: Float32Array<ArrayBuffer>;
}

/** By the type of the task. */
export interface Answers {
  extract: Extracted | Fed;
  invert: Inverted;
}

export type FromAnalysis =
  | { type: 'loading'; files: number; bytes: number }
  | { type: 'ready' }
  | { type: 'failed'; message: string }
  | { type: 'progress'; id: number; done: number; total: number }
  | ({ type: 'extracted'; id: number } & Answers['extract'])
  | ({ type: 'inverted'; id: number } & Answers['invert'])
  /** No features can be made of the sound; message: a sentence of features/, in English. */
  | { type: 'refused'; id: number; code: string; message: string }
  /** No sound can be made of the text. */
  | { type: 'unmade'; id: number; reason: string }
  /** Something unexpected: the worker is not to be trusted any more. */
  | { type: 'broken'; id: number; message: string };
