/** The list that webapp/offline.py writes in front of the service worker. */
declare const SITE: {
  /** Path of the page, and the beginning of the caches' names. */
  root: string;
  keptAs: string;
  /** Of the page and of the runtime. */
  version: string;
  runtimeVersion: string;
  versionHeader: string;
  languageParameter: string;
  /** Of the page's scripts and styles. */
  folder: string;
  files: string[];
  runtime: string[];
  /** The page, and the one that stands in for others, in every language. */
  pages: string[];
  instead: string[];
};
