/** Own genres in one song: its answer in them, and the form that files it. */

import { all, one } from '../base/dom.js';
import { UserError, reasonOf } from '../base/errors.js';
import { percent } from '../base/format.js';
import { colourClasses, genreName } from '../base/genres.js';
import { t } from '../base/text.js';
import { barsOf } from './bars_view.js';
import { likelihood } from './words.js';

/**
 * @typedef {import('../songs/song.js').Song} Song
 * @typedef {import('../own/own_genres.js').OwnGenres} OwnGenres
 * @typedef {import('../own/own_genres.js').OwnAnswer} OwnAnswer
 * @typedef {import('../server/api.js').Prediction} Prediction
 */

/** @param {OwnAnswer} answer @returns {string} in short */
export const ownInShort = ({ genre, probability, unsure }) => (unsure
  ? t('none of your genres')
  : t('yours: {genre}, {share}', { genre: genreName(genre), share: percent(probability) }));

export class OwnView {
  #element;
  #song;
  #own;
  #onPieces;
  #parts;
  #colour = '';
  /** The answer that is shown. @type {OwnAnswer | null} */
  #shown = null;
  /** The answer whose bars are drawn. @type {OwnAnswer | null} */
  #drawn = null;
  /** What was said last of where the song is filed. */
  #filedSaid = '';
  /** Pieces in own genres are shown. */
  #inOwn = false;

  /**
   * @param {HTMLElement} element of the song
   * @param {Song} song
   * @param {OwnGenres} own
   * @param {(pieces: Prediction | null) => void} onPieces the pieces are to be shown in own genres; null: in
   *   the model's
   * @param {AbortSignal} signal ends it
   */
  constructor(element, song, own, onPieces, signal) {
    this.#element = element;
    this.#song = song;
    this.#own = own;
    this.#onPieces = onPieces;
    this.#parts = {
      brief: one(element, '.song-own'),
      section: one(element, '.own-answer'),
      verdict: one(element, '.own-verdict'),
      word: one(element, '.own-word'),
      genre: one(element, '.own-genre'),
      share: one(element, '.own-share'),
      bars: one(element, '.own-bars'),
      form: one(element, '.teach', HTMLFormElement),
      input: one(element, '.teach input', HTMLInputElement),
      out: one(element, '.teach-out', HTMLButtonElement),
      message: one(element, '.teach-message'),
      choice: one(element, '.own-timeline'),
      pick: one(element, '.song-pick', HTMLInputElement),
    };
    const { form, input, out, pick, choice } = this.#parts;
    pick.ariaLabel = t('Pick {name}', { name: song.name });
    input.ariaLabel = t('The genre of {name}', { name: song.name });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#file();
    });
    out.addEventListener('click', () => {
      own.unfile([song]);
      input.value = '';
      input.focus();
    });
    for (const radio of all(choice, 'input', HTMLInputElement)) {
      radio.name = `own-timeline-${song.id}`;
      radio.addEventListener('change', () => this.#showPieces(radio.value === 'own'));
    }
    song.addEventListener('own', () => this.update(), { signal });
    own.addEventListener('change', () => this.update(), { signal });
    this.update();
  }

  get picked() {
    return this.#parts.pick.checked;
  }

  set picked(picked) {
    this.#parts.pick.checked = picked;
  }

  /** Show what is known now. */
  update() {
    const song = this.#song;
    const own = this.#own;
    const { section, verdict, bars, brief, form, choice, out, message } = this.#parts;
    const done = song.state === 'done';
    const able = done && own.able && Boolean(song.model?.embedding);
    section.hidden = !able;
    form.hidden = !able;
    const answer = able ? own.answerTo(song) : null;
    verdict.hidden = bars.hidden = brief.hidden = choice.hidden = !answer;
    section.classList.toggle('answered', Boolean(answer));
    const isNew = answer !== this.#shown;
    this.#shown = answer;
    // Of hundreds of songs, most have the answer that they had.
    if (answer && isNew) this.#show(answer);
    if (answer) this.#showBars(answer);
    else {
      delete this.#element.dataset.ownGenre;
      brief.textContent = '';
      if (this.#inOwn) this.#backToModel();
    }
    const filed = own.filedAs(song);
    out.hidden = filed === null;
    const said = filed === null ? '' : this.#filedText(filed);
    // Why a name was refused stays until the song is filed otherwise.
    if (said !== this.#filedSaid) this.#say(message, said);
    this.#filedSaid = said;
  }

  /** @param {string} filed its own genre */
  #filedText(filed) {
    const report = this.#own.reportOn(this.#song);
    if (report?.misfiled && report.winner) {
      return t('Filed under {genre}. The other examples would take it for {winner}: is it filed right?', {
        genre: filed, winner: genreName(report.winner),
      });
    }
    return t('Filed under {genre}.', { genre: filed });
  }

  /** @param {OwnAnswer} answer */
  #show({ genres, probabilities, genre, probability, unsure }) {
    const { brief, word, genre: name, share } = this.#parts;
    this.#element.dataset.ownGenre = unsure ? '' : genre;
    brief.textContent = ownInShort({ genres, probabilities, genre, probability, unsure });
    const colour = unsure ? 'unsure' : colourClasses(genres)[genres.indexOf(genre)];
    if (this.#colour) {
      for (const part of [brief, name]) part.classList.remove(...this.#colour.split(' '));
    }
    for (const part of [brief, name]) part.classList.add(...colour.split(' '));
    this.#colour = colour;
    word.textContent = unsure ? t('In your genres: none of these. The closest:') : t('In your genres: {words}', { words: likelihood(probability) });
    name.textContent = genreName(genre);
    share.textContent = unsure ? t('{share} among {n} genres', { share: percent(probability), n: genres.length }) : percent(probability);
    if (this.#inOwn) this.#showPieces(true);
  }

  /** Of hundreds of songs, those that are folded draw none. @param {OwnAnswer} answer */
  #showBars(answer) {
    if (answer === this.#drawn || this.#element.classList.contains('folded')) return;
    this.#drawn = answer;
    this.#parts.bars.replaceChildren(...barsOf(answer.genres, answer.probabilities, true));
  }

  #file() {
    const { input, message } = this.#parts;
    try {
      const genre = this.#own.file([this.#song], input.value);
      input.value = '';
      this.#say(message, t('Filed under {genre}.', { genre }));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#say(message, error.message);
      input.focus();
    }
  }

  /** @param {boolean} inOwn */
  async #showPieces(inOwn) {
    this.#inOwn = inOwn;
    if (!inOwn) {
      this.#onPieces(null);
      return;
    }
    try {
      const pieces = await this.#own.piecesOf(this.#song);
      if (this.#inOwn) this.#onPieces(pieces);
    } catch (error) {
      this.#backToModel();
      this.#say(this.#parts.message, reasonOf(error));
    }
  }

  #backToModel() {
    this.#inOwn = false;
    for (const radio of all(this.#parts.choice, 'input', HTMLInputElement)) radio.checked = radio.value === 'model';
    this.#onPieces(null);
  }

  /** @param {HTMLElement} element that is read out, so written only when it differs @param {string} text */
  #say(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }
}
