import assert from 'node:assert/strict';
import test from 'node:test';

import '../page.js';
import { chosenFiles, folderFiles } from '../../../static/js/intake/files.js';
import { leftOutText } from '../../../static/js/intake/left_out.js';

/** @param {number} size of its packets @param {number} from where the first one begins */
function transport(size, from) {
  const bytes = new Uint8Array(from + 8 * size);
  for (let at = from; at < bytes.length; at += size) bytes[at] = 0x47;
  return bytes;
}

/** @param {string} path @param {BlobPart} [content] @param {string} [type] */
function inFolder(path, content = 'sound', type = '') {
  const file = new File([content], path.slice(path.lastIndexOf('/') + 1), { type });
  Object.defineProperty(file, 'webkitRelativePath', { value: path });
  return file;
}

/** @param {import('../../../static/js/intake/files.js').Found} found */
const names = ({ files }) => files.map(({ path }) => path);

test('hidden files, companions, playlists, MIDI and TypeScript of a folder are left out and counted', async () => {
  const found = await folderFiles([
    inFolder('a/song.mp3'), inFolder('a/._song.mp3'), inFolder('a/__MACOSX/a/song.mp3'), inFolder('a/.trash/b.mp3'),
    inFolder('a/.c.ogg'), inFolder('a/all.m3u8', '#EXTM3U', 'audio/x-mpegurl'), inFolder('a/d.mid', 'MThd', 'audio/midi'),
    inFolder('a/index.ts', 'export const GENRES = 10;\n'.repeat(90), 'video/mp2t'), inFolder('a/cover.jpg'),
  ]);
  assert.deepEqual(names(found), ['a/song.mp3']);
  assert.deepEqual(found.leftOut, { companion: 2, hidden: 2, silent: 4 });
  assert.equal(
    leftOutText(found.leftOut, found.inFolder),
    '8 files in the folder left out: no audio (4), hidden (2), companions that a Mac makes (2).',
  );
});

test('a folder that was chosen may have any name, and a title may begin with dots', async () => {
  const files = [inFolder('.music/one/a.mp3'), inFolder('.music/...And Justice for All.mp3')];
  assert.deepEqual(names(await folderFiles(files)), ['.music/one/a.mp3', '.music/...And Justice for All.mp3']);
});

test('a transport stream is a song, with packets of either size and wherever they begin', async () => {
  const files = [
    inFolder('a/b.ts', transport(188, 0)), inFolder('a/c.ts', transport(188, 57)), inFolder('a/d.m2ts', transport(192, 4)),
  ];
  const found = await folderFiles(files);
  assert.deepEqual(names(found), ['a/b.ts', 'a/c.ts', 'a/d.m2ts']);
  assert.deepEqual(found.leftOut, {});
});

test('among several files the same are left out, but not a song without an ending', async () => {
  const found = await chosenFiles([
    inFolder('song'), inFolder('._song.mp3'), inFolder('list.pls'), inFolder('song.kar'), inFolder('a.mts', 'const a = 1;'),
    inFolder('letter.txt'),
  ]);
  assert.deepEqual(names(found), ['song', 'letter.txt']);
  assert.equal(leftOutText(found.leftOut, found.inFolder), '4 files left out: no audio (3), companions that a Mac makes (1).');
});

test('a file that is chosen by itself is a song, whatever it is', async () => {
  for (const name of ['._song.mp3', '.song.mp3', 'list.m3u', 'song.mid', 'index.ts']) {
    const found = await chosenFiles([inFolder(name)]);
    assert.deepEqual(names(found), [name]);
    assert.equal(leftOutText(found.leftOut, found.inFolder), '');
  }
});

test('one reason needs no counts beside that of all files', () => {
  assert.equal(leftOutText({ silent: 1 }, true), '1 file in the folder left out: no audio.');
  assert.equal(leftOutText({ hidden: 2 }, false), '2 files left out: hidden.');
});
