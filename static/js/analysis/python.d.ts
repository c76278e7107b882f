/** The Python of the page, features/browser.py, as Pyodide shows it to analysis_worker.js. */

import type { Chosen, LaidOut, Loaded, Piece, Taught, Told } from './messages.d.ts';

/** An object of Python. */
export interface PythonObject {
  /** Let go of it: Python's memory is not collected by JavaScript. */
  destroy(): void;
}

/** A dictionary of Python. */
export interface Dictionary<T> extends PythonObject {
  /** A copy of it and all that it holds. */
  toJs(options: { dict_converter: typeof Object.fromEntries }): T;
}

/** A generator of Python. */
export interface Generated<T> extends PythonObject, Iterable<Dictionary<T>> {}

/** A request; body: its JSON text. */
export interface PythonNumbers {
  body: string;
  nSegments: number;
  repeated: boolean;
  skipped: number;
  narrow: boolean;
}

/** A sound or numbers that cannot be used; message: the English sentence of the code. */
export interface PythonRefused {
  type: 'refused';
  code: string;
  message: string;
}

export type PythonExtracted = { type: 'extracted'; pieces: Piece[] } & PythonNumbers;
export type PythonFed = { type: 'extracted'; pieces: Piece[]; requests: PythonNumbers[]; gaps: Piece[] };

/** One step of making a sound; the samples of a block begin at `first`. */
export type PythonStep =
  | PythonRefused
  | { type: 'begun'; nSamples: number; nBlocks: number }
  | { type: 'block'; first: number; samples: Float32Array }
  | { type: 'made'; gain: number };

/** `spec` is the JSON of a feature spec. */
export interface PythonModule {
  extract(
    samples: Float32Array,
    spec: string,
    progress: (done: number, total: number) => void,
  ): Dictionary<PythonExtracted | PythonRefused>;
  choose_excerpts(length: number, spec: string): Dictionary<{ type: 'chosen' } & Chosen>;
  extract_excerpts(
    samples: Float32Array,
    bounds: string,
    spec: string,
    progress: (done: number, total: number) => void,
  ): Dictionary<PythonExtracted | PythonRefused>;
  feed(
    key: number,
    samples: Float32Array,
    spec: string,
    take: boolean,
    last: boolean,
    most: number,
  ): Dictionary<PythonFed | PythonRefused>;
  forget(key: number): void;
  invert(body: string, spec: string): Generated<PythonStep>;
  teach(embeddings: Float32Array, request: string): Dictionary<({ type: 'taught' } & Taught) | PythonRefused>;
  tell_own(embeddings: Float32Array, request: string): Dictionary<({ type: 'told' } & Told) | PythonRefused>;
  load_own(text: string): Dictionary<({ type: 'loaded' } & Loaded) | PythonRefused>;
  lay_out(embeddings: Float32Array, model: string): Dictionary<({ type: 'laidOut' } & LaidOut) | PythonRefused>;
}
