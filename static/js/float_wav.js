/** Samples as a file that every browser decodes. */

const HEADER_BYTES = 44;
const IEEE_FLOAT = 3;

/**
 * @param {Float32Array} samples one channel
 * @param {number} rate in Hz
 * @returns {ArrayBuffer} a wav file of 32-bit floats
 */
export function wav(samples, rate) {
  const buffer = new ArrayBuffer(HEADER_BYTES + samples.byteLength);
  const view = new DataView(buffer);
  const text = (at, letters) => [...letters].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  text(0, 'RIFF');
  view.setUint32(4, buffer.byteLength - 8, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, IEEE_FLOAT, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 4, true);
  view.setUint16(32, 4, true);
  view.setUint16(34, 32, true);
  text(36, 'data');
  view.setUint32(40, samples.byteLength, true);
  // Browsers run on little-endian machines, as wav is.
  new Float32Array(buffer, HEADER_BYTES).set(samples);
  return buffer;
}
