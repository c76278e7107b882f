import assert from 'node:assert/strict';
import test from 'node:test';

import { mp4Cutter } from '../../../static/js/sound/mp4_cuts.js';

const RATE = 44_100;
const COUNT = 3000;
const PER_CHUNK = 7;

/** @param {...number} values @returns {Buffer} four bytes each */
const words = (...values) => Buffer.concat(values.map((value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}));

/** @param {string} name @param {...(Buffer | number[])} content */
function box(name, ...content) {
  const inside = Buffer.concat(content.map((each) => Buffer.from(each)));
  return Buffer.concat([words(inside.length + 8), Buffer.from(name), inside]);
}

/** @param {number} type of aac @param {number} rate 4 is 44,100 Hz, 3 is 48,000 @param {number} channels */
const esds = (type, rate, channels) => box('esds', words(0), [
  3, 0x80, 0x80, 0x80, 34, 0, 0, 0, 4, 0x80, 0x80, 0x80, 20, ...new Array(13).fill(0), 5, 0x80, 0x80, 0x80, 2,
  (type << 3) | (rate >> 1), ((rate & 1) << 7) | (channels << 3),
]);

const PACKETS = Array.from({ length: COUNT }, (_, n) => {
  const packet = Buffer.alloc(90 + n % 11, 0x55);
  packet.writeUInt32LE(n, 10);
  return packet;
});

/**
 * @param {{long?: boolean, sizes?: 'stsz' | 'stz2', stts?: number[], elst?: number, packets?: Buffer[], clock?: number,
 *   description?: Buffer, told?: string}} [how] long: with 64-bit places
 */
function m4a({
  long = false, sizes = 'stsz', stts = [COUNT, 1024], elst = undefined, packets = PACKETS, clock = RATE, description = esds(2, 4, 2), told = '',
} = {}) {
  const head = box('ftyp', Buffer.from('M4A \0\0\0\0'));
  // Bytes of something else stand between the chunks.
  const gap = Buffer.alloc(33, 0xaa);
  const chunks = Array.from({ length: Math.ceil(packets.length / PER_CHUNK) }, (_, n) =>
    Buffer.concat([...packets.slice(n * PER_CHUNK, (n + 1) * PER_CHUNK), gap]));
  const places = chunks.map((_, n) => head.length + 8 + chunks.slice(0, n).reduce((sum, chunk) => sum + chunk.length, 0));
  const rest = packets.length % PER_CHUNK;
  const stsc = rest ? [2, 1, PER_CHUNK, 1, chunks.length, rest, 1] : [1, 1, PER_CHUNK, 1];
  const table = box('stbl',
    box('stsd', words(0, 1), box('mp4a', Buffer.alloc(28), description)),
    box('stts', words(0, stts.length / 2, ...stts)),
    box('stsc', words(0, ...stsc)),
    sizes === 'stsz' ? box('stsz', words(0, 0, packets.length, ...packets.map(({ length }) => length))) : box('stz2', words(0, 16, 0)),
    long ? box('co64', words(0, places.length, ...places.flatMap((place) => [0, place]))) : box('stco', words(0, places.length, ...places)));
  const track = box('trak',
    ...(elst === undefined ? [] : [box('edts', box('elst', words(0, 1, 1000, elst, 0x1_0000)))]),
    box('mdia', box('mdhd', words(0, 0, 0, clock, COUNT * 1024)), box('hdlr', words(0, 0), Buffer.from('soun')), box('minf', table)));
  const parts = [head, box('mdat', ...chunks), box('moov', track, box('udta', Buffer.from(told)))];
  return new File(parts.map((part) => new Uint8Array(part)), 'a.m4a');
}

const lead = () => 13_230;

/** @param {Buffer[]} packets @param {number} rate @returns {Buffer} with headers of ADTS for LC and two channels */
const adts = (packets, rate = 4) => Buffer.concat(packets.flatMap((packet) => {
  const size = packet.length + 7;
  return [Buffer.from([0xff, 0xf1, 0x40 | (rate << 2), 0x80 | (size >> 11), (size >> 3) & 255, ((size & 7) << 5) | 0x1f, 0xfc]), packet];
}));

/** @param {File} file */
async function cutterFor(file) {
  const cutter = await mp4Cutter(file, lead);
  assert.ok(cutter);
  return cutter;
}

/** @param {import('../../../static/js/sound/cuts.js').Cut | null} cut */
async function held(cut) {
  assert.ok(cut);
  return { ...cut, file: Buffer.from(await cut.file.arrayBuffer()) };
}

// 0.3 s before 30 s is packet 1279; 50 s ends in packet 2153.
const INSIDE = adts(PACKETS.slice(1279, 2154));

test('packets of an mp4 are copied behind headers of ADTS, without what stands between the chunks', async () => {
  for (const long of [false, true]) {
    const cutter = await cutterFor(m4a({ long }));
    assert.deepEqual([cutter.rate, cutter.length], [RATE, COUNT * 1024]);
    assert.deepEqual(await held(await cutter.cut(30 * RATE, 50 * RATE, 2)), {
      file: INSIDE, length: 875 * 1024, end: 2154 * 1024, left: 0,
    });
  }
});

test('the first packets and the last', async () => {
  const cutter = await cutterFor(m4a({ stts: [COUNT - 1, 1024, 1, 500] }));
  assert.equal(cutter.length, (COUNT - 1) * 1024 + 500);
  assert.deepEqual((await held(await cutter.cut(0, 10 * RATE, 2))).file, adts(PACKETS.slice(0, 431)));
  assert.deepEqual((await held(await cutter.cut(60 * RATE, cutter.length, 2))).file, adts(PACKETS.slice(2571)));
});

test('what the encoder added is no part of the song, whoever tells it', async () => {
  const listed = await cutterFor(m4a({ elst: 2112 }));
  const itunes = await cutterFor(m4a({ told: `com.apple.iTunes iTunSMPB data and so on 00000000 00000840 00000100 00000000001E8480 0` }));
  assert.deepEqual([listed.length, itunes.length], [COUNT * 1024 - 2112, 2_000_000]);
  for (const cutter of [listed, itunes]) {
    const { file, length, end } = await held(await cutter.cut(30 * RATE, 44 * RATE, 2));
    // 2112 samples later: packets 1281 to 1896.
    assert.deepEqual(file, adts(PACKETS.slice(1281, 1897)));
    assert.deepEqual([length, end], [616 * 1024, 1897 * 1024 - 2112]);
  }
});

test('the packet begins where the resampler has a sample, where one is near', async () => {
  const cutter = await cutterFor(m4a({ clock: 48_000, description: esds(2, 3, 2) }));
  // 0.28 s before 30 s is packet 1393; five of 1024 samples are a multiple of 320.
  assert.deepEqual((await held(await cutter.cut(30 * 48_000, 50 * 48_000, 320))).file, adts(PACKETS.slice(1390, 2344), 3));
  assert.deepEqual((await held(await cutter.cut(30 * 48_000, 50 * 48_000, 1_000_003))).file, adts(PACKETS.slice(1393, 2344), 3));
});

test('files that are written in another way are decoded as a whole', async () => {
  const none = async (/** @type {File} */ file) => assert.equal(await mp4Cutter(file, lead), null);
  // Fragments bring tables of their own; here there are none.
  await none(m4a({ packets: [], stts: [] }));
  await none(m4a({ sizes: 'stz2' }));
  await none(m4a({ stts: [1000, 1024, 2000, 900] }));
  await none(m4a({ stts: [COUNT, 960] }));
  await none(m4a({ description: esds(42, 4, 2) }));
  await none(m4a({ description: esds(2, 15, 2) }));
  await none(m4a({ description: box('none') }));
  await none(m4a({ packets: [Buffer.alloc(9000)] }));
  await none(new File(['no boxes'], 'a.m4a'));
});
