/** Notices of how the page has come and whether it is the newest; two stand at the foot of the window. */

import { byId, one } from '../base/dom.js';
import { t } from '../base/text.js';

/**
 * A sentence that screen readers read out, with one button.
 * @param {string} id
 * @param {() => void} onPress
 * @returns {(sentence: string) => void} shows a sentence; an empty one hides the notice
 */
function notice(id, onPress) {
  const element = byId(id);
  const text = one(element, '[role=status]');
  const button = one(element, 'button', HTMLButtonElement);
  button.addEventListener('click', onPress);
  return (sentence) => {
    if (text.textContent === sentence) return;
    // A button that vanishes would take the focus with it.
    if (!sentence && document.activeElement === button) byId('main').focus({ preventScroll: true });
    text.textContent = sentence;
    button.hidden = !sentence;
    element.classList.toggle('shown', Boolean(sentence));
    document.documentElement.classList.toggle('noticed', document.querySelector('.notice.shown') !== null);
  };
}

/** Say what browsers keep from a page of plain http. */
export function showPlainHttp() {
  byId('plain-http').hidden = globalThis.isSecureContext;
}

/** @param {import('../server/server_link.js').ServerLink} link */
export function showServerLink(link) {
  const away = () => t('The server does not answer. Songs are still analysed here; answers come when it is back.');
  let pressed = false;
  const show = notice('server-lost', async () => {
    if (pressed) return;
    pressed = true;
    show(t('Asking the server…'));
    const up = await link.check();
    pressed = false;
    show(up ? '' : t('Still no answer. It is asked again by itself; answers come when it is back.'));
  });
  link.addEventListener('change', () => show(link.up ? '' : away()));
}

/**
 * @param {() => void} onReload
 * @returns {(there: boolean) => void} shows or hides the notice
 */
export function newVersionNotice(onReload) {
  const show = notice('new-version', onReload);
  return (there) => show(there ? t('A new version of this page is there.') : '');
}
