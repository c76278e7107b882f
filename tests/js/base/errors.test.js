import assert from 'node:assert/strict';
import test from 'node:test';

import { UserError, withTimeout } from '../../../static/js/base/errors.js';

test('an error for the visitor may be tried again unless it says otherwise', () => {
  const error = new UserError('The file is empty.');
  assert.ok(error instanceof Error);
  assert.equal(String(error), 'UserError: The file is empty.');
  const { retryable, cancelled, unreachable, again } = error;
  assert.deepEqual([retryable, cancelled, unreachable, again], [true, false, false, null]);
  assert.equal(new UserError('', { retryable: false }).retryable, false);
  // 0 means at once; null means that the server gave no time.
  assert.equal(new UserError('', { again: 0 }).again, 0);
});

test('a promise that settles in time decides the result', async () => {
  const late = () => new Error('late');
  assert.equal(await withTimeout(Promise.resolve(7), 60_000, late), 7);
  await assert.rejects(withTimeout(Promise.reject(new Error('own')), 60_000, late), /^Error: own$/);
});

test('a promise that takes too long is rejected', async (t) => {
  /** @type {[() => void, number][]} */
  const timers = [];
  t.mock.method(globalThis, 'setTimeout', (/** @type {() => void} */ callback, /** @type {number} */ ms) => {
    timers.push([callback, ms]);
  });
  let settled = false;
  const waiting = withTimeout(new Promise(() => {}), 1000, () => new Error('late'))
    .finally(() => { settled = true; });
  await new Promise(setImmediate);
  assert.equal(settled, false);
  const [[callback, ms], ...others] = timers;
  assert.deepEqual([ms, others], [1000, []]);
  callback();
  await assert.rejects(waiting, /^Error: late$/);
});

test('a promise that settled leaves no timer behind', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  await withTimeout(Promise.resolve(), 60_000, () => new Error('late'));
  assert.equal(timers(), before);
});
