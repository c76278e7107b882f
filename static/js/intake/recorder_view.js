/** The record button, and the level and clock while it records. */

import { byId } from '../base/dom.js';
import { UserError } from '../base/errors.js';
import { clock } from '../base/format.js';
import { Recording, canRecord } from './recorder.js';
import { t } from '../base/text.js';

/** @param {number} number */
const two = (number) => String(number).padStart(2, '0');

function fileName() {
  const now = new Date();
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join('.');
  return t('Recording {day} {time}.wav', { day, time });
}

/**
 * @param {number} maxMinutes a recording ends by itself then
 * @param {import('./entrance.js').Entrance} entrance takes it as a song
 */
export function offerRecording(maxMinutes, entrance) {
  const button = byId('record', HTMLButtonElement);
  const panel = byId('recording');
  const message = byId('record-message');
  const level = byId('record-level', HTMLMeterElement);
  /** @param {string} text nothing when it is empty */
  const say = (text) => {
    message.textContent = text;
    message.hidden = !text;
  };
  button.hidden = !canRecord();
  /** @type {Recording | null} */
  let recording = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let limit;

  function follow() {
    if (!recording) return;
    level.value = recording.level();
    byId('record-clock').textContent = clock(recording.seconds);
    requestAnimationFrame(follow);
  }

  function close() {
    const hadFocus = panel.contains(document.activeElement);
    clearTimeout(limit);
    recording = null;
    panel.hidden = true;
    button.disabled = false;
    if (hadFocus) button.focus();
  }

  async function finish() {
    const ending = recording;
    if (!ending) return;
    close();
    try {
      const file = await ending.finish(fileName());
      entrance.add({ files: [{ file, path: file.name }] });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      say(error.message);
    }
  }

  button.addEventListener('click', async () => {
    say('');
    button.disabled = true;
    try {
      recording = await Recording.start();
    } catch (error) {
      button.disabled = false;
      button.focus();
      if (!(error instanceof UserError)) throw error;
      say(error.message);
      return;
    }
    // A microphone that is unplugged ends the recording: what there is of it is kept.
    const mine = recording;
    mine.ended.then(() => {
      if (recording === mine) finish();
    });
    // No frames are drawn in the background, but this goes on there.
    limit = setTimeout(finish, maxMinutes * 60_000);
    panel.hidden = false;
    byId('record-stop').focus();
    follow();
  });
  byId('record-stop').addEventListener('click', finish);
  byId('record-discard').addEventListener('click', () => {
    const ending = recording;
    close();
    ending?.discard();
  });
}
