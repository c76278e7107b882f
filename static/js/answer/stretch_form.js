/** A stretch of a song that is to be analysed by itself: two times and a button. */

import { all, one } from '../base/dom.js';
import { clock } from '../base/format.js';
import { t } from '../base/text.js';

// A stretch shorter than a second says nothing.
const SHORTEST_S = 1;

/**
 * @param {string} text such as "1:05", "1:02:09" or "65.5"
 * @returns {number | null} seconds, or null for what is no time
 */
export function parseClock(text) {
  const parts = text.trim().split(':');
  if (parts.length > 3 || !parts.every((part) => /^\d+([.,]\d+)?$/.test(part))) return null;
  return parts.reduce((sum, part) => sum * 60 + Number(part.replace(',', '.')), 0);
}

/**
 * @param {HTMLFormElement} form
 * @param {(from: number, to: number) => string} onPart seconds from the beginning of the song; gives
 *   the reason why the stretch has to wait, or nothing
 */
export function offerPart(form, onPart) {
  const [from, to] = all(form, 'input', HTMLInputElement);
  const message = one(form, '.part-message');
  let seconds = 0;
  const offered = {
    /** Called with each stretch that the times name. @type {(from: number, to: number) => void} */
    onChange: () => {},
    /** Show the form, if the song is long enough for a part. @param {number} length in seconds */
    offer(length) {
      seconds = length;
      form.hidden = length < 2 * SHORTEST_S;
      to.placeholder = clock(length);
    },
    /** @param {number} first seconds from the beginning of the song @param {number} last */
    set(first, last) {
      from.value = clock(first);
      to.value = clock(last);
      message.textContent = '';
    },
    /** @param {string} text beside the button */
    say(text) {
      message.textContent = text;
    },
  };

  /** @returns {[number, number] | string} the stretch, or what is wrong with it */
  function chosen() {
    const first = from.value.trim() ? parseClock(from.value) : 0;
    const last = to.value.trim() ? parseClock(to.value) : seconds;
    if (first === null || last === null) return t('Write times like 1:05, please: minutes and seconds.');
    // The end of the song is told in whole seconds.
    const end = last > seconds ? seconds : last;
    if (first >= seconds || last - seconds >= 1) {
      return t('The song ends at {end}.', { end: clock(seconds) });
    }
    if (end - first < SHORTEST_S) return t('The end has to be a second or more after the start.');
    return [first, end];
  }

  form.addEventListener('input', () => {
    const found = chosen();
    message.textContent = '';
    if (typeof found !== 'string') offered.onChange(...found);
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const found = chosen();
    message.textContent = typeof found === 'string' ? found : onPart(...found);
  });
  return offered;
}
