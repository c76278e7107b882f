/** The day on which an answer is printed, beside the model that gave it. */

const format = new Intl.DateTimeFormat(document.documentElement.lang || 'en', { dateStyle: 'long' });

function date() {
  const now = new Date();
  for (const element of document.querySelectorAll('.print-date')) {
    element.textContent = format.format(now);
    element.dateTime = now.toISOString();
  }
}

addEventListener('beforeprint', date);
// A preview for print may come without that event.
matchMedia('print').addEventListener('change', date);
