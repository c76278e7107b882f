/** Files that are dropped anywhere on the page. */

import { isOnPanel } from './examples.js';
import { droppedFiles } from './files.js';

/**
 * @param {import('./entrance.js').Entrance} entrance
 * @param {import('./examples.js').Examples} examples takes folders that are dropped on the panel of own genres
 */
export function acceptDrops(entrance, examples) {
  // Every element under the pointer fires its own enter and leave, so they are counted.
  let depth = 0;
  /** What is dragged, if there are files in it. @param {DragEvent} event */
  const carried = ({ dataTransfer }) => (dataTransfer?.types.includes('Files') ? dataTransfer : null);
  const show = () => document.body.classList.toggle('dropping', depth > 0);

  window.addEventListener('dragenter', (event) => {
    if (!carried(event)) return;
    event.preventDefault();
    depth += 1;
    show();
  });
  window.addEventListener('dragleave', (event) => {
    if (!carried(event)) return;
    depth = Math.max(0, depth - 1);
    show();
  });
  window.addEventListener('dragover', (event) => {
    const transfer = carried(event);
    if (!transfer) return;
    event.preventDefault();
    transfer.dropEffect = 'copy';
  });
  window.addEventListener('drop', async (event) => {
    const transfer = carried(event);
    if (!transfer) return;
    event.preventDefault();
    depth = 0;
    show();
    const found = await droppedFiles(transfer);
    if (isOnPanel(event.target) && await examples.drop(found)) return;
    entrance.add(found);
  });
}
