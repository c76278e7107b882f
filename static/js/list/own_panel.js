/** The panel "Your genres": what was taught, how well it is recognised, and what can be changed. */

import { all, byId, copyOf, one } from '../base/dom.js';
import { UserError } from '../base/errors.js';
import { integer, percent } from '../base/format.js';
import { colourClasses, genreName } from '../base/genres.js';
import { t, tn } from '../base/text.js';
import { download } from '../songs/collection.js';

/**
 * @typedef {import('../songs/song.js').Song} Song
 * @typedef {import('../own/own_genres.js').OwnGenres} OwnGenres
 * @typedef {import('../analysis/messages.d.ts').GenreTaught} GenreTaught
 */

/** @param {GenreTaught} taught @returns {string} how often its examples were recognised */
function recognisedText({ songs, recognised }) {
  if (!recognised) return t('too few to say');
  const [value, low, high] = recognised;
  return t('{hits} of {n} ({low} to {high})', {
    hits: integer(Math.round(value * songs)), n: integer(songs), low: percent(low), high: percent(high),
  });
}

/** @param {GenreTaught} taught @returns {string} what is to know of it */
function knowText({ few, takenFor, takenShare, overlaps }) {
  if (overlaps) return t('overlaps {genre}: {share} of its examples are taken for it', { genre: genreName(overlaps), share: percent(takenShare) });
  if (few) return t('a few more songs would help');
  if (takenFor) return t('otherwise mostly taken for {genre}', { genre: genreName(takenFor) });
  return '';
}

export class OwnPanel {
  #own;
  #queue;
  #views;
  #section = byId('own-genres');
  #message = '';
  #picking = false;

  /**
   * @param {OwnGenres} own
   * @param {import('../songs/queue.js').SongQueue} queue
   * @param {import('./song_list.js').SongList['views']} views
   */
  constructor(own, queue, views) {
    this.#own = own;
    this.#queue = queue;
    this.#views = views;
    byId('own-save').addEventListener('click', () => this.#save());
    byId('own-undo').addEventListener('click', () => this.#try(() => own.undo()));
    byId('own-retry').addEventListener('click', () => this.#try(() => own.retry()));
    byId('own-forget').addEventListener('click', () => {
      this.#try(() => own.forget());
      this.#focusUndo();
    });
    const load = byId('own-load', HTMLInputElement);
    load.addEventListener('change', async () => {
      const [file] = load.files ?? [];
      load.value = '';
      if (file) await this.#try(() => own.load(file));
    });
    for (const radio of all(this.#section, '.own-mode input', HTMLInputElement)) {
      radio.addEventListener('change', () => own.setMode(radio.value === 'beside' ? 'beside' : 'own'));
    }
    const form = byId('own-file', HTMLFormElement);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#fileSeveral();
    });
    byId('own-pick').addEventListener('click', () => this.#pick(!this.#picking));
    byId('list').addEventListener('change', ({ target }) => {
      if (target instanceof HTMLElement && target.classList.contains('song-pick')) this.#showWhich();
    });
    own.addEventListener('change', () => this.#update());
    queue.on('use', () => {
      // What was said may be about the version before.
      this.#message = '';
      this.#update();
    });
    for (const event of /** @type {const} */ (['add', 'remove'])) queue.on(event, () => this.#showWhich());
    // The filter hides and shows songs.
    byId('list').addEventListener('shown', () => this.#showWhich());
    this.#update();
  }

  /** Tell something that went wrong; the next success takes it away. @param {string} message */
  say(message) {
    this.#message = message;
    this.#showMessage();
  }

  /** @param {() => unknown} work */
  async #try(work) {
    try {
      this.say('');
      await work();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.say(error.message);
    }
  }

  #save() {
    const named = byId('own-named', HTMLInputElement).checked;
    this.#try(() => download('own-genres.json', this.#own.save(named), 'application/json'));
  }

  #update() {
    const own = this.#own;
    const { state, some, able } = own;
    this.#section.dataset.state = state;
    this.#showMessage();
    const status = this.#statusText();
    if (byId('own-status').textContent !== status) byId('own-status').textContent = status;
    byId('own-save', HTMLButtonElement).disabled = state !== 'ready' && !own.taught.length;
    byId('own-named-choice').hidden = !own.taught.length;
    this.#hide('own-undo', !own.undoable);
    this.#hide('own-forget', !some);
    this.#hide('own-retry', state !== 'failed' && !own.waiting.here);
    byId('own-body').hidden = !some || !able;
    for (const radio of all(this.#section, '.own-mode input', HTMLInputElement)) radio.checked = radio.value === own.mode;
    this.#showRows();
    this.#showNotes();
    this.#showWords();
    this.#showWhich();
  }

  /** Hide a button, but never under the focus. @param {string} id @param {boolean} hidden */
  #hide(id, hidden) {
    const button = byId(id);
    if (hidden && document.activeElement === button) byId('examples').focus();
    button.hidden = hidden;
  }

  /** Of what was just done; the button may have been hidden. */
  #focusUndo() {
    this.#hide('own-undo', !this.#own.undoable);
    byId('own-undo').focus();
  }

  #showMessage() {
    const { some, able, message } = this.#own;
    const reason = some && !able ? this.#own.unableText() : message;
    // An action may be refused for the same reason.
    const text = [...new Set([this.#message, reason])].filter(Boolean).join(' ');
    const element = byId('own-message');
    if (element.textContent !== text) element.textContent = text;
    element.hidden = !text;
  }

  #statusText() {
    const own = this.#own;
    if (!own.some) return own.able ? '' : own.unableText();
    if (!own.able) return t('Your genres are kept; they are not used now.');
    const n = own.genres.length;
    const texts = [];
    if (own.state === 'learning') texts.push(t('Learning.'));
    if (own.state === 'ready') {
      texts.push(tn('{n} genre learned; every song of the list is answered in it.', '{n} genres learned; every song of the list is answered in them.', n, { n: integer(n) }));
    }
    const { here, gone } = own.waiting;
    if (here) texts.push(tn('{n} example waits for its song’s answer.', '{n} examples wait for their songs’ answers.', here, { n: integer(here) }));
    if (gone) texts.push(tn('{n} example teaches nothing: its song has no answer. Choose its file again, or remove the song.', '{n} examples teach nothing: their songs have no answer. Choose their files again, or remove the songs.', gone, { n: integer(gone) }));
    return texts.join(' ');
  }

  #showRows() {
    const own = this.#own;
    const rows = byId('own-rows');
    const focused = rows.contains(document.activeElement) ? document.activeElement : null;
    // A form that is being filled in stays.
    if (focused?.closest('form:not([hidden])')) return;
    const held = focused?.closest('tr')?.dataset.genre;
    const control = focused?.classList.contains('own-drop') ? '.own-drop' : '.own-rename';
    const colours = colourClasses(own.genres);
    rows.replaceChildren(...own.genres.map((genre, index) => {
      const taught = own.taught.find(({ name }) => name === genre);
      const row = copyOf('own-row-template');
      one(row, '.swatch').classList.add(...colours[index].split(' '));
      one(row, '.own-name').textContent = genre;
      const count = own.countOf(genre);
      one(row, '.own-count').textContent = integer(count);
      one(row, '.own-recognised').textContent = taught ? recognisedText(taught) : t('not learned yet');
      one(row, '.own-know').textContent = taught ? knowText(taught) : '';
      row.dataset.genre = genre;
      row.dataset.examples = String(count);
      this.#offerChange(row, genre);
      return row;
    }));
    this.#focusRow(held, control);
  }

  /** @param {string | undefined} genre @param {string} control selector of what gets the focus in its row */
  #focusRow(genre, control) {
    const [row] = all(byId('own-rows'), 'tr').filter((each) => each.dataset.genre === genre);
    if (row) one(row, control).focus();
  }

  /** @param {HTMLElement} row @param {string} genre */
  #offerChange(row, genre) {
    const form = one(row, '.own-rename-form', HTMLFormElement);
    const input = one(form, 'input', HTMLInputElement);
    const button = one(row, '.own-rename', HTMLButtonElement);
    const drop = one(row, '.own-drop', HTMLButtonElement);
    button.ariaLabel = t('Rename {genre}, or merge it with another', { genre });
    drop.ariaLabel = t('Forget {genre}', { genre });
    input.ariaLabel = t('New name of {genre}', { genre });
    const show = (/** @type {boolean} */ editing) => {
      form.hidden = !editing;
      button.hidden = drop.hidden = editing;
    };
    button.addEventListener('click', () => {
      show(true);
      input.value = genre;
      input.select();
      input.focus();
    });
    drop.addEventListener('click', () => {
      this.#try(() => this.#own.drop(genre));
      this.#focusUndo();
    });
    input.addEventListener('keydown', ({ key }) => {
      if (key !== 'Escape') return;
      show(false);
      button.focus();
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      try {
        const name = this.#own.rename(genre, input.value);
        show(false);
        this.#showRows();
        this.#focusRow(name, '.own-rename');
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        one(form, '.own-rename-message').textContent = error.message;
      }
    });
  }

  #showNotes() {
    const own = this.#own;
    const notes = [
      ...own.misfiled.slice(0, 5).map(({ example, winner }) =>
        t('“{song}” is filed under {genre}, but the others would take it for {winner}.', { song: example.name, genre: example.genre, winner: genreName(winner) })),
      ...own.twice.slice(0, 5).map(({ names, genres }) =>
        t('“{song}” and “{other}” sound the same to the model, but are filed under {genre} and {another}.', {
          song: names[0], other: names[1], genre: genres[0], another: genres[1],
        })),
    ];
    byId('own-notes').replaceChildren(...notes.map((text) => {
      const item = document.createElement('li');
      item.textContent = text;
      return item;
    }));
  }

  /** The words that forms offer. */
  #showWords() {
    const words = [...new Set([...this.#own.genres, ...this.#queue.model.genres])];
    byId('genre-words').replaceChildren(...words.map((word) => new Option(genreName(word), word)));
  }

  // --- several songs at once ----------------------------------------------------------------------

  /** @returns {Song[]} those that are picked, or all that are shown */
  #which() {
    return this.#queue.songs.filter((song) => {
      const view = this.#views.get(song);
      return view && !view.element.hidden && (!this.#picking || view.picked);
    });
  }

  #showWhich() {
    byId('own-file').hidden = !this.#own.able || this.#queue.songs.length < 2;
    const n = this.#which().length;
    byId('own-which').textContent = this.#picking
      ? tn('{n} picked song is', '{n} picked songs are', n, { n: integer(n) })
      : tn('The {n} song shown is', 'The {n} songs shown are', n, { n: integer(n) });
  }

  /** @param {boolean} picking */
  #pick(picking) {
    this.#picking = picking;
    document.body.classList.toggle('picking', picking);
    byId('own-pick').ariaPressed = String(picking);
    if (!picking) for (const view of this.#views.values()) view.picked = false;
    this.#showWhich();
  }

  #fileSeveral() {
    const form = byId('own-file', HTMLFormElement);
    const input = one(form, 'input', HTMLInputElement);
    const message = one(form, '.own-file-message');
    const songs = this.#which();
    try {
      if (!songs.length) throw new UserError(t('Pick songs first.'));
      const genre = this.#own.file(songs, input.value);
      input.value = '';
      message.textContent = tn('{n} song filed under {genre}.', '{n} songs filed under {genre}.', songs.length, { n: integer(songs.length), genre });
      for (const view of this.#views.values()) view.picked = false;
      this.#showWhich();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      message.textContent = error.message;
      input.focus();
    }
  }
}
