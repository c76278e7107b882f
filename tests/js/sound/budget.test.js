import assert from 'node:assert/strict';
import test from 'node:test';

import { Budget } from '../../../static/js/sound/budget.js';

/**
 * Takers of amounts, and which of them have begun.
 * @param {Budget} budget
 * @param {number[]} amounts
 */
function taking(budget, amounts) {
  /** @type {Map<number, () => void>} */
  const begun = new Map();
  amounts.forEach((amount, n) => budget.take(amount).then((giveBack) => begun.set(n, giveBack)));
  return {
    begun: async () => {
      await new Promise(setImmediate);
      return [...begun.keys()];
    },
    /** @param {number} n */
    giveBack: (n) => begun.get(n)?.(),
  };
}

test('as much is given as there is, and the rest waits', async () => {
  const { begun, giveBack } = taking(new Budget(900), [300, 300, 300, 1]);
  assert.deepEqual(await begun(), [0, 1, 2]);
  giveBack(1);
  assert.deepEqual(await begun(), [0, 1, 2, 3]);
});

test('room is given in the order in which it was asked for', async () => {
  const { begun, giveBack } = taking(new Budget(900), [600, 600, 1]);
  // the third would fit, but the second has waited longer
  assert.deepEqual(await begun(), [0]);
  giveBack(0);
  assert.deepEqual(await begun(), [0, 1, 2]);
});

test('more than there is at all is given alone', async () => {
  const { begun, giveBack } = taking(new Budget(900), [1, 5000, 1]);
  assert.deepEqual(await begun(), [0]);
  giveBack(0);
  assert.deepEqual(await begun(), [0, 1]);
  giveBack(1);
  assert.deepEqual(await begun(), [0, 1, 2]);
});

test('fractions of a second that are given back leave nothing behind', async () => {
  const amounts = [0.1, 0.2, 0.3, 5000];
  const { begun, giveBack } = taking(new Budget(900), amounts);
  assert.deepEqual(await begun(), [0, 1, 2]);
  for (const n of [0, 1, 2]) giveBack(n);
  assert.deepEqual(await begun(), [0, 1, 2, 3]);
});

test('what was given back once is not given back again', async () => {
  const { begun, giveBack } = taking(new Budget(900), [600, 600, 600]);
  assert.deepEqual(await begun(), [0]);
  giveBack(0);
  giveBack(0);
  assert.deepEqual(await begun(), [0, 1]);
});
