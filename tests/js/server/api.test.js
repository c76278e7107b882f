import assert from 'node:assert/strict';
import test from 'node:test';

import '../page.js';
import { makePrediction } from '../made.js';

const { takeEmbedding } = await import('../../../static/js/server/api.js');

/** An answer of two pieces, as the server gives it to a request with `?embedding=1`. */
function answer() {
  const { aggregate, segments, ...rest } = makePrediction('rp', [0.1, 0.2, 0.7]);
  return {
    ...rest,
    aggregate: { ...aggregate, embedding: [0.25, -1.5] },
    segments: segments.map((piece, n) => ({ ...piece, embedding: [n, -1.5 - n] })),
  };
}

test('embeddings are taken out of an answer, which is then as without them', () => {
  const { embedding, ...plain } = takeEmbedding(answer(), 'sha');
  assert.deepEqual(plain, makePrediction('rp', [0.1, 0.2, 0.7]));
  assert.deepEqual(embedding, {
    model: 'sha', song: [0.25, -1.5], pieces: Float32Array.of(0, -1.5, 1, -2.5),
  });
});

test('the answer itself is left as it came', () => {
  const given = answer();
  takeEmbedding(given, 'sha');
  assert.deepEqual(given, answer());
});

test('an answer without embeddings has none', () => {
  const given = makePrediction('rp', [0.1, 0.2, 0.7]);
  assert.deepEqual(takeEmbedding(given, 'sha'), given);
});
