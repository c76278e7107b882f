/** Lets one sound play at a time. */

import { all } from '../base/dom.js';

/** Whatever begins to play on the page pauses all others. */
export function playOneAtATime() {
  document.addEventListener('play', ({ target }) => {
    for (const audio of all(document, 'audio', HTMLAudioElement)) if (audio !== target) audio.pause();
  }, true);
}
