/** Names the version of an answer that was given by another one than that which answers now. */

import { t } from '../base/text.js';

/**
 * @param {HTMLElement} note where it says so
 * @param {import('../songs/song.js').Model} model that gave the answer
 * @param {import('../songs/song.js').Model} now the version that answers now
 * @returns {string} what to add to the message of the song; empty for the same version
 */
export function answeredBy(note, { version, pageUrl }, now) {
  const other = version !== now.version;
  note.hidden = !other;
  if (!other) return '';
  const link = document.createElement('a');
  link.href = pageUrl;
  link.textContent = t('How model {version} was measured', { version });
  note.replaceChildren(
    t('This was answered by model {version} at an earlier visit; now {now} answers.', { version, now: now.version }),
    ' ',
    link,
  );
  return t('; answered by {version}', { version });
}
