/** Shows exactly what is sent for a song, and how little it is beside the song. */

import { duration, integer, size } from '../base/format.js';
import { inversionView } from './inversion_view.js';
import { firstRequests, sentBytes } from '../server/requests.js';
import { t, tn } from '../base/text.js';

const template = document.getElementById('sent-template');

// Lines of numbers that are shown: half a minute of log-mel has hundreds.
const MOST_LINES = 128;
// More than a piece of any version takes; two hours of numbers are not read to show one.
const MOST_BYTES = 4_000_000;
// Requests of a long song of which a sound is made, about seven minutes: two hours of it would take
// gigabytes.
const MOST_INVERTED = 2;

/**
 * The request's spec and first piece, without reading an hour of numbers. It is written without
 * spaces, so its first piece ends where two braces close.
 * @param {string} text
 */
function firstOf(text) {
  const { feature_spec: spec, segments } = JSON.parse(`${text.slice(0, text.indexOf('}}') + 2)}]}`);
  const [[kind, values]] = Object.entries(segments[0].features);
  return { spec, kind, values, first: segments[0] };
}

/**
 * The first piece, one line per frame, or per number where each has a name; the other pieces are
 * only counted.
 * @param {string} text
 * @param {number} nSegments
 * @param {string[]} names of the numbers, or none
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
 * What went where, as a sentence.
 * @param {boolean} answered whether the server is known to have it
 * @param {number} requests
 * @param {number} n pieces
 * @param {number[]} shape of each
 * @param {string} url
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

/** How long each step took; those of a long song overlap. */
function steps({ decode, extract, request }, answered, long) {
  if (long) return t('decoded and analysed in {time}', { time: duration(extract) });
  const took = { decoded: duration(decode), analysed: duration(extract) };
  return answered
    ? t('decoded in {decoded}, analysed in {analysed}, answered in {time}', { ...took, time: duration(request) })
    : t('decoded in {decoded}, analysed in {analysed}', took);
}

/**
 * @param {import('../songs/song.js').Song} song done, or failed on its way to the server or back
 * @param {object} tools
 * @param {(blob: Blob) => string} tools.makeUrl gives an object URL that ends with the song
 * @param {import('../analysis/engine.js').Engine['invert']} tools.invert
 * @param {AbortSignal} tools.gone the song was removed
 * @returns {Promise<DocumentFragment>}
 */
export async function sentView(song, { makeUrl, invert, gone }) {
  const view = template.content.cloneNode(true);
  const one = (selector) => view.querySelector(selector);
  const { body, nSegments, parts, wire } = song.sent;
  const bytes = sentBytes(song.sent);
  const { predictUrl, shape, numberNames, featureSpec } = song.model;
  const largest = Math.max(bytes, song.size);

  one('.sent-bytes').textContent = t('{n} bytes', { n: integer(bytes) });
  one('.sent-bytes').dataset.bytes = bytes;
  one('.file-bytes').textContent = t('{n} bytes', { n: integer(song.size) });
  one('.sent-bar').style.width = `${(100 * bytes) / largest}%`;
  one('.file-bar').style.width = `${(100 * song.size) / largest}%`;
  const answered = song.state === 'done';
  one('.sent-word').textContent = answered ? t('sent') : t('sent, or meant to be');
  one('.sent-shape').textContent = told(answered, parts?.length ?? 1, nSegments, shape, predictUrl);
  // Where nothing is said of the way, these very bytes went over it.
  one('.sent-wire').textContent = wire && wire < bytes
    ? t(', compressed with gzip to {n} bytes on the way', { n: integer(wire) }) : '';
  one('.sent-names').hidden = !numberNames.length;
  // Before anything is waited for: the song may be removed meanwhile, and its URLs with it.
  one('.sent-download').href = makeUrl(body);
  one('.sent-times').textContent = `${steps(song.times, answered, Boolean(parts))} · ${size(bytes)}`;
  const text = await body.slice(0, MOST_BYTES).text();
  one('.sent-json').textContent = beginning(text, nSegments, numberNames);
  view.append(inversionView(body, {
    start: firstOf(text).first.start,
    // The text that is sent, and nothing else of the song, goes into the sound.
    make: async (onProgress, signal) =>
      invert(await firstRequests(song.sent, MOST_INVERTED).text(), featureSpec, onProgress, signal),
    whole: !parts || parts.length <= MOST_INVERTED,
    original: () => song.file, begin: song.begin, featureSpec, makeUrl, gone,
  }));
  return view;
}
