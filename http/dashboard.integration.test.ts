import { type Browser, chromium, type Locator, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ensureParts, findProgram } from '../scripts/servers/apt.ts'
import type { CommandRequest } from './routes/context.ts'
import { type DemoServer, startDemoServer } from './testing/demo-server.ts'

let browser: Browser
let demo: DemoServer
const commands: CommandRequest[] = []

beforeAll(async () => {
  await ensureParts(['chromium'])
  const executablePath = (await findProgram('chromium')) as string
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
  browser = await chromium.launch({ executablePath, args })
})
afterAll(() => browser.close())

describe('the page', () => {
  let page: Page
  /** Whatever the browser complains about: errors of scripts, refused by the policy, files that are not there. */
  let complaints: string[]

  beforeEach(async () => {
    commands.length = 0
    const server: DemoServer = await startDemoServer({
      tickMs: 0,
      stopTimeoutMs: 200,
      commands: async (request) => {
        commands.push(request)
        if (request.value === 35) throw new Error('the log is away')
        return server.building.command(request)
      },
    })
    demo = server
  })
  afterEach(async () => {
    await page.close()
    await demo.stop()
    expect(complaints).toEqual([])
  })

  interface Look {
    readonly width?: number
    readonly locale?: string
    readonly path?: string
    readonly colorScheme?: 'light' | 'dark'
  }

  async function open({ width = 1280, locale = 'en-GB', path = '/', colorScheme = 'light' }: Look = {}): Promise<void> {
    page = await browser.newPage({ viewport: { width, height: 900 }, locale, colorScheme })
    complaints = []
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(demo.url + path)
    await page.locator('#connection[data-state="live"]').waitFor()
  }
  const room = (id: string): Locator => page.locator(`[data-room="${id}"]`)
  const textOf = async (locator: Locator) => (await locator.textContent())?.replace(/\s+/g, ' ').trim()

  test('shows every room on its floor, with averages, occupancy and devices', async () => {
    await open()
    await expect.poll(() => page.locator('.room').count()).toBe(12)
    expect(await page.locator('.floor h2').allTextContents()).toEqual(['Floor 1', 'Floor 2', 'Floor 3'])
    const kitchen = room('room-102')
    expect(await textOf(kitchen.locator('h3'))).toBe('Kitchen 102')
    expect(await textOf(kitchen.locator('.presence'))).toBe('Vacant')
    expect(await textOf(kitchen.locator('.tile-temperature .tile-reading'))).toMatch(/^\d\d\.\d °C$/)
    expect(await kitchen.locator('.device').count()).toBe(3)
    await expect
      .poll(() => kitchen.locator('.spark').first().getAttribute('aria-label'))
      .toMatch(/^Temperature over the last three hours: lowest/)
  })

  test('changes a number when the building does', async () => {
    await open()
    const value = room('room-101').locator('.tile-temperature .tile-value')
    const before = await textOf(value)
    for (let i = 0; i < 30; i++) demo.building.setTemperature('room-101', 35)
    await expect.poll(() => textOf(value)).not.toBe(before)
    await expect.poll(async () => Number(await textOf(value))).toBeGreaterThan(28)
    const { roomId } = { roomId: 'room-102' }
    demo.hub.publish({
      type: 'occupancy',
      key: roomId,
      data: { roomId, present: true, since: Date.now(), lastMotionMs: null, evidence: [] },
    })
    await expect.poll(() => textOf(room(roomId).locator('.presence'))).toBe('Occupied')
    await expect.poll(() => textOf(page.locator('#announcer'))).toBe('Kitchen 102: occupied')
  })

  test('sets a device by keyboard, and shows it as so only when the device says so', async () => {
    await open()
    const lamp = room('room-101').locator('.device').first()
    const slider = lamp.getByRole('slider', { name: 'Set Lamp 101' })
    await slider.focus()
    for (let i = 0; i < 6; i++) await page.keyboard.press('ArrowRight')
    await expect.poll(() => commands.length).toBe(1)
    expect(commands[0]).toEqual({
      deviceId: 'dimmer-101',
      roomId: 'room-101',
      kind: 'light',
      value: 30,
      issuer: 'user:local',
    })
    await expect.poll(() => textOf(lamp.locator('.device-note'))).toBe('waiting for device: 30 %')
    expect(await textOf(lamp.locator('.device-level'))).toBe('off')
    await expect.poll(() => textOf(lamp.locator('.device-note')), { timeout: 5_000 }).toBe('confirmed: 30 %')
    await expect.poll(() => textOf(lamp.locator('.device-level'))).toBe('30 %')
    expect(await slider.inputValue()).toBe('30')
  })

  test('switches a socket, and tells when that could not be sent', async () => {
    await open()
    const socket = room('room-104').getByRole('switch', { name: 'Set Socket 104' })
    await socket.click()
    await expect.poll(() => commands[0]).toMatchObject({ deviceId: 'switch-104', kind: 'switch', value: 0 })
    const lamp = room('room-101').locator('.device').first()
    await lamp.getByRole('slider').fill('35')
    await expect.poll(() => textOf(lamp.locator('.device-note'))).toMatch(/^not sent: /)
    await expect.poll(() => lamp.getByRole('slider').inputValue()).toBe('0')
    expect(complaints.splice(0)).toEqual([expect.stringContaining('500')])
  })

  test('says why, with the conditions and the readings', async () => {
    await open()
    const why = room('room-103').locator('.why')
    expect(await textOf(why.locator('summary'))).toBe('WhyLights: Command sent')
    await why.locator('summary').press('Enter')
    const lights = why.locator('.why-item', { hasText: 'Lights' })
    await expect
      .poll(() => textOf(lights.locator('.why-reason')))
      .toMatch(/^somebody is present, and luminance \d+ lx is below 100 lx/)
    expect(await lights.locator('.fact').allTextContents()).toEqual([
      expect.stringMatching(/^somebody is present: holds/),
      expect.stringMatching(/^the room is dark: holds.*threshold 100/),
      expect.stringMatching(/^Sensor 103 · motion/),
      expect.stringMatching(/^Sensor 103 · luminance\d+.*lx · \d\d:\d\d:\d\d/),
    ])
  })

  test('names a rule once, with the device only where it acts on several', async () => {
    const evaluate = (deviceId: string | null) =>
      demo.hub.publish({
        type: 'evaluation',
        key: 'room-101',
        data: {
          roomId: 'room-101',
          rule: 'lights',
          result: 'unchanged',
          reason: 'because',
          conditions: [],
          causes: [],
          deviceId,
          commandId: null,
          targetValue: 0,
          atMs: Date.now(),
        },
      })
    evaluate(null)
    await open()
    const names = room('room-101').locator('.why-rule')
    await room('room-101').locator('.why summary').click()
    await expect.poll(() => names.allTextContents()).toEqual(['Lights', 'Close blinds', 'Radiator up'])
    evaluate('dimmer-999')
    await expect
      .poll(() => names.allTextContents())
      .toEqual(['Lights · Lamp 101', 'Lights · dimmer-999', 'Close blinds', 'Radiator up'])
  })

  test('says since when it is stale, takes no commands then, and comes back by itself', async () => {
    await open()
    const { port } = new URL(demo.url)
    const slider = room('room-101').getByRole('slider').first()
    await demo.stop()
    await expect.poll(() => textOf(page.locator('#connection'))).toMatch(/^Stale since \d\d:\d\d:\d\d$/)
    expect(await textOf(page.locator('#banner'))).toMatch(/^The connection is lost\. What you see is from/)
    await expect.poll(() => slider.isDisabled()).toBe(true)
    demo = await startDemoServer({ tickMs: 0, port: Number(port), stopTimeoutMs: 200 })
    await expect.poll(() => textOf(page.locator('#connection')), { timeout: 15_000 }).toBe('Live')
    await expect.poll(() => slider.isDisabled()).toBe(false)
    expect(await page.locator('.room').count()).toBe(12)
    // What a browser says of a server that goes away depends on how far each request had come.
    complaints = complaints.filter((text) => !/ERR_CONNECTION_(REFUSED|RESET)|ERR_INCOMPLETE_CHUNKED/.test(text))
  })

  test('speaks French where the browser does, and English when asked', async () => {
    await open({ locale: 'fr-CH' })
    await expect.poll(() => textOf(page.locator('.floor h2').first())).toBe('Étage 1')
    expect(await page.locator('html').getAttribute('lang')).toBe('fr')
    expect(await textOf(room('room-102').locator('.presence'))).toBe('Libre')
    await page.getByRole('button', { name: 'English' }).click()
    await expect.poll(() => textOf(page.locator('.floor h2').first())).toBe('Floor 1')
    await page.reload()
    await expect.poll(() => textOf(page.locator('.floor h2').first())).toBe('Floor 1')
  })

  test.each([
    ['/', 'light'],
    ['/', 'dark'],
    ['/#/system', 'light'],
  ] as const)('fits a phone: %s, %s', async (path, colorScheme) => {
    await open({ width: 360, path, colorScheme })
    await page
      .locator(path === '/' ? '.room' : '.table-wrap')
      .first()
      .waitFor()
    for (const summary of await page.locator('.why summary').all()) await summary.click()
    const [content, viewport] = (await page.evaluate('[document.documentElement.scrollWidth, innerWidth]')) as [
      number,
      number,
    ]
    expect(content).toBeLessThanOrEqual(viewport)
  })

  test.each(['light', 'dark'] as const)('has text that can be read: %s', async (colorScheme) => {
    await open({ colorScheme })
    await page.locator('.room').first().waitFor()
    await page.locator('.why summary').first().click()
    expect(await page.evaluate(LOW_CONTRAST)).toEqual([])
  })

  test('says which devices do not report any more, also to who comes later, until they do', async () => {
    const deviceId = 'sensor-annex'
    const sensor = { deviceId, roomId: 'room-101', floor: '1', name: 'Sensor', type: 'sensor', bus: 'mqtt' } as const
    const record = { ...sensor, kinds: ['temperature'], knx: null, zwave: null, mqtt: { topic: 'a/b' } } as const
    const tell = (isAvailable: boolean) => {
      const lastSeenMs = Date.now() - 3 * 3_600_000
      const data = { deviceId, isAvailable, sinceMs: lastSeenMs, lastSeenMs, expectedIntervalMs: null }
      demo.hub.publish({ type: 'availability', key: deviceId, data })
    }
    demo.hub.publish({ type: 'device', key: deviceId, data: record })
    await open()
    const missing = room('room-101').locator('.missing')
    expect(await missing.isVisible()).toBe(false)
    tell(false)
    // The record told anew stands after the news in what a new page begins with.
    demo.hub.publish({ type: 'device', key: deviceId, data: record })
    const wanted = 'Sensor is unavailable: last heard 3 h ago'
    await expect.poll(() => textOf(missing)).toBe(wanted)
    await page.reload()
    await expect.poll(() => textOf(missing)).toBe(wanted)
    tell(true)
    await expect.poll(() => missing.isVisible()).toBe(false)
  })

  test('finds a room', async () => {
    await open()
    await page.getByRole('searchbox', { name: 'Find a room' }).fill('kitchen 1')
    await expect.poll(() => page.locator('.room').count()).toBe(1)
    await page.getByRole('searchbox').fill('<b>nothing</b>')
    await expect.poll(() => textOf(page.locator('.empty'))).toBe('No room matches “<b>nothing</b>”.')
  })

  test('shows names from the building as text, whatever they are', async () => {
    const name = '<img src=x onerror=alert(1)>'
    demo.hub.publish({ type: 'room', key: 'room-101', data: { roomId: 'room-101', name, floor: '1' } })
    await open()
    await expect.poll(() => textOf(room('room-101').locator('h3'))).toBe(name)
  })

  test('shows the system: state, connectors, stores, tasks and the topology', async () => {
    await open()
    await page.getByRole('link', { name: 'System' }).click()
    await expect.poll(() => page.locator('.topology').textContent()).toMatch(/^Topologies:/)
    await expect
      .poll(() => page.locator('tbody th').allTextContents())
      .toEqual(expect.arrayContaining(['mqtt', 'knx', 'zwave', 'room-averages', 'occupancy', '0_0', '1_0']))
    expect(await page.locator('.badge').allTextContents()).toEqual(expect.arrayContaining(['RUNNING', 'degraded']))
    expect(await page.getByRole('link', { name: 'System' }).getAttribute('aria-current')).toBe('page')
  })

  test('describes the interface', async () => {
    await open()
    await page.goto(`${demo.url}/docs#STORE_UNKNOWN`)
    await expect.poll(() => page.locator('summary code.method').count()).toBeGreaterThan(15)
    expect(await page.locator('#STORE_UNKNOWN').count()).toBe(1)
  })
})

/** Texts in the page whose contrast with what is behind them is below WCAG AA (4.5, large text 3). */
const LOW_CONTRAST = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const rgb = (color, under) => {
    canvas.fillStyle = under ?? '#000'
    canvas.fillRect(0, 0, 1, 1)
    canvas.fillStyle = color
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)]
  }
  const luminance = (c) => c.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
  const css = (c) => 'rgb(' + c.join(',') + ')'
  const behind = (element) => {
    const layers = []
    for (let e = element; e; e = e.parentElement) layers.push(getComputedStyle(e).backgroundColor)
    return layers.reverse().reduce((under, color) => css(rgb(color, under)), 'rgb(255,255,255)')
  }
  const low = []
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim() !== '')
    const { width, height } = element.getBoundingClientRect()
    if (!own || width < 2 || height < 2 || element.closest('[hidden], .skip')) continue
    const style = getComputedStyle(element)
    const back = behind(element)
    const [a, b] = [luminance(rgb(style.color, back)), luminance(rgb(back))].sort((x, y) => y - x)
    const ratio = (a + 0.05) / (b + 0.05)
    const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700)
    if (ratio < (isLarge ? 3 : 4.5)) low.push(element.className + ' ' + element.textContent.trim().slice(0, 30) + ' ' + ratio.toFixed(2))
  }
  return low
})()`
