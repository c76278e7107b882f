/** The head of an unfolded song: its genre in words, and every genre as a bar. */

import { byId, one } from '../base/dom.js';
import { clock, decimal, integer, percent } from '../base/format.js';
import { genreName } from '../base/genres.js';
import { t, tn } from '../base/text.js';
import { answeredBy } from './answered_by.js';
import { barsOf } from './bars_view.js';
import { story } from './story.js';
import { UNFAMILIAR, likelihood } from './words.js';

/**
 * @typedef {import('../base/config.js').Model} Model
 * @typedef {import('../server/api.js').Prediction} Prediction
 *
 * @typedef {object} Answered
 * @property {Prediction} prediction
 * @property {import('../analysis/engine.js').Extraction} extraction the numbers that it is given for
 * @property {number} seconds length of the song
 * @property {Model} model that gave it
 */

/** @param {Prediction} prediction @returns the words that its sentences are made of */
function wordsOf({ genres, segments, aggregate: { genre, probabilities, votes, unfamiliar } }) {
  const share = probabilities[genres.indexOf(genre)];
  const n = segments.length;
  return {
    likely: likelihood(share),
    name: genreName(genre),
    share: percent(share),
    votes: tn('{votes} of {n} piece', '{votes} of {n} pieces', n, {
      votes: integer(votes[genre] ?? 0), n: integer(n),
    }),
    doubted: Boolean(unfamiliar?.flag),
  };
}

export class Verdict {
  #element;
  #parts;

  /** @param {HTMLElement} element of the song */
  constructor(element) {
    this.#element = element;
    this.#parts = {
      doubt: one(element, '.verdict-doubt'),
      word: one(element, '.verdict-word'),
      genre: one(element, '.verdict-genre'),
      share: one(element, '.verdict-share'),
      story: one(element, '.verdict-story'),
      weak: one(element, '.weak'),
      listened: one(element, '.listened'),
      listenedText: one(element, '.listened span'),
      unfamiliar: one(element, '.unfamiliar'),
      unfamiliarLink: one(element, '.unfamiliar a', HTMLAnchorElement),
      answeredBy: one(element, '.answered-by'),
      honest: one(element, '.honest'),
      printModel: one(element, '.print-model'),
      bars: one(element, '.bars'),
    };
  }

  /** Leave room for an answer that is not there yet. @param {Model} model that is to give it */
  blank({ genres, version }) {
    const parts = this.#parts;
    parts.doubt.hidden = parts.unfamiliar.hidden = parts.weak.hidden = parts.listened.hidden = true;
    parts.word.textContent = parts.share.textContent = '\u00a0';
    parts.genre.textContent = '…';
    parts.story.textContent = '';
    parts.bars.replaceChildren(...barsOf(genres, genres.map(() => 0), false));
    this.#element.classList.remove('doubted');
    this.#tellAccuracy(version, false);
  }

  /**
   * Show the answer to the beginning of a long song.
   * @param {Prediction} prediction
   * @returns {string} the answer in short
   */
  showSoFar(prediction) {
    const { likely, name, share, votes, doubted } = wordsOf(prediction);
    const parts = this.#parts;
    this.#show(prediction, doubted);
    parts.word.textContent = doubted
      ? t('So far: not sure. The closest genre:') : t('So far: {words}', { words: likely });
    parts.share.textContent = `${share} · ${votes}`;
    return doubted ? UNFAMILIAR.doubt : `${likely} ${name}, ${share}`;
  }

  /**
   * @param {Answered} answered
   * @param {Model} now the version that answers now
   * @returns {{status: string, more: string}} the answer in short, and the doubts about it
   */
  show({ prediction, extraction, seconds, model }, now) {
    const { likely, name, share, votes, doubted } = wordsOf(prediction);
    const parts = this.#parts;
    this.#show(prediction, doubted);
    parts.doubt.hidden = parts.unfamiliar.hidden = !doubted;
    parts.doubt.textContent = UNFAMILIAR.doubt;
    parts.word.textContent = doubted ? UNFAMILIAR.why : likely;
    // The probabilities compare its genres with each other, whatever the sound is.
    parts.share.textContent = doubted
      ? t('{share} among its {n} genres · {votes}', { share, n: prediction.genres.length, votes })
      : `${share} · ${votes}`;
    // For the same reason the course of a doubted song tells nothing; of excerpts there is none.
    parts.story.textContent = doubted || extraction.listened ? '' : story(prediction);
    parts.listened.hidden = !extraction.listened;
    parts.listenedText.textContent = extraction.listened ? t('The answer is of three excerpts, half a minute each, out of {time}.', { time: clock(seconds) }) : '';
    parts.unfamiliarLink.href = `${model.pageUrl}#unfamiliar`;
    this.#tellAccuracy(model.version, doubted);
    parts.printModel.textContent = t('Model {version}, “{title}”', { version: model.version, title: model.title });
    const doubts = [
      doubted ? t(': {reason}', { reason: UNFAMILIAR.brief(name) }) : '',
      ...this.#tellWeakness(extraction, seconds, model),
      extraction.listened ? t('; of three excerpts') : '',
      answeredBy(parts.answeredBy, model, now),
    ];
    return { status: doubted ? UNFAMILIAR.doubt : `${likely} ${name}, ${share}`, more: doubts.join('') };
  }

  /**
   * @param {Prediction} prediction
   * @param {boolean} doubted the genre is not what catches the eye
   */
  #show({ genres, aggregate: { genre, probabilities } }, doubted) {
    this.#element.classList.toggle('doubted', doubted);
    this.#parts.genre.textContent = genreName(genre);
    this.#parts.bars.replaceChildren(...barsOf(genres, probabilities, true));
  }

  /**
   * Tell how often the version was right, where that is known: a version of an earlier visit may be
   * gone.
   * @param {string} version
   * @param {boolean} doubted it was measured on songs like those which it learned from
   */
  #tellAccuracy(version, doubted) {
    const { honest } = this.#parts;
    const { content } = byId('honest-template', HTMLTemplateElement);
    const measured = content.querySelector(`[data-of="${CSS.escape(version)}"]`);
    honest.replaceChildren(...(measured ? [measured.cloneNode(true)] : []));
    honest.hidden = doubted || !measured;
  }

  /**
   * @param {Answered['extraction']} extraction
   * @param {number} seconds
   * @param {Model} model
   * @returns {string[]} what to add to the answer in short
   */
  #tellWeakness({ repeated, narrow, damage }, seconds, { segmentSeconds }) {
    const { weak } = this.#parts;
    weak.hidden = !repeated && !narrow && !damage;
    weak.textContent = [
      repeated ? t(
        'A weak answer: the model hears {whole} s at a time, but the sound lasts only {seconds} s and was repeated to fill them.',
        { whole: decimal(segmentSeconds, 1), seconds: decimal(seconds, 1) },
      ) : '',
      narrow ? t('Half of the sound is missing: there is nothing above 4 kHz, as on the telephone. The answer is less sure than it looks.') : '',
      damage ?? '',
    ].filter(Boolean).join(' ');
    return [
      repeated ? t('; weak, because it is shorter than one piece') : '',
      narrow ? t('; half of the sound is missing') : '',
      damage ? t('; part of the file is damaged') : '',
    ];
  }
}
