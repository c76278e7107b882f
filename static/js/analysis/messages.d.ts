/** What the page (engine.js) and its analysis (analysis_worker.js) say to each other. */

import type { Words } from '../base/text.js';

/** Where the files of the analysis are. */
export interface Addresses {
  /** Folder of the runtime. */
  runtimeUrl: string;
  numpy: { url: string; integrity: string };
  /** A snapshot of Python's memory; table: functions in the table of the Python that wrote it. */
  snapshot: { url: string; bytes: number; table: number } | null;
  featuresUrl: string;
}

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

/** Start and end of excerpts, in samples of the song; their samples stand one behind the other. */
export type Bounds = [first: number, last: number][];

/** A task has a number; `spec` is the JSON of a feature spec. */
export type Task =
  | { type: 'extract'; samples: Float32Array; spec: string; stream?: Stretch; bounds?: Bounds }
  /** Which excerpts are listened to of a song of so many samples. */
  | { type: 'choose'; length: number; spec: string }
  | { type: 'invert'; text: string; spec: string }
  /** Embeddings stand one after the other; `request` is the JSON that features/browser.py wants. */
  | { type: 'teach'; embeddings: Float32Array; request: string }
  | { type: 'tellOwn'; embeddings: Float32Array; request: string }
  | { type: 'loadOwn'; text: string }
  | { type: 'layOut'; embeddings: Float32Array; model: string };

export type ToAnalysis =
  | ({ type: 'start'; words: Words } & Addresses)
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
  /** Half of the sound is missing: it ends at 4 kHz. Songs that were remembered before do not tell. */
  narrow?: boolean;
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
  /** Of the song so far: stretches so quiet beside the rest that pieces handed out before are silence. */
  gaps: Piece[];
}

/** bounds: null for a song that is listened to as a whole. */
export interface Chosen {
  bounds: Bounds | null;
}

export interface Inverted {
  samples: Float32Array<ArrayBuffer>;
}

/** How well an own genre is recognised when its examples are left out. */
export interface GenreTaught {
  name: string;
  songs: number;
  /** Share of its examples, and the interval of 80 % around it; null when they are too few to say. */
  recognised: [value: number, low: number, high: number] | null;
  few: boolean;
  /** The genre to which most of the others go, and their share. */
  takenFor: string | null;
  takenShare: number;
  /** That genre, when they are many. */
  overlaps: string | null;
}

/** What an example is taken for when it is left out; null where nothing can be said. */
export interface ExampleTaught {
  winner: string | null;
  probability: number;
  misfiled: boolean;
}

export interface Taught {
  /** Text of a file of own genres, without names of songs. */
  file: string;
  genres: GenreTaught[];
  examples: ExampleTaught[];
}

/** Answers in own genres; the probabilities of one song after the other. */
export interface Told {
  genres: string[];
  probabilities: Float32Array;
  unsure: boolean[];
}

/** A file of own genres that can be used. */
export interface Loaded {
  version: string;
  modelSha256: string;
  mode: 'own' | 'beside';
  genres: GenreTaught[];
  songs: [name: string, genre: string][];
}

/** Songs among each other; the numbers of one after those of the other. */
export interface LaidOut {
  /** Two of each song, along the principal axes. */
  points: Float32Array;
  /** `size` of each; two songs are as far apart as they are different. */
  places: Float32Array;
  size: number;
  /** Of the variance, of both axes. */
  shares: number[];
}

/** By the type of the task. */
export interface Answers {
  extract: Extracted | Fed;
  choose: Chosen;
  invert: Inverted;
  teach: Taught;
  tellOwn: Told;
  loadOwn: Loaded;
  layOut: LaidOut;
}

export type FromAnalysis =
  | { type: 'loading'; files: number; bytes: number }
  | { type: 'ready'; fromSnapshot: boolean }
  | { type: 'failed'; message: string }
  | { type: 'progress'; id: number; done: number; total: number }
  | ({ type: 'extracted'; id: number } & Answers['extract'])
  | ({ type: 'chosen'; id: number } & Chosen)
  | ({ type: 'inverted'; id: number } & Answers['invert'])
  | ({ type: 'taught'; id: number } & Taught)
  | ({ type: 'told'; id: number } & Told)
  | ({ type: 'loaded'; id: number } & Loaded)
  | ({ type: 'laidOut'; id: number } & LaidOut)
  /** No features can be made of the sound; message: a sentence of features/, in English. */
  | { type: 'refused'; id: number; code: string; message: string }
  /** No sound can be made of the text. */
  | { type: 'unmade'; id: number; reason: string }
  /** What was asked about own genres cannot be answered. */
  | { type: 'undone'; id: number; reason: string }
  /** Something unexpected: the worker is not to be trusted any more. */
  | { type: 'broken'; id: number; message: string };
