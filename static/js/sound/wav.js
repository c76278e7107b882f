/** Samples as a wav file: of 32-bit floats, which every browser decodes, or of 16 bits for players. */

const HEADER_BYTES = 44;
const PCM = 1;
const IEEE_FLOAT = 3;

/**
 * A file with its header written and room for the samples.
 * @param {number} length samples of one channel
 * @param {number} sampleRate in Hz
 * @param {{format: number, bytes: number, channels?: number}} kind of a sample
 * @returns {ArrayBuffer}
 */
function blank(length, sampleRate, { format, bytes, channels = 1 }) {
  const buffer = new ArrayBuffer(HEADER_BYTES + length * bytes * channels);
  const view = new DataView(buffer);
  /** @param {number} at @param {string} word */
  const text = (at, word) => [...word].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  text(0, 'RIFF');
  view.setUint32(4, buffer.byteLength - 8, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, format, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * bytes * channels, true);
  view.setUint16(32, bytes * channels, true);
  view.setUint16(34, 8 * bytes, true);
  text(36, 'data');
  view.setUint32(40, length * bytes * channels, true);
  return buffer;
}

/**
 * @param {Float32Array} samples one channel
 * @param {number} sampleRate in Hz
 * @returns {ArrayBuffer} a wav file of 32-bit floats
 */
export function floatWav(samples, sampleRate) {
  const buffer = blank(samples.length, sampleRate, { format: IEEE_FLOAT, bytes: 4 });
  // Browsers run on little-endian machines, as wav is.
  new Float32Array(buffer, HEADER_BYTES).set(samples);
  return buffer;
}

/**
 * @param {Float32Array} samples one channel, within -1 and 1; values beyond are clipped
 * @param {number} sampleRate in Hz
 * @param {string} name of the file
 * @returns {File} a wav file of 16-bit integers
 */
export const pcmWav = (samples, sampleRate, name) => pcmWavOf([samples], sampleRate, name);

/**
 * @param {Float32Array[]} channels of one length, within -1 and 1; values beyond are clipped
 * @param {number} sampleRate in Hz
 * @param {string} name of the file
 * @returns {File} a wav file of 16-bit integers
 */
export function pcmWavOf(channels, sampleRate, name) {
  const { length } = channels[0];
  const count = channels.length;
  const buffer = blank(length, sampleRate, { format: PCM, bytes: 2, channels: count });
  const view = new DataView(buffer);
  channels.forEach((samples, channel) => {
    for (let i = 0; i < length; i += 1) {
      const value = Math.max(-1, Math.min(1, samples[i]));
      view.setInt16(HEADER_BYTES + 2 * (count * i + channel), Math.round(value * 32767), true);
    }
  });
  return new File([buffer], name, { type: 'audio/wav' });
}
