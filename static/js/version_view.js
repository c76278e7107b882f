/** Names the version of an answer that was given by another one than that which answers now. */

import { t } from './text.js';

/**
 * @param {HTMLElement} element of the song
 * @param {string} version that gave the answer
 * @param {string} now the version that answers now
 * @returns {string} what to add to the message of the song; empty for the same version
 */
export function answeredBy(element, version, now) {
  const note = element.querySelector('.answered-by');
  const other = version !== now;
  note.hidden = !other;
  if (!other) return '';
  // What the page says of its own version is not true of another.
  element.querySelector('.honest').hidden = true;
  const link = document.createElement('a');
  link.href = `/models/${encodeURIComponent(version)}`;
  link.textContent = t('How model {version} was measured', { version });
  note.replaceChildren(
    t('This was answered by model {version} at an earlier visit; now {now} answers.', { version, now }),
    ' ',
    link,
  );
  const more = element.querySelector('.unfamiliar a');
  if (more) more.href = `${link.href}#unfamiliar`;
  return t('; answered by {version}', { version });
}
