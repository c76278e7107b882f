/** One song of the list: its row, and the answer that unfolds below it. */

import { all, copyOf, one } from '../base/dom.js';
import { clock, size } from '../base/format.js';
import { colourClasses } from '../base/genres.js';
import { t } from '../base/text.js';
import { serverLink } from '../server/server_link.js';
import { sentBytes } from '../server/requests.js';
import { Timeline, fillStrip } from '../timeline/timeline.js';
import { offerVersus } from './comparison_view.js';
import { showHeard } from './heard_view.js';
import { OwnView } from './own_view.js';
import { piecesTable } from './pieces_view.js';
import { Places } from './places.js';
import { giveTo } from './player.js';
import { sentView } from './sent_view.js';
import { offerSimilar } from './similar_view.js';
import { offerPart } from './stretch_form.js';
import { Verdict } from './verdict.js';

/**
 * @typedef {import('../songs/song.js').Song} Song
 * @typedef {import('../base/config.js').Model} Model
 *
 * @typedef {object} Around
 * @property {import('../analysis/engine.js').Engine} engine
 * @property {import('../songs/queue.js').SongQueue} queue
 * @property {import('../songs/second_opinion.js').SecondOpinion} secondOpinion
 * @property {import('../sound/samples.js').Samples} samples
 * @property {Model[]} models all versions
 * @property {import('../own/own_genres.js').OwnGenres} own
 * @property {import('../own/layout.js').Layout} layout
 * @property {(song: Song) => void} reveal shows another song of the list
 *
 * @typedef {object} Wishes
 * @property {() => void} onRetry
 * @property {() => void} onRemove
 * @property {() => void} onAll all of it is to be listened to
 * @property {(from: number, to: number) => string} onPart a stretch is to be analysed by itself; gives
 *   the reason why that has to wait, or nothing
 */

/** By the state, or by what the song waits for in it. @type {Record<string, string>} */
const STATUS = {
  queued: t('Waiting for its turn'),
  paused: t('Paused'),
  waiting: t('Waiting for the analysis to load'),
  decoding: t('Decoding on your computer'),
  extracting: t('Analysing on your computer'),
  predicting: t('Asking the model'),
  unanswered: t('Waiting for the server; its numbers are ready'),
  busy: t('The server is busy; it will be asked again by itself'),
  lost: t('No answer came; the server will be asked again by itself'),
  cancelled: t('Cancelled; Retry analyses it after all'),
};

/** @param {HTMLElement} element of a song @returns its parts, by their use */
function partsOf(element) {
  const part = (/** @type {string} */ selector) => one(element, selector);
  return {
    toggle: one(element, '.song-toggle', HTMLButtonElement),
    name: part('.song-name'),
    facts: part('.song-facts'),
    status: part('.song-status'),
    progress: one(element, '.song-progress', HTMLProgressElement),
    strip: part('.song-strip'),
    retry: part('.song-retry'),
    remove: part('.song-remove'),
    body: part('.song-body'),
    rows: part('.timeline-rows'),
    readout: part('.timeline-readout'),
    audio: one(element, '.player', HTMLAudioElement),
    noSound: part('.no-sound'),
    part: one(element, '.part', HTMLFormElement),
    sent: one(element, '.sent', HTMLDetailsElement),
    sentTitle: part('.sent-title'),
    sentSize: part('.sent-size'),
    sentBody: part('.sent-body'),
    similar: one(element, '.similar', HTMLDetailsElement),
    versus: one(element, '.versus', HTMLDetailsElement),
    pieces: one(element, '.pieces', HTMLDetailsElement),
    piecesBody: part('.pieces-body'),
  };
}

export class SongView {
  #song;
  #engine;
  #queue;
  #samples;
  #parts;
  #verdict;
  #timeline;
  #part;
  #versus;
  #similar;
  #own;
  /** Pieces in own genres that are shown in place of the model's. @type {import('../server/api.js').Prediction | null} */
  #ownPieces = null;
  #colour = '';
  /** @type {string[]} */
  #urls = [];
  #gone = new AbortController();
  #shown = '';
  /** @type {import('../songs/long_song.js').Heard | null} */
  #heard = null;
  // The body of a folded song stands outside of the page: of hundreds the browser would style every
  // node.
  #folded = new DocumentFragment();

  /**
   * @param {Song} song
   * @param {Around} around
   * @param {Wishes} wishes of the visitor
   */
  constructor(song, { engine, queue, secondOpinion, samples, models, own, layout, reveal }, { onRetry, onRemove, onAll, onPart }) {
    this.#song = song;
    this.#engine = engine;
    this.#queue = queue;
    this.#samples = samples;
    this.element = copyOf('song-template');
    this.#parts = partsOf(this.element);
    this.#verdict = new Verdict(this.element);
    const { toggle, retry, remove, body, audio, sent, pieces, progress, name } = this.#parts;
    this.element.dataset.name = song.name;
    body.id = `song-${song.id}`;
    toggle.setAttribute('aria-controls', body.id);
    name.textContent = song.name;
    progress.ariaLabel = t('Progress of {name}', { name: song.name });
    remove.ariaLabel = t('Remove {name}', { name: song.name });
    retry.ariaLabel = t('Retry {name}', { name: song.name });
    audio.ariaLabel = t('Play {name}', { name: song.name });
    const part = offerPart(this.#parts.part, onPart);
    this.#timeline = new Timeline(
      { rows: this.#parts.rows, readout: this.#parts.readout, audio },
      (from, to) => part.set(from, to),
      new Places(audio, song, samples, (blob) => this.#url(blob), this.#gone.signal),
    );
    part.onChange = (from, to) => this.#timeline.mark(from, to);
    this.#part = part;
    for (const choice of all(this.element, '.timeline-choice input', HTMLInputElement)) {
      // The buttons of one song belong together, and not to those of the next.
      choice.name = `timeline-${song.id}`;
      choice.addEventListener('change', () => this.#timeline.showAll(choice.value === 'all'));
    }

    toggle.addEventListener('click', () => this.open(this.element.classList.contains('folded')));
    retry.addEventListener('click', onRetry);
    remove.addEventListener('click', onRemove);
    one(this.element, '.listened button').addEventListener('click', onAll);
    sent.addEventListener('toggle', () => this.#showSent());
    pieces.addEventListener('toggle', () => this.#showPieces());
    this.#versus = offerVersus(this.#parts.versus, song, models, secondOpinion);
    this.#similar = offerSimilar(this.#parts.similar, song, { layout, own, reveal });
    this.#own = new OwnView(this.element, song, own, (pieces) => this.#showPiecesOf(pieces), this.#gone.signal);
    this.#blank(queue.model);
    this.#folded.append(...body.childNodes);
    const { signal } = this.#gone;
    for (const source of [song, engine, serverLink]) {
      source.addEventListener('change', () => this.#update(), { signal });
    }
    this.#update();
  }

  #update() {
    const { state, progress, seconds, file, size: bytes, waits, model, heard } = this.#song;
    const parts = this.#parts;
    const unanswered = state === 'predicting' && !serverLink.up;
    parts.progress.hidden = unanswered || Boolean(waits) || !this.#song.running;
    if (progress === null) parts.progress.removeAttribute('value');
    else parts.progress.value = progress;
    const facts = seconds === null ? size(bytes) : `${clock(seconds)} · ${size(bytes)}`;
    if (parts.facts.textContent !== facts) parts.facts.textContent = facts;
    if (file && parts.audio.hidden) this.#offerSound();
    parts.audio.hidden = !file;
    parts.noSound.hidden = Boolean(file);
    this.element.dataset.listened = this.#song.listened;
    // Messages are read out by screen readers, so they are written only when they differ.
    const waiting = state === 'queued' && this.#engine.state !== 'ready';
    const caption = unanswered ? 'unanswered' : waits ?? (waiting ? 'waiting' : state);
    const shown = `${caption} ${model?.version} ${this.#queue.model.version}`;
    if (shown === this.#shown) {
      this.#showHeard();
      return;
    }
    this.#shown = shown;
    // Another version is to answer, or it is tried again: the answer is no longer true.
    const outdated = this.element.dataset.state === 'done' || (this.#heard && !heard);
    if (model && state !== 'done' && outdated) this.#blank(model);
    this.#heard = heard;
    if (state === 'failed' || state === 'cancelled') this.#showEnd();
    else {
      parts.retry.hidden = true;
      parts.toggle.disabled = false;
      if (state === 'done') this.#showResult();
      else parts.status.textContent = STATUS[caption];
      if (state === 'extracting' && seconds !== null) this.#showLength(seconds);
    }
    this.element.dataset.state = state;
    this.#own.update();
  }

  /** Whether the visitor picked it, to file it with others. */
  get picked() {
    return this.#own.picked;
  }

  set picked(picked) {
    this.#own.picked = picked;
  }

  /** Show the pieces in own genres, or in the model's. @param {import('../server/api.js').Prediction | null} pieces */
  #showPiecesOf(pieces) {
    this.#ownPieces = pieces;
    const { prediction, extraction, seconds, peaks, begin, state } = this.#song;
    if (state !== 'done' || !prediction || !extraction || seconds === null) return;
    this.#timeline.show(pieces ?? prediction, extraction, seconds, peaks, begin);
    this.#parts.piecesBody.replaceChildren();
    this.#showPieces();
  }

  /** The song is decoded: show its outline and how long it is. @param {number} seconds */
  #showLength(seconds) {
    this.#timeline.prepare(seconds, this.#song.peaks, this.#song.begin);
    this.#part.offer(seconds);
  }

  /** Show the answer so far of a long song, when it is a new one: every few minutes of the song. */
  #showHeard() {
    const { heard } = this.#song;
    if (heard?.answered && heard.answered !== this.#heard?.answered) {
      showHeard(this.#song, heard.answered, {
        status: this.#parts.status, verdict: this.#verdict, timeline: this.#timeline,
      });
    }
    this.#heard = heard;
  }

  /** It has failed or was cancelled. Without numbers there is nothing below to unfold. */
  #showEnd() {
    const { error, sent, retryable } = this.#song;
    const { status, retry, toggle } = this.#parts;
    retry.hidden = !retryable;
    toggle.disabled = !sent;
    this.open(false);
    status.textContent = error?.message ?? STATUS.cancelled;
    if (sent) this.#renewSent(t('What was or may have been sent'), sent);
  }

  /** @param {boolean} open unfold or fold the answer */
  open(open) {
    const { body, toggle, audio } = this.#parts;
    if (open) this.#loadSound();
    else audio.pause();
    if (open) body.append(this.#folded);
    else this.#folded.append(...body.childNodes);
    body.hidden = !open;
    this.element.classList.toggle('folded', !open);
    this.#timeline.unfold(open);
    this.#own.update();
    toggle.ariaExpanded = String(open);
  }

  /** Take the song off the page and free what it held. */
  remove() {
    this.#gone.abort();
    this.#timeline.remove();
    this.#versus.end();
    this.#similar.end();
    this.#parts.audio.removeAttribute('src');
    this.#parts.audio.load();
    for (const url of this.#urls) URL.revokeObjectURL(url);
    this.element.remove();
  }

  /** The file is there, or has come back. */
  #offerSound() {
    this.#part.say('');
    if (!this.#parts.body.hidden) this.#loadSound();
  }

  #loadSound() {
    const { audio } = this.#parts;
    if (!audio.src && this.#song.file) giveTo(audio, this.#song.file, (sound) => this.#url(sound));
  }

  /** @param {Blob} blob @returns {string} its address, until the song is removed */
  #url(blob) {
    const url = URL.createObjectURL(blob);
    this.#urls.push(url);
    return url;
  }

  /** Take the answer away and leave room for one. @param {Model} model that is to give it */
  #blank(model) {
    const { status, strip, piecesBody } = this.#parts;
    this.#verdict.blank(model);
    this.#paint('');
    status.classList.remove('answer');
    delete this.element.dataset.genre;
    strip.replaceChildren();
    piecesBody.replaceChildren();
  }

  /** Give the song the colour of its genre. @param {string} colour its classes, or none */
  #paint(colour) {
    for (const element of [this.element, this.#parts.status]) {
      if (this.#colour) element.classList.remove(...this.#colour.split(' '));
      if (colour) element.classList.add(...colour.split(' '));
    }
    this.#colour = colour;
  }

  #showResult() {
    const { prediction, extraction, seconds, model, peaks, begin } = this.#song;
    if (!prediction || !extraction || !model || seconds === null) return;
    const { genres, aggregate: { genre } } = prediction;
    const { status, strip, piecesBody } = this.#parts;
    const answer = this.#verdict.show({ prediction, extraction, seconds, model }, this.#queue.model);
    this.#ownPieces = null;
    this.#timeline.show(prediction, extraction, seconds, peaks, begin);
    this.#part.offer(seconds);
    fillStrip(strip, prediction, seconds);
    this.#renewSent(t('What was sent'), extraction);
    const more = document.createElement('span');
    more.className = 'more';
    more.textContent = answer.more;
    status.replaceChildren(answer.status, more);
    status.classList.add('answer');
    this.#paint(colourClasses(genres)[genres.indexOf(genre)]);
    this.element.dataset.genre = genre;
    piecesBody.replaceChildren();
    this.#showPieces();
    this.#versus.renew();
    this.#similar.renew();
  }

  /**
   * The request has ended: show anew what is known of it.
   * @param {string} title
   * @param {import('../analysis/engine.js').Extraction} request
   */
  #renewSent(title, request) {
    const { sentTitle, sentSize, sentBody } = this.#parts;
    sentTitle.textContent = title;
    sentSize.textContent = t('{sent} of numbers for a song of {file}', {
      sent: size(sentBytes(request)), file: size(this.#song.size),
    });
    sentBody.replaceChildren();
    this.#showSent();
  }

  async #showSent() {
    const { sent, sentBody } = this.#parts;
    if (!sent.open || sentBody.childElementCount) return;
    const { state, model, sent: request } = this.#song;
    if (!request || !model) return;
    const view = await sentView(this.#song, request, model, {
      makeUrl: (blob) => this.#url(blob), engine: this.#engine, samples: this.#samples, gone: this.#gone.signal,
    });
    if (this.#song.state === state) sentBody.replaceChildren(view);
  }

  #showPieces() {
    const { pieces, piecesBody } = this.#parts;
    const { prediction } = this.#song;
    if (pieces.open && prediction && !piecesBody.childElementCount) {
      piecesBody.replaceChildren(piecesTable(this.#ownPieces ?? prediction));
    }
  }
}
