/** Globals of the page that TypeScript's own library lacks. */

/** https://w3c.github.io/trusted-types: what a policy makes takes the place of a string. */
interface TrustedTypePolicy {
  createScriptURL(url: string): string;
}
declare var trustedTypes: {
  createPolicy(
    name: string,
    rules: {
      createHTML?: (html: string) => string | null;
      createScriptURL?: (url: string) => string;
    },
  ): TrustedTypePolicy;
} | undefined;
