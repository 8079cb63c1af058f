/**
 * `/static/portal.js`: what the page does where it may run a script. Without it everything works by forms and links; with it
 * states come by themselves, times run, and buttons answer in place. Written for browsers of 2023 and later.
 */
export const script = `'use strict'
{
  const { now, live } = document.body.dataset
  const message = document.getElementById('message')
  const status = document.getElementById('live')

  // -- times: by the clock of the server, told once

  let ahead = Number(now) - Date.now()
  let ticking = 0

  function span(ms) {
    const seconds = Math.floor(Math.max(ms, 0) / 1000)
    const minutes = Math.floor(seconds / 60)
    const hours = Math.floor(minutes / 60)
    if (minutes === 0) return seconds + ' s'
    if (hours === 0) return minutes + ' min'
    return hours < 24 ? hours + ' h ' + (minutes % 60) + ' min' : Math.floor(hours / 24) + ' d ' + (hours % 24) + ' h'
  }

  function write(element, text) {
    if (element.textContent !== text) element.textContent = text
  }

  function showTimes() {
    const time = Date.now() + ahead
    for (const element of document.querySelectorAll('[data-since]')) write(element, span(time - element.dataset.since))
    for (const element of document.querySelectorAll('[data-retry-at]')) {
      const seconds = Math.ceil((element.dataset.retryAt - time) / 1000)
      write(element, element.textContent.replace(/next try (in \\d+ s|now)/, seconds > 0 ? 'next try in ' + seconds + ' s' : 'next try now'))
    }
  }

  function tick() {
    showTimes()
    ticking = setTimeout(tick, 1000 - (Date.now() + ahead) % 1000)
  }

  // -- parts

  const controls = element => [...element.querySelectorAll('a, button, summary')]

  /** Who was on a button stays on it, or goes to the next one that works; what somebody has opened stays open. */
  function replace(old, fresh) {
    const at = controls(old).indexOf(document.activeElement)
    const details = [...old.querySelectorAll('details')]
    ;[...fresh.querySelectorAll('details')].forEach((each, index) => {
      if (details[index]) each.open = details[index].open
    })
    old.replaceWith(fresh)
    if (at < 0) return
    const all = controls(fresh)
    all.slice(at).concat(all).find(control => !control.disabled)?.focus({ preventScroll: true })
  }

  function showParts({ now, parts, lists }) {
    ahead = now - Date.now()
    const holder = document.createElement('template')
    const fresh = new Map()
    for (const { id, html } of parts) {
      holder.innerHTML = html
      const element = holder.content.firstElementChild
      const old = document.getElementById(id)
      if (old) {
        if (old.ariaBusy) element.ariaBusy = old.ariaBusy
        replace(old, element)
      } else fresh.set(id, element)
    }
    for (const [name, ids] of Object.entries(lists)) {
      const list = document.getElementById(name)
      const wanted = new Set(ids)
      for (const element of [...list.children]) if (!wanted.has(element.id)) element.remove()
      ids.forEach((id, index) => {
        const element = document.getElementById(id) ?? fresh.get(id)
        if (element && list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null)
      })
      if (list.children.length === 0) list.replaceChildren()
    }
    showTimes()
  }

  // -- the stream

  let source = null
  let again = 0

  function tell(text, lost) {
    status.textContent = text
    status.className = lost ? 'lost' : ''
  }

  function connect() {
    source = new EventSource('events')
    source.onopen = () => tell('live')
    source.onerror = () => {
      tell('not connected: as of ' + new Date(Date.now() + ahead).toLocaleTimeString(), true)
      // refused, not cut off: the browser would leave it at that
      if (source.readyState === EventSource.CLOSED) again = setTimeout(connect, 15000)
    }
    source.addEventListener('parts', event => showParts(JSON.parse(event.data)))
  }

  function leave() {
    clearTimeout(ticking)
    clearTimeout(again)
    source?.close()
    source = null
  }

  /** Only pages that somebody sees hold a connection. */
  function look() {
    leave()
    if (document.hidden) return
    tick()
    connect()
  }

  // -- buttons

  function say(text, trouble) {
    message.textContent = text
    message.className = trouble ? 'crashed' : ''
  }

  async function press(form, button) {
    const row = () => document.getElementById(id)
    const { id } = form.closest('li')
    if (row().ariaBusy === 'true') return
    row().ariaBusy = 'true'
    try {
      const answer = await fetch(form.getAttribute('action'), {
        method: 'POST',
        body: new URLSearchParams(new FormData(form, button)),
        headers: { Accept: 'application/json' },
      })
      const { text, trouble, detail } = await answer.json()
      say(text ?? 'Not done: ' + detail + '.', trouble ?? !answer.ok)
    } catch {
      say('No answer from the instance.', true)
    } finally {
      if (row()) row().ariaBusy = null
    }
  }

  document.addEventListener('submit', event => {
    const { target, submitter } = event
    if (!submitter || target.method !== 'post') return
    event.preventDefault()
    void press(target, submitter)
  })

  if (live !== undefined) {
    document.addEventListener('visibilitychange', look)
    addEventListener('pagehide', leave)
    addEventListener('pageshow', event => {
      if (event.persisted) look()
    })
    look()
  }
  for (const log of document.querySelectorAll('pre')) log.scrollTop = log.scrollHeight
}
`
