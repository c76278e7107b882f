/** As much of essentia.js as bench/peers_worker.js uses: its own types have none of its core. */

interface Vector {
  get(index: number): number;
  delete(): void;
}

interface Frames {
  get(index: number): Vector;
  size(): number;
  delete(): void;
}

export declare const EssentiaWASM: object;

export default class Essentia {
  constructor(wasm: object);
  FrameGenerator(samples: Float32Array, size: number, hop: number): Frames;
  Windowing(
    frame: Vector, normalized: boolean, size: number, type: string, zeroPadding: number,
    zeroPhase: boolean,
  ): { frame: Vector };
  Spectrum(frame: Vector, size: number): { spectrum: Vector };
  MFCC(
    spectrum: Vector, dctType: number, highestHz: number, inputSize: number, liftering: number,
    logType: string, lowestHz: number, normalize: string, bands: number, coefficients: number,
    sampleRate: number, silence: number, type: string, warping: string, weighting: string,
  ): { bands: Vector; mfcc: Vector };
}
