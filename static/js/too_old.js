// Runs only in browsers without ES modules, so it is written in their JavaScript.
(function () {
  var engine = document.getElementById('engine');
  var text = engine && engine.querySelector('.engine-text');
  var progress = engine && engine.querySelector('progress');
  if (!engine || !text || !progress) return;
  engine.setAttribute('data-state', 'failed');
  text.textContent = engine.getAttribute('data-too-old');
  progress.hidden = true;
}());
