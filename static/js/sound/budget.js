/** Bounds how much is worked on at a time; the rest waits in line. */

export class Budget {
  #most;
  #held = 0;
  #holders = 0;
  /** @type {{amount: number, begin: (giveBack: () => void) => void}[]} */
  #line = [];

  /** @param {number} most that is held at a time */
  constructor(most) {
    this.#most = most;
  }

  /**
   * Wait for room. Room is given in the order in which it was asked for; an amount that is larger
   * than the whole budget is given when nothing else is held.
   * @param {number} amount
   * @returns {Promise<() => void>} gives the room back; calling it again does nothing
   */
  take(amount) {
    return new Promise((begin) => {
      this.#line.push({ amount, begin });
      this.#serve();
    });
  }

  #serve() {
    while (this.#line.length && this.#hasRoomFor(this.#line[0].amount)) {
      const [{ amount, begin }] = this.#line.splice(0, 1);
      this.#held += amount;
      this.#holders += 1;
      let held = true;
      begin(() => {
        if (!held) return;
        held = false;
        this.#holders -= 1;
        // Sums of fractions do not always come back to nothing.
        this.#held = this.#holders ? this.#held - amount : 0;
        this.#serve();
      });
    }
  }

  /** @param {number} amount */
  #hasRoomFor(amount) {
    return !this.#holders || this.#held + amount <= this.#most;
  }
}
