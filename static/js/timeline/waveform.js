/**
 * One row of a song's waveform in the colours of its genres, drawn by wavesurfer.js. A stretch is marked
 * by dragging over it. Whoever cannot see or drag finds the same in the pieces below and in the form.
 */

import { PEAKS_PER_S } from '../sound/peaks.js';
// Allows the markup that wavesurfer.js writes.
import '../base/trusted.js';

// The page's policy allows exactly the styles of a wavesurfer of this height: webapp/security.py.
const HEIGHT_PX = 56;
const BAR_PX = 2;
const GAP_PX = 1;
// Bars of a genre with a mark have blanks: every so many pixels one of so many.
/** @type {Record<string, [number, number]>} */
const GAPS = { striped: [6, 2], dotted: [4, 2] };
// A shorter drag is a click with an unsteady hand.
const SHORTEST_DRAG_S = 0.5;

/** Loaded with the first waveform that is drawn. */
const library = () => Promise.all([
  import('../../vendor/wavesurfer.js'), import('../../vendor/wavesurfer-regions.js'),
]);

/**
 * @typedef {object} Shown
 * @property {Uint8Array} peaks of the whole song, see peaks.js
 * @property {import('./timeline.js').Row} row seconds that are shown
 * @property {(seconds: number) => import('../base/genres.js').Paint} paintAt
 * @property {string} markColour of a stretch that is marked
 * @property {(seconds: number) => void} onSeek
 * @property {(from: number, to: number) => void} onMark
 *
 * @typedef {import('../../vendor/wavesurfer-regions.js').Region} Region
 */

/**
 * Paints bars from the middle up and down, each in the colour of its place.
 * @param {Shown['peaks']} peaks
 * @param {number} loudest of them
 * @param {Shown['row']} row
 * @param {Shown['paintAt']} paintAt
 * @returns {(_: unknown, context: CanvasRenderingContext2D) => void}
 */
function painter(peaks, loudest, { start, end }, paintAt) {
  return (_, context) => {
    const { width, height } = context.canvas;
    const scale = window.devicePixelRatio || 1;
    const step = Math.max(1, Math.round((BAR_PX + GAP_PX) * scale));
    const bar = Math.max(1, step - Math.round(GAP_PX * scale));
    /** @param {number} x in pixels @returns {number} seconds */
    const at = (x) => start + ((end - start) * x) / width;
    for (let x = 0; x < width; x += step) {
      const first = Math.floor(at(x) * PEAKS_PER_S);
      const last = Math.max(first + 1, Math.floor(at(x + step) * PEAKS_PER_S));
      let peak = 0;
      for (let i = first; i < last && i < peaks.length; i += 1) if (peaks[i] > peak) peak = peaks[i];
      if (first >= peaks.length) break;
      const size = Math.max(scale, (height * peak) / loudest);
      const { colour, mark } = paintAt(at(x + step / 2));
      context.fillStyle = colour;
      context.fillRect(x, (height - size) / 2, bar, size);
      const [every, blank] = (GAPS[mark] ?? [Infinity, 0]).map((length) => length * scale);
      // From the same height in every bar, so that the blanks make lines.
      for (let y = every - blank; y < height; y += every) context.clearRect(x, y, bar, blank);
    }
  };
}

export class Waveform {
  /** @type {import('../../vendor/wavesurfer.js').default | null} */
  #surfer = null;
  /** @type {ReturnType<typeof import('../../vendor/wavesurfer-regions.js').default.create> | null} */
  #regions = null;
  /** @type {Region | null} */
  #marked = null;
  #gone = false;
  #row;

  /** @param {HTMLElement} container @param {Shown} shown */
  constructor(container, shown) {
    this.#row = shown.row;
    this.#draw(container, shown);
  }

  /** @param {HTMLElement} container @param {Shown} shown */
  async #draw(container, { peaks, row, paintAt, markColour, onSeek, onMark }) {
    let parts;
    try {
      parts = await library();
    } catch {
      // Without the library the pieces below still tell everything.
      return;
    }
    if (this.#gone) return;
    const [{ default: WaveSurfer }, { default: Regions }] = parts;
    const loudest = peaks.reduce((most, peak) => Math.max(most, peak), 1);
    const length = row.end - row.start;
    const regions = Regions.create();
    this.#regions = regions;
    this.#surfer = WaveSurfer.create({
      container,
      height: HEIGHT_PX,
      cursorWidth: 0,
      hideScrollbar: true,
      duration: length,
      // wavesurfer.js would put a player of its own on the page.
      media: new Audio(),
      // The painter has the real ones; without any, wavesurfer.js draws nothing.
      peaks: [[0, 1]],
      renderFunction: painter(peaks, loudest, row, paintAt),
      plugins: [regions],
    });
    this.#surfer.on('click', (share) => onSeek(row.start + share * length));
    regions.enableDragSelection({ color: markColour });
    /** @param {Region} region */
    const tell = (region) => {
      if (region.end - region.start < SHORTEST_DRAG_S) {
        region.remove();
        return;
      }
      this.#marked = region;
      for (const other of regions.getRegions()) if (other !== region) other.remove();
      onMark(row.start + region.start, row.start + region.end);
    };
    regions.on('region-created', tell);
    regions.on('region-updated', tell);
  }

  /**
   * Mark the part of a stretch that lies in this row.
   * @param {number} from seconds of the song
   * @param {number} to
   * @param {string} colour
   */
  mark(from, to, colour) {
    if (!this.#regions) return;
    const { start, end } = this.#row;
    const first = Math.max(from, start) - start;
    const last = Math.min(to, end) - start;
    if (this.#marked && Math.abs(this.#marked.start - first) < 0.01
      && Math.abs(this.#marked.end - last) < 0.01) return;
    this.#regions.clearRegions();
    this.#marked = null;
    if (last > first) this.#marked = this.#regions.addRegion({ start: first, end: last, color: colour });
  }

  /** Take it off the page. */
  destroy() {
    this.#gone = true;
    this.#surfer?.destroy();
  }
}
