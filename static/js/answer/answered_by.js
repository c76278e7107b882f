/** Names the version that gave an answer, if another one answers now. */

import { t } from '../base/text.js';

/**
 * @param {HTMLElement} note of the song
 * @param {import('../base/config.js').Model} model that gave the answer
 * @param {import('../base/config.js').Model} now the one that answers now
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
