/**
 * One row of a song's waveform in the colours of its genres, drawn by wavesurfer.js. A stretch can be
 * marked by dragging over it. It adds to the pieces below it, which say the same to everyone.
 */

import { PEAKS_PER_S } from '../sound/peaks.js';
// wavesurfer.js writes its boxes as text
import '../base/trusted.js';

// The page's policy allows exactly the styles of a wavesurfer of this height: webapp/security.py.
const HEIGHT_PX = 56;
const BAR_PX = 2;
const GAP_PX = 1;
// A shorter drag is a click with an unsteady hand.
const SHORTEST_DRAG_S = 0.5;

/** Loaded with the first waveform that is looked at. */
const library = () => Promise.all([
  import('../../vendor/wavesurfer.js'), import('../../vendor/wavesurfer-regions.js'),
]);

/** Bars from the middle up and down, each in the colour of its place. */
function painter(peaks, loudest, { start, end }, colourAt) {
  return (_, context) => {
    const { width, height } = context.canvas;
    const scale = window.devicePixelRatio || 1;
    const step = Math.max(1, Math.round((BAR_PX + GAP_PX) * scale));
    const bar = Math.max(1, step - Math.round(GAP_PX * scale));
    const at = (x) => start + ((end - start) * x) / width;
    for (let x = 0; x < width; x += step) {
      const first = Math.floor(at(x) * PEAKS_PER_S);
      const last = Math.max(first + 1, Math.floor(at(x + step) * PEAKS_PER_S));
      let peak = 0;
      for (let i = first; i < last && i < peaks.length; i += 1) if (peaks[i] > peak) peak = peaks[i];
      if (first >= peaks.length) break;
      const size = Math.max(scale, (height * peak) / loudest);
      context.fillStyle = colourAt(at(x + step / 2));
      context.fillRect(x, (height - size) / 2, bar, size);
    }
  };
}

export class Waveform {
  #surfer = null;
  #regions = null;
  #marked = null;
  #gone = false;
  #row;

  /**
   * @param {HTMLElement} container
   * @param {object} what
   * @param {Uint8Array} what.peaks of the whole song
   * @param {{start: number, end: number}} what.row seconds that it shows
   * @param {(seconds: number) => string} what.colourAt a CSS colour
   * @param {string} what.markColour of a stretch that is marked
   * @param {(seconds: number) => void} what.onSeek
   * @param {(from: number, to: number) => void} what.onMark
   */
  constructor(container, { peaks, row, colourAt, markColour, onSeek, onMark }) {
    this.#row = row;
    this.#draw(container, { peaks, row, colourAt, markColour, onSeek, onMark });
  }

  async #draw(container, { peaks, row, colourAt, markColour, onSeek, onMark }) {
    let parts;
    try {
      parts = await library();
    } catch {
      // Without it the pieces below still tell everything.
      return;
    }
    if (this.#gone) return;
    const [{ default: WaveSurfer }, { default: Regions }] = parts;
    const loudest = peaks.reduce((most, peak) => Math.max(most, peak), 1);
    const length = row.end - row.start;
    this.#regions = Regions.create();
    this.#surfer = WaveSurfer.create({
      container,
      height: HEIGHT_PX,
      cursorWidth: 0,
      hideScrollbar: true,
      duration: length,
      // Not its own, which would stand on the page as a second player.
      media: new Audio(),
      // Its own drawing is replaced, but it wants to know that there is sound.
      peaks: [[0, 1]],
      renderFunction: painter(peaks, loudest, row, colourAt),
      plugins: [this.#regions],
    });
    this.#surfer.on('click', (share) => onSeek(row.start + share * length));
    this.#regions.enableDragSelection({ color: markColour });
    const tell = (region) => {
      if (region.end - region.start < SHORTEST_DRAG_S) {
        region.remove();
        return;
      }
      this.#marked = region;
      for (const other of this.#regions.getRegions()) if (other !== region) other.remove();
      onMark(row.start + region.start, row.start + region.end);
    };
    this.#regions.on('region-created', tell);
    this.#regions.on('region-updated', tell);
  }

  /** Mark a stretch that was chosen elsewhere; one outside of this row marks nothing. */
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
