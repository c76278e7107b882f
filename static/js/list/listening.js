/** Chooses whether whole songs or three excerpts are listened to, and offers the latter when many songs wait. */

import { byId, one } from '../base/dom.js';
import { integer } from '../base/format.js';
import { tn } from '../base/text.js';

// Fewer waiting songs are soon done.
const MANY = 50;

/** @param {import('../songs/queue.js').SongQueue} queue */
export function offerListening(queue) {
  const select = byId('listen', HTMLSelectElement);
  const offer = byId('listen-offer');
  const text = one(offer, 'span');
  const button = one(offer, 'button', HTMLButtonElement);
  let looked = false;

  const show = () => {
    looked = false;
    const waiting = queue.listening === 'whole'
      ? queue.songs.filter(({ state, extraction, listen, part }) =>
        (state === 'queued' || state === 'paused') && !extraction && listen === 'whole' && !part).length
      : 0;
    const hide = waiting <= MANY;
    if (hide && offer.contains(document.activeElement)) select.focus({ preventScroll: true });
    offer.hidden = hide;
    const sentence = hide ? '' : tn('{n} song waits. Three excerpts of each take less time.', '{n} songs wait. Three excerpts of each take less time.', waiting, { n: integer(waiting) });
    if (text.textContent !== sentence) text.textContent = sentence;
  };
  // Counting takes time proportional to the list.
  const soon = () => {
    if (looked) return;
    looked = true;
    setTimeout(show, 500);
  };
  const choose = () => queue.listenTo(select.value === 'excerpts' ? 'excerpts' : 'whole');

  // A reloaded page starts with whole songs, whatever the browser filled in.
  select.value = 'whole';
  select.addEventListener('change', choose);
  button.addEventListener('click', () => {
    select.value = 'excerpts';
    choose();
  });
  for (const event of /** @type {const} */ (['add', 'remove', 'listen'])) queue.on(event, show);
  queue.on('change', soon);
}
