import assert from 'node:assert/strict';
import test from 'node:test';

import '../page.js';
import { fingerprint, fingerprintAll, sameContent } from '../../../static/js/songs/fingerprint.js';
import { Song } from '../../../static/js/songs/song.js';

const KB = 1024;
const SIZE = 1000 * KB;

/** @param {number[]} marks where a byte differs @param {number} [size] @returns {File} */
function file(marks, size = SIZE) {
  const bytes = new Uint8Array(size);
  for (const mark of marks) bytes[mark] = 1;
  return new File([bytes], 'song.mp3');
}

/** @param {File} sound */
async function taken(sound) {
  const song = new Song(sound);
  await fingerprintAll([song]);
  return song;
}

test('the first, the middle and the last 64 kB count, and nothing between', async () => {
  const plain = await fingerprint(file([]));
  assert.match(plain ?? '', /^[0-9a-f]{64}$/);
  for (const mark of [0, 64 * KB - 1, SIZE / 2, SIZE / 2 - 32 * KB, SIZE - 1, SIZE - 64 * KB]) {
    assert.notEqual(await fingerprint(file([mark])), plain, `byte ${mark}`);
  }
  for (const mark of [64 * KB, SIZE / 4, SIZE / 2 + 32 * KB, SIZE - 64 * KB - 1]) {
    assert.equal(await fingerprint(file([mark])), plain, `byte ${mark}`);
  }
});

test('of a small file all of it counts', async () => {
  for (const size of [1, 64 * KB, 150 * KB, 192 * KB]) {
    const plain = await fingerprint(file([], size));
    for (const mark of [0, Math.floor(size / 3), size - 1]) {
      assert.notEqual(await fingerprint(file([mark], size)), plain, `byte ${mark} of ${size}`);
    }
  }
  assert.match(await fingerprint(new Blob()) ?? '', /^[0-9a-f]{64}$/);
});

test('a fingerprint is taken once, and kept', async () => {
  let reads = 0;
  class Counted extends File {
    /** @override */
    arrayBuffer() {
      reads += 1;
      return super.arrayBuffer();
    }
  }
  const song = new Song(new Counted(['sound'], 'song.mp3'));
  await fingerprintAll([song]);
  await fingerprintAll([song, new Song({ name: 'lost.mp3', size: 5 })]);
  assert.equal(reads, 1);
});

test('without crypto.subtle the bytes are compared', async () => {
  const { crypto } = globalThis;
  Object.defineProperty(globalThis, 'crypto', { value: {}, configurable: true });
  try {
    const song = await taken(file([5]));
    assert.equal(song.fingerprint, null);
    assert.equal(await sameContent(await taken(file([5])), song), true);
    assert.equal(await sameContent(await taken(file([6])), song), false);
    song.file = null;
    assert.equal(await sameContent(await taken(file([5])), song), null);
  } finally {
    Object.defineProperty(globalThis, 'crypto', { value: crypto, configurable: true });
  }
});

test('a file that cannot be read is no song of the list', async () => {
  class Gone extends File {
    /** @override @returns {Promise<never>} */
    async arrayBuffer() {
      throw new DOMException('gone', 'NotReadableError');
    }
  }
  const gone = await taken(new Gone(['sound'], 'song.mp3'));
  assert.equal(await sameContent(await taken(new File(['sound'], 'song.mp3')), gone), false);
});
