/** The switch of the history, the button that erases it, and their messages. */

import { byId } from '../base/dom.js';
import { tn } from '../base/text.js';

/** @param {import('./history.js').History} history */
export function showHistory(history) {
  const choice = byId('remember', HTMLInputElement);
  const erase = byId('erase', HTMLButtonElement);

  function show() {
    choice.checked = history.on;
    // A button that is hidden loses the focus.
    if (!history.stored && document.activeElement === erase) choice.focus();
    erase.hidden = !history.stored;
    const { toCopy, message } = history;
    byId('copying').textContent = toCopy
      ? tn('{n} song is still being copied for a reload', '{n} songs are still being copied for a reload', toCopy, { n: toCopy })
      : '';
    // Read out by screen readers, so written only when it differs.
    if (byId('history-message').textContent !== message) byId('history-message').textContent = message;
    byId('history-message').hidden = !message;
  }

  choice.addEventListener('change', () => {
    if (choice.checked) history.turnOn();
    else history.erase();
  });
  erase.addEventListener('click', () => history.erase());
  history.addEventListener('change', show);
  show();
}
