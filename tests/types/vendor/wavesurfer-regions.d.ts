export * from 'wavesurfer.js/dist/plugins/regions.js';
export { default } from 'wavesurfer.js/dist/plugins/regions.js';
