/** Shows exactly what is sent for a song, and how little it is beside the song. */

import { counted, duration, integer, size } from './format.js';

const template = document.getElementById('sent-template');

/** The first piece in full, one line per frame; the others are only counted. */
function beginning(text) {
  const { feature_spec: spec, segments } = JSON.parse(text);
  const [first] = segments;
  const numbers = Object.entries(first.features).map(([kind, frames]) => {
    const lines = frames.map((frame) => `          ${JSON.stringify(frame).replaceAll(',', ', ')}`);
    return `        ${JSON.stringify(kind)}: [\n${lines.join(',\n')}\n        ]`;
  });
  const more = segments.length - 1;
  return [
    '{',
    `  "feature_spec": ${JSON.stringify(spec)},`,
    '  "segments": [',
    '    {',
    `      "start": ${first.start}, "end": ${first.end},`,
    '      "features": {',
    numbers.join(',\n'),
    '      }',
    more ? `    },\n    … ${more} more, all alike: download to see them` : '    }',
    '  ]',
    '}',
  ].join('\n');
}

/**
 * @param {import('./queue.js').Song} song done, or failed on its way to the server or back
 * @param {{featureSpec: object, predictUrl: string}} config
 * @param {(blob: Blob) => string} makeUrl gives an object URL that ends with the song
 * @returns {Promise<DocumentFragment>}
 */
export async function sentView(song, config, makeUrl) {
  const view = template.content.cloneNode(true);
  const one = (selector) => view.querySelector(selector);
  const { body, nSegments } = song.extraction;
  const { n_frames: frames, n_coefficients: coefficients } = config.featureSpec;
  const largest = Math.max(body.size, song.file.size);

  one('.sent-bytes').textContent = `${integer(body.size)} bytes`;
  one('.sent-bytes').dataset.bytes = body.size;
  one('.file-bytes').textContent = `${integer(song.file.size)} bytes`;
  one('.sent-bar').style.width = `${(100 * body.size) / largest}%`;
  one('.file-bar').style.width = `${(100 * song.file.size) / largest}%`;
  const answered = song.state === 'done';
  one('.sent-word').textContent = answered ? 'sent' : 'sent, or meant to be';
  one('.sent-shape').textContent =
    `${answered ? 'Sent in one request' : 'The request failed; its numbers may have arrived or not. It went'} to ${config.predictUrl}: ${counted(nSegments, 'piece')} of ${frames} × ${coefficients} numbers (${integer(nSegments * frames * coefficients)} in all), with their start and end in seconds.`;
  // Before anything is waited for: the song may be removed meanwhile, and its URLs with it.
  one('.sent-download').href = makeUrl(body);
  const { decode, extract, request } = song.times;
  one('.sent-times').textContent =
    `decoded in ${duration(decode)}, analysed in ${duration(extract)}${answered ? `, answered in ${duration(request)}` : ''} · ${size(body.size)}`;
  one('.sent-json').textContent = beginning(await body.text());
  return view;
}
