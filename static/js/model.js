/** The page of a model: curves and tables can be read without scripts, and explored with them. */

import { all } from './base/dom.js';
import { readChart } from './model_page/chart.js';
import { exploreConfusions } from './model_page/confusion.js';
import { sortable } from './model_page/sortable.js';

for (const matrix of all(document, '.matrix')) exploreConfusions(matrix);
for (const figure of all(document, '.chart')) readChart(figure);
for (const versions of all(document, '.versions', HTMLTableElement)) sortable(versions);
