/** The pieces of a song in the order of time: coloured by genre, high where the model is sure. */

import { all, one } from '../base/dom.js';
import { clock, percent } from '../base/format.js';
import { colourClasses, genreName, genrePaints, ranking } from '../base/genres.js';
import { stackedAreas } from './stack.js';
import { gaps, runs } from './stretches.js';
import { t } from '../base/text.js';
import { Waveform } from './waveform.js';

// Longer songs are broken into rows, so that a piece stays wide enough to be hit.
const ROW_S = 600;

const dark = window.matchMedia('(prefers-color-scheme: dark)');
const markColour = () => getComputedStyle(document.documentElement).getPropertyValue('--mark').trim();

/**
 * A row of the timeline: the seconds of the song that it shows.
 * @typedef {{start: number, end: number}} Row
 *
 * @typedef {import('../server/api.js').Segment} Segment
 * @typedef {import('../server/api.js').Prediction} Prediction
 */

/** @param {string} className @param {string} [text] */
const box = (className, text = '') => {
  const element = document.createElement('div');
  element.className = className;
  element.textContent = text;
  return element;
};

/**
 * Put an element where its seconds are in a row.
 * @template {HTMLElement} T
 * @param {T} element
 * @param {number} from
 * @param {number} to
 * @param {Row} row
 * @returns {T}
 */
function place(element, from, to, row) {
  const length = row.end - row.start;
  element.style.left = `${(100 * (Math.max(from, row.start) - row.start)) / length}%`;
  element.style.width = `${(100 * (Math.min(to, row.end) - Math.max(from, row.start))) / length}%`;
  return element;
}

/** @param {number} seconds length of the song @returns {Row[]} */
function rowsOf(seconds) {
  const count = Math.max(1, Math.ceil(seconds / ROW_S));
  const length = count === 1 ? seconds : ROW_S;
  return Array.from({ length: count }, (_, i) => ({ start: i * length, end: (i + 1) * length }));
}

/**
 * @param {Segment} segment
 * @param {string[]} genres
 * @returns {string} such as "0:35 to 0:40: rock 62%, blues 20%"
 */
function describe({ start, end, probabilities }, genres) {
  const [first, second] = ranking(probabilities);
  /** @param {number} index */
  const share = (index) => `${genreName(genres[index])} ${percent(probabilities[index])}`;
  const shares = second === undefined ? share(first) : `${share(first)}, ${share(second)}`;
  return t('{from} to {to}: {shares}', { from: clock(start), to: clock(end), shares });
}

/**
 * Bars without words, for the folded row of a song.
 * @param {HTMLElement} strip
 * @param {Prediction} prediction
 * @param {number} seconds length of the song
 */
export function fillStrip(strip, { segments, genres }, seconds) {
  const row = { start: 0, end: seconds };
  const colours = colourClasses(genres);
  strip.replaceChildren(...segments.map((segment) => {
    const index = genres.indexOf(segment.genre);
    const bar = box(`bar ${colours[index]}`);
    bar.style.height = `${100 * segment.probabilities[index]}%`;
    return place(bar, segment.start, segment.end, row);
  }));
}

export class Timeline {
  #rows;
  #readout;
  #audio;
  #onMark;
  #places;
  /** The last place that was asked for. */
  #wanted = Symbol('none');
  /** The mark of each row where the sound plays. @type {{head: HTMLElement, row: Row}[]} */
  #heads = [];
  /** One of each piece. @type {HTMLButtonElement[]} */
  #buttons = [];
  /** @type {Waveform[]} */
  #waves = [];
  #seconds = 0;
  /** @type {Uint8Array | null} */
  #peaks = null;
  /** @type {Segment[]} */
  #segments = [];
  /** @type {string[]} */
  #genres = [];
  #begin = 0;
  #open = false;

  /**
   * @param {{rows: HTMLElement, readout: HTMLElement, audio: HTMLAudioElement}} elements
   * @param {(from: number, to: number) => void} onMark a stretch was marked in the waveform
   * @param {{mend: (onWait: () => void) => Promise<string>}} places of the player: see places.js
   */
  constructor({ rows, readout, audio }, onMark, places) {
    this.#rows = rows;
    this.#readout = readout;
    this.#audio = audio;
    this.#onMark = onMark;
    this.#places = places;
    this.prepare(0, null);
    rows.addEventListener('keydown', (event) => this.#move(event));
    audio.addEventListener('timeupdate', () => this.#follow());
    audio.addEventListener('play', () => this.#mend());
    dark.addEventListener('change', this.#redraw);
  }

  /**
   * Take the room that the answer will need.
   * @param {number} seconds length of the song
   * @param {Uint8Array | null} peaks its outline
   * @param {number} [begin] where it begins in the file, in seconds
   */
  prepare(seconds, peaks, begin = 0) {
    this.#seconds = seconds;
    this.#peaks = peaks;
    this.#begin = begin;
    this.#segments = [];
    this.#heads = [];
    this.#rows.replaceChildren(...rowsOf(seconds).map((row) => this.#row(row)));
    this.#redraw();
  }

  /** Draw the waveform, or let go of it: only an open song has one. @param {boolean} open */
  unfold(open) {
    this.#open = open;
    this.#redraw();
  }

  /** Mark a stretch in the waveform. @param {number} from @param {number} to seconds of the song */
  mark(from, to) {
    for (const wave of this.#waves) wave.mark(from, to, markColour());
  }

  /** Show all genres of each piece, or its winner only. @param {boolean} genres */
  showAll(genres) {
    this.#rows.classList.toggle('stacked', genres);
  }

  /** Take it off the page. */
  remove() {
    this.unfold(false);
    dark.removeEventListener('change', this.#redraw);
  }

  #redraw = () => {
    for (const wave of this.#waves.splice(0)) wave.destroy();
    const peaks = this.#peaks;
    if (!this.#open || !peaks) return;
    const boxes = all(this.#rows, '.wave');
    const { paints, plain } = genrePaints(this.#genres, this.#rows);
    /** @param {number} time in seconds of the song */
    const paintAt = (time) => {
      const segment = this.#segments.find(({ start, end }) => time >= start && time < end);
      return segment ? paints[this.#genres.indexOf(segment.genre)] : plain;
    };
    rowsOf(this.#seconds).forEach((row, i) => {
      this.#waves.push(new Waveform(boxes[i], {
        peaks, row, paintAt, markColour: markColour(),
        onSeek: (seconds) => this.#play(seconds), onMark: this.#onMark,
      }));
    });
  };

  /**
   * @param {Prediction} prediction
   * @param {{pieces: [number, number][], skipped: number}} extraction
   * @param {number} seconds length of the song
   * @param {Uint8Array | null} peaks its outline
   * @param {number} [begin] where it begins in the file, in seconds
   * @param {number} [known] how far the answers reach, while more are to come
   */
  show(prediction, extraction, seconds, peaks, begin = 0, known = seconds) {
    const { segments, genres } = prediction;
    const focused = this.#focused;
    this.#seconds = seconds;
    this.#peaks = peaks;
    this.#begin = begin;
    this.#segments = segments;
    this.#genres = genres;
    this.#heads = [];
    this.#buttons = [];
    const between = gaps(segments, extraction, known);
    const names = runs(segments);
    this.#rows.replaceChildren(...rowsOf(seconds).map((row) => {
      /** @param {{from: number, to: number}} stretch */
      const inRow = ({ from, to }) => from < row.end && to > row.start;
      const element = this.#row(row);
      const track = one(element, '.track');
      for (const gap of between.filter(inRow)) {
        const blank = box('gap');
        // The style hides a word that has no room; the title tells it to the pointer.
        blank.append(box('', gap.what));
        blank.title = gap.what;
        track.append(place(blank, gap.from, gap.to, row));
      }
      const list = document.createElement('ol');
      list.className = 'segments';
      for (const segment of segments) {
        // A piece that crosses the end of a row stands where it begins.
        if (segment.start >= row.start && segment.start < row.end) {
          list.append(this.#segment(segment, genres, row));
        }
      }
      track.prepend(stackedAreas(prediction, row), list);
      const line = one(element, '.names');
      for (const run of names.filter(inRow)) {
        const name = box('name');
        // The style hides a name that has no room.
        name.append(box('', genreName(run.genre)));
        line.append(place(name, run.from, run.to, row));
      }
      return element;
    }));
    if (this.#buttons.length) this.#buttons[Math.max(0, focused)].tabIndex = 0;
    // Drawn anew, a piece keeps the focus.
    if (focused >= 0) this.#buttons[focused].focus({ preventScroll: true });
    this.#redraw();
  }

  /** The index of the piece that has the focus; -1 for none. */
  get #focused() {
    return this.#buttons.findIndex((button) => button === document.activeElement);
  }

  /** @param {Row} row @returns {HTMLElement} its boxes, without the pieces */
  #row(row) {
    const element = box('timeline-row');
    const track = box('track');
    const head = box('playhead');
    head.hidden = true;
    track.append(head);
    this.#heads.push({ head, row });
    const scale = box('scale');
    scale.append(box('', clock(row.start)), box('', row.end ? clock(row.end) : ''));
    const names = box('names');
    const wave = box('wave');
    // To screen readers the buttons say the same, in order.
    names.ariaHidden = 'true';
    scale.ariaHidden = 'true';
    wave.ariaHidden = 'true';
    element.append(wave, track, names, scale);
    return element;
  }

  /**
   * A piece as a button.
   * @param {Segment} segment
   * @param {string[]} genres
   * @param {Row} row
   */
  #segment(segment, genres, row) {
    const index = genres.indexOf(segment.genre);
    const item = document.createElement('li');
    const button = document.createElement('button');
    const text = describe(segment, genres);
    button.type = 'button';
    button.tabIndex = -1;
    button.className = 'segment';
    button.dataset.start = String(segment.start);
    button.dataset.end = String(segment.end);
    button.dataset.genre = segment.genre;
    button.ariaLabel = t('{piece}. Play from here', { piece: text });
    const bar = box(`bar ${colourClasses(genres)[index]}`);
    bar.style.height = `${Math.max(6, 100 * segment.probabilities[index])}%`;
    button.append(bar);
    const read = () => { this.#readout.textContent = text; };
    button.addEventListener('pointerenter', read);
    button.addEventListener('focus', read);
    button.addEventListener('click', () => this.#play(segment.start));
    this.#buttons.push(button);
    item.append(button);
    return place(item, segment.start, segment.end, row);
  }

  /** @param {number} seconds of the song */
  async #play(seconds) {
    if (!this.#audio.src) {
      this.#readout.textContent = t('The sound itself is not kept; choose the file again to hear it.');
      return;
    }
    const wanted = Symbol('place');
    this.#wanted = wanted;
    await this.#mend();
    // Meanwhile another place may have been asked for, or the song folded or removed.
    if (this.#wanted !== wanted || !this.#audio.isConnected) return;
    this.#audio.currentTime = this.#begin + seconds;
    try {
      await this.#audio.play();
    } catch (error) {
      // A click on another piece came first; anything else is told where the eye is.
      if (!(error instanceof DOMException && error.name === 'AbortError')) {
        this.#readout.textContent = t('Your browser decoded this file but cannot play it here.');
      }
    }
  }

  /** Let the player find its places, and say what is to be known of them. */
  async #mend() {
    const waits = t('Decoding on your computer');
    const remark = await this.#places.mend(() => { this.#readout.textContent = waits; });
    if (remark || this.#readout.textContent === waits) this.#readout.textContent = remark;
  }

  /**
   * Let arrow keys walk through the pieces, so that Tab passes the timeline in one step.
   * @param {KeyboardEvent} event
   */
  #move(event) {
    const here = this.#focused;
    if (here < 0) return;
    const last = this.#buttons.length - 1;
    /** @type {Record<string, number>} */
    const goals = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: last };
    const to = goals[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = this.#buttons[Math.min(last, Math.max(0, to))];
    this.#buttons[here].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  /** Show where the sound plays. */
  #follow() {
    const now = this.#audio.currentTime - this.#begin;
    for (const { head, row } of this.#heads) {
      head.hidden = !(now >= row.start && now < row.end);
      if (!head.hidden) head.style.left = `${(100 * (now - row.start)) / (row.end - row.start)}%`;
    }
    for (const button of this.#buttons) {
      const { start, end } = button.dataset;
      const within = now >= Number(start) && now < Number(end);
      button.classList.toggle('playing', within && !this.#audio.paused);
    }
  }
}
