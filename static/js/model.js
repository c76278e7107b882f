/** The page of a model: what is there without scripts becomes something to point at and to sort. */

import { readChart } from './model_page/chart.js';
import { exploreConfusions } from './model_page/confusion.js';
import { sortable } from './model_page/sortable.js';

const matrix = document.querySelector('.matrix');
if (matrix) exploreConfusions(matrix);
for (const figure of document.querySelectorAll('.chart')) readChart(figure);
const versions = document.querySelector('.versions');
if (versions) sortable(versions);
