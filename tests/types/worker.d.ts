/** A worker has no page: modules that serve both look for it and find nothing. */
declare var document: {
  documentElement: { lang: string };
  getElementById(id: string): { textContent: string | null } | null;
} | undefined;
