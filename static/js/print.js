/** The day on which an answer is printed, beside the model that gave it. */

import { all } from './base/dom.js';

const format = new Intl.DateTimeFormat(document.documentElement.lang || 'en', { dateStyle: 'long' });

function date() {
  const now = new Date();
  for (const element of all(document, '.print-date', HTMLTimeElement)) {
    element.textContent = format.format(now);
    element.dateTime = now.toISOString();
  }
}

addEventListener('beforeprint', date);
// Browsers may show a preview without that event.
matchMedia('print').addEventListener('change', date);
