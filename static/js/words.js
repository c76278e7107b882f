/** What a probability is called. */

// Probabilities are temperature-scaled; the model's page tells how far off they still are.
const WORDS = [
  [0.8, 'Very likely'],
  [0.6, 'Probably'],
  [0.4, 'Perhaps'],
  [0, 'Not sure, maybe'],
];

/** What leads the answer for a song that is unlike the training music. */
export const UNFAMILIAR = {
  doubt: 'Not sure',
  why: 'This is unlike the music that the model learned from. Its closest genre:',
  brief: (genre) => `unlike the music it learned from; closest is ${genre}`,
};

/** @param {number} probability @returns {string} such as "Probably" */
export const likelihood = (probability) => WORDS.find(([from]) => probability >= from)[1];
