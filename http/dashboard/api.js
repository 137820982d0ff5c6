/**
 * Asks the server for JSON.
 * @param {string} path
 * @returns {Promise<any>} what the description of the interface says
 * @throws {Error} with the reason for people
 */
export async function getJson(path) {
  return readJson(await fetch(path, { headers: { accept: 'application/json' } }))
}

/**
 * @param {string} path
 * @returns {Promise<string>}
 */
export async function getText(path) {
  const response = await fetch(path, { headers: { accept: 'text/plain' } })
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`)
  return response.text()
}

/**
 * Gives a command; resolves with its id when the log has it.
 * @param {{ deviceId: string, kind: string, value: number }} command
 * @returns {Promise<string>}
 */
export async function postCommand(command) {
  const answer = await readJson(
    await fetch('/v1/commands', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(command),
    }),
  )
  return answer.commandId
}

/** @param {Response} response */
async function readJson(response) {
  const isJson = /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '')
  const body = isJson ? await response.json() : undefined
  if (response.ok) return body
  throw new Error(body?.detail ?? `${response.status} ${response.statusText}`)
}
