export * from 'wavesurfer.js';
export { default } from 'wavesurfer.js';
