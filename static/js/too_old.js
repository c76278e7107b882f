// Runs only in browsers without ES modules, so it is written for them.
var engine = document.getElementById('engine');
engine.setAttribute('data-state', 'failed');
engine.querySelector('.engine-text').textContent =
  'This browser is too old to analyse songs. Please use a current Firefox, Chrome, Edge or Safari.';
engine.querySelector('progress').hidden = true;
