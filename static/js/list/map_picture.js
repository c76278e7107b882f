/** The picture of a map: points as signs of their genres, painted anew when size or theme differ. */

import { genrePaints } from '../base/genres.js';
import { fit } from './map_points.js';

/**
 * How a point is painted.
 * @typedef {object} Look
 * @property {string} genre
 * @property {boolean} hollow
 * @property {boolean} faint
 *
 * What stands out for the moment.
 * @typedef {object} Emphasis
 * @property {number} current the point that is told; -1 for none
 * @property {number[]} links points that are nearest to it
 * @property {import('./map_points.js').Box | null} box that is being drawn
 *
 * @typedef {(path: CanvasRenderingContext2D | Path2D, x: number, y: number, r: number) => void} Sign
 */

const MARGIN_PX = 24;
const FAINT = 0.22;
// Radius of a point, by the number of points from which on it holds.
const RADII = [[1000, 3.5], [300, 4.5], [0, 6]];

/** Colours repeat with marks, as in genres.css; a mark has a shape of its own. @type {Record<string, Sign>} */
export const SIGNS = {
  '': (path, x, y, r) => path.arc(x, y, r, 0, 2 * Math.PI),
  striped: (path, x, y, r) => path.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r),
  dotted: (path, x, y, r) => {
    path.moveTo(x, y - 1.2 * r);
    path.lineTo(x + 1.15 * r, y + 0.85 * r);
    path.lineTo(x - 1.15 * r, y + 0.85 * r);
    path.closePath();
  },
};

const dark = window.matchMedia('(prefers-color-scheme: dark)');

export class MapPicture {
  #canvas;
  // The points without what stands out, which differs more often.
  #base = document.createElement('canvas');
  #width = 0;
  #height = 0;
  #ratio = 0;
  /** @type {ArrayLike<number>} */
  #points = [];
  /** @type {Look[]} */
  #looks = [];
  /** @type {number[]} */
  #marked = [];
  /** @type {Emphasis} */
  #emphasis = { current: -1, links: [], box: null };
  #fresh = false;
  #frame = 0;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    /** Where the points are. @type {import('./map_points.js').Spots} */
    this.spots = new Float32Array(0);
    new ResizeObserver(() => this.#measure()).observe(canvas);
    dark.addEventListener('change', () => this.#renew());
    this.#followRatio();
  }

  /** Radius of a point, in CSS pixels. */
  get radius() {
    const n = this.#points.length / 2;
    return (RADII.find(([from]) => n >= from) ?? RADII[0])[1];
  }

  /**
   * @param {ArrayLike<number>} points two of each
   * @param {Look[]} looks
   */
  show(points, looks) {
    if (points !== this.#points) {
      this.#points = points;
      this.#fit();
    }
    this.#looks = looks;
    this.#renew();
  }

  /** @param {number[]} marked points */
  mark(marked) {
    this.#marked = marked;
    this.#renew();
  }

  /** @param {Partial<Emphasis>} emphasis what of it differs */
  stress(emphasis) {
    Object.assign(this.#emphasis, emphasis);
    this.#drawSoon();
  }

  /** The window may move to a screen with other pixels. */
  #followRatio() {
    const asked = window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    asked.addEventListener('change', () => {
      this.#measure();
      this.#followRatio();
    }, { once: true });
  }

  #measure() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = window.devicePixelRatio || 1;
    if (!width || (width === this.#width && height === this.#height && ratio === this.#ratio)) return;
    [this.#width, this.#height, this.#ratio] = [width, height, ratio];
    for (const canvas of [this.#canvas, this.#base]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.#fit();
    this.#fresh = false;
    // A canvas of another size is blank: it is painted before it is shown.
    this.#draw();
  }

  #fit() {
    this.spots = fit(this.#points, this.#width, this.#height, MARGIN_PX);
  }

  #renew() {
    this.#fresh = false;
    this.#drawSoon();
  }

  #drawSoon() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const context = this.#canvas.getContext('2d');
    if (!context || !this.#width) return;
    const style = getComputedStyle(this.#canvas);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    if (!this.#fresh) this.#drawPoints(colour('--surface'), colour('--accent'));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#drawLinks(context, colour('--line-strong'));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.#base, 0, 0);
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    const { current, box } = this.#emphasis;
    if (current >= 0) this.#ring(context, [current], colour('--ink'), 6);
    if (!box) return;
    context.fillStyle = colour('--mark');
    context.strokeStyle = colour('--accent');
    context.lineWidth = 1;
    const { left, top, right, bottom } = box;
    context.fillRect(left, top, right - left, bottom - top);
    context.strokeRect(left, top, right - left, bottom - top);
  }

  /** @param {string} ground colour behind the points @param {string} ring colour of those that are marked */
  #drawPoints(ground, ring) {
    const context = this.#base.getContext('2d');
    if (!context) return;
    this.#fresh = true;
    const names = [...new Set(this.#looks.map(({ genre }) => genre))];
    const { paints } = genrePaints(names, this.#canvas.parentElement ?? document.body);
    const paintOf = new Map(names.map((name, i) => [name, paints[i]]));
    const r = this.radius;
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    context.clearRect(0, 0, this.#width, this.#height);
    const order = [...this.#looks.keys()].sort((a, b) =>
      Number(this.#looks[b].faint) - Number(this.#looks[a].faint) || a - b);
    for (const i of order) {
      const { genre, hollow, faint } = this.#looks[i];
      const { colour, mark } = paintOf.get(genre) ?? { colour: ground, mark: '' };
      context.globalAlpha = faint ? FAINT : 1;
      context.beginPath();
      SIGNS[mark](context, this.spots[2 * i], this.spots[2 * i + 1], hollow ? r - 1 : r);
      context.fillStyle = hollow ? ground : colour;
      context.fill();
      // A rim tells points apart that lie on each other.
      context.lineWidth = hollow ? 2 : 1;
      context.strokeStyle = hollow ? colour : ground;
      context.stroke();
    }
    context.globalAlpha = 1;
    this.#ring(context, this.#marked, ring, 3);
  }

  /** @param {CanvasRenderingContext2D} context @param {string} colour */
  #drawLinks(context, colour) {
    const { current, links } = this.#emphasis;
    if (current < 0) return;
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.beginPath();
    for (const to of links) {
      context.moveTo(this.spots[2 * current], this.spots[2 * current + 1]);
      context.lineTo(this.spots[2 * to], this.spots[2 * to + 1]);
    }
    context.stroke();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number[]} points
   * @param {string} colour
   * @param {number} wider than the point, in CSS pixels
   */
  #ring(context, points, colour, wider) {
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.beginPath();
    const r = this.radius + wider;
    for (const i of points) {
      const [x, y] = [this.spots[2 * i], this.spots[2 * i + 1]];
      context.moveTo(x + r, y);
      context.arc(x, y, r, 0, 2 * Math.PI);
    }
    context.stroke();
  }
}
