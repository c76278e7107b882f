/** Builds the page's parts and wires them: files come in, songs go through the queue, views listen. */

import { Engine } from './analysis/engine.js';
import { showEngine } from './analysis/engine_view.js';
import { playOneAtATime } from './answer/one_player.js';
import { readConfig } from './base/config.js';
import { byId } from './base/dom.js';
import { acceptChoice } from './intake/choice.js';
import { acceptDrops } from './intake/drop.js';
import { Entrance } from './intake/entrance.js';
import { Examples } from './intake/examples.js';
import { offerRecording } from './intake/recorder_view.js';
import { CollectionView } from './list/collection_view.js';
import { offerListening } from './list/listening.js';
import { MapView } from './list/map_view.js';
import { OwnPanel } from './list/own_panel.js';
import { SongList } from './list/song_list.js';
import { Summary } from './list/summary.js';
import { offerVersions } from './list/version_choice.js';
import { History } from './memory/history.js';
import { showHistory } from './memory/history_view.js';
import { showPlainHttp, showServerLink } from './offline/notices.js';
import { keepForOffline } from './offline/offline.js';
import { Layout } from './own/layout.js';
import { OwnGenres } from './own/own_genres.js';
import { Answers } from './server/answers.js';
import { serverLink } from './server/server_link.js';
import { Numbers } from './songs/numbers.js';
import { SongQueue } from './songs/queue.js';
import { SecondOpinion } from './songs/second_opinion.js';
import { Samples } from './sound/samples.js';

const config = readConfig();
const { models, selected, maxMinutes, maxWholeMinutes } = config;

// From a song to its answer.
const engine = new Engine(config);
const samples = new Samples(config);
const collaborators = {
  samples, numbers: new Numbers(engine, config), answers: new Answers(serverLink),
};
const [model] = models.filter(({ version }) => version === selected);
const queue = new SongQueue(model, collaborators);

const history = new History(queue, models);
const own = new OwnGenres(queue, engine, history, models);
const layout = new Layout(own, queue);
/** @param {import('./songs/song.js').Song} song of the list */
const reveal = (song) => list.show(song);

// What is seen and kept of the queue. The list comes first: the others find its views there.
const list = new SongList(queue, {
  queue, engine, samples, models, own, layout, reveal, secondOpinion: new SecondOpinion(collaborators),
});
const collection = new CollectionView(queue, list.views, own);
new Summary(queue, list, collection);
const panel = new OwnPanel(own, queue, list.views);
new MapView({ queue, views: list.views, own, layout, reveal });
showEngine(byId('engine'), engine);
showServerLink(serverLink);
showPlainHttp();
showHistory(history);
offerVersions(models, queue);
offerListening(queue);
playOneAtATime();

// Ways in.
const entrance = new Entrance({ queue, history, list });
acceptChoice(entrance);
acceptDrops(entrance, new Examples({ queue, own, history, say: (message) => panel.say(message) }));
// The browser decodes a recording at once.
offerRecording(Math.min(maxMinutes, maxWholeMinutes), entrance);

history.start();
own.start();
engine.start();
keepForOffline(config, engine, serverLink);
