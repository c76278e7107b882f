import assert from 'node:assert/strict';
import test from 'node:test';
import { gunzipSync } from 'node:zlib';

/**
 * A new copy of the module, loaded as by a page at this host name: it reads the name on loading.
 * @param {string} hostname
 * @returns {Promise<typeof import('../../../static/js/server/packing.js')>}
 */
async function packingAt(hostname) {
  Object.defineProperty(globalThis, 'location', { value: { hostname }, configurable: true });
  return import(`../../../static/js/server/packing.js?page=${++pages}`);
}
let pages = 0;

/** A request as large as that of a song of three minutes. */
const NUMBERS = JSON.stringify(Array.from({ length: 100_000 }, (_, n) => Math.sin(n).toFixed(3)));

test('bodies for another computer are compressed with gzip without loss', async () => {
  const { packed } = await packingAt('music.example.org');
  // Texts that are shorter and longer than a block of the compression, and exactly as long.
  for (const text of ['', '{}', 'é'.repeat(32_768), 'x'.repeat(65_537), NUMBERS]) {
    const { content, headers } = await packed(new Blob([text]));
    assert.deepEqual(headers, { 'Content-Encoding': 'gzip' });
    assert.equal(gunzipSync(Buffer.from(await content.arrayBuffer())).toString(), text);
  }
});

test('compression makes numbers less than half as large', async () => {
  const { packed } = await packingAt('music.example.org');
  const body = new Blob([NUMBERS]);
  const { content } = await packed(body);
  assert.ok(content.size < body.size / 2, `${content.size} of ${body.size} bytes`);
});

test('a server on this computer gets plain text', async () => {
  for (const name of ['localhost', 'music.localhost', '127.0.0.1', '127.1.2.3', '[::1]']) {
    const { packed } = await packingAt(name);
    const body = new Blob(['{}']);
    assert.deepEqual(await packed(body), { content: body, headers: {} }, name);
  }
});

test('a name that only resembles those of this computer is another computer', async () => {
  const names = [
    'localhost.example.org', 'notlocalhost', '127.0.0.1.example.org', '10.127.0.0', '128.0.0.1',
    '[::2]', '192.168.0.1', '127x0x0x1',
  ];
  for (const name of names) {
    const { packed } = await packingAt(name);
    assert.deepEqual((await packed(new Blob(['{}']))).headers, { 'Content-Encoding': 'gzip' }, name);
  }
});

test('a server that refuses compressed bodies gets none from then on', async () => {
  const { packed, packNoMore } = await packingAt('music.example.org');
  assert.equal(packNoMore(), true);
  assert.equal(packNoMore(), false);
  const body = new Blob(['{}']);
  assert.equal((await packed(body)).content, body);
});

test('a browser without compression sends plain text', async (t) => {
  const whole = globalThis.CompressionStream;
  Object.assign(globalThis, { CompressionStream: undefined });
  t.after(() => Object.assign(globalThis, { CompressionStream: whole }));
  const { packed, packNoMore } = await packingAt('music.example.org');
  const body = new Blob(['{}']);
  assert.equal((await packed(body)).content, body);
  assert.equal(packNoMore(), false);
});
