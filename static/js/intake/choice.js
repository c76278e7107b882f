/** Files that are chosen in the file dialog or pasted. */

import { byId } from '../base/dom.js';

/** @param {FileList | undefined} files @returns {import('./files.js').Chosen[]} */
const foundIn = (files) => [...files ?? []].map((file) => ({ file, path: file.name }));

/** Open the file dialog. */
export const askForFiles = () => byId('songs').click();

/** @param {import('./entrance.js').Entrance} entrance */
export function acceptChoice(entrance) {
  const input = byId('songs', HTMLInputElement);
  input.addEventListener('change', () => {
    entrance.add(foundIn(input.files ?? undefined));
    // So that choosing the same file again is a change.
    input.value = '';
  });
  document.addEventListener('paste', ({ clipboardData }) => {
    const files = foundIn(clipboardData?.files);
    if (files.length) entrance.add(files);
  });
}
