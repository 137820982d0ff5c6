/* global mqtt */

const form = document.querySelector('#change')
const state = document.querySelector('#state')
const pieces = document.querySelector('#pieces')
const broker = new URL(location.href).searchParams.get('broker')
if (broker) form.elements.broker.value = broker

form.addEventListener('submit', (event) => {
  event.preventDefault()
  send(Object.fromEntries(new FormData(form))).then(
    () => {
      state.textContent = 'The broker has it.'
    },
    (error) => {
      state.textContent = `The broker does not have it: ${error.message}`
    },
  )
})

/** Resolves when the broker has acknowledged the change. */
async function send({ broker: url, product, delta }) {
  const change = { changeId: crypto.randomUUID(), delta: Number(delta), at: Date.now() }
  const client = await mqtt.connectAsync(url, { connectTimeout: 5000, reconnectPeriod: 0 })
  try {
    await client.publishAsync(`shop/stock/${product}`, JSON.stringify(change), { qos: 1 })
  } finally {
    await client.endAsync()
  }
}

async function look() {
  const answer = await fetch(`/stock/${encodeURIComponent(form.elements.product.value)}`)
  if (answer.ok) pieces.textContent = (await answer.json()).pieces
}

setInterval(() => {
  look().catch(() => {
    pieces.textContent = '–'
  })
}, 500)
