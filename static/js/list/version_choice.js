/** Chooses the version that answers, and keeps what the page says of it true. */

const byId = (id) => document.getElementById(id);

/**
 * @param {import('../songs/song.js').Model[]} models
 * @param {import('../songs/song.js').Model} chosen
 * @param {(model: import('../songs/song.js').Model) => void} onChoose
 */
export function offerVersions(models, chosen, onChoose) {
  const select = byId('version');
  // A reloaded page starts with the version of the site, whatever the browser filled in.
  select.value = chosen.version;
  select.addEventListener('change', () => {
    const model = models.find(({ version }) => version === select.value);
    for (const element of document.querySelectorAll('[data-version]')) {
      element.hidden = element.dataset.version !== model.version;
    }
    onChoose(model);
  });
}
