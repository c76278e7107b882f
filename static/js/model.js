/** The page of a model: what is there without scripts becomes something to point at and to sort. */

import { readChart } from './chart.js';
import { exploreConfusions } from './confusion.js';
import { sortable } from './sortable.js';

const matrix = document.querySelector('.matrix');
if (matrix) exploreConfusions(matrix);
for (const figure of document.querySelectorAll('.chart')) readChart(figure);
const versions = document.querySelector('.versions');
if (versions) sortable(versions);
