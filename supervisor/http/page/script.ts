/**
 * `/supervisor.js`: what the page does where it may run a script. Without it everything works by forms and links; with it
 * uptimes tick, states and logs come by themselves, and buttons answer in place. Written for browsers of 2023 and later.
 */
export const script = `'use strict'
{
  const { now, events, version } = document.body.dataset
  const table = document.querySelector('tbody')
  const message = document.querySelector('.status_msg')
  const live = document.getElementById('live')
  const log = document.getElementById('log')

  // -- uptimes: by the clock of the server, told once

  let ahead = Number(now) - Date.now()
  let ticking = 0
  const two = number => String(number).padStart(2, '0')

  function timeSpan(seconds) {
    const days = Math.floor(seconds / 86400)
    const clock = Math.floor(seconds / 3600) % 24 + ':' + two(Math.floor(seconds / 60) % 60) + ':' + two(seconds % 60)
    return days === 0 ? clock : days + (days === 1 ? ' day, ' : ' days, ') + clock
  }

  function tick() {
    const time = Date.now() + ahead
    for (const element of table?.querySelectorAll('[data-since]') ?? []) {
      const uptime = Math.max(Math.floor(time / 1000) - Number(element.dataset.since), 0)
      const text = element.textContent.replace(/uptime .*$/, 'uptime ' + timeSpan(uptime))
      if (text !== element.textContent) element.textContent = text
    }
    ticking = setTimeout(tick, 1000 - time % 1000)
  }

  // -- rows

  const controls = element => [...element.querySelectorAll('a, button')]

  /** Replaces what differs; who was on a button stays on it, or goes to the next one that works. */
  function mend(row, fresh) {
    row.dataset.state = fresh.dataset.state
    ;[...row.cells].forEach((cell, index) => {
      const other = fresh.cells[index]
      if (cell.innerHTML === other.innerHTML) return
      const at = controls(cell).indexOf(document.activeElement)
      cell.replaceChildren(...other.childNodes)
      if (at < 0) return
      const now = controls(cell)
      const usable = now.slice(at).concat(now).find(control => !control.disabled)
      usable?.focus({ preventScroll: true })
    })
  }

  function showRows({ now, all, summary, rows }) {
    ahead = now - Date.now()
    const holder = document.createElement('template')
    rows.forEach(({ id, html }, index) => {
      holder.innerHTML = html
      const fresh = holder.content.firstElementChild
      const row = document.getElementById(id)
      if (row) mend(row, fresh)
      else table.insertBefore(fresh, table.rows[index] ?? null)
    })
    if (all) {
      const ids = new Set(rows.map(({ id }) => id))
      for (const row of [...table.rows]) if (!ids.has(row.id)) row.remove()
    }
    const place = document.getElementById('summary')
    if (place) place.innerHTML = summary
    const nothing = document.getElementById('nothing')
    if (nothing) nothing.textContent = table.rows.length === 0 ? 'No programs to manage' : ''
  }

  // -- the log

  const mostCharacters = 1000000

  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 8

  function showLog({ text, first }) {
    const follow = atEnd()
    if (first) log.replaceChildren(text)
    else log.append(text)
    let excess = log.textContent.length - mostCharacters
    while (excess > 0 && log.childNodes.length > 1) {
      excess -= log.firstChild.length
      log.firstChild.remove()
    }
    if (follow) log.scrollTop = log.scrollHeight
  }

  // -- the stream

  let source = null
  let known = version
  let again = 0

  function tell(text, lost) {
    live.textContent = text
    live.className = lost ? 'lost' : ''
  }

  function connect() {
    source = new EventSource(events + (events.includes('?') ? '&' : '?') + 'since=' + encodeURIComponent(known))
    source.onopen = () => tell('live')
    source.onerror = () => {
      tell('not connected: states as of ' + new Date(Date.now() + ahead).toLocaleTimeString(), true)
      // refused, not cut off: the browser would leave it at that
      if (source.readyState === EventSource.CLOSED) again = setTimeout(connect, 15000)
    }
    source.addEventListener('rows', event => {
      known = event.lastEventId
      showRows(JSON.parse(event.data))
    })
    source.addEventListener('log', event => showLog(JSON.parse(event.data)))
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
    if (events && table) connect()
  }

  // -- buttons

  function say(text, trouble) {
    message.textContent = text
    message.className = trouble ? 'status_msg trouble' : 'status_msg'
  }

  async function press(form, button) {
    const place = form.closest('tr') ?? form
    if (place.ariaBusy === 'true') return
    place.ariaBusy = 'true'
    try {
      const answer = await fetch(form.getAttribute('action'), {
        method: 'POST',
        body: new URLSearchParams(new FormData(form, button)),
        headers: { Accept: 'application/json' },
      })
      const { message, trouble } = await answer.json()
      if (source?.readyState !== EventSource.OPEN) location.assign('./?message=' + encodeURIComponent(message))
      else say(message, trouble)
    } catch {
      say('ERROR: no answer from supervisord', true)
    } finally {
      place.ariaBusy = null
    }
  }

  document.addEventListener('submit', event => {
    const { target, submitter } = event
    if (!message || !submitter || target.getAttribute('method') !== 'post') return
    event.preventDefault()
    const question = submitter.closest('details')
    if (question) {
      question.open = false
      question.querySelector('summary').focus()
    }
    void press(target, submitter)
  })

  document.addEventListener('keydown', event => {
    const question = event.key === 'Escape' && document.querySelector('details[open]')
    if (!question) return
    question.open = false
    question.querySelector('summary').focus()
  })
  document.addEventListener('click', event => {
    for (const question of document.querySelectorAll('details[open]')) {
      if (!question.contains(event.target)) question.open = false
    }
  })

  if (log) {
    document.body.classList.add('live')
    log.scrollTop = log.scrollHeight
  }
  document.addEventListener('visibilitychange', look)
  addEventListener('pagehide', leave)
  addEventListener('pageshow', event => {
    if (event.persisted) look()
  })
  look()
}
`
