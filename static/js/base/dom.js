/** Elements of the page as what they are. One that is missing is a fault of the page, and says so. */

/** @typedef {Document | DocumentFragment | Element} Root what is searched */

/**
 * @template {Node} T
 * @param {Node | null | undefined} found
 * @param {string} name by which it was searched
 * @param {new () => T} Kind that it has to be
 * @returns {T}
 */
function checked(found, name, Kind) {
  if (found instanceof Kind) return found;
  throw new Error(`The page has no ${name} that is a ${Kind.name}`);
}

/**
 * @overload
 * @param {string} id
 * @returns {HTMLElement}
 */
/**
 * @template {Element} T
 * @overload
 * @param {string} id
 * @param {new () => T} Kind of element
 * @returns {T}
 */
/**
 * The element with an id.
 * @param {string} id
 * @param {new () => Element} Kind
 * @returns {Element}
 * @throws {Error} none of this kind has it
 */
export function byId(id, Kind = HTMLElement) {
  return checked(document.getElementById(id), `#${id}`, Kind);
}

/**
 * @overload
 * @param {Root} root
 * @param {string} selector
 * @returns {HTMLElement}
 */
/**
 * @template {Element} T
 * @overload
 * @param {Root} root
 * @param {string} selector
 * @param {new () => T} Kind of element
 * @returns {T}
 */
/**
 * The first element that fits a selector.
 * @param {Root} root
 * @param {string} selector
 * @param {new () => Element} Kind
 * @returns {Element}
 * @throws {Error} none fits, or it is of another kind
 */
export function one(root, selector, Kind = HTMLElement) {
  return checked(root.querySelector(selector), selector, Kind);
}

/**
 * @overload
 * @param {Root} root
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
/**
 * @template {Element} T
 * @overload
 * @param {Root} root
 * @param {string} selector
 * @param {new () => T} Kind of element
 * @returns {T[]}
 */
/**
 * All elements that fit a selector.
 * @param {Root} root
 * @param {string} selector
 * @param {new () => Element} Kind
 * @returns {Element[]}
 * @throws {Error} one is of another kind
 */
export function all(root, selector, Kind = HTMLElement) {
  return [...root.querySelectorAll(selector)].map((each) => checked(each, selector, Kind));
}

/** @param {string} id of a template @returns {HTMLElement} a copy of its first element */
export function copyOf(id) {
  const { firstElementChild } = byId(id, HTMLTemplateElement).content;
  return checked(firstElementChild?.cloneNode(true), `#${id} *`, HTMLElement);
}
