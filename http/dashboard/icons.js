import { s } from './dom.js'

/** Outlines in a square of 24, drawn with a line of 1.75. */
const PATHS = {
  light: ['M9 18h6', 'M10 21h4', 'M12 3a6 6 0 0 0-3.6 10.8c.7.5 1.1 1.3 1.1 2.2h5c0-.9.4-1.7 1.1-2.2A6 6 0 0 0 12 3z'],
  blinds: ['M4 4h16', 'M6 4v13', 'M18 4v13', 'M6 8h12', 'M6 12h12', 'M6 16h12', 'M12 16v4'],
  radiator: [
    'M5 8v10',
    'M9 8v10',
    'M13 8v10',
    'M17 8v10',
    'M3 10h16',
    'M3 16h16',
    'M19 13h2',
    'M8 5c0-1 1-1 1-2',
    'M13 5c0-1 1-1 1-2',
  ],
  switch: ['M9 3v5', 'M15 3v5', 'M7 8h10v3a5 5 0 0 1-10 0z', 'M12 16v5'],
  person: ['M12 4a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z', 'M5 20c.6-3.6 3.4-6 7-6s6.4 2.4 7 6'],
  nobody: ['M12 4a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z', 'M5 20c.6-3.6 3.4-6 7-6', 'M16 16l5 5', 'M21 16l-5 5'],
  unknown: [
    'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
    'M9.5 9.500a2.5 2.5 0 1 1 3.5 2.300c-.7.3-1 .8-1 1.500v.5',
    'M12 16.500v.5',
  ],
  yes: ['M5 12.500l4.5 4.500L19 7.5'],
  no: ['M6 6l12 12', 'M18 6L6 18'],
  held: [
    'M8 11V6.500a1.5 1.5 0 0 1 3 0V11',
    'M11 10V4.500a1.5 1.5 0 0 1 3 0V11',
    'M14 10.500V6.500a1.5 1.5 0 0 1 3 0V15a6 6 0 0 1-6 6c-3 0-4.3-1.5-5.5-4L4 14c-.6-1.6 1.3-2.6 2.3-1.300L8 15',
  ],
  same: ['M6 9h12', 'M6 15h12'],
  off: ['M12 3v8', 'M7 6.500a7.5 7.5 0 1 0 10 0'],
}

/** @typedef {keyof typeof PATHS} IconName */

/**
 * A picture beside a text that says the same.
 * @param {IconName} name
 */
export function icon(name) {
  return s(
    'svg',
    { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true', focusable: 'false' },
    ...PATHS[name].map((d) => s('path', { d })),
  )
}

/**
 * The picture of something that may have none.
 * @param {string} name
 */
export function iconOf(name) {
  return icon(Object.hasOwn(PATHS, name) ? /** @type {IconName} */ (name) : 'unknown')
}
