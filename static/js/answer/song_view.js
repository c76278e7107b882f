/** One song of the list: its row, and the answer that unfolds below it. */

import { barsOf } from './bars_view.js';
import { clock, decimal, integer, percent, size } from '../base/format.js';
import { colourClass, genreName } from '../base/genres.js';
import { showHeard } from './heard_view.js';
import { sentBytes } from '../server/requests.js';
import { piecesTable } from './pieces_view.js';
import { offerPart } from './stretch_form.js';
import { sentView } from './sent_view.js';
import { serverLink } from '../server/server_link.js';
import { story } from './story.js';
import { t, tn } from '../base/text.js';
import { Timeline, fillStrip } from '../timeline/timeline.js';
import { answeredBy } from './answered_by.js';
import { offerVersus } from './comparison_view.js';
import { UNFAMILIAR, likelihood } from './words.js';

const template = document.getElementById('song-template');
const honest = document.getElementById('honest-template');

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

export class SongView {
  #song;
  #parts;
  #timeline;
  #part;
  #versus;
  #colour = '';
  #current;
  #urls = [];
  #gone = new AbortController();
  #invert;
  #shown = '';
  #heard = null;
  // What a song unfolds to, while it is folded: of hundreds the browser would style every node.
  #folded = new DocumentFragment();

  /**
   * @param {import('../songs/song.js').Song} song
   * @param {object} around
   * @param {() => import('../songs/song.js').Model} around.current version that answers now
   * @param {import('../songs/song.js').Model[]} around.models all versions
   * @param {(model: import('../songs/song.js').Model, signal: AbortSignal) =>
   *   Promise<import('../server/api.js').Prediction>} around.ask another version
   * @param {import('../analysis/engine.js').Engine['invert']} around.invert
   * @param {() => void} around.onRetry
   * @param {() => void} around.onRemove
   * @param {(from: number, to: number) => void} around.onPart analyse a stretch by itself
   */
  constructor(song, { current, models, ask, invert, onRetry, onRemove, onPart }) {
    this.#invert = invert;
    this.#song = song;
    this.#current = current;
    this.element = template.content.firstElementChild.cloneNode(true);
    const one = (selector) => this.element.querySelector(selector);
    this.#parts = {
      toggle: one('.song-toggle'), status: one('.song-status'), progress: one('.song-progress'),
      strip: one('.song-strip'), facts: one('.song-facts'), retry: one('.song-retry'),
      body: one('.song-body'), bars: one('.bars'), doubt: one('.verdict-doubt'), word: one('.verdict-word'),
      genre: one('.verdict-genre'), share: one('.verdict-share'), story: one('.verdict-story'), weak: one('.weak'),
      unfamiliar: one('.unfamiliar'), honest: one('.honest'),
      audio: one('.player'), noSound: one('.no-sound'), sent: one('.sent'), sentTitle: one('.sent-title'), sentBody: one('.sent-body'),
      sentSize: one('.sent-size'), pieces: one('.pieces'), piecesBody: one('.pieces-body'),
      answeredBy: one('.answered-by'), printModel: one('.print-model'),
    };
    const { toggle, retry, body, audio, sent, pieces, progress } = this.#parts;
    this.element.dataset.name = song.name;
    body.id = `song-${song.id}`;
    toggle.setAttribute('aria-controls', body.id);
    one('.song-name').textContent = song.name;
    progress.ariaLabel = t('Progress of {name}', { name: song.name });
    one('.song-remove').ariaLabel = t('Remove {name}', { name: song.name });
    retry.ariaLabel = t('Retry {name}', { name: song.name });
    audio.ariaLabel = t('Play {name}', { name: song.name });
    const part = offerPart(one('.part'), onPart);
    this.#timeline = new Timeline(
      { rows: one('.timeline-rows'), readout: one('.timeline-readout'), audio },
      (from, to) => part.set(from, to),
    );
    part.onChange = (from, to) => this.#timeline.mark(from, to);
    this.#part = part;
    for (const choice of this.element.querySelectorAll('.timeline-choice input')) {
      // The buttons of one song belong together, and not to those of the next.
      choice.name = `timeline-${song.id}`;
      choice.addEventListener('change', () => this.#timeline.showAll(choice.value === 'all'));
    }

    toggle.addEventListener('click', () => this.open(body.hidden));
    retry.addEventListener('click', onRetry);
    one('.song-remove').addEventListener('click', onRemove);
    sent.addEventListener('toggle', () => this.#showSent());
    pieces.addEventListener('toggle', () => this.#showPieces());
    this.#versus = offerVersus(one('.versus'), song, models, ask);
    this.#blank(current());
    this.#folded.append(...body.childNodes);
  }

  /**
   * Follow the song: called whenever it or the analysis changes.
   * @param {boolean} analysisReady
   */
  update(analysisReady) {
    const { state, progress, error, seconds, file, size: bytes, sent, waits } = this.#song;
    const parts = this.#parts;
    const unanswered = state === 'predicting' && !serverLink.up;
    parts.progress.hidden = unanswered || Boolean(waits) || !this.#song.running;
    if (progress === null) parts.progress.removeAttribute('value');
    else parts.progress.value = progress;
    parts.facts.textContent = seconds === null ? size(bytes) : `${clock(seconds)} · ${size(bytes)}`;
    parts.audio.hidden = !file;
    parts.noSound.hidden = Boolean(file);
    // Messages are read out by screen readers, so they are written only when they differ.
    const waiting = state === 'queued' && !analysisReady;
    const caption = unanswered ? 'unanswered' : waits ?? (waiting ? 'waiting' : state);
    const version = this.#song.model?.version;
    const shown = `${caption} ${version} ${this.#current().version}`;
    if (shown === this.#shown) {
      this.#heard = showHeard(this.#song, this.element, parts, this.#timeline, this.#heard);
      return;
    }
    // Another version is to answer, or it is tried again: what was said before is no longer true.
    const outdated = this.element.dataset.state === 'done' || (this.#heard && !this.#song.heard);
    if (version && state !== 'done' && outdated) this.#blank(this.#song.model);
    this.#heard = this.#song.heard;
    if (state === 'extracting') {
      this.#timeline.prepare(seconds, this.#song.peaks, this.#song.begin);
      this.#part.offer(seconds);
    }

    this.#shown = shown;
    parts.retry.hidden = !this.#song.retryable;
    // Without numbers there is nothing below to unfold.
    const ended = state === 'failed' || state === 'cancelled';
    parts.toggle.disabled = ended && !sent;
    if (ended) {
      this.open(false);
      parts.status.textContent = error?.message ?? STATUS[state];
      if (sent) this.#renewSent(t('What was or may have been sent'));
    } else if (state === 'done') {
      this.#showResult();
    } else {
      parts.status.textContent = STATUS[caption];
    }
    this.element.dataset.state = state;
  }

  /** @param {boolean} open unfold or fold the answer */
  open(open) {
    const { body, toggle, audio } = this.#parts;
    if (open && !audio.src && this.#song.file) audio.src = this.#url(this.#song.file);
    if (!open) audio.pause();
    if (open) body.append(this.#folded);
    else this.#folded.append(...body.childNodes);
    body.hidden = !open;
    this.element.classList.toggle('folded', !open);
    this.#timeline.unfold(open);
    toggle.ariaExpanded = String(open);
  }

  /** Take the song off the page and free what it held. */
  remove() {
    this.#gone.abort();
    this.#timeline.remove();
    this.#versus.end();
    this.#parts.audio.removeAttribute('src');
    this.#parts.audio.load();
    for (const url of this.#urls) URL.revokeObjectURL(url);
    this.element.remove();
  }

  #url(blob) {
    const url = URL.createObjectURL(blob);
    this.#urls.push(url);
    return url;
  }

  /** Room for an answer that is not there yet. */
  #blank({ genres, version }) {
    const { bars, doubt, word, genre, share, story: course, weak, unfamiliar, status, strip, piecesBody } = this.#parts;
    doubt.hidden = unfamiliar.hidden = weak.hidden = true;
    word.textContent = share.textContent = '\u00a0';
    genre.textContent = '…';
    course.textContent = '';
    bars.replaceChildren(...barsOf(genres, genres.map(() => 0), false));
    this.element.classList.remove('doubted');
    this.#parts.honest.hidden = !this.#tellAccuracy(version);
    this.#paint('');
    status.classList.remove('answer');
    delete this.element.dataset.genre;
    strip.replaceChildren();
    piecesBody.replaceChildren();
  }

  /** @returns {boolean} whether it is known how often the version was right */
  #tellAccuracy(version) {
    const measured = honest.content.querySelector(`[data-of="${CSS.escape(version)}"]`);
    this.#parts.honest.replaceChildren(...(measured ? [measured.cloneNode(true)] : []));
    return Boolean(measured);
  }

  /** In the colour of the genre. */
  #paint(colour) {
    for (const element of [this.element, this.#parts.status]) {
      if (this.#colour) element.classList.remove(this.#colour);
      if (colour) element.classList.add(colour);
    }
    this.#colour = colour;
  }

  #showResult() {
    const { prediction, extraction, seconds, model } = this.#song;
    const { genre, probabilities, unfamiliar } = prediction.aggregate;
    const parts = this.#parts;
    const index = prediction.genres.indexOf(genre);
    const share = probabilities[index];
    const doubted = Boolean(unfamiliar?.flag);

    parts.word.textContent = likelihood(share);
    parts.genre.textContent = genreName(genre);
    const n = prediction.segments.length;
    const votes = tn('{votes} of {n} piece', '{votes} of {n} pieces', n, {
      votes: integer(prediction.aggregate.votes[genre] ?? 0), n: integer(n),
    });
    parts.share.textContent = `${percent(share)} · ${votes}`;
    // What leads through a song is the genres' order among themselves: no news of a doubted one.
    parts.story.textContent = doubted ? '' : story(prediction);
    let status = `${likelihood(share)} ${genreName(genre)}, ${percent(share)}`;
    let more = '';
    this.element.classList.toggle('doubted', doubted);
    parts.doubt.hidden = parts.unfamiliar.hidden = !doubted;
    // How often it is right was measured on songs like those it learned from.
    parts.honest.hidden = doubted;
    // A version of an earlier visit may be gone.
    if (!this.#tellAccuracy(model.version)) parts.honest.hidden = true;
    parts.printModel.textContent = t('Model {version}, “{title}”', model);
    parts.unfamiliar.querySelector('a').href = `${model.pageUrl}#unfamiliar`;
    if (doubted) {
      // The probabilities compare its genres with each other, whatever the sound is.
      parts.doubt.textContent = UNFAMILIAR.doubt;
      parts.word.textContent = UNFAMILIAR.why;
      parts.share.textContent = t('{share} among its {n} genres · {votes}', {
        share: percent(share), n: prediction.genres.length, votes,
      });
      status = UNFAMILIAR.doubt;
      more = t(': {reason}', { reason: UNFAMILIAR.brief(genreName(genre)) });
    }
    parts.weak.hidden = !extraction.repeated;
    if (extraction.repeated) {
      const heard = { whole: decimal(model.segmentSeconds, 1), seconds: decimal(seconds, 1) };
      parts.weak.textContent = t(
        'A weak answer: the model hears {whole} s at a time, but the sound lasts only {seconds} s and was repeated to fill them.',
        heard,
      );
      more += t('; weak, because it is shorter than one piece');
    }
    if (extraction.damage) {
      parts.weak.hidden = false;
      parts.weak.textContent = extraction.damage;
      more += t('; part of the file is damaged');
    }
    more += answeredBy(parts.answeredBy, model, this.#current());
    parts.bars.replaceChildren(...barsOf(prediction.genres, probabilities, true));
    this.#timeline.show(prediction, extraction, seconds, this.#song.peaks, this.#song.begin);
    this.#part.offer(seconds);
    fillStrip(parts.strip, prediction, seconds);
    this.#renewSent(t('What was sent'));
    const rest = document.createElement('span');
    rest.className = 'more';
    rest.textContent = more;
    parts.status.replaceChildren(status, rest);
    parts.status.classList.add('answer');
    this.#paint(colourClass(index));
    this.element.dataset.genre = genre;
    parts.piecesBody.replaceChildren();
    this.#showPieces();
    this.#versus.renew();
  }

  /** The request has ended: tell anew what is known of it. */
  #renewSent(title) {
    const { sentTitle, sentSize, sentBody } = this.#parts;
    sentTitle.textContent = title;
    sentSize.textContent = t('{sent} of numbers for a song of {file}', {
      sent: size(sentBytes(this.#song.sent)), file: size(this.#song.size),
    });
    sentBody.replaceChildren();
    this.#showSent();
  }

  async #showSent() {
    const { sent, sentBody } = this.#parts;
    const { state, model, sent: request } = this.#song;
    if (!sent.open || !request || !model || sentBody.childElementCount) return;
    const view = await sentView(this.#song, request, model, {
      makeUrl: (blob) => this.#url(blob), invert: this.#invert, gone: this.#gone.signal,
    });
    if (this.#song.state === state) sentBody.replaceChildren(view);
  }

  #showPieces() {
    const { pieces, piecesBody } = this.#parts;
    if (!pieces.open || !this.#song.prediction || piecesBody.childElementCount) return;
    piecesBody.replaceChildren(piecesTable(this.#song.prediction));
  }
}
