/** Shows exactly what is sent for a song, and how little it is beside the song. */

import { counted, duration, integer, size } from './format.js';

const template = document.getElementById('sent-template');

// Lines of numbers that are shown: half a minute of log-mel has hundreds.
const MOST_LINES = 128;

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
  if (hidden) lines.push(`          … ${hidden} more such lines: download to see them`);
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
    more ? `    },\n    … ${more} more, all alike: download to see them` : '    }',
    '  ]',
    '}',
  ].join('\n');
}

/**
 * @param {import('./queue.js').Song} song done, or failed on its way to the server or back
 * @param {{shape: number[], numberNames: string[], predictUrl: string}} config
 * @param {(blob: Blob) => string} makeUrl gives an object URL that ends with the song
 * @returns {Promise<DocumentFragment>}
 */
export async function sentView(song, config, makeUrl) {
  const view = template.content.cloneNode(true);
  const one = (selector) => view.querySelector(selector);
  const { body, nSegments } = song.extraction;
  const { shape, numberNames } = config;
  const perPiece = shape.reduce((product, length) => product * length);
  const largest = Math.max(body.size, song.size);

  one('.sent-bytes').textContent = `${integer(body.size)} bytes`;
  one('.sent-bytes').dataset.bytes = body.size;
  one('.file-bytes').textContent = `${integer(song.size)} bytes`;
  one('.sent-bar').style.width = `${(100 * body.size) / largest}%`;
  one('.file-bar').style.width = `${(100 * song.size) / largest}%`;
  const answered = song.state === 'done';
  one('.sent-word').textContent = answered ? 'sent' : 'sent, or meant to be';
  one('.sent-shape').textContent =
    `${answered ? 'Sent in one request' : 'The request failed; its numbers may have arrived or not. It went'} to ${config.predictUrl}: ${counted(nSegments, 'piece')} of ${shape.join(' × ')} numbers (${integer(nSegments * perPiece)} in all), with their start and end in seconds.`;
  one('.sent-names').hidden = !numberNames.length;
  // Before anything is waited for: the song may be removed meanwhile, and its URLs with it.
  one('.sent-download').href = makeUrl(body);
  const { decode, extract, request } = song.times;
  one('.sent-times').textContent =
    `decoded in ${duration(decode)}, analysed in ${duration(extract)}${answered ? `, answered in ${duration(request)}` : ''} · ${size(body.size)}`;
  one('.sent-json').textContent = beginning(await body.text(), nSegments, numberNames);
  return view;
}
