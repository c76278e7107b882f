/** As much of Meyda as bench/peers_worker.js uses: its file for browsers sets a global. */

export {};

declare global {
  var Meyda: {
    bufferSize: number;
    sampleRate: number;
    melBands: number;
    numberOfMFCCCoefficients: number;
    windowingFunction: string;
    extract(feature: 'mfcc', signal: Float32Array): number[];
  };
}
