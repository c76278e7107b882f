import assert from 'node:assert/strict';
import test from 'node:test';

import { likelihood } from '../../../static/js/answer/words.js';

test('a probability is worded by the range that it lies in', () => {
  assert.deepEqual([1, 0.8].map(likelihood), ['Very likely', 'Very likely']);
  assert.deepEqual([0.7999, 0.6].map(likelihood), ['Probably', 'Probably']);
  assert.deepEqual([0.5999, 0.4].map(likelihood), ['Perhaps', 'Perhaps']);
  assert.deepEqual([0.3999, 0].map(likelihood), ['Not sure, maybe', 'Not sure, maybe']);
});
