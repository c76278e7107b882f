/** Points of a map: where they are in the picture, which is under the pointer, next to another or in a box. */

/**
 * Places of points in a picture, two numbers of each, in CSS pixels from its upper left corner.
 * @typedef {Float32Array} Spots
 *
 * @typedef {object} Box
 * @property {number} left
 * @property {number} top
 * @property {number} right
 * @property {number} bottom
 */

/**
 * Fit points into a picture, with the same scale in both directions.
 * @param {ArrayLike<number>} points two of each: to the right, and up
 * @param {number} width of the picture
 * @param {number} height
 * @param {number} margin that is left free
 * @returns {Spots}
 */
export function fit(points, width, height, margin) {
  const low = [Infinity, Infinity];
  const high = [-Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 1) {
    low[i % 2] = Math.min(low[i % 2], points[i]);
    high[i % 2] = Math.max(high[i % 2], points[i]);
  }
  const [across, up] = [high[0] - low[0], high[1] - low[1]];
  // Points that lie all in one place, or on one line, set no scale by themselves.
  const scale = Math.min(
    across > 0 ? Math.max(1, width - 2 * margin) / across : Infinity,
    up > 0 ? Math.max(1, height - 2 * margin) / up : Infinity,
  );
  const factor = Number.isFinite(scale) ? scale : 1;
  const spots = new Float32Array(points.length);
  for (let i = 0; i < points.length; i += 2) {
    spots[i] = width / 2 + (points[i] - (low[0] + high[0]) / 2) * factor;
    spots[i + 1] = height / 2 - (points[i + 1] - (low[1] + high[1]) / 2) * factor;
  }
  return spots;
}

/**
 * @param {Spots} spots
 * @param {number} x
 * @param {number} y
 * @param {number} radius farther ones are not hit
 * @returns {number} the nearest point, of equally near ones the last, which is drawn on top; -1 for none
 */
export function hit(spots, x, y, radius) {
  let found = -1;
  let least = radius * radius;
  for (let i = 0; i < spots.length; i += 2) {
    const apart = (spots[i] - x) ** 2 + (spots[i + 1] - y) ** 2;
    if (apart > least) continue;
    least = apart;
    found = i / 2;
  }
  return found;
}

/** The direction of an arrow key: to the right, and down. @type {Record<string, [number, number]>} */
export const DIRECTIONS = {
  ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1],
};

/**
 * The nearest point in a direction: within a right angle around it, or else on that side. Points in the
 * same place are passed one after the other, so that none is left out.
 * @param {Spots} spots
 * @param {number} from
 * @param {[number, number]} direction one of DIRECTIONS
 * @returns {number} `from` itself if there is none
 */
export function next(spots, from, [right, down]) {
  const [x, y] = [spots[2 * from], spots[2 * from + 1]];
  const sign = right + down;
  let found = from;
  let [least, within] = [Infinity, false];
  const n = spots.length / 2;
  for (let step = 0; step < n; step += 1) {
    // Copies of another point are met in their order.
    const i = sign > 0 ? step : n - 1 - step;
    const [dx, dy] = [spots[2 * i] - x, spots[2 * i + 1] - y];
    if (dx === 0 && dy === 0) {
      // The copies before it lie on the other side.
      if (sign * (i - from) > 0) return i;
      continue;
    }
    const along = dx * right + dy * down;
    if (along <= 0) continue;
    const aside = Math.abs(dx * down - dy * right) <= along;
    const apart = dx * dx + dy * dy;
    if ((aside && !within) || (aside === within && apart < least)) {
      [found, least, within] = [i, apart, aside];
    }
  }
  return found;
}

/** @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 two corners @returns {Box} */
export const boxOf = (x0, y0, x1, y1) => ({
  left: Math.min(x0, x1), top: Math.min(y0, y1), right: Math.max(x0, x1), bottom: Math.max(y0, y1),
});

/**
 * @param {Spots} spots
 * @param {Box} box
 * @returns {number[]} the points in it, those on its edge too
 */
export function inBox(spots, { left, top, right, bottom }) {
  const found = [];
  for (let i = 0; i < spots.length; i += 2) {
    const [x, y] = [spots[i], spots[i + 1]];
    if (x >= left && x <= right && y >= top && y <= bottom) found.push(i / 2);
  }
  return found;
}
