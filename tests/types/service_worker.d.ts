/** The list that webapp/offline.py writes in front of the service worker. */
declare const SITE: {
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
