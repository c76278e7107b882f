import assert from 'node:assert/strict';
import test from 'node:test';

import { floatWav, pcmWav } from '../../../static/js/sound/wav.js';

/** @param {ArrayBuffer} buffer */
const hex = (buffer) => Buffer.from(buffer).toString('hex');

test('a file of 16 bits equals that of Python, byte for byte', async () => {
  // By wave.open(..., 'w'): one channel, two bytes, 22,050 Hz; frames 0, 16384, -32767, 32767, 1.
  const expected = '524946462e00000057415645666d74201000000001000100225600004' + '4ac00000200100064617461'
    + '0a000000' + '0000' + '0040' + '0180' + 'ff7f' + '0100';
  const file = pcmWav(Float32Array.of(0, 0.5, -1, 1, 0.00003), 22_050, 'song.wav');
  assert.equal(hex(await file.arrayBuffer()), expected);
  assert.equal(file.name, 'song.wav');
  assert.equal(file.type, 'audio/wav');
});

test('samples beyond full scale are clipped in a file of 16 bits', async () => {
  const file = pcmWav(Float32Array.of(1.5, -1.5, Infinity, -Infinity), 8000, 'loud.wav');
  assert.deepEqual(new Int16Array((await file.arrayBuffer()).slice(44)),
    Int16Array.of(32_767, -32_767, 32_767, -32_767));
});

test('a file of floats keeps every sample as it is', () => {
  const samples = Float32Array.of(0, -0, 1.5, -1e-20, Math.PI);
  const buffer = floatWav(samples, 44_100);
  const view = new DataView(buffer);
  assert.equal(Buffer.from(buffer, 0, 4).toString(), 'RIFF');
  // The number of bytes that follow: 36 of the header and 20 of samples.
  assert.equal(view.getUint32(4, true), 36 + 20);
  assert.equal(Buffer.from(buffer, 8, 8).toString(), 'WAVEfmt ');
  assert.equal(view.getUint32(16, true), 16);
  assert.deepEqual(
    [view.getUint16(20, true), view.getUint16(22, true), view.getUint32(24, true)],
    [3, 1, 44_100],
    'IEEE floats, one channel, rate',
  );
  assert.deepEqual(
    [view.getUint32(28, true), view.getUint16(32, true), view.getUint16(34, true)],
    [176_400, 4, 32],
    'bytes a second, bytes and bits a sample',
  );
  assert.equal(Buffer.from(buffer, 36, 4).toString(), 'data');
  assert.equal(view.getUint32(40, true), 20);
  assert.deepEqual(new Float32Array(buffer, 44), samples);
});

test('a file without samples is its header only', async () => {
  assert.equal(floatWav(new Float32Array(), 22_050).byteLength, 44);
  assert.equal(pcmWav(new Float32Array(), 22_050, 'empty.wav').size, 44);
});
