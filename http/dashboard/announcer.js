const GAP_MS = 2_000

/** Says things to those who do not see them, one at a time, without interrupting. */
export class Announcer {
  #element
  /** @type {string | undefined} */
  #next
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer

  /** @param {Element} element a polite live region */
  constructor(element) {
    this.#element = element
  }

  /** @param {string} text replaces one that is still to be said */
  say(text) {
    this.#next = text
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined
        this.#element.textContent = this.#next ?? ''
        this.#next = undefined
      },
      this.#element.textContent === '' ? 0 : GAP_MS,
    )
  }
}
