const PARTS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** `████▌     `: how much of a whole is done, in eighths of a character. */
export function barText(done: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, done)) * width * PARTS.length)
  const text = '█'.repeat(Math.floor(eighths / PARTS.length)) + (PARTS[eighths % PARTS.length] ?? '')
  return text.padEnd(width)
}

/** `64 %`; all of it is said only when it is. */
export function percentText(done: number): string {
  return `${Math.floor(Math.min(1, Math.max(0, done)) * 100)} %`
}

/** `8 s`, `1 min 30 s`, `2 h 5 min` */
export function timeText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  if (hours > 0) return `${hours} h ${minutes} min`
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`
}

/** `1234567` → `1,234,567` */
export function countText(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}
