/** Sound as a file that every player reads and seeks in. */

const HEADER_BYTES = 44;

/**
 * @param {Float32Array} samples one channel, within -1 and 1; what is beyond is clipped
 * @param {number} sampleRate
 * @param {string} name
 * @returns {File} 16-bit PCM in a WAV file
 */
export function toWav(samples, sampleRate, name) {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + 2 * samples.length));
  const text = (at, word) => [...word].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  text(0, 'RIFF');
  view.setUint32(4, view.byteLength - 8, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, 2 * sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, 2 * samples.length, true);
  for (let i = 0; i < samples.length; i += 1) {
    const value = Math.max(-1, Math.min(1, samples[i]));
    view.setInt16(HEADER_BYTES + 2 * i, Math.round(value * 32767), true);
  }
  return new File([view], name, { type: 'audio/wav' });
}
