/** Shows the very numbers that are sent for a song, and how little they are beside the song. */

import { byId, one } from '../base/dom.js';
import { duration, integer, size } from '../base/format.js';
import { inversionView } from './inversion_view.js';
import { Places } from './places.js';
import { firstRequests, sentBytes } from '../server/requests.js';
import { t, tn } from '../base/text.js';

// Lines of numbers that are shown; a piece of half a minute has hundreds.
const MOST_LINES = 128;
// Read to show the first piece, which takes less in any version; two hours of numbers take far more.
const MOST_BYTES = 4_000_000;
// Requests of a long song of which a sound is made. They last some seven minutes; two hours would take
// gigabytes of memory.
const MOST_INVERTED = 2;

/**
 * The beginning of a request.
 * @typedef {object} First
 * @property {string} spec id of the feature spec
 * @property {string} kind of the numbers
 * @property {unknown[]} values of the first piece, by frame
 * @property {{start: number, end: number}} first piece
 */

/**
 * Read the spec and the first piece, without parsing an hour of numbers. A request is written without
 * spaces, so its first piece ends where two braces close.
 * @param {string} text
 * @returns {First}
 */
function firstOf(text) {
  const { feature_spec: spec, segments } = JSON.parse(`${text.slice(0, text.indexOf('}}') + 2)}]}`);
  const [[kind, values]] = Object.entries(segments[0].features);
  return { spec, kind, values, first: segments[0] };
}

/**
 * The first piece, one line per frame, or per number where each has a name; the others are counted.
 * @param {string} text
 * @param {number} nSegments
 * @param {string[]} names of the numbers; empty where they have none
 * @returns {string}
 */
function beginning(text, nSegments, names) {
  const { spec, kind, values, first } = firstOf(text);
  const lines = values.slice(0, MOST_LINES).map((value, i) => {
    const line = `${JSON.stringify(value).replaceAll(',', ', ')}${i < values.length - 1 ? ',' : ''}`;
    return `          ${names.length ? `${line.padEnd(14)} ${names[i]}` : line}`;
  });
  const hidden = values.length - lines.length;
  if (hidden) lines.push(`          … ${t('{n} more such lines: download to see them', { n: hidden })}`);
  const more = nSegments - 1;
  return [
    '{',
    `  "feature_spec": ${JSON.stringify(spec)},`,
    '  "segments": [',
    '    {',
    `      "start": ${first.start}, "end": ${first.end},`,
    '      "features": {',
    `        ${JSON.stringify(kind)}: [`,
    ...lines,
    '        ]',
    '      }',
    more ? `    },\n    … ${t('{n} more, all alike: download to see them', { n: more })}` : '    }',
    '  ]',
    '}',
  ].join('\n');
}

/**
 * A sentence: how many numbers went to which address.
 * @param {boolean} answered whether the server is known to have them
 * @param {number} requests
 * @param {number} n pieces
 * @param {number[]} shape of each
 * @param {string} url
 * @returns {string}
 */
function told(answered, requests, n, shape, url) {
  const perPiece = shape.reduce((product, length) => product * length);
  const values = { url, n: integer(n), shape: shape.join(' × '), total: integer(n * perPiece) };
  if (!answered) {
    return tn(
      'The request failed; its numbers may have arrived or not. It went to {url}: {n} piece of {shape} numbers ({total} in all), with its start and end in seconds.',
      'The request failed; its numbers may have arrived or not. It went to {url}: {n} pieces of {shape} numbers ({total} in all), with their start and end in seconds.',
      n, values,
    );
  }
  return requests > 1
    ? tn(
      'Sent in {requests} requests to {url}, as the song is long, here joined to one: {n} piece of {shape} numbers ({total} in all), with its start and end in seconds.',
      'Sent in {requests} requests to {url}, as the song is long, here joined to one: {n} pieces of {shape} numbers ({total} in all), with their start and end in seconds.',
      n, { ...values, requests: integer(requests) },
    )
    : tn(
      'Sent in one request to {url}: {n} piece of {shape} numbers ({total} in all), with its start and end in seconds.',
      'Sent in one request to {url}: {n} pieces of {shape} numbers ({total} in all), with their start and end in seconds.',
      n, values,
    );
}

/**
 * The time of each step; the steps of a long song overlap.
 * @param {Record<string, number>} times in milliseconds
 * @param {boolean} answered
 * @param {boolean} long
 * @returns {string}
 */
function steps({ decode, extract, request }, answered, long) {
  if (long) return t('decoded and analysed in {time}', { time: duration(extract) });
  const took = { decoded: duration(decode), analysed: duration(extract) };
  return answered
    ? t('decoded in {decoded}, analysed in {analysed}, answered in {time}', { ...took, time: duration(request) })
    : t('decoded in {decoded}, analysed in {analysed}', took);
}

/**
 * @param {import('../songs/song.js').Song} song of which something was sent, or may have been
 * @param {import('../analysis/engine.js').Extraction} sent
 * @param {import('../base/config.js').Model} model to which it was sent
 * @param {object} tools
 * @param {(blob: Blob) => string} tools.makeUrl gives an object URL that ends with the song
 * @param {import('../analysis/engine.js').Engine} tools.engine
 * @param {import('../sound/samples.js').Samples} tools.samples
 * @param {AbortSignal} tools.gone aborted when the song is removed
 * @returns {Promise<DocumentFragment>}
 */
export async function sentView(song, sent, model, { makeUrl, engine, samples, gone }) {
  const view = document.importNode(byId('sent-template', HTMLTemplateElement).content, true);
  /** @param {string} selector @param {string} text */
  const write = (selector, text) => {
    one(view, selector).textContent = text;
  };
  const { body, nSegments, parts, wire } = sent;
  const bytes = sentBytes(sent);
  const { predictUrl, shape, numberNames, featureSpec } = model;
  const largest = Math.max(bytes, song.size);

  write('.sent-bytes', t('{n} bytes', { n: integer(bytes) }));
  one(view, '.sent-bytes').dataset.bytes = String(bytes);
  write('.file-bytes', t('{n} bytes', { n: integer(song.size) }));
  one(view, '.sent-bar').style.width = `${(100 * bytes) / largest}%`;
  one(view, '.file-bar').style.width = `${(100 * song.size) / largest}%`;
  const answered = song.state === 'done';
  write('.sent-word', answered ? t('sent') : t('sent, or meant to be'));
  write('.sent-shape', told(answered, parts?.length ?? 1, nSegments, shape, predictUrl));
  // Not packed, these very bytes went over the wire.
  write('.sent-wire', wire && wire < bytes
    ? t(', compressed with gzip to {n} bytes on the way', { n: integer(wire) }) : '');
  one(view, '.sent-names').hidden = !numberNames.length;
  // Before the first pause: the song may be removed meanwhile, and its URLs with it.
  one(view, '.sent-download', HTMLAnchorElement).href = makeUrl(body);
  write('.sent-times', `${steps(song.times, answered, Boolean(parts))} · ${size(bytes)}`);
  const text = await body.slice(0, MOST_BYTES).text();
  write('.sent-json', beginning(text, nSegments, numberNames));
  view.append(inversionView(body, {
    start: firstOf(text).first.start,
    // The text that is sent, and nothing else of the song, goes into the sound.
    make: async (onProgress, signal) =>
      engine.invert(await firstRequests(sent, MOST_INVERTED).text(), featureSpec, onProgress, signal),
    whole: !parts || parts.length <= MOST_INVERTED,
    original: () => song.file, begin: song.begin, featureSpec, makeUrl, gone,
    placesOf: (audio) => new Places(audio, song, samples, makeUrl, gone),
  }));
  return view;
}
