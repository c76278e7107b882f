/** Says how far the analysis has loaded, and offers to try again. */

import { one } from '../base/dom.js';
import { size } from '../base/format.js';
import { t } from '../base/text.js';

/**
 * @param {HTMLElement} element #engine
 * @param {import('./engine.js').Engine} engine
 */
export function showEngine(element, engine) {
  const text = one(element, '.engine-text');
  const progress = one(element, 'progress', HTMLProgressElement);
  const loaded = one(element, '.engine-bytes');
  const retry = one(element, '.engine-retry', HTMLButtonElement);
  const { filesToLoad } = engine;
  // Starting Python counts as one more step after the last file.
  progress.max = filesToLoad + 1;
  retry.addEventListener('click', () => engine.start());

  const draw = () => {
    const { state, files, bytes, message } = engine;
    const sentence = {
      loading: files < filesToLoad
        ? t('Loading the analysis into your browser')
        : t('Starting the analysis'),
      ready: t('Ready: songs are analysed on this computer.'),
      failed: t('The analysis could not be loaded. {reason}', { reason: message }),
    }[state];
    // Only changed sentences are read out; the counts go to the progress bar's label.
    if (text.textContent !== sentence) text.textContent = sentence;
    progress.hidden = state !== 'loading';
    progress.value = files;
    progress.dataset.bytes = String(bytes);
    loaded.textContent =
      state === 'loading' && bytes
        ? t('{n} of {all} files, {size}', { n: Math.min(files, filesToLoad), all: filesToLoad, size: size(bytes) })
        : '';
    retry.hidden = state !== 'failed';
    element.dataset.snapshot = engine.fromSnapshot ? 'used' : 'unused';
    element.dataset.state = state;
  };
  engine.addEventListener('change', draw);
  draw();
}
