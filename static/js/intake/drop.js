/** Files dropped anywhere on the page. */

import { droppedFiles } from './files.js';

/**
 * @param {(found: {files: {file: File, path: string}[], leftOut: number}) => void} onFiles
 */
export function acceptDrops(onFiles) {
  // Every element under the pointer fires its own enter and leave.
  let depth = 0;
  const carriesFiles = (event) => event.dataTransfer?.types.includes('Files');
  const show = () => document.body.classList.toggle('dropping', depth > 0);

  window.addEventListener('dragenter', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth += 1;
    show();
  });
  window.addEventListener('dragleave', (event) => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    show();
  });
  window.addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
  });
  window.addEventListener('drop', async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    show();
    onFiles(await droppedFiles(event.dataTransfer));
  });
}
