/** A value that is here already, or a promise of it. The hot path stays synchronous for as long as nothing has to wait. */
export type Awaitable<T> = T | Promise<T>

export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return value instanceof Promise
}

/** Applies `next` to `value`: at once when the value is here, after it when it is a promise. */
export function chain<T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** Runs `step` for each item in order; stays synchronous until a step returns a promise, and waits for each one that does. */
export function eachInOrder<T>(
  items: readonly T[],
  step: (item: T, index: number) => Awaitable<void>,
  from = 0,
): Awaitable<void> {
  for (let i = from; i < items.length; i++) {
    const pending = step(items[i] as T, i)
    if (pending instanceof Promise) return pending.then(() => eachInOrder(items, step, i + 1))
  }
}
