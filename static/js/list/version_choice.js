/** Chooses the version that answers, and shows of the page's texts those of this version. */

import { all, byId } from '../base/dom.js';

/**
 * @param {import('../base/config.js').Model[]} models
 * @param {import('../songs/queue.js').SongQueue} queue
 */
export function offerVersions(models, queue) {
  const select = byId('version', HTMLSelectElement);
  // A reloaded page starts with the version of the site, whatever the browser filled in.
  select.value = queue.model.version;
  select.addEventListener('change', () => {
    const model = models.find(({ version }) => version === select.value);
    if (!model) return;
    for (const element of all(document, '[data-version]')) {
      element.hidden = element.dataset.version !== model.version;
    }
    queue.use(model);
  });
}
