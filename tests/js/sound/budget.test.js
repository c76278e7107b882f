import assert from 'node:assert/strict';
import test from 'node:test';

import { Budget } from '../../../static/js/sound/budget.js';

/**
 * Take amounts from a budget; begun() gives the numbers of those that were granted so far.
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

test('amounts are granted while they fit, and the rest waits', async () => {
  const { begun, giveBack } = taking(new Budget(900), [300, 300, 300, 1]);
  assert.deepEqual(await begun(), [0, 1, 2]);
  giveBack(1);
  assert.deepEqual(await begun(), [0, 1, 2, 3]);
});

test('amounts are granted in the order in which they were asked for', async () => {
  const { begun, giveBack } = taking(new Budget(900), [600, 600, 1]);
  // The third amount would fit, but the second one is first in line.
  assert.deepEqual(await begun(), [0]);
  giveBack(0);
  assert.deepEqual(await begun(), [0, 1, 2]);
});

test('an amount larger than the whole budget is granted when nothing else is held', async () => {
  const { begun, giveBack } = taking(new Budget(900), [1, 5000, 1]);
  assert.deepEqual(await begun(), [0]);
  giveBack(0);
  assert.deepEqual(await begun(), [0, 1]);
  giveBack(1);
  assert.deepEqual(await begun(), [0, 1, 2]);
});

test('giving back fractions leaves no rounding error in the budget', async () => {
  const amounts = [0.1, 0.2, 0.3, 5000];
  const { begun, giveBack } = taking(new Budget(900), amounts);
  assert.deepEqual(await begun(), [0, 1, 2]);
  for (const n of [0, 1, 2]) giveBack(n);
  assert.deepEqual(await begun(), [0, 1, 2, 3]);
});

test('giving back the same amount twice counts once', async () => {
  const { begun, giveBack } = taking(new Budget(900), [600, 600, 600]);
  assert.deepEqual(await begun(), [0]);
  giveBack(0);
  giveBack(0);
  assert.deepEqual(await begun(), [0, 1]);
});
