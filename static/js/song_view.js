/** One song of the list: its row, and the answer that unfolds below it. */

import { clock, counted, percent, size } from './format.js';
import { colourClass, ranking } from './genres.js';
import { piecesTable } from './pieces_view.js';
import { sentView } from './sent_view.js';
import { serverLink } from './server_link.js';
import { story } from './story.js';
import { t } from './text.js';
import { Timeline, fillStrip } from './timeline.js';
import { UNFAMILIAR, likelihood } from './words.js';

const template = document.getElementById('song-template');

const STATUS = {
  queued: 'Waiting for its turn',
  paused: 'Paused',
  waiting: 'Waiting for the analysis to load',
  decoding: 'Decoding on your computer',
  extracting: 'Analysing on your computer',
  predicting: 'Asking the model',
  unanswered: t('Waiting for the server; its numbers are ready'),
  cancelled: 'Cancelled; Retry analyses it after all',
};

export class SongView {
  #song;
  #config;
  #parts;
  #timeline;
  #urls = [];
  #shown = '';

  /**
   * @param {import('./queue.js').Song} song
   * @param {{genres: string[], segmentSeconds: number, shape: number[], numberNames: string[],
   *   predictUrl: string}} config
   * @param {{onRetry: () => void, onRemove: () => void}} actions
   */
  constructor(song, config, { onRetry, onRemove }) {
    this.#song = song;
    this.#config = config;
    this.element = template.content.firstElementChild.cloneNode(true);
    const one = (selector) => this.element.querySelector(selector);
    this.#parts = {
      toggle: one('.song-toggle'), status: one('.song-status'), progress: one('.song-progress'),
      strip: one('.song-strip'), facts: one('.song-facts'), retry: one('.song-retry'),
      body: one('.song-body'), bars: one('.bars'), doubt: one('.verdict-doubt'), word: one('.verdict-word'),
      genre: one('.verdict-genre'), share: one('.verdict-share'), story: one('.verdict-story'), weak: one('.weak'),
      unfamiliar: one('.unfamiliar'), honest: one('.honest'),
      audio: one('.player'), sent: one('.sent'), sentTitle: one('.sent-title'), sentBody: one('.sent-body'),
      sentSize: one('.sent-size'), pieces: one('.pieces'), piecesBody: one('.pieces-body'),
    };
    const { toggle, retry, body, audio, sent, pieces, progress } = this.#parts;
    this.element.dataset.name = song.file.name;
    body.id = `song-${song.id}`;
    toggle.setAttribute('aria-controls', body.id);
    one('.song-name').textContent = song.file.name;
    progress.ariaLabel = `Progress of ${song.file.name}`;
    one('.song-remove').ariaLabel = `Remove ${song.file.name}`;
    retry.ariaLabel = `Retry ${song.file.name}`;
    audio.ariaLabel = `Play ${song.file.name}`;
    this.#timeline = new Timeline({ rows: one('.timeline-rows'), readout: one('.timeline-readout'), audio });

    toggle.addEventListener('click', () => this.open(body.hidden));
    retry.addEventListener('click', onRetry);
    one('.song-remove').addEventListener('click', onRemove);
    sent.addEventListener('toggle', () => this.#showSent());
    pieces.addEventListener('toggle', () => this.#showPieces());
    this.#drawBars(config.genres, config.genres.map(() => 0));
  }

  /**
   * Follow the song: called whenever it or the analysis changes.
   * @param {boolean} analysisReady
   */
  update(analysisReady) {
    const { state, progress, error, seconds, file, extraction } = this.#song;
    const parts = this.#parts;
    const unanswered = state === 'predicting' && !serverLink.up;
    parts.progress.hidden = unanswered || !this.#song.running;
    if (progress === null) parts.progress.removeAttribute('value');
    else parts.progress.value = progress;
    parts.facts.textContent = seconds === null ? size(file.size) : `${clock(seconds)} · ${size(file.size)}`;
    // Messages are read out by screen readers, so they are written only when they differ.
    const caption = unanswered ? 'unanswered' : state === 'queued' && !analysisReady ? 'waiting' : state;
    if (caption === this.#shown) return;
    if (state === 'extracting') this.#timeline.prepare(seconds);

    this.#shown = caption;
    parts.retry.hidden = !this.#song.retryable;
    // Without numbers there is nothing below to unfold.
    const ended = state === 'failed' || state === 'cancelled';
    parts.toggle.disabled = ended && !extraction;
    if (ended) {
      this.open(false);
      parts.status.textContent = error?.message ?? STATUS[state];
      if (extraction) this.#renewSent('What was or may have been sent');
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
    if (open && !audio.src) audio.src = this.#url(this.#song.file);
    if (!open) audio.pause();
    body.hidden = !open;
    toggle.ariaExpanded = String(open);
  }

  /** Take the song off the page and free what it held. */
  remove() {
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

  #showResult() {
    const { prediction, extraction, seconds } = this.#song;
    const { genre, probabilities, unfamiliar } = prediction.aggregate;
    const parts = this.#parts;
    const index = prediction.genres.indexOf(genre);
    const share = probabilities[index];
    const doubted = Boolean(unfamiliar?.flag);

    parts.word.textContent = likelihood(share);
    parts.genre.textContent = genre;
    const votes = `${prediction.aggregate.votes[genre]} of ${counted(prediction.segments.length, 'piece')}`;
    parts.share.textContent = `${percent(share)} · ${votes}`;
    // What leads through a song is the genres' order among themselves: no news of a doubted one.
    parts.story.textContent = doubted ? '' : story(prediction);
    let status = `${likelihood(share)} ${genre}, ${percent(share)}`;
    let more = '';
    this.element.classList.toggle('doubted', doubted);
    parts.doubt.hidden = parts.unfamiliar.hidden = !doubted;
    // How often it is right was measured on songs like those it learned from.
    parts.honest.hidden = doubted;
    if (doubted) {
      // The probabilities compare its genres with each other, whatever the sound is.
      parts.doubt.textContent = UNFAMILIAR.doubt;
      parts.word.textContent = UNFAMILIAR.why;
      parts.share.textContent = `${percent(share)} among its ${prediction.genres.length} genres · ${votes}`;
      status = UNFAMILIAR.doubt;
      more = `: ${UNFAMILIAR.brief(genre)}`;
    }
    parts.weak.hidden = !extraction.repeated;
    if (extraction.repeated) {
      const whole = this.#config.segmentSeconds.toFixed(1);
      parts.weak.textContent =
        `A weak answer: the model hears ${whole} s at a time, but the sound lasts only ${seconds.toFixed(1)} s and was repeated to fill them.`;
      more += '; weak, because it is shorter than one piece';
    }
    this.#drawBars(prediction.genres, probabilities);
    this.#timeline.show(prediction, extraction, seconds);
    fillStrip(parts.strip, this.#song);
    this.#renewSent('What was sent');
    const rest = document.createElement('span');
    rest.className = 'more';
    rest.textContent = more;
    parts.status.replaceChildren(status, rest);
    parts.status.classList.add('answer', colourClass(index));
    this.element.classList.add(colourClass(index));
    this.element.dataset.genre = genre;
  }

  #drawBars(genres, probabilities) {
    this.#parts.bars.replaceChildren(...ranking(probabilities).map((index) => {
      const item = document.createElement('li');
      item.className = colourClass(index);
      const name = document.createElement('span');
      name.className = 'bars-name';
      name.textContent = genres[index];
      const track = document.createElement('span');
      track.className = 'bars-track';
      const bar = document.createElement('span');
      bar.className = 'bar';
      bar.style.width = `${100 * probabilities[index]}%`;
      track.append(bar);
      const value = document.createElement('span');
      value.className = 'bars-value';
      value.textContent = this.#song.prediction ? percent(probabilities[index]) : '';
      item.append(name, track, value);
      return item;
    }));
  }

  /** The request has ended: tell anew what is known of it. */
  #renewSent(title) {
    const { sentTitle, sentSize, sentBody } = this.#parts;
    const { extraction, file } = this.#song;
    sentTitle.textContent = title;
    sentSize.textContent = `${size(extraction.body.size)} of numbers for a song of ${size(file.size)}`;
    sentBody.replaceChildren();
    this.#showSent();
  }

  async #showSent() {
    const { sent, sentBody } = this.#parts;
    const { state, extraction } = this.#song;
    if (!sent.open || !extraction || sentBody.childElementCount) return;
    const view = await sentView(this.#song, this.#config, (blob) => this.#url(blob));
    if (this.#song.state === state) sentBody.replaceChildren(view);
  }

  #showPieces() {
    const { pieces, piecesBody } = this.#parts;
    if (!pieces.open || !this.#song.prediction || piecesBody.childElementCount) return;
    piecesBody.replaceChildren(piecesTable(this.#song.prediction));
  }
}
