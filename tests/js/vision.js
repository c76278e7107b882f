/** Colours as people see them: contrast, distance, and sight without one of its three colours. */

/** @typedef {[number, number, number]} Triple */

// Of linear red, green and blue; dichromats after Machado, Oliveira and Fernandes, 2009.
/** @type {Record<string, [Triple, Triple, Triple]>} */
export const SIGHTS = {
  all: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  'no red': [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  'no green': [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  'no blue': [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};
// From linear sRGB to XYZ, and the white of D65.
/** @type {[Triple, Triple, Triple]} */
const XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]];
const WHITE = [0.95047, 1, 1.08883];
const DEGREE = Math.PI / 180;

/** @param {[Triple, Triple, Triple]} matrix @param {Triple} vector @returns {Triple} */
const times = ([a, b, c], [x, y, z]) => {
  /** @param {Triple} row */
  const product = (row) => row[0] * x + row[1] * y + row[2] * z;
  return [product(a), product(b), product(c)];
};

/** @param {string} colour such as "#fffdfa" @returns {Triple} linear red, green and blue */
function linear(colour) {
  /** @param {number} at */
  const channel = (at) => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

/** The contrast of two colours as WCAG 2 defines it. @param {string} a @param {string} b */
export function contrast(a, b) {
  const [low, high] = [a, b].map((colour) => times(XYZ, linear(colour))[1]).sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

/** @param {string} colour @param {string} sight a key of SIGHTS @returns {Triple} CIE Lab */
export function seen(colour, sight) {
  const [red, green, blue] = times(SIGHTS[sight], linear(colour)).map((value) => Math.min(1, Math.max(0, value)));
  const [x, y, z] = times(XYZ, [red, green, blue]).map((value, i) => {
    const share = value / WHITE[i];
    return share > 216 / 24389 ? Math.cbrt(share) : ((24389 / 27) * share + 16) / 116;
  });
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/**
 * CIEDE2000 (Sharma, Wu and Dalal, 2005): 1 is just noticeable.
 * @param {Triple} one CIE Lab
 * @param {Triple} other
 */
export function difference([light1, a1, b1], [light2, a2, b2]) {
  /** @param {number} chroma how grey it is, between 0 and 1 */
  const grey = (chroma) => Math.sqrt(chroma ** 7 / (chroma ** 7 + 25 ** 7));
  const stretch = 1.5 - 0.5 * grey((Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2);
  const [c1, c2] = [Math.hypot(stretch * a1, b1), Math.hypot(stretch * a2, b2)];
  /** @param {number} a @param {number} b */
  const hue = (a, b) => (Math.atan2(b, stretch * a) / DEGREE + 360) % 360;
  const [h1, h2] = [hue(a1, b1), hue(a2, b2)];
  const coloured = c1 * c2 > 0;
  let turn = coloured ? h2 - h1 : 0;
  if (Math.abs(turn) > 180) turn -= 360 * Math.sign(turn);
  let middle = h1 + h2;
  if (coloured) {
    if (Math.abs(h1 - h2) > 180) middle += middle < 360 ? 360 : -360;
    middle /= 2;
  }
  const lightness = ((light1 + light2) / 2 - 50) ** 2;
  const chroma = (c1 + c2) / 2;
  /** @param {number} degrees */
  const cos = (degrees) => Math.cos(degrees * DEGREE);
  const weight = 1 - 0.17 * cos(middle - 30) + 0.24 * cos(2 * middle) + 0.32 * cos(3 * middle + 6)
    - 0.2 * cos(4 * middle - 63);
  const dLight = (light2 - light1) / (1 + (0.015 * lightness) / Math.sqrt(20 + lightness));
  const dChroma = (c2 - c1) / (1 + 0.045 * chroma);
  const dHue = (2 * Math.sqrt(c1 * c2) * Math.sin((turn / 2) * DEGREE)) / (1 + 0.015 * chroma * weight);
  const rotation = -2 * grey(chroma) * Math.sin(60 * Math.exp(-(((middle - 275) / 25) ** 2)) * DEGREE);
  return Math.sqrt(dLight ** 2 + dChroma ** 2 + dHue ** 2 + rotation * dChroma * dHue);
}
