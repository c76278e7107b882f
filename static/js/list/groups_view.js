/**
 * The genres of several songs, the model's and the visitor's own: how many songs each has, its playlist,
 * and its entry in the filter.
 */

import { byId } from '../base/dom.js';
import { integer } from '../base/format.js';
import { colourClasses, genreName } from '../base/genres.js';
import { t, tn } from '../base/text.js';
import { NONE_OF_THESE, OWN, UNSURE, counts, ownCounts } from '../songs/collection.js';
import { GroupChart, arrange } from './group_chart.js';

/**
 * @typedef {import('../songs/collection.js').Group} Group
 * @typedef {import('./group_chart.js').Kind} Kind
 * @typedef {Pick<import('../own/own_genres.js').OwnGenres, 'genres' | 'answerTo'>} Own
 */

/** Genres of the versions. @type {Kind} */
const MODELS = {
  keyOf: (name) => name,
  titleOf: (name) => (name === UNSURE ? t('not sure') : genreName(name)),
  colourOf: (name) => (name === UNSURE ? 'unsure' : colourClasses([name])[0]),
  playlistOf: (name) => t('Playlist of {genre}', { genre: MODELS.titleOf(name) }),
};

/**
 * Own genres, as they were typed; the model's may stand beside them.
 * @param {Own} own
 * @returns {Kind}
 */
function kindOf(own) {
  const titleOf = (/** @type {string} */ name) => {
    if (name === NONE_OF_THESE) return t('none of these');
    return own.genres.includes(name) ? name : genreName(name);
  };
  return {
    keyOf: (name) => OWN + name,
    titleOf,
    colourOf: (name) => (name === NONE_OF_THESE ? 'unsure' : colourClasses([name])[0]),
    playlistOf: (name) => (name === NONE_OF_THESE
      ? t('Playlist of songs that are none of your genres')
      : t('Playlist of your genre {genre}', { genre: titleOf(name) })),
  };
}

/** @param {string} label @returns {HTMLOptGroupElement} */
function menuOf(label) {
  const menu = document.createElement('optgroup');
  menu.label = label;
  return menu;
}

export class GroupsView {
  #queue;
  #own;
  #filter = byId('filter', HTMLSelectElement);
  #all;
  #models;
  #owns;
  #modelMenu = menuOf(t('The model’s genres'));
  #ownMenu = menuOf(t('Your genres'));

  /**
   * @param {import('../songs/queue.js').SongQueue} queue
   * @param {Own} own
   * @param {HTMLOptionElement} all the filter's entry for all songs
   * @param {(key: string, title: string) => void} onPlaylist the songs of a group are wanted
   */
  constructor(queue, own, all, onPlaylist) {
    this.#queue = queue;
    this.#own = own;
    this.#all = all;
    const placesOf = (/** @type {string} */ prefix) => ({
      mix: byId(`${prefix}mix`), names: byId(`${prefix}mix-names`), rows: byId(`${prefix}groups`),
    });
    this.#models = new GroupChart(placesOf(''), MODELS, onPlaylist);
    this.#owns = new GroupChart(placesOf('own-'), kindOf(own), onPlaylist);
    this.update();
  }

  /**
   * Count the songs of each group.
   * @returns {boolean} whether songs have answers in own genres
   */
  update() {
    const groups = this.#groups();
    const { songs } = this.#queue;
    const ownGroups = ownCounts(songs, this.#own.genres, (song) => this.#own.answerTo(song));
    const chosen = this.#filter.value;
    const entries = this.#models.show(groups, chosen);
    const ownEntries = this.#owns.show(ownGroups, chosen);
    this.#fillFilter(entries, ownEntries, chosen);
    this.#tellVersions();
    const some = ownGroups.length > 0;
    for (const id of ['mix-title', 'own-mix-side', 'groups-title', 'own-groups-part']) byId(id).hidden = !some;
    byId('mix').ariaLabel = this.#models.summaryOf(groups) || t('No answers yet');
    byId('own-mix').ariaLabel = this.#owns.summaryOf(ownGroups);
    return some;
  }

  /** @returns {Group[]} those that the version may put a song in, and those of other versions' songs */
  #groups() {
    const { genres, tellsUnfamiliar } = this.#queue.model;
    const groups = counts(this.#queue.songs, genres);
    return groups.filter(({ name, count }) => name !== UNSURE || tellsUnfamiliar || count);
  }

  /**
   * @param {HTMLOptionElement[]} entries
   * @param {HTMLOptionElement[]} ownEntries
   * @param {string} chosen
   */
  #fillFilter(entries, ownEntries, chosen) {
    const filter = this.#filter;
    if (ownEntries.length) {
      arrange(this.#modelMenu, entries);
      arrange(this.#ownMenu, ownEntries);
      arrange(filter, [this.#all, this.#modelMenu, this.#ownMenu]);
    } else {
      arrange(filter, [this.#all, ...entries]);
    }
    // Entries that move may lose the choice.
    if (filter.value !== chosen) filter.value = chosen;
    // Without such a group, all songs are shown.
    if (filter.selectedIndex < 0) this.#all.selected = true;
  }

  /** Tell of songs that another version has answered, if there are any. */
  #tellVersions() {
    const { version } = this.#queue.model;
    const others = this.#queue.songs.flatMap(({ prediction }) =>
      (prediction && prediction.version !== version ? [prediction.version] : []));
    const note = byId('other-versions');
    note.hidden = !others.length;
    const versions = [...new Set(others)].sort().join(', ');
    const text = tn(
      '{n} song was answered by another version ({versions}) at an earlier visit. It is counted under the genre that it was given then.',
      '{n} songs were answered by other versions ({versions}) at an earlier visit. They are counted under the genres that they were given then.',
      others.length,
      { n: integer(others.length), versions },
    );
    if (note.textContent !== text) note.textContent = text;
  }
}
