/** Updates of a store that the record cache holds back: the rows are there already, and nobody downstream was told. */
export interface HeldBack {
  /** A row was read as it is now. `windowStartMs` is 0 for tables without windows. */
  wasRead(key: unknown, windowStartMs: number): void
}

const byStore = new WeakMap<object, HeldBack>()

/** Who reads rows of this store lets `heldBack` know. */
export function tellOfReads(store: object, heldBack: HeldBack): void {
  byStore.set(store, heldBack)
}

/** To be called for each row that is read of a store. Looks for who wants to know at the first one, when all of the task has begun. */
export function readsOf(store: object): (key: unknown, windowStartMs: number) => void {
  let heldBack: HeldBack | undefined
  let isKnown = false
  return (key, windowStartMs) => {
    if (!isKnown) {
      heldBack = byStore.get(store)
      isKnown = true
    }
    heldBack?.wasRead(key, windowStartMs)
  }
}
