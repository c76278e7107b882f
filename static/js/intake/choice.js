/** Files that are chosen in the file dialog or pasted. */

import { byId } from '../base/dom.js';
import { chosenFiles } from './files.js';

/** Open the file dialog. */
export const askForFiles = () => byId('songs').click();

/** @param {import('./entrance.js').Entrance} entrance */
export function acceptChoice(entrance) {
  const input = byId('songs', HTMLInputElement);
  input.addEventListener('change', async () => {
    const found = chosenFiles(input.files ?? []);
    // So that choosing the same file again is a change.
    input.value = '';
    entrance.add(await found);
  });
  document.addEventListener('paste', async ({ clipboardData }) => {
    const files = clipboardData?.files;
    if (files?.length) entrance.add(await chosenFiles(files));
  });
}
