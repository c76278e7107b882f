/** Songs of the list that are like a song: the nearest ones by the model's numbers. */

import { one } from '../base/dom.js';
import { UserError, reasonOf } from '../base/errors.js';
import { colourClasses } from '../base/genres.js';
import { t } from '../base/text.js';
import { nearnessInFull, usualText } from '../own/nearness.js';
import { shownGenre, shownInWords } from '../own/shown_genre.js';

/**
 * @typedef {import('../songs/song.js').Song} Song
 * @typedef {import('../own/own_genres.js').OwnGenres} OwnGenres
 *
 * @typedef {object} Around
 * @property {import('../own/layout.js').Layout} layout
 * @property {OwnGenres} own
 * @property {(song: Song) => void} reveal shows a song of the list
 */

const MOST = 5;

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {string} className
 * @param {string} [text]
 */
function make(name, className, text = '') {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}

/**
 * @param {import('../own/places.js').Neighbour} neighbour
 * @param {Around} around
 */
function itemOf({ song, share }, { own, reveal }) {
  const item = document.createElement('li');
  const button = make('button', 'similar-song', song.name);
  button.type = 'button';
  button.addEventListener('click', () => reveal(song));
  const shown = shownGenre(song, own);
  const genre = make('span', 'similar-genre', shown ? shownInWords(shown) : '');
  if (shown) {
    const colour = shown.unsure ? 'unsure' : colourClasses([shown.genre])[0];
    genre.prepend(make('span', `swatch ${colour}`));
  }
  item.append(button, genre, make('span', 'similar-near quiet', nearnessInFull(share)));
  return item;
}

/**
 * @param {HTMLDetailsElement} details
 * @param {Song} song
 * @param {Around} around
 * @returns {{renew: () => void, end: () => void}} renew: the song has another answer; end: it is removed
 */
export function offerSimilar(details, song, around) {
  const { layout, own } = around;
  const body = one(details, '.similar-body');
  const gone = new AbortController();
  let attempt = 0;

  /** @param {string} text */
  const say = (text) => {
    if (body.childElementCount !== 1 || body.textContent !== text) body.replaceChildren(make('p', '', text));
  };

  function unableText() {
    const version = layout.able ? song.model?.version ?? '' : layout.version;
    const able = own.ableVersions.join(', ');
    return able
      ? t('Model {version} does not tell which songs are alike; choose {able} above.', { version, able })
      : t('No version of this site tells which songs are alike.');
  }

  /** @param {import('../own/places.js').Neighbour[]} nearest */
  function show(nearest) {
    const focused = body.contains(document.activeElement) ? document.activeElement?.textContent : null;
    const list = make('ol', 'similar-songs');
    list.append(...nearest.map((neighbour) => itemOf(neighbour, around)));
    const some = nearest.some(({ share }) => nearnessInFull(share));
    body.replaceChildren(list, ...(some ? [make('p', 'quiet', usualText())] : []));
    if (focused === null) return;
    const buttons = [...list.querySelectorAll('button')];
    (buttons.find(({ textContent }) => textContent === focused) ?? buttons[0]).focus({ preventScroll: true });
  }

  async function fill() {
    attempt += 1;
    const mine = attempt;
    if (!details.open) return;
    if (!layout.able || !song.model?.embedding) {
      say(unableText());
      return;
    }
    if (!body.childElementCount) say(t('Comparing the songs…'));
    try {
      const places = await layout.get();
      // The layout, or the version, may have changed again.
      if (mine !== attempt || gone.signal.aborted) return;
      const nearest = places?.nearest(song, MOST) ?? [];
      if (nearest.length) show(nearest);
      else if (places && places.rowOf(song) < 0) say(t('The numbers that compare this song with others are not there yet.'));
      else say(t('There is no other song to compare it with: add some, and the nearest stand here.'));
    } catch (error) {
      if (mine !== attempt) return;
      if (!(error instanceof UserError)) console.error(error);
      say(error instanceof UserError
        ? error.message : t('Something unexpected went wrong ({reason}). Retry, please.', { reason: reasonOf(error) }));
    }
  }

  details.addEventListener('toggle', fill);
  layout.addEventListener('change', fill, { signal: gone.signal });
  own.addEventListener('change', fill, { signal: gone.signal });
  return { renew: fill, end: () => gone.abort() };
}
