/** The switch of the history, the button that erases it, and what is to be said of both. */

import { tn } from '../base/text.js';

const byId = (id) => document.getElementById(id);

/** @param {import('./history.js').History} history */
export function showHistory(history) {
  const choice = byId('remember');
  const erase = byId('erase');

  function show() {
    choice.checked = history.on;
    // What can no longer be pressed loses the focus.
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
