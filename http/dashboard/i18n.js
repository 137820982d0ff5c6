import { messages } from './messages.js'

/** @typedef {keyof typeof messages} Language */
/** @typedef {keyof typeof messages.en} MessageKey */

const STORAGE_KEY = 'brook.language'
export const languages = /** @type {readonly Language[]} */ (Object.keys(messages))

/** @type {Language} */
let language = remembered() ?? preferred()

/** The language that the page speaks. */
export function currentLanguage() {
  return language
}

/**
 * Speaks another language from now on; remembered where the browser allows it.
 * @param {string} wanted
 */
export function setLanguage(wanted) {
  language = asLanguage(wanted) ?? language
  document.documentElement.lang = language
  try {
    localStorage.setItem(STORAGE_KEY, language)
  } catch {
    // Without storage the choice holds until the page is left.
  }
}

/**
 * A message, with its parts put in.
 * @param {MessageKey} key
 * @param {Record<string, string | number>} [parts]
 */
export function t(key, parts = {}) {
  return messages[language][key].replace(/\{(\w+)\}/g, (_, name) => String(parts[name] ?? ''))
}

/**
 * A message for a name that comes from the building; the name itself where there is none.
 * @param {string} family
 * @param {string} name
 */
export function tName(family, name) {
  const key = `${family}.${name}`
  return Object.hasOwn(messages[language], key) ? t(/** @type {MessageKey} */ (key)) : name
}

/** @returns {Language | undefined} */
function remembered() {
  try {
    return asLanguage(localStorage.getItem(STORAGE_KEY) ?? '')
  } catch {
    return undefined
  }
}

/** @returns {Language} */
function preferred() {
  for (const tag of navigator.languages) {
    const known = asLanguage(tag.slice(0, 2).toLowerCase())
    if (known !== undefined) return known
  }
  return 'en'
}

/**
 * @param {string} tag
 * @returns {Language | undefined}
 */
function asLanguage(tag) {
  return languages.find((known) => known === tag)
}
