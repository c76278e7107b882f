/** Wires the page: files to the queue, the queue to the list. */

import { predict, refuseLarge } from './api.js';
import { CollectionView } from './collection_view.js';
import { decode } from './decode.js';
import { acceptDrops } from './drop.js';
import { Engine } from './engine.js';
import { showEngine } from './engine_view.js';
import { counted } from './format.js';
import { showServerLink } from './notices.js';
import { keepForOffline } from './offline.js';
import { Song, SongQueue } from './queue.js';
import { offerRecording } from './recorder_view.js';
import { serverLink } from './server_link.js';
import { SongView } from './song_view.js';

const byId = (id) => document.getElementById(id);
const config = JSON.parse(byId('config').textContent);

const engine = new Engine(config);
const queue = new SongQueue({
  engine,
  decode: (file) =>
    decode(file, { sampleRate: config.featureSpec.sample_rate, maxMinutes: config.maxMinutes }),
  check: (extraction) => refuseLarge(extraction, config),
  predict: (body, signal) => predict(config.predictUrl, body, signal),
  patiently: (request, signal) => serverLink.send(request, signal),
});
/** @type {Map<Song, SongView>} */
const views = new Map();
const collection = new CollectionView(queue, config, views);

function summarise() {
  const { songs } = queue;
  const count = (state) => songs.filter((song) => song.state === state).length;
  const failed = count('failed');
  const cancelled = count('cancelled');
  byId('queue').hidden = !songs.length;
  document.body.classList.toggle('has-songs', songs.length > 0);
  const text = `${count('done')} of ${counted(songs.length, 'song')} done${failed ? `, ${failed} failed` : ''}${cancelled ? `, ${cancelled} cancelled` : ''}`;
  // Read out by screen readers, so written only when it differs.
  if (byId('summary').textContent !== text) byId('summary').textContent = text;
  byId('retry-failed').hidden = songs.filter((song) => song.retryable).length < 2;
  collection.update();
}

function remove(song) {
  queue.remove(song);
  views.get(song).remove();
  views.delete(song);
  summarise();
}

/** The song after this one, or else the one before, of those that are shown. */
function neighbour(element) {
  const shown = [...element.parentElement.children].filter((each) => !each.hidden);
  const place = shown.indexOf(element);
  return shown[place + 1] ?? shown[place - 1];
}

function add(files, leftOut = 0) {
  const songs = files.map(({ file, path }) => new Song(file, path));
  for (const song of songs) {
    const view = new SongView(song, config, {
      onRetry: () => queue.retry(song),
      onRemove: () => {
        const next = neighbour(view.element);
        remove(song);
        (next?.querySelector('.song-remove') ?? byId('songs')).focus();
      },
    });
    view.update(engine.state === 'ready');
    views.set(song, view);
  }
  collection.showAll();
  byId('list').append(...songs.map((song) => views.get(song).element));
  // A single song shows its answer at once; the room for it is taken before it is known.
  if (songs.length === 1) views.get(songs[0]).open(true);
  byId('left-out').hidden = !leftOut;
  byId('left-out').textContent = `${counted(leftOut, 'file')} in the folder left out: no audio.`;
  queue.add(songs);
  summarise();
  if (songs.length) views.get(songs[0]).element.scrollIntoView({ block: 'nearest' });
}

queue.addEventListener('change', ({ detail: song }) => {
  views.get(song).update(engine.state === 'ready');
  summarise();
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
  for (const song of [...queue.songs]) remove(song);
  byId('left-out').hidden = true;
  byId('songs').focus();
});
byId('retry-failed').addEventListener('click', () => {
  for (const song of queue.songs) queue.retry(song);
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
offerRecording(config.maxMinutes, (file) => add([{ file, path: file.name }]));
showEngine(byId('engine'), engine);
showServerLink(serverLink);
engine.start();
keepForOffline(config, engine, serverLink);
