/**
 * From several channels to one: their mean, except where they cancel each other out. features/downmix.py
 * says why and how, and holds the limits; tests/data/downmix.json holds both to the same answers.
 */

/**
 * Limits of features/downmix.py, as the page's config brings them.
 * @typedef {object} Mix
 * @property {number} blockSeconds what is decided on at a time
 * @property {number} oppositeDb how far the mean's power may lie below that of the channels
 */

/** @param {Float32Array} samples @returns {number} the sum of squares */
function powerOf(samples) {
  let sum = 0;
  for (let i = 0; i < samples.length; i += 1) sum += samples[i] * samples[i];
  return sum;
}

/**
 * @param {Float32Array[]} channels of one length
 * @returns {Float32Array<ArrayBuffer>} their mean, in its own memory
 */
export function meanOf([first, ...others]) {
  const mean = new Float32Array(first);
  if (!others.length) return mean;
  for (const other of others) {
    for (let i = 0; i < mean.length; i += 1) mean[i] += other[i];
  }
  const gain = 1 / (others.length + 1);
  for (let i = 0; i < mean.length; i += 1) mean[i] *= gain;
  return mean;
}

/**
 * The channel that stands for a block whose channels cancel each other out.
 * @param {Float32Array[]} channels of the block
 * @param {Float32Array} mean of them
 * @param {number} oppositeDb
 * @returns {number | null} the louder channel; null where the mean is to be taken
 */
export function louderOf(channels, mean, oppositeDb) {
  if (channels.length === 1) return null;
  const powers = channels.map(powerOf);
  const together = powers.reduce((sum, power) => sum + power, 0) / channels.length;
  if (!(powerOf(mean) * 10 ** (oppositeDb / 10) < together)) return null;
  return powers.indexOf(Math.max(...powers));
}

/**
 * @param {Float32Array[]} channels of a whole sound
 * @param {number} rate in Hz
 * @param {Mix} mix
 * @returns {Float32Array<ArrayBuffer>} its own memory, so it can be transferred
 */
export function downmix(channels, rate, { blockSeconds, oppositeDb }) {
  const mono = meanOf(channels);
  const length = Math.round(blockSeconds * rate);
  for (let start = 0; start < mono.length; start += length) {
    const block = channels.map((channel) => channel.subarray(start, start + length));
    const louder = louderOf(block, mono.subarray(start, start + length), oppositeDb);
    if (louder !== null) mono.set(block[louder], start);
  }
  return mono;
}
