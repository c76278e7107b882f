import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { UserError } from '../../../static/js/base/errors.js';
import { kindOf } from '../../../static/js/sound/kind.js';
import { linksOf } from '../../../static/js/sound/links.js';
import { playable, readable } from '../../../static/js/sound/readable.js';
import { refusalOf } from '../../../static/js/sound/refusal.js';

/** @param {string} text one letter a byte */
const bytes = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** @param {string} text @param {string} [name] */
const file = (text, name = 'song.mp3') => new File([bytes(text)], name);

/** @param {string} text @param {string} [name] @returns {Promise<string>} what is said when it cannot be decoded */
const said = async (text, name) => refusalOf(await kindOf(file(text, name), name ?? 'song.mp3'))?.message ?? '';

const TAG = `ID3\x03\0\0\0\0\0\x05${'\0'.repeat(5)}`;

/** @param {string} name @param {string} content */
const box = (name, content) => {
  const size = content.length + 8;
  return `\0\0${String.fromCharCode(size >> 8, size & 255)}${name}${content}`;
};

/** @param {string} coding @param {string} rate four letters */
const m4a = (coding, rate = '\0\0\xac\x44') => box('ftyp', 'M4A \0\0\0\0') + box('free', '') + box('moov', box('trak', box('mdia',
  box('mdhd', `${'\0'.repeat(12)}${rate}\0\0\0\0`) + box('hdlr', `${'\0'.repeat(8)}soun`)
  + box('minf', box('stbl', box('stsd', `\0\0\0\0\0\0\0\x01${box(coding, '\0'.repeat(28))}`))))));

/** @type {{at: number, word: string, name: string, reason: string, also?: [number, string]}[]} */
const KINDS = JSON.parse(readFileSync(new URL('../../data/kinds.json', import.meta.url), 'utf8'));

test('the page and the command line know the same first bytes', async () => {
  for (const { at, word, name, reason, also } of KINDS) {
    const content = new Uint8Array(400);
    content.set(bytes(word), at);
    if (also) content.set(bytes(also[1]), also[0]);
    const kind = await kindOf(new File([content], 'song.mp3'), 'song.mp3');
    // Of this one an empty header names its coding.
    const expected = name === 'au' ? ['AU (0)', 'coded'] : [name, reason];
    assert.deepEqual([kind.name, kind.reason], expected);
  }
});

test('each kind that few browsers decode is named', async () => {
  for (const [text, name] of [
    ['MAC \x96\x0f', 'Monkey’s Audio (APE)'], ['wvpk', 'WavPack'], ['DSD ', 'DSD (DSF)'], ['FRM8', 'DSD (DFF)'],
    ['TTA1', 'True Audio (TTA)'], ['MPCK', 'Musepack'], ['MP+\x07', 'Musepack'], ['#!AMR\n', 'AMR'],
    ['0&\xb2u\x8ef\xcf\x11', 'Windows Media (WMA)'], [`OggS\0\x02${'\0'.repeat(20)}\x01\x50Speex   `, 'Speex'],
    [m4a('alac'), 'Apple Lossless (ALAC)'], [m4a('samr'), 'AMR'],
  ]) assert.equal(await said(text), `This is ${name}, which this browser cannot decode: convert it to flac or mp3, please.`);
});

test('what holds no sound is named, and no browser is asked about it', async () => {
  for (const [text, start, hopeless] of /** @type {[string, string, boolean][]} */ ([
    ['PK\x03\x04', 'This is an archive (ZIP)', true], ['Rar!\x1a\x07', 'This is an archive (RAR)', true],
    ['7z\xbc\xaf\x27\x1c', 'This is an archive (7z)', true], ['#EXTM3U\n', 'This is a playlist', true],
    ['[playlist]\n', 'This is a playlist', true], ['\xff\xd8\xff\xe0', 'This is a picture (JPEG)', true],
    ['\0\x05\x16\x07', 'This is a companion', true], [m4a('drms'), 'This song is protected', true],
    [m4a('enca'), 'This song is protected', true], ['MThd', 'This is MIDI', false],
    ['%PDF-1.4', 'This is a text or another document', false], ['<html>', 'This is a text or another document', false],
  ])) {
    assert.ok((await said(text)).startsWith(start), text);
    assert.equal((await kindOf(file(text), 'song.mp3')).hopeless, hopeless);
    if (hopeless) await assert.rejects(readable(file(text)), UserError);
  }
  assert.ok((await said('one.mp3\n', 'list.m3u')).startsWith('This is a playlist'));
});

test('kinds that browsers decode are not refused by their name, and their rate is known', async () => {
  const flac = `fLaC\0\0\0\x22${'\0'.repeat(10)}\x2e\xe0\0${'\0'.repeat(20)}`;
  for (const [text, name, rate] of /** @type {[string, string, number][]} */ ([
    [flac, 'flac', 192_000], [TAG + flac, 'flac', 192_000],
    [m4a('mp4a', '\0\x01\x77\0'), 'mp4', 96_000], ['\xff\xfb\x90\0', 'mp3', 0], ['\xff\xf1\x40\0', 'aac', 96_000],
    [`OggS\0\x02${'\0'.repeat(20)}\x01\x1e\x01vorbis\0\0\0\0\x02\x80\xbb\0\0`, 'ogg', 48_000],
  ])) {
    const kind = await kindOf(file(text), 'song.mp3');
    assert.deepEqual([kind.name, kind.rate, refusalOf(kind)], [name, rate, null]);
  }
  assert.equal(await said('\x12\x00\x34\x01'), '');
});

test('a tag before a kind that browsers do not expect behind one is left out, without a copy', async () => {
  const chosen = file(`${TAG}fLaC`);
  assert.equal(await (await playable(chosen)).text(), 'fLaC');
  const mp3 = file(`${TAG}\xff\xfb\x90\0`);
  assert.equal(await playable(mp3), mp3);
});

test('a wav file whose header browsers understand is left as it is, and another is mended', async () => {
  const header = 'RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data';
  const whole = file(`${header}\x04\0\0\0\x01\x02\x03\x04`);
  assert.equal(await playable(whole), whole);
  const cut = file(`${header}\0\0\0\0\x01\x02\x03\x04`);
  assert.deepEqual(new Uint8Array(await (await playable(cut)).arrayBuffer()),
    new Uint8Array(await whole.arrayBuffer()));
});

test('a file that ends in the middle of its header is of no other kind, and raises nothing', async () => {
  const caf = `caff\0\x01\0\0desc${'\0'.repeat(7)}\x20${'\0'.repeat(8)}lpcm${'\0'.repeat(20)}`;
  const aiff = `FORM\0\0\0\0AIFFCOMM\0\0\0\x12${'\0'.repeat(18)}SSND\0\0\0\x10${'\0'.repeat(16)}`;
  const opus = `OggS\0\x02${'\0'.repeat(20)}\x01\x13OpusHead\x01\x02${'\0'.repeat(9)}`;
  for (const whole of [caf, aiff, opus, `fLaC\0\0\0\x22${'\0'.repeat(34)}`, m4a('mp4a')]) {
    for (let length = 1; length < whole.length; length += 1) {
      const cut = file(whole.slice(0, length));
      await linksOf(cut, await kindOf(cut, 'song.mp3'));
    }
  }
});
