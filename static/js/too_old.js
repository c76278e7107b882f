// Runs only in browsers without ES modules, so it is written for them.
var engine = document.getElementById('engine');
engine.setAttribute('data-state', 'failed');
engine.querySelector('.engine-text').textContent = engine.getAttribute('data-too-old');
engine.querySelector('progress').hidden = true;
