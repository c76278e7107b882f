/** The progress of several songs: how many have ended, how long the rest takes, pause and cancel. */

import { byId } from '../base/dom.js';
import { t } from '../base/text.js';
import { serverLink } from '../server/server_link.js';
import { Pace } from '../songs/pace.js';

export class ProgressView {
  #queue;
  #pace = new Pace();
  // Songs that have told how fast the work goes, or cannot tell.
  #counted = new WeakSet();

  /**
   * @param {import('../songs/queue.js').SongQueue} queue
   * @param {() => void} onPress called after a button was pressed
   */
  constructor(queue, onPress) {
    this.#queue = queue;
    byId('pause').addEventListener('click', () => {
      if (queue.paused) queue.resume();
      else queue.pause();
      onPress();
    });
    byId('cancel').addEventListener('click', () => {
      queue.cancel();
      onPress();
      // A button that is disabled has lost the focus.
      byId(byId('retry-failed').hidden ? 'order' : 'retry-failed').focus();
    });
  }

  /** The list is empty: begin anew. */
  reset() {
    this.#pace = new Pace();
  }

  /**
   * @param {boolean} anew it was hidden before: songs that ended meanwhile tell nothing of the pace
   * @returns {boolean} whether all songs have ended
   */
  update(anew) {
    const { songs, paused } = this.#queue;
    for (const song of songs) {
      if (!song.finished || song.state === 'cancelled' || this.#counted.has(song)) continue;
      this.#counted.add(song);
      if (!song.restored && !anew) this.#pace.finish(song.size);
    }
    const open = songs.filter((song) => !song.finished);
    const away = !serverLink.up;
    this.#pace.run(!away && songs.some((song) => song.running));
    const overall = byId('overall', HTMLProgressElement);
    overall.max = Math.max(1, songs.length);
    overall.value = songs.length - open.length;
    byId('time-left').textContent = this.#timeLeft(open, away);
    const pause = byId('pause', HTMLButtonElement);
    pause.textContent = paused ? t('Go on') : t('Pause');
    // A button that is disabled loses the focus.
    if (!open.length && document.activeElement === pause) byId('order').focus({ preventScroll: true });
    pause.disabled = !open.length;
    byId('cancel', HTMLButtonElement).disabled = !open.length;
    return !open.length;
  }

  /**
   * @param {import('../songs/song.js').Song[]} open
   * @param {boolean} away the server is
   */
  #timeLeft(open, away) {
    if (open.length && this.#queue.paused) return t('Paused');
    if (open.length && away) return t('Waiting for the server');
    return this.#pace.left(open.reduce((sum, song) => sum + song.size, 0));
  }
}
