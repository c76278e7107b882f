/** Wires the page: files to the queue, the queue to the list. */

import { predict, refuseLarge } from './server/api.js';
import { CollectionView } from './list/collection_view.js';
import { cut } from './sound/cut.js';
import { decode } from './sound/decode.js';
import { acceptDrops } from './intake/drop.js';
import { Engine } from './analysis/engine.js';
import { showEngine } from './analysis/engine_view.js';
import { integer } from './base/format.js';
import { History } from './memory/history.js';
import { showHistory } from './memory/history_view.js';
import { showServerLink } from './offline/notices.js';
import { keepForOffline } from './offline/offline.js';
import { askAll } from './server/requests.js';
import { SongQueue } from './songs/queue.js';
import { Song } from './songs/song.js';
import { offerRecording } from './intake/recorder_view.js';
import { serverLink } from './server/server_link.js';
import { SongView } from './answer/song_view.js';
import { tn } from './base/text.js';
import { offerVersions } from './list/version_choice.js';

const byId = (id) => document.getElementById(id);
const config = JSON.parse(byId('config').textContent);

const engine = new Engine(config);
const queue = new SongQueue({
  engine,
  model: config.models.find(({ version }) => version === config.selected),
  limits: config,
  decode: async (song, { featureSpec: { sample_rate: sampleRate } }, signal) => {
    const decoded = await decode(song.file, { ...config, sampleRate, signal });
    return song.part ? cut(decoded, sampleRate, song.part) : decoded;
  },
  check: (extraction) => refuseLarge(extraction, config),
  predict: (extraction, { predictUrl }, signal) => {
    extraction.wire = 0;
    return askAll(extraction, (body) => predict(predictUrl, body, signal, (bytes) => { extraction.wire += bytes; }));
  },
  patiently: (...request) => serverLink.send(...request),
});
/** @type {Map<Song, SongView>} */
const views = new Map();
const collection = new CollectionView(queue, views);
const history = new History(queue, config.models, show);

// To tell of a long list takes as long as it is. Short ones are told of at once.
const LONG_LIST = 100;
const SHARE = 0.05;
let told = { at: 0, took: 0 };
let toTell = 0;

function summarise() {
  clearTimeout(toTell);
  toTell = 0;
  const start = performance.now();
  tell();
  const now = performance.now();
  told = { at: now, took: now - start };
}

/** Of a long list now and then: that must not take more than a share of the time. */
function summariseSoon() {
  const wait = told.at + told.took / SHARE - performance.now();
  if (queue.songs.length < LONG_LIST || (wait <= 0 && !toTell)) summarise();
  else toTell ||= setTimeout(summarise, Math.max(0, wait));
}

function tell() {
  const { songs } = queue;
  const count = (state) => songs.filter((song) => song.state === state).length;
  const failed = count('failed');
  const cancelled = count('cancelled');
  byId('queue').hidden = !songs.length;
  document.body.classList.toggle('has-songs', songs.length > 0);
  const n = songs.length;
  const text = [
    tn('{done} of {n} song done', '{done} of {n} songs done', n, { done: integer(count('done')), n: integer(n) }),
    failed ? tn('{n} failed', '{n} failed', failed, { n: integer(failed) }) : '',
    cancelled ? tn('{n} cancelled', '{n} cancelled', cancelled, { n: integer(cancelled) }) : '',
  ].filter(Boolean).join(', ');
  // Read out by screen readers, so written only when it differs.
  if (byId('summary').textContent !== text) byId('summary').textContent = text;
  byId('retry-failed').hidden = songs.filter((song) => song.retryable).length < 2;
  collection.update();
}

/** @param {Song[]} songs */
function remove(songs) {
  queue.remove(songs);
  for (const song of songs) {
    history.remove(song);
    views.get(song).remove();
    views.delete(song);
  }
  summarise();
}

/** The song after this one, or else the one before, of those that are shown. */
function neighbour(element) {
  const shown = [...element.parentElement.children].filter((each) => !each.hidden);
  const place = shown.indexOf(element);
  return shown[place + 1] ?? shown[place - 1];
}

/** A stretch of a song as a song of its own; of a part, a part of the same file. */
function addPart({ file, path, begin }, { from, to }) {
  enter([new Song(file, path, { from: begin + from, to: begin + to })], []);
}

/** Put songs at the end of the list and of the queue. */
function show(songs) {
  for (const song of songs) {
    const view = new SongView(song, {
      models: config.models,
      current: () => queue.model,
      ask: (model, signal) => queue.ask(song, model, signal),
      invert: (...task) => engine.invert(...task),
      onRetry: () => retry([song]),
      onPart: (from, to) => addPart(song, { from, to }),
      onRemove: () => {
        const next = neighbour(view.element);
        remove([song]);
        (next?.querySelector('.song-remove') ?? byId('songs')).focus();
      },
    });
    view.update(engine.state === 'ready');
    views.set(song, view);
  }
  collection.showAll();
  byId('list').append(...songs.map((song) => views.get(song).element));
  queue.add(songs);
  summarise();
}

async function add(files, leftOut = 0) {
  // What an earlier page has left comes first.
  await history.ready;
  const { left, found } = history.takeUp(files);
  for (const song of found) views.get(song).update(engine.state === 'ready');
  enter(left.map(({ file, path }) => new Song(file, path)), found);
  byId('left-out').hidden = !leftOut;
  byId('left-out').textContent = tn(
    '{n} file in the folder left out: no audio.', '{n} files in the folder left out: no audio.',
    leftOut, { n: integer(leftOut) },
  );
}

/** New songs come into the list; others have come back to it. */
function enter(songs, found) {
  show(songs);
  history.add(songs);
  const seen = [...songs, ...found];
  // A single song shows its answer at once; the room for it is taken before it is known.
  if (seen.length === 1) views.get(seen[0]).open(true);
  if (seen.length) views.get(seen[0]).element.scrollIntoView({ block: 'nearest' });
}

/** Try songs again; those whose sound is not kept have to be chosen first. */
function retry(songs) {
  for (const song of songs) queue.retry(song);
  if (songs.some((song) => song.retryable && song.needsFile)) byId('songs').click();
}

queue.addEventListener('change', ({ detail: song }) => {
  views.get(song).update(engine.state === 'ready');
  summariseSoon();
});
const updateViews = () => {
  for (const view of views.values()) view.update(engine.state === 'ready');
};
engine.addEventListener('change', updateViews);
serverLink.addEventListener('change', () => {
  updateViews();
  collection.update();
});
byId('songs').addEventListener('change', ({ target }) => {
  add([...target.files].map((file) => ({ file, path: file.name })));
  // So that choosing the same file again is a change.
  target.value = '';
});
byId('clear').addEventListener('click', () => {
  remove(queue.songs);
  byId('left-out').hidden = true;
  byId('songs').focus();
});
byId('retry-failed').addEventListener('click', () => {
  retry(queue.songs);
});
// One song plays at a time.
document.addEventListener('play', ({ target }) => {
  for (const audio of document.querySelectorAll('audio')) if (audio !== target) audio.pause();
}, true);

acceptDrops(({ files, leftOut }) => add(files, leftOut));
document.addEventListener('paste', ({ clipboardData }) => {
  const files = [...(clipboardData?.files ?? [])];
  if (files.length) add(files.map((file) => ({ file, path: file.name })));
});
offerVersions(config.models, queue.model, (model) => {
  queue.use(model);
  summarise();
});
// The browser decodes a recording at once.
offerRecording(Math.min(config.maxMinutes, config.maxWholeMinutes), (file) => add([{ file, path: file.name }]));
showEngine(byId('engine'), engine);
showServerLink(serverLink);
showHistory(history);
history.start();
engine.start();
keepForOffline(config, engine, serverLink);
